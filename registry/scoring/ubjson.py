"""A check that UBJSON, as XGBoost writes it, is complete: XGBoost's own reader crashes where it is not."""

from __future__ import annotations

from .problems import ArtifactRefused

MAX_DEPTH = 64
_FIXED = {
    b"i": 1,
    b"U": 1,
    b"C": 1,
    b"I": 2,
    b"l": 4,
    b"d": 4,
    b"L": 8,
    b"D": 8,
    b"T": 0,
    b"F": 0,
    b"Z": 0,
    b"N": 0,
}
_WHOLE = {b"i", b"U", b"I", b"l", b"L"}


def check_ubjson(data: bytes) -> None:
    """Raise ArtifactRefused unless the bytes are one whole UBJSON object and nothing else."""
    end = _Walk(data).value(0, 0)
    if end != len(data):
        raise ArtifactRefused("artifact_unreadable", "The UBJ file goes on after its end.")


def whole_numbers(data: bytes, name: str) -> list[int] | None:
    """The list of whole numbers under this name at the top of a checked file, or None if there is none."""
    walk, at = _Walk(data), 1
    while walk.take(at, 1) != b"}":
        length, start = walk.count(at)
        end = walk.skip(start, length)
        if data[start:end] == name.encode():
            return walk.numbers(end)
        at = walk.value(end, 1)
    return None


class _Walk:
    """Steps over values without building them; every method returns the position after what it read."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def value(self, at: int, depth: int) -> int:
        return self.typed(self.take(at, 1), at + 1, depth)

    def typed(self, kind: bytes, at: int, depth: int) -> int:
        if depth > MAX_DEPTH:
            raise ArtifactRefused(
                "artifact_unreadable", f"The UBJ file is nested deeper than {MAX_DEPTH} levels."
            )
        if kind in _FIXED:
            return self.skip(at, _FIXED[kind])
        if kind in (b"S", b"H"):
            return self.text(at)
        if kind == b"{":
            return self.object(at, depth + 1)
        if kind == b"[":
            return self.array(at, depth + 1)
        raise ArtifactRefused("artifact_unreadable", "The file is not UBJ as XGBoost writes it.")

    def object(self, at: int, depth: int) -> int:
        while self.take(at, 1) != b"}":
            at = self.value(self.text(at), depth)
        return at + 1

    def array(self, at: int, depth: int) -> int:
        kind = None
        if self.take(at, 1) == b"$":
            kind, at = self.take(at + 1, 1), at + 2
        if self.take(at, 1) != b"#":
            if kind is not None:
                raise ArtifactRefused(
                    "artifact_unreadable", "The UBJ file has a typed array without a length."
                )
            while self.take(at, 1) != b"]":
                at = self.value(at, depth)
            return at + 1
        count, at = self.count(at + 1)
        if kind in _FIXED and kind is not None:
            return self.skip(at, count * _FIXED[kind])
        for _ in range(count):
            at = self.value(at, depth) if kind is None else self.typed(kind, at, depth)
        return at

    def numbers(self, at: int) -> list[int] | None:
        """The list that begins here, as XGBoost writes a short one: `[#`, its length, its numbers."""
        if self.take(at, 2) != b"[#":
            return None
        length, at = self.count(at + 2)
        found = []
        for _ in range(length):
            number, at = self.count(at)
            found.append(number)
        return found

    def text(self, at: int) -> int:
        count, at = self.count(at)
        return self.skip(at, count)

    def count(self, at: int) -> tuple[int, int]:
        kind = self.take(at, 1)
        if kind not in _WHOLE:
            raise ArtifactRefused("artifact_unreadable", "The file is not UBJ as XGBoost writes it.")
        size = _FIXED[kind]
        number = int.from_bytes(self.take(at + 1, size), "big", signed=kind != b"U")
        if number < 0:
            raise ArtifactRefused("artifact_unreadable", "The UBJ file has a negative length.")
        return number, at + 1 + size

    def take(self, at: int, size: int) -> bytes:
        self.skip(at, size)
        return self.data[at : at + size]

    def skip(self, at: int, size: int) -> int:
        if at + size > len(self.data):
            raise ArtifactRefused("artifact_truncated", "The UBJ file ends in the middle: it was cut short.")
        return at + size
