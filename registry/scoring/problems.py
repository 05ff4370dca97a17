"""What can be wrong with a manifest, a row, a sample, an artifact or a score, in words for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jsonschema import ValidationError

from portal.errors import Problem


class ProblemsFound(ValueError):
    """Something that people wrote has problems; `details` lists all of them."""

    def __init__(self, details: Sequence[Problem]) -> None:
        self.details = list(details)
        super().__init__("; ".join(f"{p.path} {p.problem}" for p in self.details))


class ManifestInvalid(ProblemsFound):
    """The manifest, or its input schema, cannot be accepted."""


class SampleInvalid(ProblemsFound):
    """The background or evaluation sample does not fit the input schema."""


class ArtifactRefused(Exception):
    """The artifact may not be used; `code` is stable, `message` is for the person who sent it."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code}: {message}")


class ScoreInvalid(Exception):
    """The model answered with something that is not a score."""


def join_path(parts: Iterable[object]) -> str:
    """Return a dotted path: `("inputs", "properties", "pirat")` → `inputs.properties.pirat`."""
    return ".".join(str(part) for part in parts if part != "")


def explain(error: ValidationError, prefix: Sequence[object], unknown: str) -> list[Problem]:
    """Put one jsonschema error into words; `unknown` names what an unexpected key is not."""
    here = [*prefix, *error.absolute_path]
    wanted: Any = error.validator_value
    if error.validator == "required":
        missing = [name for name in wanted if name not in error.instance]
        return [Problem(join_path([*here, name]), "is required") for name in missing]
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
        extra = [name for name in error.instance if name not in known]
        return [Problem(join_path([*here, name]), f"is not a known {unknown}") for name in extra]
    return [Problem(join_path(here), _wording(str(error.validator), wanted, error.instance))]


def show(value: object) -> str:
    """Return a value as a person would write it in JSON, shortened."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, int):
        # Python refuses to write out whole numbers of some thousand digits.
        return str(value) if abs(value) < 10**20 else "a number of more than 20 digits"
    if isinstance(value, str):
        return _shorten(f"'{value}'")
    return "a list" if isinstance(value, (list, tuple)) else "an object"


def _shorten(text: str) -> str:
    return text if len(text) <= 42 else f"{text[:39]}…"


_TYPES = {
    "number": "a number",
    "integer": "a whole number",
    "string": "text",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
}

_TEMPLATES = {
    "minimum": "must be at least {wanted}, was {was}",
    "maximum": "must be at most {wanted}, was {was}",
    "exclusiveMinimum": "must be more than {wanted}, was {was}",
    "exclusiveMaximum": "must be less than {wanted}, was {was}",
    "const": "must be {wanted}",
    "minItems": "must have at least {wanted} entries",
    "maxItems": "must have at most {wanted} entries",
    "minProperties": "must have at least {wanted} entry",
    "maxProperties": "must have at most {wanted} entries",
    "minLength": "must not be empty",
    "maxLength": "must have at most {wanted} characters",
    "uniqueItems": "must not repeat an entry",
}


def _wording(rule: str, wanted: Any, was: object) -> str:
    if rule == "type":
        names = [wanted] if isinstance(wanted, str) else list(wanted)
        return f"must be {' or '.join(_TYPES[name] for name in names)}, was {show(was)}"
    if rule == "enum":
        listed = ", ".join("null" if value is None else str(value) for value in wanted)
        return f"must be one of: {listed}"
    if rule == "pattern":
        return f"is not written as expected ({_PATTERNS.get(wanted, wanted)})"
    template = _TEMPLATES.get(rule)
    if template is None:
        return f"breaks the rule {rule}"
    return template.format(wanted=show(wanted), was=show(was))


# `\Z`, as Python's `$` also matches before a closing line break.
HEX40 = r"^[0-9a-f]{40}\Z"
HEX64 = r"^[0-9a-f]{64}\Z"
DIGEST = r"^sha256:[0-9a-f]{64}\Z"
NAME = r"^[A-Za-z_][A-Za-z0-9_.-]{0,63}\Z"
_PATTERNS = {
    HEX40: "40 lower-case hexadecimal digits",
    HEX64: "64 lower-case hexadecimal digits",
    DIGEST: "sha256: and 64 lower-case hexadecimal digits",
    NAME: "1 to 64 letters, digits, '_', '.' or '-', starting with a letter or '_'",
}
