"""Every reading of the wording."""

from __future__ import annotations

from dataclasses import dataclass

from explain.models import FeatureWording
from registry.models import System, Version
from registry.scoring.schema import Feature

# In one language: more than the letters that come along are possible.
FIRST_LANGUAGE = "en"


@dataclass(frozen=True)
class Told:
    """One input, and how it is told so far (None where its title in the schema is used)."""

    feature: Feature
    wording: FeatureWording | None


def wording_in(system: str, language: str) -> dict[str, FeatureWording]:
    """The wording in force by the input's name."""
    rows = FeatureWording.objects.filter(system=system, language=language).order_by("feature", "-id")
    return {row.feature: row for row in rows.distinct("feature")}


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
