"""What a system was classified as, who provides it, and what is registered of it."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext_noop as _

from registry.classification.duties import risk_reason
from registry.classification.facts import EXITS, MEMBER_STATES, SIZES
from registry.classification.queries import facts_of, newest_of, organisation, registration_of
from registry.dossier.evidence import Fact, Subject, contribute
from registry.models import MarketStatus, Organisation, Registration
from registry.practices import PRACTICES
from registry.queries import current_release

# Key, field of the registration, sentence.
_ENTERED = (
    ("registry.system.functions", "functions", _("Components and functions: %(said)s")),
    ("registry.system.integrations", "integrations", _("It works together with: %(said)s")),
    ("registry.deployment.targets", "supply_forms", _("It is supplied as: %(said)s")),
    ("registry.deployment.hardware_profile", "hardware", _("It is meant for this hardware: %(said)s")),
    ("registry.system.eu_db_url", "entry_url", _("The provider's entry in the EU database is %(said)s.")),
    ("registration.submitter", "submitter", _("This person or body submits the registration: %(said)s")),
    ("registration.info_url", "info_url", _("More about it stands at %(said)s.")),
)
_US = ("org.profile", "org.authorised_representative", "registry.system.supervisor")
_SYSTEM = ("provider", "market_status")


def register() -> None:
    """Register what this module fills."""
    contribute("classification.record", classified)
    for key in _US:
        contribute(key, about_us)
    for key in (*(key for key, _field, _words in _ENTERED), "registry.deployment.member_states"):
        contribute(key, registered)
    for name in _SYSTEM:
        contribute(f"registry.system.{name}", registered)


def classified(subject: Subject) -> Iterator[Fact]:
    """The risk class with its reason, the exit where it is used, and the practices that nobody may follow."""
    row = newest_of(subject.system)
    if row is None:
        return
    about = facts_of(row, organisation(), registration_of(subject.system))
    url = reverse("registry:classification", args=[subject.system.slug])
    common = {"as_of": row.changed_at, "source": row.changed_by, "url": url}
    words = _("It is classified as “%(risk)s”: %(reason)s")
    values = {"risk": row.get_risk_class_display(), "reason": risk_reason(about)}
    yield Fact("classification.record", words, values, **common, about="risk")
    role = {"both": "provider and deployer"}.get(row.role, row.role)
    yield Fact("classification.record", _("We are its %(role)s."), {"role": role}, **common, about="role")
    if row.exit_condition:
        words = _("It counts as not high-risk by Art. 6(3)(%(letter)s), “%(condition)s”: %(assessment)s")
        condition = {"letter": row.exit_condition, "condition": EXITS[row.exit_condition]}
        values = {**condition, "assessment": row.exit_assessment}
        yield Fact("classification.record", words, values, **common, about="exit")
    found = [letter for letter in PRACTICES if letter in about.practices]
    words = _("Each practice that Art. 5(1) prohibits was asked for, and none was found.")
    if found:
        words = _("It does what Art. 5(1) prohibits, under %(letters)s: it must not be used.")
    yield Fact("classification.record", words, {"letters": ", ".join(found)}, **common, about="practices")


def about_us(_subject: Subject) -> Iterator[Fact]:
    """Name, address, size and kind of the organisation."""
    us = organisation()
    if us is None:
        return
    common = {"as_of": us.changed_at, "source": us.changed_by, "url": reverse("registry:organisation")}
    words = _("The organisation is %(name)s, %(address)s; contact: %(contact)s.")
    contact = ", ".join(said for said in (us.email, us.phone) if said)
    values = {"name": us.name, "address": _in_line(us.address), "contact": contact}
    yield Fact("org.profile", words, values, **common)
    values = {"size": SIZES[us.size].lower()}
    yield Fact("org.profile.size_class", _("Its size: %(size)s."), values, **common)
    kind = {"kind": "a public body" if us.is_public_body else "a private body"}
    yield Fact("org.profile.deployer_type", _("It uses systems as %(kind)s."), kind, **common)
    if us.is_financial_institution:
        words = _("It is a financial institution that Union law on financial services regulates.")
        yield Fact("org.profile.sector", words, {}, **common)
        words = _("The authority is the financial supervisor (Art. 74(6)).")
        yield Fact("registry.system.supervisor", words, {}, **common)
    if us.representative:
        words = _("Its authorised representative is %(representative)s.")
        yield Fact("org.authorised_representative", words, {"representative": _in_line(us.representative)}, **common)


def registered(subject: Subject) -> Iterator[Fact]:
    """What was entered for the registration, and what follows from releases and the organisation."""
    kept, us = registration_of(subject.system), organisation()
    url = reverse("registry:registration", args=[subject.system.slug])
    if kept:
        common = {"as_of": kept.changed_at, "source": kept.changed_by, "url": url}
        for key, field, words in _ENTERED:
            if said := getattr(kept, field):
                yield Fact(key, words, {"said": said}, **common)
    yield from _provider(subject, kept, us, url)
    yield from _member_states(kept, us, url)
    yield from _market_status(subject, kept, url)


def _provider(subject: Subject, kept: Registration | None, us: Organisation | None, url: str) -> Iterator[Fact]:
    row = newest_of(subject.system)
    words, key = _("The provider is %(provider)s."), "registry.system.provider"
    if row and row.role == "deployer":
        if kept and kept.provider:
            values = {"provider": _in_line(kept.provider)}
            yield Fact(key, words, values, kept.changed_at, kept.changed_by, url=url)
    elif row and us:
        yield Fact(key, words, {"provider": us.name}, us.changed_at, us.changed_by, reverse("registry:organisation"))


def _member_states(kept: Registration | None, us: Organisation | None, url: str) -> Iterator[Fact]:
    said = kept if kept and kept.member_states else us
    if said and said.member_states:
        names = ", ".join(MEMBER_STATES[code] for code in said.member_states)
        words = _("It is offered or used in %(states)s.")
        yield Fact(
            "registry.deployment.member_states", words, {"states": names}, said.changed_at, said.changed_by, url=url
        )


def _market_status(subject: Subject, kept: Registration | None, url: str) -> Iterator[Fact]:
    words, key = _("It is %(status)s."), "registry.system.market_status"
    release = current_release(subject.system)
    if kept and kept.market_status:
        values = {"status": str(kept.get_market_status_display())}
        yield Fact(key, words, values, kept.changed_at, kept.changed_by, url=url)
    elif release:
        values = {"status": str(MarketStatus.IN_SERVICE.label)}
        yield Fact(key, words, values, release.released_at, release.released_by, url=url)


def _in_line(text: str) -> str:
    return ", ".join(line.strip(" ,") for line in text.splitlines() if line.strip())
