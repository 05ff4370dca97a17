"""Receipts: the gateway's signed promise, given with each answer, that its leaf will be in a checkpoint.

Who holds a receipt and is given no proof within the hour holds evidence that a record was taken away.
"""

from __future__ import annotations

import uuid

from audit.log.notes import signer_from_secret
from audit.log.receipts import sign_receipt


class Receipts:
    """Signs with the gateway's own key, never with the log's."""

    def __init__(self, origin: str, secret: str) -> None:
        self._origin = origin
        self._signer = signer_from_secret(f"{origin}/gateway", secret)

    def sign(self, entry: uuid.UUID, leaf: bytes) -> str:
        """The receipt as a signed note (C2SP): the same entry always gives the same one."""
        return sign_receipt(self._signer, self._origin, entry, leaf, entry.int >> 80)
