"""What the demo's people sign in the dossier of the mortgage system: a handful of points; the rest stays missing.

Lena writes two when version 1 goes live. They are stale by the end of the story, since version 2 is another kind of
model and another release: that is what the dossier is for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from django.utils import timezone

from portal.accounts.access import Actor
from portal.accounts.models import User
from registry.dossier.queries import default_version, newest_statement
from registry.dossier.services import Writing, sign_statement
from registry.models import System


class Said(NamedTuple):
    """Who signs what on which point."""

    item: str
    by: str
    text: str
    kind: str = "statement"
    reason: str = ""


EARLY = (
    Said(
        "annex-iv.1.b",
        "lena",
        "The loan desk's program sends an application and gets an answer back, with the score. No other AI system takes"
        " part, and nothing is sent on from here.",
    ),
    Said(
        "annex-iv.2.b",
        "lena",
        "A **logistic regression** on scaled numbers and one-hot words estimates the probability that an application is"
        " denied. We chose it because each coefficient can be read by a credit officer.\n\n"
        "- *Assumption:* applicants of today resemble those of Boston in 1990. They do not; the data are all we have.\n"
        "- *What is optimised:* log loss, which wants honest probabilities rather than a good ranking alone.\n"
        "- *Trade-off:* a straight line misses that high debts matter more with a bad credit history.",
    ),
)
LATE = (
    Said(
        "annex-iv.1.a",
        "lena",
        "The system says whether the bank grants a mortgage to a private person. It is made for applications at our"
        " own loan desk, and for nothing else: no prices, no offers, no other products. The provider is the bank"
        " itself, which also uses it. Each version is trained anew on the same applications; what differs is the kind"
        " of model.",
    ),
    Said(
        "annex-iv.2.e",
        "lena",
        "Three things keep a person in charge. A denial can be disputed, and **another person** than the one who took"
        " the case in decides it; they may overturn it whatever the score. The explanation shows which inputs moved the"
        " score and what would have changed the answer. And production goes back to the version before by one button,"
        " as it did after version 3.\n\n"
        "What is **not** enough yet: nobody looks at grants, and the desk has no written guide to the score.",
    ),
    Said(
        "annex-iv.4",
        "lena",
        "About one in eight of these applications was denied (285 of 2,380). Accuracy would look good for a model that"
        " grants everything, so we look at:\n\n"
        "| metric | why it fits |\n|---|---|\n"
        "| ROC AUC | ranks applicants without regard to the threshold |\n"
        "| Brier score | the score is read as a probability, so it has to be one |\n"
        "| recall at the threshold | a denial that is missed is a loan that goes bad |\n\n"
        "None of them says whether a denial was *right*: the label is what underwriters decided in 1990, and their bias"
        " is in it. That is why the rates by group are shown beside them.",
    ),
    Said(
        "annex-iv.5",
        "clara",
        "Risks are kept in the register, each with who may be harmed, how likely and how badly, before and after what"
        " we do about it. Whoever writes a risk down does not accept it. The register is gone through when a version is"
        " submitted, and whenever a dispute overturns a decision.\n\n"
        "Thresholds of the tests are set before the tests are run, by compliance. Waivers have a name and a reason.",
    ),
    Said(
        "annex-iv.2.f",
        "lena",
        "",
        "not_applicable",
        "No change is fixed in advance, and the model does not learn in production. Each new version is registered,"
        " checked and approved anew.",
    ),
    Said(
        "annex-iv.6",
        "clara",
        "Version 3 was in production for 200 applications and was rolled back. I take none of the changes so far for a"
        " substantial modification: purpose, inputs and people concerned are the same.",
    ),
)


def sign(said: tuple[Said, ...], system: System, say: Callable[[str], None]) -> None:
    """Sign what of it is not signed yet, on the evidence of the version that is live."""
    seen, signed = default_version(system), []
    for words in said:
        if newest_statement(system, words.item) is None:
            writing = Writing(text=words.text, kind=words.kind, reason=words.reason)
            about = {"actor": _actor(words.by), "system": system, "item": words.item, "now": timezone.now()}
            sign_statement(seen=seen, writing=writing, **about)
            signed.append(words.item)
    if signed:
        say(f"signed in the dossier: {', '.join(signed)}")


def _actor(username: str) -> Actor:
    return User.objects.get(username=username).actor
