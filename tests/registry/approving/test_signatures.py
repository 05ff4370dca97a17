"""Signatures counted: a person counts once, for the role that helps most."""

from __future__ import annotations

import pytest

from registry.approving.signatures import missing_signatures, stricter

LEAD, OFFICER, BOTH = frozenset({"ml_lead"}), frozenset({"compliance"}), frozenset({"ml_lead", "compliance"})


@pytest.mark.parametrize(
    "needed,signers,missing",
    [
        ({"any": 1}, [], {"any": 1}),
        ({"any": 1}, [LEAD], {}),
        ({"compliance": 1}, [LEAD], {"compliance": 1}),
        ({"compliance": 1}, [LEAD, OFFICER], {}),
        ({"compliance": 1, "ml_lead": 1}, [BOTH], {"compliance": 1}),
        ({"compliance": 1, "ml_lead": 1}, [BOTH, OFFICER], {}),
        ({"compliance": 1, "ml_lead": 1}, [BOTH, LEAD], {}),
        ({"compliance": 1, "any": 1}, [OFFICER], {"any": 1}),
        ({"compliance": 1, "any": 1}, [LEAD, OFFICER], {}),
        ({"compliance": 2}, [OFFICER], {"compliance": 1}),
        ({"compliance": 1}, [frozenset()], {"compliance": 1}),
    ],
)
def test_what_is_missing(needed: dict[str, int], signers: list[frozenset[str]], missing: dict[str, int]) -> None:
    left = missing_signatures(needed, signers)
    assert sum(left.values()) == sum(missing.values())
    if missing and len(needed) == 1:
        assert left == missing


def test_of_two_rules_the_stricter_holds_for_each_role() -> None:
    assert stricter({"compliance": 1}, {"ml_lead": 1}) == {"compliance": 1, "ml_lead": 1}
    assert stricter({"compliance": 1}, {"compliance": 2}) == {"compliance": 2}
