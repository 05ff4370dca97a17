"""Payloads open with their own key, in their own place, and in no other way."""

from __future__ import annotations

import uuid

import pytest

from audit.encryption import Keyring, Keys, KeyUnknown, Unreadable, Wrapped, commitment, kek_id, open_part, seal_part

ENTRY, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
KEY = bytes(range(32))


def test_a_part_opens_to_what_was_sealed_and_commits_to_it() -> None:
    stored, said = seal_part(KEY, ENTRY, 1, b"content")
    blinding, content = open_part(KEY, ENTRY, 1, stored)
    assert content == b"content" and len(blinding) == 32 and said == commitment(blinding, content)
    assert b"content" not in stored and seal_part(KEY, ENTRY, 1, b"content")[0] != stored


@pytest.mark.parametrize("key,entry,part", [(KEY, OTHER, 1), (KEY, ENTRY, 2), (bytes(32), ENTRY, 1)])
def test_moved_to_another_row_it_does_not_open(key: bytes, entry: uuid.UUID, part: int) -> None:
    stored, _ = seal_part(KEY, ENTRY, 1, b"content")
    with pytest.raises(Unreadable):
        open_part(key, entry, part, stored)


def test_a_changed_byte_is_noticed() -> None:
    stored, _ = seal_part(KEY, ENTRY, 1, b"content")
    for position in range(len(stored)):
        changed = bytearray(stored)
        changed[position] ^= 1
        with pytest.raises(Unreadable):
            open_part(KEY, ENTRY, 1, bytes(changed))


def test_keys_are_wrapped_for_one_entry_and_by_a_named_key() -> None:
    ring = Keyring(["new", "old"])
    kept = ring.wrap(KEY, ENTRY)
    assert (kept.kek, len(kept.wrapped)) == (kek_id("new"), 60) and ring.unwrap(kept, ENTRY) == KEY
    with pytest.raises(Unreadable):
        ring.unwrap(kept, OTHER)
    assert ring.unwrap(Keyring(["old"]).wrap(KEY, ENTRY), ENTRY) == KEY
    with pytest.raises(KeyUnknown):
        Keyring(["old"]).unwrap(kept, ENTRY)
    with pytest.raises(KeyUnknown):
        ring.unwrap(Wrapped(b"????", kept.wrapped), ENTRY)


def test_a_rotation_is_seen_when_asked_for() -> None:
    secrets = ["first"]
    keys = Keys(lambda: secrets)
    kept = keys.ring().wrap(KEY, ENTRY)
    secrets.insert(0, "second")
    assert keys.ring().current == kek_id("first")
    assert keys.refresh().current == kek_id("second") and keys.ring().unwrap(kept, ENTRY) == KEY
