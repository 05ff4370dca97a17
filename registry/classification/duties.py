"""Which requirement of the law binds whom, why, and from when: one rule for each id, by its beginning. Pure.

The ids are those of the law's data (`annex-iv.2.g`, `art-26.7`). A rule holds for an id and all that stand below it;
every rule that fits must hold. An id that no rule knows binds by `applies_to` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from registry.classification.facts import EXITS, POINTS, TRANSPARENCY, C, Classification, Role

# Only Sections 1 to 3 of Chapter III were moved to the later dates. By the letter the rest has applied since this day,
# though it bites on a "high-risk system", which there is only from the later date on.
FORMALLY_SINCE = date(2026, 8, 2)
NOT_MOVED = (
    *("annex-v", "annex-vi", "annex-viii"),
    *(f"art-{number}" for number in (43, 47, 48, 49, 72, 73, 75, 86)),
)

BASES = {
    "text": "the law's text",
    "reading": "the common reading",
    "unsettled": "contested",
}


@dataclass(frozen=True)
class Applicability:
    """Whether a requirement binds us, in words why, as whom, from when, and how sure the date is.

    `formal_from` is the date by the letter where it is another one than `applies_from`; `basis` is `text`, `reading` or
    `unsettled`; `bound_as` is `provider`, `deployer` or `both`.
    """

    applies: bool
    reason: str
    applies_from: date | None
    formal_from: date | None
    basis: str
    bound_as: str

    @property
    def basis_words(self) -> str:
        """How sure the date is, in words."""
        return BASES[self.basis]


@dataclass(frozen=True)
class Rule:
    """A requirement binds only where `holds`; `otherwise` says why it does not, `because` why it does."""

    item: str
    holds: Callable[[Classification], bool]
    otherwise: str = ""
    because: str = ""

    def fits(self, item: str) -> bool:
        """Whether the rule is about this id."""
        return item == self.item or item.startswith(f"{self.item}.")


def _always(_: Classification) -> bool:
    return True


def _high(c: Classification) -> bool:
    return c.is_high_risk


def _exit(c: Classification) -> bool:
    return bool(c.point and c.exit)


def _has(*circumstances: C) -> Callable[[Classification], bool]:
    return lambda c: c.has(*circumstances)


def _assessed_by_others(c: Classification) -> bool:
    return c.has(C.NOTIFIED_BODY) and (c.area == "1" or bool(c.product_law))


def owes_rights_assessment(c: Classification) -> bool:
    """Whether whoever uses it assesses the impact on fundamental rights (Art. 27(1))."""
    return c.point in ("5(b)", "5(c)") or (c.area != "2" and (c.is_public_body or c.has(C.PUBLIC_SERVICE)))


def _reports_to_ai_office(c: Classification) -> bool:
    excepted = c.is_financial_institution or c.product_law or c.point in ("2", "8(a)")
    return c.has(C.OWN_GPAI) and not excepted


NOT_HIGH = "The system is not high-risk."
NO_EXIT = "You do not rely on the exit of Art. 6(3)."
NO_BODY = (
    "No notified body is involved: systems of Annex III points 2 to 8 are assessed by internal control (Art. 43(2)),"
    " those of point 1 may be where standards are applied in full."
)
NATIONAL = "Critical infrastructure is registered at national level (Art. 49(5))."
NOT_PUBLIC = "You are no public authority and do not act for one (Art. 49(3)). You may register of your own accord."
DEEMED = "Deemed met by a financial institution's rules on internal governance (Art. 17(4))."
FINANCIAL_FILES = "Keep them within the records that financial services law asks for."

HIGH_RISK_ITEMS = (
    *("annex-iv", "annex-v", "annex-vi", "annex-viii.a", "annex-viii.c"),
    *(f"art-{number}" for number in (*range(8, 28), 43, 47, 48, 72, 73, 75, 86)),
    *("art-49.1", "art-49.3", "art-49.4", "art-49.5"),
)
RULES: tuple[Rule, ...] = (
    *(Rule(item, _high, NOT_HIGH) for item in HIGH_RISK_ITEMS),
    Rule("art-4", _always, because="Everybody who provides or uses AI systems."),
    Rule("art-5", _always, because="Everybody, whatever the risk class."),
    Rule("art-4a", _has(C.SPECIAL_CATEGORIES), "No data of special categories are used against bias."),
    Rule("art-6.3", _exit, NO_EXIT),
    Rule("art-6.4", _exit, NO_EXIT),
    # Annex IV
    Rule("annex-iv.1.f", _has(C.COMPONENT), "The system is no component of a product."),
    Rule(
        "annex-iv.simplified",
        lambda c: c.size in ("sme", "smc"),
        "Only small, medium-sized and small mid-cap enterprises may use it.",
        "You may use it, by the Commission's form alone. No such form was found published as of 23 November 2026.",
    ),
    # Annex V
    Rule("annex-v.5", _has(C.PERSONAL_DATA), "The system processes no personal data."),
    Rule("annex-v.6", _has(C.STANDARDS), "No harmonised standards or common specifications are applied in full."),
    Rule("annex-v.7", _assessed_by_others, NO_BODY),
    # Annex VIII
    Rule("annex-viii.a", lambda c: c.area != "2", NATIONAL),
    Rule("annex-viii.a.2", lambda c: c.has_submitter, "You submit the data yourselves."),
    Rule("annex-viii.a.3", lambda c: c.has_representative, "You have no authorised representative."),
    Rule("annex-viii.a.6", lambda c: not c.has(C.POLICING), "Not given for the restricted section (Art. 49(4)(a))."),
    Rule("annex-viii.a.8", _assessed_by_others, NO_BODY),
    Rule("annex-viii.a.9", _assessed_by_others, NO_BODY),
    Rule(
        "annex-viii.a.12",
        lambda c: not (c.has(C.POLICING) and c.area in ("1", "6", "7")),
        "Not for law enforcement, migration, asylum or border control (Annex III points 1, 6 and 7).",
    ),
    Rule("annex-viii.a.13", _always, because="Optional."),
    Rule("annex-viii.b", _exit, NO_EXIT, "It is contested from when on Art. 49(2) applies."),
    Rule("annex-viii.b.2", lambda c: c.has_submitter, "You submit the data yourselves."),
    Rule("annex-viii.b.3", lambda c: c.has_representative, "You have no authorised representative."),
    Rule("annex-viii.c", lambda c: c.area != "2", NATIONAL),
    Rule("annex-viii.c", lambda c: c.is_public_deployer, NOT_PUBLIC),
    Rule("annex-viii.c.2", lambda c: c.has_submitter, "You submit the data yourselves."),
    Rule("annex-viii.c.5", _has(C.DPIA), "There is no data protection impact assessment."),
    # Section 2 and 3 of Chapter III
    Rule("art-10.6", _has(C.UNTRAINED), "The system is made by training; the whole of Art. 10 applies."),
    Rule("art-12.3", lambda c: c.point == "1(a)", "Only for remote biometric identification (Annex III point 1(a))."),
    Rule("art-14.5", lambda c: c.point == "1(a)", "Only for remote biometric identification (Annex III point 1(a))."),
    *(Rule(f"art-17.1.{letter}", lambda c: not c.is_financial_institution, DEEMED) for letter in "abcdefjklm"),
    Rule("art-22", lambda c: c.has_representative, "You have no authorised representative."),
    # Deployers
    Rule("art-26.7", _has(C.WORKPLACE), "The system is not used at the workplace on your workers."),
    Rule("art-26.8", lambda c: c.is_public_deployer, "You are no public authority and do not act for one."),
    Rule(
        "art-26.9",
        _has(C.PERSONAL_DATA, C.DPIA),
        "The system processes no personal data, so no data protection impact assessment is due.",
    ),
    Rule(
        "art-26.11",
        lambda c: bool(c.point) and c.has(C.DECIDES),
        "The system neither makes decisions about people nor helps to make them.",
    ),
    Rule(
        "art-27",
        owes_rights_assessment,
        "It binds public bodies, private bodies with public services, and those who use systems of Annex III 5(b) and"
        " 5(c).",
        "Everybody who uses a system of Annex III 5(b) or 5(c), private or public, and every public service.",
    ),
    Rule("art-27.4", _has(C.DPIA), "There is no data protection impact assessment to refer to."),
    Rule("art-27.5", _always, because="No template was found published as of 23 November 2026."),
    # Conformity and registration
    Rule("art-43.1", lambda c: c.area == "1", "Only for Annex III point 1."),
    Rule("art-43.2", lambda c: c.area in tuple("2345678"), "Only for Annex III points 2 to 8."),
    Rule("art-43.3", lambda c: bool(c.product_law), "Only for products of Annex I."),
    Rule("art-49", lambda c: c.is_annex_iii_high or _exit(c), "Only systems of Annex III are registered."),
    Rule("art-49.1", lambda c: c.area != "2", NATIONAL),
    Rule("art-49.2", _exit, NO_EXIT, "It is contested from when on this applies."),
    Rule("art-49.3", lambda c: c.area != "2", NATIONAL),
    Rule("art-49.3", lambda c: c.is_public_deployer, NOT_PUBLIC),
    Rule("art-49.4", _has(C.POLICING), "Only for law enforcement, migration, asylum and border control."),
    Rule("art-49.5", lambda c: c.area == "2", "Only for critical infrastructure."),
    # Transparency
    Rule("art-50", _has(*TRANSPARENCY), "The system neither talks to people, nor generates content, nor senses them."),
    Rule("art-50.1", _has(C.TALKS), "Nobody deals with the system directly without knowing."),
    Rule("art-50.2", _has(C.GENERATES, C.DEEP_FAKES, C.PUBLIC_TEXT), "The system generates no content."),
    Rule("art-50.3", _has(C.SENSES), "The system neither recognises emotions nor sorts people by biometric data."),
    Rule("art-50.4", _has(C.DEEP_FAKES, C.PUBLIC_TEXT), "The system makes no deep fakes and no text for the public."),
    # After release
    Rule(
        "art-72.4",
        lambda c: bool(c.product_law) or (c.is_financial_institution and c.area == "5"),
        "Only for products of Annex I, and for financial institutions with a system of Annex III point 5.",
        "You may build it into the monitoring that you have.",
    ),
    Rule("art-73.9", _has(C.SECTOR_REPORTING), "No other Union law has you report incidents in an equivalent way."),
    Rule("art-73.10", _has(C.MEDICAL_DEVICE), "The system is no medical device, and no safety component of one."),
    Rule(
        "art-75.1a",
        _reports_to_ai_office,
        "Only for systems on a general-purpose model of the same group and in very large platforms; never for financial"
        " institutions, products of Annex I, critical infrastructure and justice.",
    ),
    Rule("art-86", lambda c: c.is_annex_iii_high and c.area != "2", "Only for systems of Annex III, without point 2."),
    Rule("art-86", _has(C.DECIDES), "No decisions about people are based on the system's output."),
)
# What to add to the reason where something is so.
REMARKS: tuple[Rule, ...] = (
    *(
        Rule(item, _has(C.UNTRAINED), because="Of the test data alone, since it is made without training (Art. 10(6)).")
        for item in ("art-10.2", "art-10.3", "art-10.4")
    ),
    Rule("art-18", lambda c: c.is_financial_institution, because=FINANCIAL_FILES),
    Rule("art-19", lambda c: c.is_financial_institution, because=FINANCIAL_FILES),
    Rule("art-26.6", lambda c: c.is_financial_institution, because=FINANCIAL_FILES),
    Rule(
        "art-26.5",
        lambda c: c.is_financial_institution,
        because="Monitoring itself is deemed met by a financial institution's rules on internal governance.",
    ),
    Rule(
        "art-43",
        lambda c: c.area in tuple("2345678") and not c.product_law,
        because="Internal control (Annex VI), without a notified body.",
    ),
    Rule("art-43", lambda c: bool(c.product_law), because="By the product's own procedure (Art. 43(3))."),
    Rule(
        "art-43",
        lambda c: c.area == "1" and not c.has(C.STANDARDS),
        because="Without standards applied in full it takes a notified body (Annex VII).",
    ),
    Rule(
        "art-73.1",
        lambda c: not c.has(C.PLACED_ON_MARKET),
        because="Its words are about systems placed on the market. Yours is put into service for your own use; we count"
        " it in, and a lawyer should confirm.",
    ),
)


def applicability(
    item: str, applies_to: str, applies_from: Mapping[str, Any], classification: Classification | None
) -> Applicability:
    """Whether the requirement of that id binds us. Without a classification nothing is ruled out."""
    formal_from = _formal_from(item, applies_from)
    basis = str(applies_from.get("basis", "text"))
    if classification is None:
        start = _date(applies_from.get("annex_iii")) or _date(applies_from.get("annex_i"))
        words = "The system is not classified yet, so nothing is ruled out."
        return Applicability(True, words, start, formal_from, basis, applies_to)
    start = _start(item, applies_from, classification)
    bound_as = str(classification.role) if applies_to == Role.BOTH else applies_to
    against = _against(item, applies_to, start, classification)
    formal = formal_from if formal_from != start else None
    return Applicability(
        applies=not against,
        reason=against or _for(item, classification, bound_as),
        applies_from=start,
        formal_from=formal,
        basis=basis,
        bound_as=bound_as,
    )


def risk_reason(c: Classification) -> str:
    """Why the system stands in its risk class, in a sentence or two."""
    if c.is_annex_iii_high:
        bar = " It profiles people, so the exit of Art. 6(3) is closed." if c.profiles else ""
        return f"Annex III point {c.point}: {POINTS[c.point].lower()}.{bar}"
    if c.product_law:
        return f"A product that others must assess, or a safety component of one, under {c.product_law} (Art. 6(1))."
    if _exit(c):
        exit_words = f"{EXITS[c.exit][0].lower()}{EXITS[c.exit][1:]}"
        return f"Annex III lists its use, point {c.point}, but {exit_words} (Art. 6(3)({c.exit}))."
    if c.has(*TRANSPARENCY):
        return "Annex III does not list its use; Art. 50 has you be open about it."
    return "Annex III does not list its use, and no product law has others assess it."


def _against(item: str, applies_to: str, start: date | None, c: Classification) -> str:
    """Why the requirement does not bind; empty where it does."""
    if applies_to == Role.PROVIDER and not c.provides:
        return "It binds the system's provider; you use it."
    if applies_to == Role.DEPLOYER and not c.deploys:
        return "It binds those who use the system; you provide it."
    fitting = [rule for rule in RULES if rule.fits(item)]
    for rule in fitting:
        if not rule.holds(c):
            return _not_high(c) if rule.otherwise == NOT_HIGH else rule.otherwise
    if fitting and start is None:
        return "Only for systems of Annex III; yours is high-risk as a product of Annex I."
    return ""


def _not_high(c: Classification) -> str:
    return f"The system is not high-risk: you rely on Art. 6(3)({c.exit})." if _exit(c) else NOT_HIGH


def _for(item: str, c: Classification, bound_as: str) -> str:
    own = [rule.because for rule in RULES if rule.fits(item) and rule.because]
    own += [rule.because for rule in REMARKS if rule.fits(item) and rule.holds(c)]
    whom = "You provide the system and use it." if bound_as == Role.BOTH else f"You are the system's {bound_as}."
    return " ".join(own) or whom


def _start(item: str, applies_from: Mapping[str, Any], c: Classification) -> date | None:
    in_use, product = _date(applies_from.get("annex_iii")), _date(applies_from.get("annex_i"))
    if c.is_annex_iii_high:
        return in_use or product
    if c.product_law:
        return product
    return _date(applies_from.get("others")) or in_use


def _formal_from(item: str, applies_from: Mapping[str, Any]) -> date | None:
    if said := applies_from.get("formal_from"):
        return _date(said)
    is_behind = any(item == prefix or item.startswith(f"{prefix}.") for prefix in NOT_MOVED)
    return FORMALLY_SINCE if is_behind else None


def _date(said: Any) -> date | None:
    return said if isinstance(said, date) or said is None else date.fromisoformat(said)
