"""What the registry says of the data that a version was trained, tested and explained with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_noop as _

from registry.checking.findings import Verdict
from registry.dossier.contributions.versions import origin
from registry.dossier.evidence import Fact, Subject, contribute
from registry.models import Version


def register() -> None:
    """Register what this module fills."""
    for key in ("dataset", "training_run.dataset_refs", "evaluation.dataset_refs"):
        contribute(f"registry.{key}", facts)


def facts(subject: Subject) -> Iterator[Fact]:
    """Fingerprint and size of the training data, the samples that came along, and who is in them."""
    version = subject.version
    if version is None:
        return
    url = reverse("registry:version", args=[version.system.slug, version.number])
    common: dict[str, Any] = {"as_of": version.registered_at, "source": version.registered_by, "url": url}
    yield from _training(version, common)
    words = _("%(rows)s rows of the training data were kept for comparison (SHA-256 %(sha256)s).")
    values = {"rows": version.background_rows, "sha256": version.background_sha256}
    yield Fact("registry.dataset.profile", words, values, **common)
    if version.evaluation_sha256:
        words = _("It was tested on an evaluation sample with the SHA-256 %(sha256)s.")
        yield Fact("registry.evaluation.dataset_refs", words, {"sha256": version.evaluation_sha256}, **common)
    yield from _people(version, {**common, "url": f"{url}#inputs"})
    good = (Verdict.PASSED, Verdict.CLAIMED)
    if found := version.evidence.filter(kind="data_quality", verdict__in=good).order_by("-id").first():
        words = _("The training data were validated (%(verdict)s): %(summary)s.")
        values = {"verdict": found.verdict, "summary": found.summary}
        yield Fact("registry.dataset.quality_checks", words, values, **origin(version, found))


def _training(version: Version, common: dict[str, Any]) -> Iterator[Fact]:
    training = version.spec.training_data
    if training is None or not training.sha256:
        return
    values = {"name": training.name or "not named", "rows": training.rows or "an unknown number of"}
    words = _("It learnt from the data set “%(name)s”, %(rows)s rows.")
    yield Fact("registry.dataset", words, values, **common)
    words = _("The training data have the SHA-256 %(sha256)s.")
    yield Fact("registry.training_run.dataset_refs", words, {"sha256": training.sha256}, **common)


def _people(version: Version, common: dict[str, Any]) -> Iterator[Fact]:
    features = version.spec.inputs.features
    personal = [feature.title for feature in features if feature.personal]
    protected = [feature.title for feature in features if feature.protected]
    words = _("Personal data: %(personal)s of %(all)s inputs. Marked as protected: %(protected)s.")
    values = {"personal": len(personal), "all": len(features), "protected": ", ".join(protected) or "none"}
    yield Fact("registry.dataset.personal_data_flag", words, values, **common)
