"""What the tokens of GitHub Actions and of GitLab say: which claims a source pins, and what they prove. Pure.

Repositories are pinned by id: a name can be given up, and taken by somebody else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from registry.provenance.issuers import GITHUB

Claims = Mapping[str, str]
_REPOSITORY = re.compile(r"[\w.-]{1,100}(/[\w.-]{1,100}){1,20}\Z", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,20}\Z")
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")
# As much of one claim as a sentence bears.
_SHOWN = 90


@dataclass(frozen=True)
class Kind:
    """How one kind of CI speaks."""

    name: str
    # The repository's and its owner's ids, without which a source would trust strangers.
    needed: tuple[str, str]
    optional: tuple[str, ...]
    repository: str
    # The claims that hold the commit, the best one first.
    commits: tuple[str, ...]
    # What stays as evidence, besides all these.
    kept: tuple[str, ...]

    @property
    def pins(self) -> tuple[str, ...]:
        """The claims by which a source may be told."""
        return (*self.needed, *self.optional)


KINDS: dict[str, Kind] = {
    "github": Kind(
        "GitHub",
        ("repository_id", "repository_owner_id"),
        ("ref", "workflow_ref", "job_workflow_ref", "event_name", "environment"),
        "repository",
        # Where a token has no `sha`, the commit of the workflow's file is that of the run but for reusable ones.
        ("sha", "workflow_sha"),
        ("run_id", "run_attempt", "actor", "runner_environment", "sub"),
    ),
    "gitlab": Kind(
        "GitLab",
        ("project_id", "namespace_id"),
        ("ref", "ref_type", "pipeline_source", "environment", "ci_config_ref_uri"),
        "project_path",
        ("sha",),
        ("pipeline_id", "job_id", "user_login", "ref_protected", "runner_environment", "ci_config_sha", "sub"),
    ),
}


def useful(kind: Kind, claims: Claims) -> dict[str, str]:
    """The claims that are kept as evidence, in a fixed order."""
    names = (kind.repository, *kind.pins, *kind.commits, *kind.kept)
    return {name: claims[name] for name in names if name in claims}


def objection(kind: Kind, claims: Claims) -> tuple[str, str] | None:
    """Code and words where such a run vouches for nothing, whoever trusts its repository.

    A pull request runs what somebody outside proposes, before anybody has read it.
    """
    if kind.name == "GitHub":
        if claims.get("event_name", "").startswith("pull_request"):
            return "identity_pull_request", "A pull request's run vouches for nothing: build from a branch or tag."
        return None
    if "merge_request" in claims.get("pipeline_source", "") or "pull_request" in claims.get("pipeline_source", ""):
        return "identity_pull_request", "A merge request's pipeline vouches for nothing: build from a protected branch."
    if claims.get("ref_protected") != "true":
        return "identity_ref_unprotected", "Only a protected branch or tag vouches: protect it in the project."
    return None


def commit_of(kind: Kind, claims: Claims) -> str:
    """The commit that was built, 40 hex digits; empty where the token names none."""
    found = next((claims[name] for name in kind.commits if name in claims), "")
    return found if _COMMIT.match(found) else ""


def summary_of(kind: Kind, claims: Claims) -> str:
    """One sentence for people: which commit, of what, built by whom."""
    repository, ref = _short(claims.get(kind.repository, "an unnamed repository")), _short(claims.get("ref", "?"))
    pipeline = f"pipeline {_short(claims.get('pipeline_id', '?'))}"
    by = f"workflow {_short(_workflow(claims))}" if kind.name == "GitHub" else pipeline
    return f"Commit {commit_of(kind, claims)} of {repository}, built by {by} on {ref}, vouched for by {kind.name}"


def run_url(kind: Kind, issuer: str, claims: Claims) -> str:
    """The page of the run; empty where the claims do not give one."""
    repository, host = claims.get(kind.repository, ""), urlsplit(issuer).netloc
    run = claims.get("run_id" if kind.name == "GitHub" else "pipeline_id", "")
    if not (_REPOSITORY.match(repository) and _NUMBER.match(run)):
        return ""
    if kind.name == "GitHub":
        return f"https://{'github.com' if issuer == GITHUB else host}/{repository}/actions/runs/{run}"
    return f"https://{host}/{repository}/-/pipelines/{run}"


def differences(pinned: Claims, claims: Claims) -> list[str]:
    """The pinned claims that a token does not carry."""
    return [name for name, value in pinned.items() if claims.get(name) != value]


def pin_problems(kind: Kind, pinned: Mapping[str, object]) -> list[tuple[str, str]]:
    """What is wrong with the claims that a source shall be told by: names and words."""
    found = [(name, f"is no claim that {kind.name} sources are told by") for name in pinned if name not in kind.pins]
    found += [(name, "is required") for name in kind.needed if name not in pinned]
    for name, value in pinned.items():
        if name in kind.needed and not (isinstance(value, str) and _NUMBER.match(value)):
            found.append((name, "must be the number that the platform gave it, as text"))
        elif not isinstance(value, str) or not 0 < len(value) <= 255:
            found.append((name, "must be text of 1 to 255 characters"))
    return found


def _workflow(claims: Claims) -> str:
    """`acme/credit/.github/workflows/train.yml@refs/heads/main` without repository and ref."""
    path = claims.get("job_workflow_ref") or claims.get("workflow_ref") or claims.get("workflow", "?")
    return path.partition("@")[0].removeprefix(f"{claims.get('repository', '')}/")


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
