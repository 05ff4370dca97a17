"""Where the published vectors are, and the published log of fifteen words as values that every checkout has."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from audit.canonical import leaf_hash
from audit.log.notes import Signer

VECTORS = Path(__file__).resolve().parents[4] / "shared" / "vectors"
published = pytest.mark.skipif(not VECTORS.is_dir(), reason="the published vectors are not beside the checkout")

# transparency-dev/tessera, testdata/build_log.sh and testdata/log/checkpoint.15
ORIGIN = "example.com/log/testdata"
LOG_VKEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
LOG_SECRET = "PRIVATE+KEY+example.com/log/testdata+33d7b496+AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg"
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eit", "nain", "ten"]
WORDS += ["ileven", "twelf", "threeten", "fourten", "fivten"]
LEAVES = [leaf_hash(word.encode()) for word in WORDS]
CHECKPOINT_15 = """\
example.com/log/testdata
15
rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=

— example.com/log/testdata M9e0luh4jTG+UMBqOUo9/q+yAEvx1ilBEniMvjf1zfcBOhg+CKubMt53MvIt/uEWP6zdkdIQzd/fmwlM/dlPWF74ewI=
"""


def seed_of(go_secret: str) -> bytes:
    """The Ed25519 seed in a Go `PRIVATE+KEY+<name>+<id>+<base64>`."""
    # The base64 itself may hold plus signs: it is the fifth field and all that follows.
    return base64.b64decode(go_secret.split("+", 4)[4])[1:]


def log_signer() -> Signer:
    """The published log's key."""
    return Signer(ORIGIN, seed_of(LOG_SECRET))
