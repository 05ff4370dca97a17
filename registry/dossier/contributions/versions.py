"""What the registry says of a version: where it comes from, what it is made of, and what it reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_noop as _

from registry.checking.findings import Verdict
from registry.checking.queries import GateStatus, gates_of
from registry.dossier.evidence import Fact, Subject, contribute
from registry.models import Evidence, Version


def register() -> None:
    """Register what this module fills."""
    contribute("registry.model_version", facts)
    for key in ("digest", "packages"):
        contribute(f"registry.artifact.{key}", facts)
    contribute("registry.lineage", facts)
    contribute("registry.training_run", trained)
    contribute("registry.model_version.limitations", found_out)
    for key in ("registry.artifact.runtime", "registry.artifact.signature", "registry.deployment.image_digest"):
        contribute(key, found_out)
    contribute("security.scan", found_out)


def facts(subject: Subject) -> Iterator[Fact]:
    """The version itself: number, digest, form, inputs, and the versions before it."""
    version = subject.version
    if version is None:
        return
    spec = version.spec
    url = reverse("registry:version", args=[version.system.slug, version.number])
    common: dict[str, Any] = {"as_of": version.registered_at, "source": version.registered_by, "url": url}
    words = _("This is version %(number)s, registered by %(by)s.")
    by = version.registered_by.partition(":")[2]
    yield Fact("registry.model_version", words, {"number": version.number, "by": by}, **common)
    digest = {"sha256": version.artifact_sha256}
    yield Fact("registry.model_version.digest", _("Its artifact has the SHA-256 %(sha256)s."), digest, **common)
    words = _("What decides is the file with SHA-256 %(sha256)s; it is loaded by that digest alone.")
    yield Fact("registry.artifact.digest", words, digest, **common)
    words = _("It is kept as one file in the format %(format)s, %(bytes)s bytes.")
    values = {"format": version.artifact_format, "bytes": version.artifact_bytes}
    yield Fact("registry.artifact.packages", words, values, **common)
    yield from _schema(version, {**common, "url": f"{url}#inputs"})
    words = _("The model is a file in the format %(format)s for %(task)s; its answer is %(answer)s.")
    values = {"format": spec.model.format, "task": spec.model.task.replace("_", " "), "answer": _answer(version)}
    yield Fact("registry.model_version.algorithm", words, values, **common)
    if before := version.system.versions.filter(number__lt=version.number).order_by("-number").first():
        url = reverse("registry:compare", args=[version.system.slug])
        url = f"{url}?first={before.number}&second={version.number}"
        words = _("It follows version %(before)s; what differs is shown side by side.")
        yield Fact("registry.lineage", words, {"before": before.number}, **{**common, "url": url})


def trained(subject: Subject) -> Iterator[Fact]:
    """The commit and the run that it was trained by."""
    version = subject.version
    source = version.spec.source if version else None
    if version is None or source is None or not source.commit:
        return
    yield Fact(
        "registry.training_run",
        _("Version %(number)s was trained on commit %(commit)s of %(repository)s."),
        {
            "number": version.number,
            "commit": source.commit,
            "repository": source.repository or "a repository that is not named",
        },
        as_of=version.registered_at,
        source=version.registered_by,
        url=reverse("registry:version", args=[version.system.slug, version.number]),
    )


def found_out(subject: Subject) -> Iterator[Fact]:
    """What the checklist says of its libraries, its origin, its safety and its limits."""
    version = subject.version
    if version is None:
        return
    gates = {gate.kind: gate for gate in gates_of(version)}
    yield from _runtime(version, gates)
    for kind, key, words in _OF_GATES:
        found = gates[kind].decisive if kind in gates else None
        if found and found.verdict in (Verdict.PASSED, Verdict.CLAIMED):
            values = {"summary": found.summary, "verdict": found.verdict}
            yield Fact(key, words, values, **origin(version, found))
    for gate in gates.values():
        if gate.verdict == Verdict.PASSED:
            continue
        found = gate.decisive
        yield Fact(
            "registry.model_version.limitations",
            _("Known limit, “%(gate)s”: %(verdict)s. %(summary)s"),
            {"gate": gate.title, "verdict": gate.verdict, "summary": found.summary if found else "Nothing was shown."},
            about=gate.kind,
            **origin(version, found, gate.kind),
        )


# Which gates say something of their own, under which key.
_OF_GATES = (
    ("image", "registry.deployment.image_digest", _("Image (%(verdict)s): %(summary)s.")),
    ("artifact", "security.scan", _("The artifact was examined (%(verdict)s): %(summary)s.")),
    ("commit", "registry.artifact.signature", _("Where it comes from (%(verdict)s): %(summary)s.")),
)


def origin(version: Version, found: Evidence | None, kind: str = "") -> dict[str, Any]:
    """Where a piece of evidence stands, since when, and who found it."""
    url = reverse("registry:version", args=[version.system.slug, version.number])
    return {
        "as_of": found.recorded_at if found else version.registered_at,
        "source": found.recorded_by if found else version.registered_by,
        "url": f"{url}#gate-{found.kind if found else kind}",
    }


def _runtime(version: Version, gates: Mapping[str, GateStatus]) -> Iterator[Fact]:
    checked = gates["libraries"].decisive if "libraries" in gates else None
    if checked is None or not checked.payload.get("read_by"):
        return
    written, read = (_listed(checked.payload.get(name, {})) for name in ("written_by", "read_by"))
    words = _("Software: written by %(written)s; read by %(read)s.")
    values = {"written": written or "libraries that the file does not name", "read": read}
    yield Fact("registry.artifact.runtime", words, values, **origin(version, checked))


def _listed(libraries: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(libraries.items()))


def _answer(version: Version) -> str:
    output = version.spec.output
    if output.labels is None:
        return f"a number, “{output.name}”"
    threshold = "" if output.threshold is None else f", “{output.adverse_label}” from {output.threshold:g}"
    return " or ".join(f"“{label}”" for label in output.labels) + threshold


def _schema(version: Version, common: Mapping[str, Any]) -> Iterator[Fact]:
    features = version.spec.inputs.features
    words = _("It reads %(count)s inputs: %(names)s.")
    values = {"count": len(features), "names": ", ".join(feature.title or feature.name for feature in features)}
    yield Fact("registry.model_version.input_schema", words, values, **common)
