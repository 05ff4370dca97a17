"""The pipelines that the documentation offers: they parse, name addresses that exist, and do what they say."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from django.urls import resolve

from audit.models import Entry
from registry.models import Evidence, Version
from tests import ci_tokens, factories
from tests.ci_tokens import COMMIT
from tests.product import ROOT
from tests.serving import portal_on

DOCS = ROOT / "docs" / "integrations"
GITHUB, GITLAB = DOCS / "github-actions.yml", DOCS / "gitlab-ci.yml"
# What a job would be given by its platform.
GITHUB_RUN = {
    "GITHUB_SERVER_URL": "https://github.test",
    "GITHUB_REPOSITORY": "acme/credit",
    "GITHUB_RUN_ID": "1001",
    "GITHUB_SHA": COMMIT,
}
GITLAB_RUN = {
    "CI_PROJECT_PATH": "acme/credit",
    "CI_COMMIT_SHA": COMMIT,
    "CI_PIPELINE_URL": "https://gitlab.test/acme/credit/-/pipelines/888",
}


def read(file: Path) -> dict[Any, Any]:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def github_steps() -> list[str]:
    """What each step runs, but for the training."""
    steps = read(GITHUB)["jobs"]["register"]["steps"]
    return [step["run"] for step in steps if "run" in step and step["name"] != "Train"]


def gitlab_steps() -> list[str]:
    """The whole of the job's script, which runs in one shell."""
    return ["\n".join(read(GITLAB)["register"]["script"])]


class TestFiles:
    def test_the_jobs_may_ask_for_their_identity(self) -> None:
        assert read(GITHUB)["permissions"] == {"contents": "read", "id-token": "write"}
        # YAML 1.1 takes the key `on` for a truth.
        assert read(GITHUB)[True] == {"push": {"branches": ["main"]}}
        job, variables = read(GITLAB)["register"], read(GITLAB)["variables"]
        assert job["id_tokens"]["COUNTERSIGN_IDENTITY"]["aud"] == variables["COUNTERSIGN"]
        assert "CI_COMMIT_REF_PROTECTED" in job["rules"][0]["if"]

    @pytest.mark.parametrize(
        "file", ["github-actions.yml", "gitlab-ci.yml", "ci.md", "evidence.md", "feature-parity.md"]
    )
    def test_every_address_exists(self, file: str) -> None:
        text = (DOCS / file).read_text(encoding="utf-8")
        for word, value in {"$SYSTEM": "mortgage", "$number": "3", "{system}": "mortgage", "{n}": "3"}.items():
            text = text.replace(word, value)
        paths = re.findall(r"(/api/v1/[a-z0-9/_-]+)", text)
        assert paths
        for path in paths:
            assert resolve(path).url_name in {
                "versions",
                "version-submit",
                "evidence",
                "feature-parity",
                "trusted-sources",
            }

    @pytest.mark.parametrize("steps", [github_steps, gitlab_steps])
    def test_first_dry_then_for_good_then_submitted(self, steps) -> None:
        asked = re.findall(r"\"\$COUNTERSIGN(/api/v1/\S+)\"", "\n".join(steps()))
        versions = "/api/v1/systems/$SYSTEM/versions/"
        assert asked == [f"{versions}?dry_run=1", versions, f"{versions}$number/submit/"]


