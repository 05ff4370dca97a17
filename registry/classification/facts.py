"""What is asked about a system under the AI Act, in our words, and what was answered. Pure.

Numbers are those of Regulation (EU) 2024/1689 as amended by Regulation (EU) 2026/1744.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

# Annex III, by its points; the heads are the areas.
AREAS: dict[str, tuple[str, dict[str, str]]] = {
    "1": (
        "Biometrics",
        {
            "1(a)": "Recognises people from afar (not the mere check that somebody is who they say)",
            "1(b)": "Sorts people by sensitive traits that it infers",
            "1(c)": "Recognises emotions",
        },
    ),
    "2": (
        "Critical infrastructure",
        {"2": "Keeps digital infrastructure, road traffic, water, gas, heating or electricity safe"},
    ),
    "3": (
        "Education",
        {
            "3(a)": "Decides about access or admission",
            "3(b)": "Evaluates what was learnt",
            "3(c)": "Assesses the level that suits somebody",
            "3(d)": "Detects forbidden behaviour in tests",
        },
    ),
    "4": (
        "Work",
        {
            "4(a)": "Recruits or selects people: job ads, filtering, evaluating candidates",
            "4(b)": "Decides on terms, promotion or dismissal, gives out tasks by behaviour, monitors workers",
        },
    ),
    "5": (
        "Essential services",
        {
            "5(a)": "Decides about public assistance: grants, reduces, revokes or reclaims it",
            "5(b)": "Judges the creditworthiness of people or scores their credit (not to detect financial fraud)",
            "5(c)": "Assesses risk or sets prices in life or health insurance",
            "5(d)": "Evaluates emergency calls, dispatches, or sorts patients in an emergency",
        },
    ),
    "6": (
        "Law enforcement",
        {
            "6(a)": "Assesses somebody's risk of becoming a victim",
            "6(b)": "Works as a polygraph or the like",
            "6(c)": "Judges how reliable evidence is",
            "6(d)": "Assesses the risk that somebody offends, not by profiling alone",
            "6(e)": "Profiles people in detecting, investigating or prosecuting offences",
        },
    ),
    "7": (
        "Migration, asylum, border",
        {
            "7(a)": "Works as a polygraph or the like",
            "7(b)": "Assesses the risk of people who enter",
            "7(c)": "Helps to examine applications for asylum, visa or permits",
            "7(d)": "Detects, recognises or identifies people (not the check of travel documents)",
        },
    ),
    "8": (
        "Justice and democracy",
        {
            "8(a)": "Helps judges, or the like, with facts and law",
            "8(b)": "Is meant to influence elections or how people vote",
        },
    ),
}
POINTS: dict[str, str] = {point: words for _, points in AREAS.values() for point, words in points.items()}

# Art. 6(3): an Annex III system that poses no significant risk, under one of these conditions.
EXITS: dict[str, str] = {
    "a": "It does a narrow procedural task",
    "b": "It improves the result of something that a person has finished",
    "c": "It detects patterns in decisions, and neither replaces nor sways the person's own assessment",
    "d": "It prepares an assessment that somebody else makes",
}

TAKEOVERS: dict[str, str] = {
    "a": "We put our own name or mark on it",
    "b": "We modified it substantially",
    "c": "We changed what it is meant for, and it became high-risk by that",
}


class Role(StrEnum):
    """What we are to the system."""

    PROVIDER = "provider"
    DEPLOYER = "deployer"
    BOTH = "both"


ROLES: dict[str, str] = {
    Role.PROVIDER: "Provider: we develop it or have it developed, and offer it under our name",
    Role.DEPLOYER: "Deployer: we use somebody else's system under our authority",
    Role.BOTH: "Both: we develop it and use it ourselves, as a lender does that scores its own applicants",
}


class Circumstance(StrEnum):
    """Something about a system and its use on which single duties depend."""

    DECIDES = "decides"
    WORKPLACE = "workplace"
    PUBLIC_SERVICE = "public_service"
    FOR_AUTHORITY = "for_authority"
    PLACED_ON_MARKET = "placed_on_market"
    POLICING = "policing"
    PERSONAL_DATA = "personal_data"
    SPECIAL_CATEGORIES = "special_categories"
    DPIA = "dpia"
    UNTRAINED = "untrained"
    STANDARDS = "standards"
    COMPONENT = "component"
    NOTIFIED_BODY = "notified_body"
    MEDICAL_DEVICE = "medical_device"
    SECTOR_REPORTING = "sector_reporting"
    OWN_GPAI = "own_gpai"
    TALKS = "talks"
    GENERATES = "generates"
    SENSES = "senses"
    DEEP_FAKES = "deep_fakes"
    PUBLIC_TEXT = "public_text"


C = Circumstance
CIRCUMSTANCES: dict[str, dict[Circumstance, str]] = {
    "How it is used": {
        C.DECIDES: "It makes decisions about people, or helps to make them",
        C.WORKPLACE: "It is used at the workplace on our own workers",
        C.PUBLIC_SERVICE: "We provide a public service with it, as a private body",
        C.FOR_AUTHORITY: "We use it on behalf of a public authority",
        C.PLACED_ON_MARKET: "Others can buy it or use it",
        C.POLICING: "It serves law enforcement, migration, asylum or border control",
        C.PERSONAL_DATA: "It processes personal data",
        C.DPIA: "There is a data protection impact assessment (GDPR Art. 35)",
    },
    "What it says and makes": {
        C.TALKS: "People deal with it directly, and might not know that it is AI",
        C.GENERATES: "It generates text, images, sound or video (beyond assistive editing)",
        C.DEEP_FAKES: "It makes deep fakes",
        C.PUBLIC_TEXT: "It writes text that is published on matters of public interest, without an editor",
        C.SENSES: "It recognises emotions or sorts people by biometric data",
    },
    "How it is made": {
        C.UNTRAINED: "It is made without training on data",
        C.SPECIAL_CATEGORIES: "Data on origin, health, religion or the like are used to find and correct bias",
        C.STANDARDS: "Harmonised standards or common specifications are applied in full",
        C.COMPONENT: "It is a component of a product",
        C.MEDICAL_DEVICE: "It is a medical device, or a safety component of one",
        C.NOTIFIED_BODY: "A notified body assesses it",
        C.OWN_GPAI: "It is built on a general-purpose model of our own group, or sits in a very large platform",
        C.SECTOR_REPORTING: "Another Union law has us report incidents in an equivalent way",
    },
}
CIRCUMSTANCE_WORDS: dict[str, str] = {
    str(name): words for group in CIRCUMSTANCES.values() for name, words in group.items()
}
TRANSPARENCY = frozenset({C.TALKS, C.GENERATES, C.SENSES, C.DEEP_FAKES, C.PUBLIC_TEXT})

SIZES: dict[str, str] = {
    "sme": "Small or medium-sized enterprise",
    "smc": "Small mid-cap enterprise",
    "large": "Larger than that",
}

# Codes as the Union writes them (EL for Greece).
MEMBER_STATES = {
    **{"AT": "Austria", "BE": "Belgium", "BG": "Bulgaria", "HR": "Croatia", "CY": "Cyprus", "CZ": "Czechia"},
    **{"DK": "Denmark", "EE": "Estonia", "FI": "Finland", "FR": "France", "DE": "Germany", "EL": "Greece"},
    **{"HU": "Hungary", "IE": "Ireland", "IT": "Italy", "LV": "Latvia", "LT": "Lithuania", "LU": "Luxembourg"},
    **{"MT": "Malta", "NL": "Netherlands", "PL": "Poland", "PT": "Portugal", "RO": "Romania", "SK": "Slovakia"},
    **{"SI": "Slovenia", "ES": "Spain", "SE": "Sweden"},
}


@dataclass(frozen=True)
class Classification:
    """What was answered about a system, with what the organisation says about itself."""

    role: Role
    point: str = ""
    product_law: str = ""
    exit: str = ""
    profiles: bool = False
    practices: frozenset[str] = frozenset()
    circumstances: frozenset[str] = frozenset()
    size: str = ""
    is_financial_institution: bool = False
    is_public_body: bool = False
    has_representative: bool = False
    has_submitter: bool = False
    first_used_on: date | None = None
    redesigned_on: date | None = None

    def has(self, *circumstances: Circumstance) -> bool:
        """Whether one of these is so."""
        return any(each in self.circumstances for each in circumstances)

    @property
    def area(self) -> str:
        """The point of Annex III without its letter: "5" for 5(b)."""
        return self.point.partition("(")[0]

    @property
    def is_annex_iii_high(self) -> bool:
        """High-risk by its use (Art. 6(2)), and not let out by Art. 6(3)."""
        return bool(self.point) and not self.exit

    @property
    def is_high_risk(self) -> bool:
        """High-risk by its use or as a product (Art. 6)."""
        return self.is_annex_iii_high or bool(self.product_law)

    @property
    def risk_class(self) -> str:
        """`high`, `limited` (duties of transparency alone) or `minimal`."""
        if self.is_high_risk:
            return "high"
        return "limited" if self.has(*TRANSPARENCY) else "minimal"

    @property
    def is_public_deployer(self) -> bool:
        """A public authority or somebody who acts for one (Art. 49(3))."""
        return self.is_public_body or self.has(C.FOR_AUTHORITY)

    @property
    def provides(self) -> bool:
        """Whether the duties of a provider are ours."""
        return self.role != Role.DEPLOYER

    @property
    def deploys(self) -> bool:
        """Whether the duties of a deployer are ours."""
        return self.role != Role.PROVIDER

    @property
    def since(self) -> date | None:
        """When what is in use now came into use: by a significant change of design it did so anew (Art. 111(2))."""
        return self.redesigned_on or self.first_used_on
