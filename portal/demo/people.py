"""The demo's accounts. Pure data."""

from __future__ import annotations

from typing import NamedTuple

from portal.accounts.access import Role

PASSWORD = "demo"


class Person(NamedTuple):
    """One demo account."""

    username: str
    name: str
    role: Role

    @property
    def role_label(self) -> str:
        """The role in words."""
        return self.role.label


PEOPLE = (
    Person("lena", "Lena Lindqvist", Role.ML_LEAD),
    Person("lars", "Lars Lorenz", Role.ML_LEAD),
    Person("clara", "Clara Conti", Role.COMPLIANCE),
    # A legal hold is lifted by another officer than the one who placed it.
    Person("carl", "Carl Castell", Role.COMPLIANCE),
    Person("sam", "Sam Sørensen", Role.SUPPORT),
    Person("ava", "Ava Abara", Role.AUDITOR),
)