@contextmanager
def identity_service() -> Iterator[str]:
    """Where a job on GitHub asks for its token; it must say who it is, and for whom the token shall be."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            audience = parse_qs(urlsplit(self.path).query)["audience"]
            assert self.headers["Authorization"] == "bearer job-secret" and audience[0].startswith("http://127.0.0.1:")
            body = json.dumps({"value": ci_tokens.github()}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/token?api-version=2.0"
    server.shutdown()
    server.server_close()


def built(folder: Path, **changes: bytes) -> None:
    """What the training would have written."""
    trained = factories.trained_boosting()
    (folder / "build").mkdir()
    for name, file in {"manifest": "manifest.json", "artifact": "artifact"}.items():
        (folder / "build" / file).write_bytes(changes.get(name, getattr(trained, name)))
    for name in ("background", "evaluation", "golden"):
        (folder / "build" / f"{name}.csv").write_bytes(changes.get(name, getattr(trained, name)))


def run(steps: list[str], folder: Path, **environment: str) -> list[subprocess.CompletedProcess[str]]:
    """Each step as its platform would run it, up to the first that fails."""
    done = []
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), "SYSTEM": "mortgage", **environment}
    for step in steps:
        command = ["bash", "-e", "-c", step]
        done.append(subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, timeout=100))
        if done[-1].returncode:
            break
    return done


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here, which the pipelines use")
class TestRuns:
    def test_on_github(self, committed: str, process_environment, tmp_path: Path) -> None:
        token = factories.make_token("register", name="ci")
        ci_tokens.trust()
        built(tmp_path)
        with portal_on(process_environment(committed), tmp_path) as (port, _), identity_service() as service:
            request = {"ACTIONS_ID_TOKEN_REQUEST_URL": service, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "job-secret"}
            portal = {"COUNTERSIGN": f"http://127.0.0.1:{port}", "COUNTERSIGN_TOKEN": token}
            done = run(github_steps(), tmp_path, **GITHUB_RUN, **request, **portal)
        self.check(done, 4, "vouched for by GitHub")

    def test_on_gitlab(self, committed: str, process_environment, tmp_path: Path) -> None:
        token = factories.make_token("register", name="ci")
        ci_tokens.trust(issuer=ci_tokens.GITLAB, claims=ci_tokens.GITLAB_PINS)
        built(tmp_path)
        with portal_on(process_environment(committed), tmp_path) as (port, _):
            portal = {"COUNTERSIGN": f"http://127.0.0.1:{port}", "COUNTERSIGN_TOKEN": token}
            done = run(gitlab_steps(), tmp_path, COUNTERSIGN_IDENTITY=ci_tokens.gitlab(), **GITLAB_RUN, **portal)
        self.check(done, 1, "vouched for by GitLab")

    def check(self, done: list[subprocess.CompletedProcess[str]], steps: int, words: str) -> None:
        assert [step.returncode for step in done] == [0] * steps, done[-1].stdout + done[-1].stderr
        assert any("passed   artifact:" in step.stdout for step in done)
        version = Version.objects.get(number=3)
        assert (version.state, version.registered_by, version.submitted_by) == ("submitted", "service:ci", "service:ci")
        commit = Evidence.objects.get(version=version, kind="commit")
        assert commit.verdict == "passed" and commit.summary.endswith(words)

    @pytest.mark.parametrize("changes,words", [({"artifact": b"rubbish"}, "artifact_unreadable"), ({}, "do not hold")])
    def test_what_does_not_hold_stops_the_job_before_anything_is_registered(
        self, committed: str, process_environment, tmp_path: Path, changes: dict, words: str
    ) -> None:
        token = factories.make_token("register", name="ci")
        ci_tokens.trust(issuer=ci_tokens.GITLAB, claims=ci_tokens.GITLAB_PINS)
        # Scores that the model does not give.
        golden = re.sub(rb",[0-9.e-]+\n", b",0.123\n", factories.trained_boosting().golden)
        built(tmp_path, **(changes or {"golden": golden}))
        with portal_on(process_environment(committed), tmp_path) as (port, _):
            portal = {"COUNTERSIGN": f"http://127.0.0.1:{port}", "COUNTERSIGN_TOKEN": token}
            [done] = run(gitlab_steps(), tmp_path, COUNTERSIGN_IDENTITY=ci_tokens.gitlab(), **GITLAB_RUN, **portal)
        assert done.returncode != 0 and words in done.stdout + done.stderr
        assert Version.objects.count() == 2 and not Entry.objects.filter(type="version.registered", version=3).exists()
