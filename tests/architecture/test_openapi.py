"""The API's document: made without a warning, valid, and holding every address of the contract that exists."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from django.core.management import call_command

CONTRACT = {
    "/api/v1/systems/": {"get", "post"},
    "/api/v1/decisions/{identifier}/proof/": {"get"},
    "/log/checkpoint": {"get"},
    "/log/tile/{path}": {"get"},
    "/log/vkeys": {"get"},
    "/api/v1/systems/{slug}/": {"get"},
    "/api/v1/systems/{slug}/versions/": {"get", "post"},
    "/api/v1/systems/{slug}/versions/{number}/": {"get"},
    "/api/v1/systems/{slug}/versions/{number}/evidence/": {"post"},
    "/api/v1/systems/{slug}/versions/{number}/submit/": {"post"},
    "/api/v1/systems/{slug}/versions/{number}/approve/": {"post"},
    "/api/v1/systems/{slug}/versions/{number}/reject/": {"post"},
    "/api/v1/systems/{slug}/versions/{number}/retire/": {"post"},
    "/api/v1/systems/{slug}/versions/{number}/feature-parity/": {"post"},
    "/api/v1/systems/{slug}/trusted-sources/": {"get", "post"},
    "/api/v1/systems/{slug}/trusted-sources/{identifier}/remove/": {"post"},
    "/api/v1/systems/{slug}/releases/": {"post"},
    "/api/v1/systems/{slug}/releases/{number}/ratify/": {"post"},
    "/api/v1/systems/{slug}/timeline/": {"get"},
    "/api/v1/systems/{slug}/rollback/": {"post"},
    "/api/v1/systems/{slug}/rollback/preview/": {"get"},
    "/api/v1/systems/{slug}/production/": {"get"},
    "/api/v1/decisions/": {"get", "post"},
    "/api/v1/ingest/cloudevents/": {"post"},
    "/api/v1/completeness/": {"get"},
    "/api/v1/decisions/{identifier}/": {"get"},
    "/api/v1/decisions/{identifier}/entry/": {"get"},
    "/api/v1/decisions/{identifier}/explanations/": {"post"},
    "/api/v1/exports/": {"post"},
    "/api/v1/exports/{identifier}/": {"get"},
    "/api/v1/exports/{identifier}/download/": {"get"},
    "/api/v1/explanations/{identifier}/": {"get"},
    "/api/v1/explanations/{identifier}/report.pdf": {"get"},
    "/api/v1/systems/{slug}/dossier/": {"get"},
    "/api/v1/systems/{slug}/dossier/{item}/": {"put"},
    "/api/v1/systems/{slug}/dossier.pdf": {"get"},
    "/api/v1/incidents/": {"get", "post"},
    "/api/v1/incidents/{number}/": {"get"},
    "/api/v1/disputes/": {"get", "post"},
    "/api/v1/disputes/{number}/": {"get"},
    "/api/v1/disputes/{number}/files/": {"get", "post"},
    "/api/v1/disputes/{number}/files/{identifier}/": {"get"},
    "/api/v1/disputes/{number}/review/": {"post"},
    "/api/v1/disputes/{number}/decide/": {"post"},
    "/api/v1/disputes/{number}/answer/": {"post"},
    "/api/v1/disputes/{number}/close/": {"post"},
    "/api/v1/disputes/{number}/reopen/": {"post"},
}


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict:
    file: Path = tmp_path_factory.mktemp("schema") / "openapi.yaml"
    call_command("spectacular", "--file", str(file), "--validate", "--fail-on-warn")
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def test_the_document_is_openapi_3_1(schema: dict) -> None:
    assert schema["openapi"].startswith("3.1")


def test_every_address_of_the_contract_is_in_it(schema: dict) -> None:
    for path, methods in CONTRACT.items():
        assert methods <= set(schema["paths"].get(path, {})), path


def test_every_operation_has_a_name_of_its_own(schema: dict) -> None:
    names = [operation["operationId"] for methods in schema["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names))
