"""The portal's key-encryption keys, and the keys of entries that they open."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from functools import cache, partial

from django.conf import settings

from audit.encryption import Keyring, Keys, KeyUnknown, Wrapped
from audit.models import Key
from portal.vault import data_keys


def keyring() -> Keyring:
    """The key-encryption keys as they stand now."""
    return _keys().ring()


def entry_key(row: Key) -> bytes | None:
    """The entry's key; None for an erased one. `KeyUnknown` when what wrapped it is gone, `Unreadable` when changed."""
    if row.wrapped is None:
        return None
    kept = Wrapped(bytes(row.kek), bytes(row.wrapped))
    try:
        return keyring().unwrap(kept, row.entry_id)
    except KeyUnknown:
        # Another process may just have begun a rotation.
        return _keys().refresh().unwrap(kept, row.entry_id)


def entry_keys(entries: Iterable[uuid.UUID]) -> dict[uuid.UUID, bytes]:
    """The keys of those entries that still have one."""
    rows = Key.objects.filter(entry_id__in=list(entries), wrapped__isnull=False)
    return {row.entry_id: key for row in rows if (key := entry_key(row)) is not None}


@cache
def _keys() -> Keys:
    return Keys(partial(data_keys, settings.VAR_DIR))
