"""A proof file says where an entry stands, and can be checked with nothing but the log's key."""

from __future__ import annotations

import base64

import pytest

from audit.canonical import leaf_hash
from audit.log.cosignatures import cosigner_from_secret
from audit.log.notes import parse_vkey, signer_from_secret
from audit.log.proofs import ProofInvalid, check_proof, read_proof, write_proof
from audit.log.tiles import inclusion_proof

from .trees import path, tiles_of
from .vectors import CHECKPOINT_15, LEAVES, LOG_VKEY

LOG = parse_vkey(LOG_VKEY)
FIVE = leaf_hash(b"five")
HASHES_OF_FIVE = [
    "yiM+eia4w1wsk/Ukx7kF56IQVkDW3MWUaUz/VtJu+yU=",
    "nk9gCR+floFqznAPtqjjcnnV64dge2jQB95D5t164Hg=",
    "zY1lN35vrXYAPixXSd59LsU29xUJtuW4o2dNNg5Y2Co=",
    "5jLpqTgjsBDSEX6SgZiRnbTMdTuRd8bQ5tSsAOxe0Ks=",
]
PROOF_OF_FIVE = "\n".join(["c2sp.org/tlog-proof@v1", "index 4", *HASHES_OF_FIVE, "", CHECKPOINT_15])


def test_the_proof_of_five() -> None:
    tiles = tiles_of(LEAVES)
    hashes = inclusion_proof(4, 15, lambda level, n: tiles[level, n])
    assert write_proof(4, hashes, CHECKPOINT_15) == PROOF_OF_FIVE
    proven = check_proof(PROOF_OF_FIVE, leaf=FIVE, log=LOG)
    assert (proven.index, proven.checkpoint.size, proven.cosigned) == (4, 15, {})


def test_every_entry_of_the_log_is_proved_and_no_other() -> None:
    for index, leaf in enumerate(LEAVES):
        text = write_proof(index, path(index, LEAVES), CHECKPOINT_15, extra=b"")
        assert check_proof(text, leaf=leaf, log=LOG).index == index
        for other in LEAVES[:index] + LEAVES[index + 1 :]:
            with pytest.raises(ProofInvalid, match="is not entry"):
                check_proof(text, leaf=other, log=LOG)


def test_extra_data_comes_along_unsigned() -> None:
    text = write_proof(4, [base64.b64decode(value) for value in HASHES_OF_FIVE], CHECKPOINT_15, extra=b"\x00context")
    proof = read_proof(text)
    assert (proof.index, proof.extra, proof.checkpoint_note) == (4, b"\x00context", CHECKPOINT_15)
    assert write_proof(proof.index, proof.hashes, proof.checkpoint_note, proof.extra) == text
    assert read_proof(PROOF_OF_FIVE).extra is None


def test_known_witnesses_are_told_with_their_times() -> None:
    alice, bob = cosigner_from_secret("w.example/alice", "a"), cosigner_from_secret("w.example/bob", "b")
    text = CHECKPOINT_15.split("\n\n")[0] + "\n"
    seen = PROOF_OF_FIVE + alice.cosign(text, 7) + bob.cosign(text, 8)
    assert check_proof(seen, leaf=FIVE, log=LOG).cosigned == {}
    assert check_proof(seen, leaf=FIVE, log=LOG, witnesses=[bob.verifier]).cosigned == {bob.name: 8}
    both = check_proof(seen, leaf=FIVE, log=LOG, witnesses=[alice.verifier, bob.verifier]).cosigned
    assert both == {alice.name: 7, bob.name: 8}
    forged = PROOF_OF_FIVE + alice.cosign(text.replace("15", "14"), 7)
    with pytest.raises(ProofInvalid, match="does not hold"):
        check_proof(forged, leaf=FIVE, log=LOG, witnesses=[alice.verifier])


def test_a_checkpoint_of_another_key_proves_nothing() -> None:
    with pytest.raises(ProofInvalid, match="no known key"):
        check_proof(PROOF_OF_FIVE, leaf=FIVE, log=signer_from_secret("example.com/log/testdata", "x").verifier)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: text.replace("@v1", "@v2"),
        lambda text: text.replace("c2sp.org/tlog-proof@v1\n", ""),
        lambda text: text.replace("index 4\n", ""),
        lambda text: text.replace("index 4", "index 04"),
        lambda text: text.replace("index 4", "index -4"),
        lambda text: text.replace("index 4", "index  4"),
        lambda text: text.replace("index 4", "index 4 "),
        lambda text: text.replace("index 4", f"index {'4' * 5000}"),
        lambda text: text.replace("index 4", "index 4\nextra AAAA"),
        lambda text: text.replace("index 4", "extra A\nindex 4"),
        lambda text: text.replace("index 4", "extra AAAA\nextra AAAA\nindex 4"),
        lambda text: text.replace("\nindex 4", "\nextra AAAA"),
        lambda text: text.replace("yiM+", ""),
        lambda text: text.replace("+yU=", "+yV="),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n\nexample", "\nexample"),
        lambda text: text.replace("index 4\n", "index 4\n" + f"{HASHES_OF_FIVE[0]}\n" * 60),
    ],
)
def test_what_is_not_a_proof_file_is_refused(change) -> None:
    with pytest.raises(ProofInvalid):
        read_proof(change(PROOF_OF_FIVE))


def test_no_bit_of_a_proof_can_be_flipped() -> None:
    encoded = PROOF_OF_FIVE.encode()
    for bit in range(len(encoded) * 8):
        changed = bytearray(encoded)
        changed[bit // 8] ^= 1 << (bit % 8)
        try:
            text = changed.decode()
        except UnicodeDecodeError:
            continue
        with pytest.raises(ProofInvalid):
            check_proof(text, leaf=FIVE, log=LOG)
