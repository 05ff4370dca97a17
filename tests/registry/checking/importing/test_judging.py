"""What is sent is judged by what it says: image manifests, and real results of Great Expectations and pandera."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from registry.checking.findings import Verdict
from registry.checking.importing import images, validations
from registry.checking.importing.sent import is_judged

DATA = Path(__file__).parent / "data"
THRESHOLDS = {"accept_claim": 1.0}
OCI = "application/vnd.oci.image"
LAYER = {"mediaType": f"{OCI}.layer.v1.tar+gzip", "digest": f"sha256:{'b' * 64}", "size": 10}
CONFIG = {"mediaType": f"{OCI}.config.v1+json", "digest": f"sha256:{'a' * 64}", "size": 5}
IMAGE = {"schemaVersion": 2, "mediaType": f"{OCI}.manifest.v1+json", "config": CONFIG, "layers": [LAYER]}
INDEX = {
    "schemaVersion": 2,
    "mediaType": f"{OCI}.index.v1+json",
    "manifests": [{**LAYER, "platform": {"os": "linux", "architecture": "arm64"}}],
}


def read(name: str) -> dict[str, Any]:
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


def text_and_digest(value: object) -> tuple[str, str]:
    text = value if isinstance(value, str) else json.dumps(value, indent=3)
    return text, f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


class TestImages:
    def test_a_manifest_that_hashes_to_the_digest(self) -> None:
        finding = images.judge(*text_and_digest(IMAGE), THRESHOLDS)
        assert finding.verdict == Verdict.PASSED
        assert finding.payload["config"] == CONFIG["digest"]
        assert finding.payload["layers"] == [{"digest": LAYER["digest"], "size": 10}]
        assert "an image of 1 layers" in finding.summary and finding.payload["thresholds"] == THRESHOLDS

    def test_an_index_names_its_platforms(self) -> None:
        finding = images.judge(*text_and_digest(INDEX), THRESHOLDS)
        assert finding.verdict == Verdict.PASSED
        assert finding.payload["platforms"] == [{"digest": LAYER["digest"], "platform": "linux/arm64"}]

    def test_docker_and_a_media_type_left_out(self) -> None:
        docker = {**IMAGE, "mediaType": "application/vnd.docker.distribution.manifest.v2+json"}
        plain = {name: value for name, value in IMAGE.items() if name != "mediaType"}
        for value in (docker, plain):
            assert images.judge(*text_and_digest(value), THRESHOLDS).verdict == Verdict.PASSED

    def test_one_byte_more_is_another_image(self) -> None:
        text, digest = text_and_digest(IMAGE)
        finding = images.judge(text + "\n", digest, THRESHOLDS)
        assert finding.verdict == Verdict.FAILED and "the version names" in finding.summary

    @pytest.mark.parametrize(
        "value,words",
        [
            ("rubbish", "not JSON"),
            ('{"a": 1, "a": 2}', "not JSON"),
            ([], "not an object"),
            ({}, "schemaVersion must be 2"),
            ({**IMAGE, "schemaVersion": 1}, "schemaVersion must be 2"),
            ({**IMAGE, "mediaType": "application/json"}, "neither a manifest's nor an index's"),
            ({**IMAGE, "config": None}, "its config must be given"),
            ({**IMAGE, "layers": []}, "its layers must be given"),
            ({**IMAGE, "layers": [{"digest": "md5:1"}]}, "its layers must be given"),
            ({**IMAGE, "layers": 7}, "its layers must be given"),
            ({**INDEX, "manifests": None}, "its manifests must be given"),
            ({"schemaVersion": 2, "manifests": [7]}, "its manifests must be given"),
        ],
    )
    def test_what_is_no_manifest_fails_though_its_digest_is_right(self, value: object, words: str) -> None:
        finding = images.judge(*text_and_digest(value), THRESHOLDS)
        assert finding.verdict == Verdict.FAILED and words.lower() in finding.summary.lower()


class TestValidations:
    def test_a_good_result_of_great_expectations(self) -> None:
        finding = validations.judge(read("great_expectations_good"), THRESHOLDS)
        assert finding.verdict == Verdict.PASSED
        assert finding.summary == "All 3 expectations of applications held (Great Expectations)"
        assert finding.payload["tool_version"] == "1.24.1"

    def test_a_bad_one_lists_what_failed_and_no_persons_value(self) -> None:
        finding = validations.judge(read("great_expectations_bad"), THRESHOLDS)
        assert finding.verdict == Verdict.FAILED
        assert "expect_column_values_to_be_in_set(phist) in 71 of 1280 rows" in finding.summary
        assert "expect_column_values_to_not_be_null(nowhere) could not be evaluated" in finding.summary
        assert finding.payload["failed_count"] == 3 and len(finding.payload["failed"]) == 3
        assert "partial_unexpected" not in json.dumps(dict(finding.payload))

    def test_success_is_not_taken_from_the_headline(self) -> None:
        assert validations.judge({**read("great_expectations_bad"), "success": True}, {}).verdict == Verdict.FAILED
        assert validations.judge({**read("great_expectations_good"), "success": False}, {}).verdict == Verdict.FAILED
        assert validations.judge({**read("great_expectations_good"), "success": "true"}, {}).verdict == Verdict.FAILED

    def test_failure_cases_of_pandera(self) -> None:
        finding = validations.judge(read("pandera_bad"), THRESHOLDS)
        assert finding.verdict == Verdict.FAILED
        assert finding.summary.startswith("2 failed: in_range(0, 0.3) of pirat:")
        assert {"check": "column_in_dataframe", "column": "applications", "cases": 1} in finding.payload["failed"]
        assert "failure_case" not in json.dumps(dict(finding.payload)).replace("failure_cases", "")

    def test_no_failure_cases(self) -> None:
        finding = validations.judge({"failure_cases": [], "schema": "applications", "rows": 1_280}, THRESHOLDS)
        assert finding.verdict == Verdict.PASSED
        assert finding.summary == "All 1280 rows hold to the schema applications (pandera)"

    def test_a_long_list_is_cut_at_fifty(self) -> None:
        cases = [{"check": f"check {number}", "column": "a"} for number in range(80)]
        finding = validations.judge({"failure_cases": cases, "schema": "s", "rows": 9}, THRESHOLDS)
        assert len(finding.payload["failed"]) == 50 and finding.payload["failed_count"] == 80
        assert "and 75 more" in finding.summary and len(finding.summary) <= 500

    @pytest.mark.parametrize(
        "payload",
        [
            {},
            {"success": True, "results": [], "suite_name": "s"},
            {"success": True, "results": [7], "suite_name": "s"},
            {"success": True, "results": [{"success": True}]},
            {"success": True, "results": {"a": 1}, "suite_name": "s"},
            {"failure_cases": [], "schema": "s"},
            {"failure_cases": [], "schema": "s", "rows": 0},
            {"failure_cases": [], "schema": "s", "rows": True},
            {"failure_cases": [], "rows": 5},
            {"failure_cases": "none", "schema": "s", "rows": 5},
            {"failure_cases": [{"column": "a"}], "schema": "s", "rows": 5},
        ],
    )
    def test_what_is_neither_tools_result_is_refused(self, payload: dict) -> None:
        with pytest.raises(validations.ValidationInvalid):
            validations.judge(payload, THRESHOLDS)

    def test_odd_parts_are_borne(self) -> None:
        odd = {"success": False, "suite_name": "s", "meta": 7}
        odd["results"] = [{"success": None, "expectation_config": 7, "result": [], "x": 1}]
        finding = validations.judge(odd, THRESHOLDS)
        assert "an expectation could not be evaluated" in finding.summary


@pytest.mark.parametrize(
    "kind,payload,judged",
    [
        ("image", {"oci_manifest": "x"}, True),
        ("image", {"digest": "x"}, False),
        ("data_quality", {"success": True, "results": []}, True),
        ("data_quality", {"failure_cases": []}, True),
        ("data_quality", {"note": "fine"}, False),
        ("feature_parity", {"format": "x"}, True),
        ("feature_parity", {}, False),
        ("scan", {"oci_manifest": "x", "format": "y"}, False),
    ],
)
def test_what_we_do_not_understand_stays_a_claim(kind: str, payload: dict, judged: bool) -> None:
    assert is_judged(kind, payload) is judged
