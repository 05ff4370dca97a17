"""A system that trusts the tests' own CI."""

from __future__ import annotations

import pytest

from portal.accounts.models import User
from registry.models import TrustedSource
from tests import ci_tokens


@pytest.fixture
def trusted(compliance: User) -> TrustedSource:
    """The system trusts the main branch of acme/credit."""
    return ci_tokens.trust()
