"""What the papers say and must be said in every language: collected from the code; `python -m` this to renew the files.

`registry/locale/<language>/LC_MESSAGES/django.po` is written by people, `django.mo` beside it is made from it here: the
programs of gettext are on no fresh machine.
"""

from __future__ import annotations

import ast
import io
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()

from explain.models import Outcome
from portal.accounts.access import Role
from registry.cards.queries import METRICS
from registry.checking.findings import Verdict
from registry.checking.gates import BY_KIND
from registry.classification.facts import (
    CIRCUMSTANCE_WORDS,
    CIRCUMSTANCES,
    EXITS,
    MEMBER_STATES,
    POINTS,
    ROLES,
    SIZES,
    TAKEOVERS,
)
from registry.dossier.states import PointState
from registry.lifecycle import State
from registry.models import Causality, IncidentState, Kind, MarketStatus, RiskClass, Strategy
from registry.models.risks import ControlKind, RiskSource
from registry.practices import PRACTICES
from registry.risks.rating import LIKELIHOOD, SEVERITY

ROOT = Path(__file__).parents[4]
LOCALE = ROOT / "registry" / "locale"
# Headings of the file that say nothing, or change from day to day.
NOISE = re.compile(rb'^"(?:Report-Msgid|POT-|PO-|Last-T|Language-Team|Generated-By|Project-Id)[^"]*"\n', re.MULTILINE)
KEYWORDS = {"_": None, "gettext": None, "gettext_noop": None, "pgettext": ((1, "c"), 2)}
# Where sentences are marked for translation.
MARKED = ("registry/dossier/papers/", "registry/dossier/contributions/", "explain/dossier.py")
# Pure modules, which know no Django: their sentences are told by their look.
PURE = ("registry/dossier/states.py", "registry/classification/duties.py")
# Words that contributors put into their sentences, and questions of the classification with their answers.
VALUES = (
    *("yes", "no", "none", "none.", "not named", "an unknown number of", "unnamed", "not used", "none of it"),
    *("registry", "audit", "explain", "provider", "deployer", "both", "provider and deployer", "compliance"),
    *("ml_lead", "either role", "about", "accepted", "closed", "open", "no serious incident"),
    *("a public body", "a private body", "by default", "binary classification", "regression"),
    *("the reviewer first judges without the model's answer", "the answer is in sight", "Nothing was shown."),
    *("a repository that is not named", "libraries that the file does not name", "for ever: no end was set"),
    *("Risk class", "Role", "How we became its provider", "Annex III", "Product of Annex I", "Profiles people"),
    *("Exit of Art. 6(3)", "Why it is not high-risk", "First used", "Design changed"),
)
RISKS = (ControlKind, RiskSource)
Msgid = tuple[str | None, str]


def msgids() -> set[Msgid]:
    """Everything that a paper may say, each with its context."""
    return {*marked(), *((None, said) for path in PURE for said in sentences(ROOT / path)), *values()}


def marked() -> Iterator[Msgid]:
    """What the code marks for translation."""
    for folder in (ROOT / "registry" / "dossier", ROOT / "explain"):
        for name, _line, said, _comments, context in extract_from_dir(folder, keywords=KEYWORDS):
            path = (folder / name).relative_to(ROOT).as_posix()
            if path.startswith(MARKED):
                yield context, str(said)


def sentences(path: Path) -> Iterator[str]:
    """The strings of a module that people read: they have places to fill, or are whole sentences."""
    tree = ast.parse(path.read_text())
    nodes = [node for node in ast.walk(tree) if hasattr(node, "body") and isinstance(node.body, list)]
    docs = {id(node.body[0].value) for node in nodes if node.body and isinstance(node.body[0], ast.Expr)}
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs | parts:
            text = node.value.strip()
            if "%(" in text or (len(text) > 3 and text.endswith(".") and text[0].isupper()):
                yield text


def values() -> Iterator[Msgid]:
    """Words that fill places: kinds, states and the like, which are known beforehand."""
    said = chain(
        (gate.title for gate in BY_KIND.values()),
        (*METRICS.values(), *SEVERITY.values(), *LIKELIHOOD.values()),
        map(str, Verdict),
        map(str, State),
        (str(state).replace("_", " ") for state in IncidentState),
        (word for choices in (RiskClass, Kind, MarketStatus, Outcome, *RISKS) for word in choices.labels),
        (word.lower() for choices in (Strategy, Outcome, Kind, Causality) for word in choices.labels),
        (word for role in Role for word in (role.label, role.label.lower())),
        (*CIRCUMSTANCE_WORDS.values(), *ROLES.values(), *TAKEOVERS.values(), *MEMBER_STATES.values(), *EXITS.values()),
        (*(size.lower() for size in SIZES.values()), *(point.lower() for point in POINTS.values())),
        (f"({letter}) {words}" for letter, words in EXITS.items()),
        (*POINTS.values(), *PRACTICES.values(), *CIRCUMSTANCES),
        VALUES,
    )
    yield from ((None, state.label) for state in PointState)
    yield from (("value", word) for word in said)


def read(language: str) -> Catalog:
    """What people wrote in the language."""
    with (LOCALE / language / "LC_MESSAGES" / "django.po").open("rb") as file:
        catalog = read_po(file, locale=language)
    # The same file is compiled to the same bytes on every day.
    catalog.creation_date = catalog.revision_date = datetime(2026, 1, 1, tzinfo=UTC)
    return catalog


def compiled(catalog: Catalog) -> bytes:
    """The catalog as Django reads it."""
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def main() -> None:
    """Add what is new to each language, drop what nobody says any more, and compile."""
    wanted = msgids()
    for folder in sorted(LOCALE.iterdir()):
        catalog = read(folder.name)
        for message in [message for message in catalog if message.id and (message.context, message.id) not in wanted]:
            catalog.delete(message.id, message.context)
        for context, said in sorted(wanted, key=lambda each: (each[0] or "", each[1])):
            if catalog.get(said, context) is None:
                catalog.add(said, context=context)
        catalog.obsolete.clear()
        out = io.BytesIO()
        write_po(out, catalog, sort_output=True, width=110)
        (folder / "LC_MESSAGES" / "django.po").write_bytes(NOISE.sub(b"", out.getvalue()))
        (folder / "LC_MESSAGES" / "django.mo").write_bytes(compiled(read(folder.name)))
        print(folder.name, sum(1 for message in catalog if message.id and not message.string), "without words")


if __name__ == "__main__":
    main()
