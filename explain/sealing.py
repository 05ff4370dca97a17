"""What is kept of a person in a case or a report is encrypted under the key of the decision that it is about.

    key     HKDF-SHA256(the decision's key, info "explain/case/v1"), so that what opens a case opens no decision
    stored  nonce (12 random bytes) ‖ AES-256-GCM(key, nonce, content), bound to the decision and to its place

Erasing the decision's personal data destroys its key: reports, claims, notes, files, rulings and letters go with it, in
this database and, once the data key was rotated, in every backup.
"""

from __future__ import annotations

import logging
import os
import uuid

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from audit.encryption import KeyUnknown, Unreadable
from audit.keys import entry_keys
from portal.errors import Conflict

log = logging.getLogger(__name__)
NONCE_BYTES = 12
_INFO = b"explain/case/v1"


class Damaged(Conflict):
    """The stored bytes, or the key, do not open: they were changed, or moved from another place."""

    code = "damaged"

    def __init__(self, decision: uuid.UUID, place: str = "key") -> None:
        log.error("What is kept at %s of the cases about %s does not open", place, decision)
        super().__init__("What is kept of this was changed outside the product and does not open.")


class Seal:
    """Seals and opens what belongs to one decision's cases. `is_broken` when the decision's data was erased."""

    def __init__(self, decision: uuid.UUID) -> None:
        self._decision = decision
        try:
            key = entry_keys([decision]).get(decision)
        except (KeyUnknown, Unreadable):
            raise Damaged(decision) from None
        self._aead = AESGCM(HKDFExpand(SHA256(), 32, _INFO).derive(key)) if key else None

    @property
    def is_broken(self) -> bool:
        """True when nothing can be read or added any more."""
        return self._aead is None

    def seal(self, place: str, content: bytes) -> bytes:
        """The bytes to store; `Conflict` where the decision's data was erased."""
        if self._aead is None:
            words = "The personal data of this decision was erased, so nothing about the person can be added."
            raise Conflict(words, code="erased")
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, content, self._bound_to(place))

    def open(self, place: str, stored: bytes | memoryview | None) -> bytes | None:
        """The content; None where nothing was kept or it was erased. `Damaged` when the bytes are not ours."""
        if stored is None or self._aead is None:
            return None
        kept = bytes(stored)
        try:
            return self._aead.decrypt(kept[:NONCE_BYTES], kept[NONCE_BYTES:], self._bound_to(place))
        except InvalidTag:
            raise Damaged(self._decision, place) from None

    def open_text(self, place: str, stored: bytes | memoryview | None) -> str:
        """The same as text; empty where there is none."""
        return (self.open(place, stored) or b"").decode()

    def _bound_to(self, place: str) -> bytes:
        return self._decision.bytes + place.encode()
