"""What people answer about a system, and what they say of the organisation and the registration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms

from registry.classification.facts import (
    AREAS,
    CIRCUMSTANCES,
    EXITS,
    MEMBER_STATES,
    ROLES,
    SIZES,
    TAKEOVERS,
    C,
    Classification,
)
from registry.forms import ReasonForm
from registry.models import MarketStatus, Organisation, Registration, SystemClassification
from registry.practices import NEW_PRACTICES, PRACTICES

_YES_NO = [("no", "No"), ("yes", "Yes")]


def _choice(label: str, choices: Mapping[str, str], nothing: str = "", help_text: str = "") -> forms.ChoiceField:
    """One of the choices, as buttons to look at; none of them where `nothing` has words."""
    offered = [*([("", nothing)] if nothing else []), *choices.items()]
    return forms.ChoiceField(
        label=label, choices=offered, required=not nothing, help_text=help_text, widget=forms.RadioSelect
    )


def _yes_no(label: str, help_text: str = "") -> forms.TypedChoiceField:
    return forms.TypedChoiceField(
        label=label, choices=_YES_NO, help_text=help_text, coerce=lambda said: said == "yes", widget=forms.RadioSelect
    )


def _text(label: str, help_text: str = "", *, rows: int = 3, required: bool = False, most: int = 5_000) -> forms.Field:
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=required,
        max_length=most,
        widget=forms.Textarea(attrs={"rows": rows}),
    )


def _line(label: str, help_text: str = "", *, required: bool = False, most: int = 200) -> forms.CharField:
    return forms.CharField(label=label, help_text=help_text, required=required, max_length=most)


def _address(label: str, help_text: str = "") -> forms.URLField:
    return forms.URLField(
        label=label, help_text=help_text, required=False, max_length=500, assume_scheme="https", empty_value=""
    )


def _day(label: str, help_text: str) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, help_text=help_text, required=False, widget=widget)


def _states() -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        label="Member States",
        required=False,
        choices=list(MEMBER_STATES.items()),
        help_text="Where the systems are offered or used.",
        widget=forms.SelectMultiple(attrs={"size": 8}),
    )


class RevisedForm(ReasonForm):
    """Something of which the next revision is made; the one that the person saw comes along."""

    data: Any
    expected_revision = forms.IntegerField(min_value=0, widget=forms.HiddenInput)

    def see_newest(self, revision: int) -> None:
        """Have the next attempt be about the newest revision; what was written stays."""
        self.data = self.data.copy()
        self.data["expected_revision"] = str(revision)

    @property
    def facts(self) -> dict[str, Any]:
        """What was said, without what the revision itself needs."""
        return {name: said for name, said in self.cleaned_data.items() if name not in ("reason", "expected_revision")}


class ClassificationForm(RevisedForm):
    """The questions that make a system's classification, in sections."""

    annex_iii_point = forms.ChoiceField(
        label="What it is used for",
        required=False,
        choices=[
            ("", "None of these"),
            *(
                (f"{area} {head}", [(point, f"{point} {words}") for point, words in points.items()])
                for area, (head, points) in AREAS.items()
            ),
        ],
        help_text="Annex III lists uses that are high-risk. Choose the one that fits best; credit for companies alone"
        " is none of them, nor is detecting financial fraud as long as it stays apart from the credit decision.",
    )
    product_law = _line(
        "Product law, if it is a product or keeps one safe",
        "The law of Annex I under which it is a product, or a safety component of one, that others must assess (Art."
        " 6(1)). Leave it empty otherwise; a mere convenience is no safety component.",
        most=160,
    )
    profiles = _yes_no(
        "Does it profile people?",
        "It evaluates something about a person automatically: their means, work, behaviour, whereabouts. A credit score"
        " of a person does.",
    )
    exit_condition = _choice(
        "Is it on that list and yet harmless?",
        EXITS,
        "We do not rely on this",
        "Art. 6(3): it poses no significant risk, and does not sway decisions. Closed to what profiles people.",
    )
    exit_assessment = _text(
        "Why it is not high-risk", "Needed for the exit: the assessment that Art. 6(4) has you document.", rows=5
    )
    role = _choice("What are you to this system?", ROLES)
    takeover = _choice(
        "It came from somebody else, and since then",
        TAKEOVERS,
        "Nothing of this",
        "Each of these makes you its provider, with all the duties (Art. 25(1)).",
    )
    first_used_on = _day(
        "First placed on the market or put into service",
        "The first unit of its type. What was there before the law applies is treated apart (Art. 111(2)).",
    )
    redesigned_on = _day("Design last changed significantly", "Only if it was since then (Art. 3(23)).")
    accepted_risk_class = forms.CharField(required=False, max_length=16, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for head, circumstances in CIRCUMSTANCES.items():
            self.fields[_group(head)] = forms.MultipleChoiceField(
                label=head,
                required=False,
                choices=[(str(name), words) for name, words in circumstances.items()],
                widget=forms.CheckboxSelectMultiple,
            )
        for letter, asked in PRACTICES.items():
            later = "Prohibited from 2 December 2026." if letter in NEW_PRACTICES else ""
            self.fields[f"practice_{letter}"] = _yes_no(f"({letter}) {asked}", later)
            self.fields[f"note_{letter}"] = _line(f"Note on ({letter})", most=1_000)

    def _these(self, *names: str) -> list[forms.BoundField]:
        return [self[name] for name in names]

    @property
    def uses(self) -> list[forms.BoundField]:
        """What the system does, and the exit."""
        return self._these("annex_iii_point", "product_law", "profiles", "exit_condition", "exit_assessment")

    @property
    def practices(self) -> Iterator[tuple[forms.BoundField, forms.BoundField]]:
        """Each prohibited practice with its note."""
        return ((self[f"practice_{letter}"], self[f"note_{letter}"]) for letter in PRACTICES)

    @property
    def roles(self) -> list[forms.BoundField]:
        """Who we are to it, and since when it is there."""
        return self._these("role", "takeover", "first_used_on", "redesigned_on")

    @property
    def circumstances(self) -> list[forms.BoundField]:
        """What else single duties depend on."""
        return self._these(*map(_group, CIRCUMSTANCES))

    @property
    def answers(self) -> dict[str, Any]:
        """What was answered, as a classification keeps it."""
        said = self.cleaned_data
        return {
            **{name: said[name] for name in ("role", "product_law", "profiles", "first_used_on", "redesigned_on")},
            **{name: said[name] or None for name in ("annex_iii_point", "exit_condition", "takeover")},
            "exit_assessment": said["exit_assessment"],
            "circumstances": sorted(name for head in CIRCUMSTANCES for name in said[_group(head)]),
            "practices": {
                letter: {"found": said[f"practice_{letter}"], "note": said[f"note_{letter}"]} for letter in PRACTICES
            },
        }


def _group(head: str) -> str:
    return head.lower().replace(" ", "_")


def answered(row: SystemClassification | None, point: str | None) -> dict[str, Any]:
    """What the form starts from: the newest answers, else the point that the system was given when it was added."""
    if row is None:
        return {"expected_revision": 0, "annex_iii_point": point or ""}
    names = ("annex_iii_point", "exit_condition", "takeover")
    kept = ("role", "product_law", "exit_assessment", "first_used_on", "redesigned_on")
    initial = {name: getattr(row, name) or "" for name in names} | {name: getattr(row, name) for name in kept}
    initial |= {"expected_revision": row.revision, "profiles": _word(row.profiles)}
    for head, circumstances in CIRCUMSTANCES.items():
        initial[_group(head)] = [name for name in row.circumstances if name in circumstances]
    for letter, answer in row.practices.items():
        initial |= {f"practice_{letter}": _word(answer["found"]), f"note_{letter}": answer["note"]}
    return initial


def _word(holds: bool) -> str:
    return "yes" if holds else "no"


class OrganisationForm(RevisedForm):
    """Who we are, for every paper that leaves the house."""

    name = _line("Name", required=True)
    address = _text("Address", required=True, most=1_000)
    email = forms.EmailField(label="E-mail", max_length=200)
    phone = _line("Telephone", most=60)
    identifier = _line("LEI or number in a register", most=60)
    representative = _text(
        "Authorised representative",
        "Only for a provider outside the Union (Art. 22): name, address and contact.",
        most=1_000,
    )
    member_states = _states()
    size = _choice("Size", SIZES)
    is_financial_institution = _yes_no(
        "Are you a regulated financial institution?",
        "One that Union law on financial services binds by rules on internal governance. Some duties are then deemed"
        " met (Art. 17(4), 26(5)), and the financial supervisor is the authority (Art. 74(6)).",
    )
    is_public_body = _yes_no(
        "Are you a public body?", "Public bodies register what they use, and assess its impact on fundamental rights."
    )
    field_order = (
        *("name", "address", "email", "phone", "identifier", "representative", "member_states", "size"),
        *("is_financial_institution", "is_public_body", "reason", "expected_revision"),
    )


def described(row: Organisation | None) -> dict[str, Any]:
    """What the form starts from."""
    if row is None:
        return {"expected_revision": 0}
    names = ("name", "address", "email", "phone", "identifier", "representative", "member_states", "size")
    initial = {name: getattr(row, name) for name in names}
    initial |= {name: _word(getattr(row, name)) for name in ("is_financial_institution", "is_public_body")}
    return {**initial, "expected_revision": row.revision}


class RegistrationForm(RevisedForm):
    """What Annex VIII and the technical documentation ask and nothing else in the registry says."""

    trade_name = _line("Trade name", "Empty: the system's name here.")
    reference = _line("Reference", "Any other mark by which it is found and traced. Empty: its address here.")
    functions = _text("Components and functions", "What its parts are and what they do, beside the purpose.")
    logic = _text("Operating logic", "How it comes from its inputs to an answer, basic and concise.")
    market_status = forms.ChoiceField(
        label="Market status", required=False, choices=[("", "as its releases say"), *MarketStatus.choices]
    )
    member_states = _states()
    submitter = _text("Who submits", "Only if somebody else does it for you: name, address and contact.", most=1_000)
    provider = _text("Provider", "Whoever provides the system that you use: name, address and contact.", most=1_000)
    entry_url = _address("The provider's entry in the EU database")
    supply_forms = _text("Forms in which it is supplied", "A service with an API, a package, part of a product …")
    hardware = _text("Hardware that it is meant for")
    integrations = _text("What it works together with", "Other hardware, software and AI systems.")
    certificate = _text("Certificate", "Type, number and expiry, and the notified body's name or number.", most=1_000)
    certificate_url = _address("Scan of the certificate")
    declaration_url = _address("Declaration of conformity")
    instructions_url = _address("Instructions for use")
    info_url = _address("More about it", "Optional (Annex VIII A(13)).")
    rights_summary = _text("Findings of the fundamental-rights impact assessment, in short")
    dpia_summary = _text("Data protection impact assessment, in short")

    def __init__(self, *args: Any, about: Classification | None, **kwargs: Any) -> None:
        """Without what the classification says is not asked; what was kept of it stays."""
        super().__init__(*args, **kwargs)
        for name in _not_asked(about) if about else ():
            del self.fields[name]
        self.order_fields([name for name in self.fields if name not in ("reason", "expected_revision")])


def _not_asked(c: Classification) -> Iterator[str]:
    if c.provides:
        yield "provider"
    else:
        yield from ("supply_forms", "hardware", "functions", "logic", "declaration_url", "instructions_url", "info_url")
    if not c.has(C.NOTIFIED_BODY):
        yield from ("certificate", "certificate_url")
    if not (c.deploys and c.is_public_deployer):
        yield from ("entry_url", "rights_summary", "dpia_summary")


def registered(row: Registration | None) -> dict[str, Any]:
    """What the form starts from."""
    if row is None:
        return {"expected_revision": 0}
    return {name: getattr(row, name) for name in (*RegistrationForm.base_fields, "revision") if hasattr(row, name)} | {
        "expected_revision": row.revision,
        "reason": "",
    }
