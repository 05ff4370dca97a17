"""The judgement of a witness: which checkpoints it cosigns, and what it answers to all others."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from audit.log.checkpoints import Checkpoint, CheckpointInvalid, parse_checkpoint
from audit.log.cosignatures import Cosigner
from audit.log.merkle import EMPTY_ROOT, verify_consistency
from audit.log.notes import NoteInvalid, Opened, Untrusted, Verifier, open_note, split_note
from audit.witnessing.memory import Memory, MemoryUnavailable
from audit.witnessing.protocol import SIZE_TYPE, AddCheckpoint, RequestInvalid, origin_digest, read_request

log = logging.getLogger(__name__)


class Refused(Exception):
    """A request that is not granted: HTTP status, and the text that goes back."""

    def __init__(self, status: int, text: str, content_type: str = "text/plain") -> None:
        super().__init__(text)
        self.status = status
        self.text = f"{text}\n"
        self.content_type = content_type


class Witness:
    """Cosigns for the logs whose keys it was given, and for each only what goes on from what it cosigned last."""

    def __init__(
        self, cosigner: Cosigner, logs: Iterable[Verifier], memory: Memory, now: Callable[[], float] = time.time
    ) -> None:
        self.vkey = cosigner.vkey
        self._cosigner = cosigner
        self._memory = memory
        self._now = now
        self._keys: dict[str, list[Verifier]] = {}
        for verifier in logs:
            self._keys.setdefault(verifier.name, []).append(verifier)

    def add_checkpoint(self, body: bytes) -> str:
        """The cosignature line for the checkpoint in the request, which is remembered before this returns.

        `Refused` with 400 (no request, or old size beyond the new one), 404 (log unknown), 403 (not signed by the
        log), 409 with the size seen last (old size is another one), 422 (no proof, or another tree of the same
        size), 503 (the memory cannot be trusted now).
        """
        request, opened, checkpoint = self._read(body)
        try:
            with self._memory.locked(checkpoint.origin):
                return self._cosign(request, opened, checkpoint)
        except MemoryUnavailable as error:
            log.error("%s: nothing is cosigned: %s", checkpoint.origin, error)
            raise Refused(503, "the witness cannot keep what it would sign; try again later") from error

    def latest(self, digest: str) -> str:
        """The note cosigned last for the log with that `origin_digest`; `Refused` with 404 where there is none."""
        note = self._memory.latest_by_digest(digest) if digest in map(origin_digest, self._keys) else None
        if note is None:
            raise Refused(404, "nothing was cosigned for this log")
        return note

    def problems(self) -> list[str]:
        """Why a log's checkpoints cannot be cosigned; empty when all can."""
        found = []
        for origin in self._keys:
            try:
                self._seen(origin)
            except MemoryUnavailable as error:
                found.append(f"{origin}: {error}")
        return found

    def contradictions(self) -> list[str]:
        """Logs that signed two trees of one size; the second is kept as `<origin digest>.contradiction`."""
        return [origin for origin in self._keys if self._memory.contradiction(origin) is not None]

    def _read(self, body: bytes) -> tuple[AddCheckpoint, Opened, Checkpoint]:
        """The request, once a log that is known has signed what it asks to cosign."""
        try:
            request = read_request(body)
            checkpoint = parse_checkpoint(split_note(request.note)[0])
        except (RequestInvalid, NoteInvalid, CheckpointInvalid) as error:
            raise Refused(400, str(error)) from None
        keys = self._keys.get(checkpoint.origin)
        if keys is None:
            raise Refused(404, "unknown log")
        try:
            opened = open_note(request.note, keys)
        except Untrusted as error:
            raise Refused(403, f"invalid signature: {error}") from None
        if request.old_size > checkpoint.size:
            raise Refused(400, "the old size is larger than the checkpoint")
        return request, opened, checkpoint

    def _cosign(self, request: AddCheckpoint, opened: Opened, checkpoint: Checkpoint) -> str:
        """The heart, under the log's lock: compare, sign, remember, and only then answer."""
        seen, seconds = self._seen(checkpoint.origin)
        if request.old_size != seen.size:
            raise Refused(409, str(seen.size), SIZE_TYPE)
        if checkpoint.size == seen.size and checkpoint.root != seen.root:
            self._memory.keep_contradiction(checkpoint.origin, request.note)
            log.error("%s signed two trees of size %d; the second is kept", checkpoint.origin, seen.size)
            raise Refused(422, "the log signed another tree of this size before")
        if not _goes_on(seen, checkpoint, request.proof):
            log.warning("%s: no proof that %d goes on from %d", checkpoint.origin, checkpoint.size, seen.size)
            raise Refused(422, "the consistency proof does not hold")
        # A clock that was set back must not make the larger tree look older than the smaller one.
        line = self._cosigner.cosign(opened.text, max(int(self._now()), seconds))
        signatures = "".join(signature.line for signature in opened.signatures)
        self._memory.replace(checkpoint.origin, f"{opened.text}\n{signatures}{line}")
        return line

    def _seen(self, origin: str) -> tuple[Checkpoint, int]:
        """What was cosigned last for the log, and when; the empty log where nothing was.

        `MemoryUnavailable` where the file is not what this witness itself signed: taking it for nothing would
        be to sign a fork.
        """
        note = self._memory.latest(origin)
        if note is None:
            return Checkpoint(origin, 0, EMPTY_ROOT), 0
        try:
            opened = open_note(note, [self._cosigner.verifier])
            checkpoint = parse_checkpoint(opened.text)
            seconds = self._cosigner.verifier.verify_line(opened.signatures[0].line, opened.text)
        except (NoteInvalid, CheckpointInvalid) as error:
            raise MemoryUnavailable(f"the checkpoint kept last is not what this witness signed: {error}") from None
        if checkpoint.origin != origin:
            raise MemoryUnavailable("the checkpoint kept last is another log's")
        return checkpoint, seconds


def _goes_on(seen: Checkpoint, new: Checkpoint, proof: tuple[bytes, ...]) -> bool:
    if seen.size == 0:
        return not proof and (new.size > 0 or new.root == EMPTY_ROOT)
    return verify_consistency(size1=seen.size, size2=new.size, root1=seen.root, root2=new.root, proof=proof)
