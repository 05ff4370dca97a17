"""Every reading of the wording."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from explain.models import FeatureWording
from explain.telling import Reason, Wording, reasons_told
from registry.models import System, Version
from registry.scoring.manifest import Manifest
from registry.scoring.schema import Feature

# In one language: more than the letters that come along are possible.
FIRST_LANGUAGE = "en"


@dataclass(frozen=True)
class Told:
    """One input, and how it is told so far (None where its title in the schema is used)."""

    feature: Feature
    wording: Wording | None


def wording_in(system: str, language: str) -> dict[str, Wording]:
    """The wording in force by the input's name."""
    found: dict[str, Wording] = {}
    for row in FeatureWording.objects.filter(system=system, language=language).order_by("id"):
        number = found[row.feature].number + 1 if row.feature in found else 1
        found[row.feature] = Wording(row.title, row.sentence, number, row.changed_by, row.changed_at)
    return found


def reasons_of(
    system: str, tell: Callable[[Any, str], str], report: Mapping[str, Any], spec: Manifest
) -> list[Reason]:
    """The report's reasons beside compliance's wording, in the language of the pages; `tell` writes a value."""
    return reasons_told(report, spec, wording_in(system, FIRST_LANGUAGE), tell)


def features_of(system: System) -> tuple[Feature, ...]:
    """The inputs of the system's newest version; none where there is no version yet."""
    newest = Version.objects.filter(system=system).order_by("-number").first()
    return newest.spec.inputs.features if newest else ()


def told(system: System, language: str) -> list[Told]:
    """Every input with its wording."""
    kept = wording_in(system.slug, language)
    return [Told(feature, kept.get(feature.name)) for feature in features_of(system)]


def history_of(system: str, language: str, most: int = 20) -> list[FeatureWording]:
    """What was set last, the newest first."""
    return list(FeatureWording.objects.filter(system=system, language=language)[:most])
