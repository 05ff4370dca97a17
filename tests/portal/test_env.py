"""The environment's readers: what they take, and that they fail loudly."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.env import Misconfigured, env_bool, env_int, env_list, env_path, env_secret, env_str, kept_secret


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delenv("THING", raising=False)
    monkeypatch.delenv("THING_FILE", raising=False)
    return monkeypatch


def test_text_is_stripped_and_empty_is_unset(env: pytest.MonkeyPatch) -> None:
    assert env_str("THING", "default") == "default"
    env.setenv("THING", "  ")
    assert env_str("THING", "default") == "default"
    env.setenv("THING", " word ")
    assert env_str("THING") == "word"


@pytest.mark.parametrize("text,meant", [("1", True), ("Yes", True), ("ON", True), ("0", False), ("off", False)])
def test_yes_and_no(env: pytest.MonkeyPatch, text: str, meant: bool) -> None:
    env.setenv("THING", text)
    assert env_bool("THING", not meant) is meant


@pytest.mark.parametrize("read,text", [(env_bool, "maybe"), (lambda name: env_int(name, 1), "8000 "[:-1] + "x")])
def test_what_cannot_be_meant_is_refused_by_name(env: pytest.MonkeyPatch, read, text: str) -> None:
    env.setenv("THING", text)
    with pytest.raises(Misconfigured, match="THING must be"):
        read("THING")


def test_numbers_lists_and_paths(env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert env_int("THING", 7) == 7
    assert env_list("THING", ["a"]) == ["a"]
    env.setenv("THING", "42")
    assert env_int("THING", 7) == 42
    env.setenv("THING", " a, ,b ")
    assert env_list("THING") == ["a", "b"]
    env.chdir(tmp_path)
    env.setenv("THING", "here")
    assert env_path("THING", Path("/elsewhere")) == tmp_path / "here"


def test_a_secret_may_be_in_a_file_and_a_missing_file_is_no_empty_secret(
    env: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text("kept\n")
    env.setenv("THING", "given")
    assert env_secret("THING") == "given"
    env.setenv("THING_FILE", str(file))
    assert env_secret("THING") == "kept"
    file.unlink()
    with pytest.raises(Misconfigured, match="THING_FILE names"):
        env_secret("THING")


def test_a_kept_secret_is_made_once_for_its_owner_alone(env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = kept_secret("THING", tmp_path / "secrets")
    file = tmp_path / "secrets" / "thing"
    assert len(made) >= 64 and made == kept_secret("THING", tmp_path / "secrets")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    env.setenv("THING", "given")
    assert kept_secret("THING", tmp_path / "secrets") == "given"
    env.delenv("THING")
    file.write_text("")
    with pytest.raises(Misconfigured, match="is empty"):
        kept_secret("THING", tmp_path / "secrets")
