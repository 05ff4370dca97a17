"""Interventional Shapley values of a sum of trees, exact, with raw inputs as players.

A leaf is reached when every player (raw input) on its path satisfies its conditions. For the explained row x
and a background row z, a player that only x satisfies must come from x, one that only z satisfies must come
from z, and one that neither satisfies makes the leaf unreachable. With `a` players of the first kind and `b`
of the second the leaf's value counts (a−1)! b! / (a+b)! for each of the first and −a! (b−1)! / (a+b)! for
each of the second (Lundberg et al. 2020, Nature Machine Intelligence 2, 56–67, algorithm 3; here over groups
of encoded columns).

Only the *pattern* of satisfied players matters about z, so the whole background is folded, once per version,
into counts of distinct patterns per leaf. A decision then costs the number of (leaf, pattern) pairs, not
leaves × rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.methods.readers import MAX_LEVELS, Ints, Nodes
from explain.methods.subject import Matrix, MethodRefused

CELLS = 4_000_000  # (condition, row) cells held at once: about 100 MB with temporaries
PATH_BYTES = 200_000_000


@dataclass(frozen=True)
class Conditions:
    """Path conditions sorted by leaf, then player: low < value ≤ high, or value's bit in `levels`."""

    leaf: NDArray[Any]  # 32-bit: there are millions
    player: NDArray[Any]
    column: NDArray[Any]
    low: Matrix
    high: Matrix
    missing: NDArray[np.bool_]
    levels: NDArray[np.uint64] | None

    def take(self, chosen: Any) -> Conditions:
        levels = None if self.levels is None else self.levels[chosen]
        return Conditions(
            self.leaf[chosen],
            self.player[chosen],
            self.column[chosen],
            self.low[chosen],
            self.high[chosen],
            self.missing[chosen],
            levels,
        )

    def hold(self, encoded: Matrix) -> NDArray[np.bool_]:
        """Which conditions hold for which encoded rows, shape (conditions, rows)."""
        values = encoded.T[self.column]
        held = (values > self.low[:, None]) & (values <= self.high[:, None])
        if self.levels is not None:
            listed = np.flatnonzero(self.levels != ~np.uint64(0))
            codes = np.nan_to_num(values[listed], nan=MAX_LEVELS)
            bits = self.levels[listed, None] >> np.minimum(codes, MAX_LEVELS).astype(np.uint64)
            held[listed] &= (bits & np.uint64(1)) > 0
        if np.isnan(encoded).any():
            held = np.where(np.isnan(values), self.missing[:, None], held)
        return held


@dataclass(frozen=True)
class LeafTable:
    """Leaves with their conditions, and the background folded into entries: a pattern and how many rows have
    it.

    Entries stay small (4 to 10 bytes): a large forest on many inputs has tens of millions, and a worker keeps
    several versions warm.
    """

    conditions: Conditions
    value: Matrix
    slot_start: Ints  # first condition of each (leaf, player), and the end
    leaf_start: Ints  # first slot of each leaf, and the end
    full: NDArray[Any]  # pattern with every player satisfied
    slot_players: Ints  # (leaves, most slots); `player_count` where a leaf has fewer
    player_count: int
    constant: float
    rows: int  # of the background
    entry_start: Ints  # first entry of each leaf, and the end
    entry_pattern: NDArray[Any]
    entry_count: NDArray[np.uint16]

    def patterns(self, encoded: Matrix, first: int = 0, last: int | None = None) -> NDArray[Any]:
        """Satisfied players of leaves first … last per row, as bits, shape (leaves, rows)."""
        last = len(self.value) if last is None else last
        slots = slice(self.leaf_start[first], self.leaf_start[last])
        starts = self.slot_start[slots.start : slots.stop + 1]
        held = self.conditions.take(slice(starts[0], starts[-1])).hold(encoded)
        begin, counts = starts[:-1] - starts[0], np.diff(starts)
        # Few conditions per slot, few slots per leaf: whole rows at a time is ten times faster than reduceat.
        satisfied = held[begin]
        for extra in range(1, int(counts.max())):
            longer = np.flatnonzero(counts > extra)
            satisfied[longer] &= held[begin[longer] + extra]
        leaves = self.leaf_start[first : last + 1] - slots.start
        found = np.zeros((last - first, len(encoded)), dtype=self.full.dtype)
        for slot in range(int(np.diff(leaves).max())):
            wider = np.flatnonzero(np.diff(leaves) > slot)
            found[wider] |= satisfied[leaves[wider] + slot].astype(found.dtype) << found.dtype.type(slot)
        return found

    def shapley(self, encoded: Matrix) -> Matrix:
        """Exact values per player for one encoded row, shape (players,); they sum to margin − base."""
        if not len(self.value):
            return np.zeros(self.player_count)
        mine = self.patterns(encoded.reshape(1, -1))[:, 0]
        total = np.zeros(self.player_count + 1)
        ends = np.append(np.arange(0, self.entry_start[-1], CELLS), self.entry_start[-1])
        cuts = np.unique(np.searchsorted(self.entry_start, ends))
        for first, last in pairwise(cuts):
            self._add_leaves(total, mine, int(first), int(last))
        return total[:-1]

    def _add_leaves(self, total: Matrix, mine: NDArray[Any], first: int, last: int) -> None:
        """Add what leaves first … last contribute, given the explained row's patterns."""
        span = slice(self.entry_start[first], self.entry_start[last])
        counts = np.diff(self.entry_start[first : last + 1])
        theirs, ours = self.entry_pattern[span], np.repeat(mine[first:last], counts)
        live = np.flatnonzero(
            (theirs | ours == np.repeat(self.full[first:last], counts)) & (theirs != ours),
        )
        leaf = np.searchsorted(self.entry_start, live + span.start, side="right") - 1
        theirs, ours = theirs[live], ours[live]
        gained, lost = ours & ~theirs, theirs & ~ours
        gain, loss = _weights(self.slot_players.shape[1])
        a, b = np.bitwise_count(gained), np.bitwise_count(lost)
        mass = self.entry_count[span][live] * self.value[leaf]
        up, down = mass * gain[a, b], mass * loss[a, b]
        for slot in range(self.slot_players.shape[1]):
            bit = self.full.dtype.type(1) << self.full.dtype.type(slot)
            share = np.where(gained & bit, up, 0.0) - np.where(lost & bit, down, 0.0)
            total += np.bincount(self.slot_players[leaf, slot], share / self.rows, minlength=len(total))

    def _chunks(self, rows: int) -> list[tuple[int, int]]:
        """Ranges of leaves whose (condition, row) cells fit into memory."""
        if not len(self.value):
            return []
        begins = self.slot_start[self.leaf_start]
        step = max(1, CELLS // max(rows, 1))
        cuts = np.searchsorted(begins, np.arange(0, begins[-1], step))
        cuts = np.unique(np.append(cuts, len(self.value)))
        return [(int(first), int(last)) for first, last in pairwise(cuts)]


def build_table(nodes: Nodes, owners: Ints, players: int, background: Matrix) -> tuple[LeafTable, Matrix]:
    """Leaf conditions of all trees with the encoded background rows folded in, and the rows' margins."""
    conditions, value, constant = _collect(nodes, owners)
    starts = np.flatnonzero(_changes(conditions.leaf) | _changes(conditions.player))
    slot_leaf = conditions.leaf[starts]
    leaf_start = np.append(np.flatnonzero(_changes(slot_leaf)), len(starts)).astype(np.intp)
    width = np.diff(leaf_start)
    most = int(width.max(initial=1))
    if most > 64:
        raise MethodRefused("a path asks about more than 64 inputs")
    kind = next(kind for kind in (np.uint16, np.uint32, np.uint64) if most <= np.iinfo(kind).bits)
    slot_players = np.full((len(value), most), players, dtype=np.intp)
    position = np.arange(len(starts)) - np.repeat(leaf_start[:-1], width)
    slot_players[slot_leaf, position] = conditions.player[starts]
    table = LeafTable(
        conditions=conditions,
        value=value,
        slot_start=np.append(starts, len(conditions.leaf)),
        leaf_start=leaf_start,
        full=np.asarray([(1 << int(count)) - 1 for count in width], dtype=kind),
        slot_players=slot_players,
        player_count=players,
        constant=constant,
        rows=len(background),
        entry_start=np.zeros(1, dtype=np.intp),
        entry_pattern=np.empty(0, kind),
        entry_count=np.empty(0, np.uint16),
    )
    return _fold(table, background)


def _fold(table: LeafTable, background: Matrix) -> tuple[LeafTable, Matrix]:
    """Replace background rows by counts of distinct patterns per leaf; their margins come by the way."""
    sizes, found, counts = [], [], []
    rows = len(background)
    margins = np.full(rows, table.constant)
    for first, last in table._chunks(rows):
        patterns = table.patterns(background, first, last)
        margins += table.value[first:last] @ (patterns == table.full[first:last, None])
        patterns.sort(axis=1)
        fresh = np.ones(patterns.shape, dtype=bool)
        fresh[:, 1:] = patterns[:, 1:] != patterns[:, :-1]
        at = np.flatnonzero(fresh)
        sizes.append(fresh.sum(axis=1))
        found.append(patterns.ravel()[at])
        counts.append(np.diff(np.append(at, patterns.size)).astype(np.uint16))
    if not sizes:
        return table, margins
    folded = replace(
        table,
        entry_start=np.append(0, np.cumsum(np.concatenate(sizes))),
        entry_pattern=np.concatenate(found),
        entry_count=np.concatenate(counts),
    )
    return folded, margins


def _collect(nodes: Nodes, owners: Ints) -> tuple[Conditions, Matrix, float]:
    """All leaves' conditions, the leaves' values, and the sum of trees that are a single leaf."""
    bounds = np.append(nodes.roots, len(nodes.left))
    per_chunk = max(1, PATH_BYTES // (26 * max(1, len(owners))))
    if np.diff(bounds).max(initial=0) > 2 * per_chunk:
        raise MethodRefused("a tree is too large to be read within the memory limit")
    parts: list[Conditions] = []
    values: list[Matrix] = [np.empty(0)]
    first = 0
    while first < len(nodes.roots):
        last = max(first + 1, int(np.searchsorted(bounds, bounds[first] + per_chunk, side="right")) - 1)
        part, value = _paths(
            nodes, slice(int(bounds[first]), int(bounds[last])), nodes.roots[first:last], owners
        )
        parts.append(replace(part, leaf=part.leaf + sum(len(each) for each in values)))
        values.append(value)
        first = last
    lone = nodes.roots[nodes.left[nodes.roots] < 0]
    return _merge(parts), np.concatenate(values), float(nodes.value[lone].sum())


def _merge(parts: list[Conditions]) -> Conditions:
    def joined(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts])

    names = ("leaf", "player", "column", "low", "high", "missing")
    levels = None if parts[0].levels is None else joined("levels")
    return Conditions(**{name: joined(name) for name in names}, levels=levels)


def _paths(nodes: Nodes, span: slice, roots: Ints, owners: Ints) -> tuple[Conditions, Matrix]:
    """Conditions of the leaves in a span of whole trees, grown level by level for all trees at once."""
    size, columns, base = span.stop - span.start, len(owners), span.start
    low, high = np.full((size, columns), -np.inf), np.full((size, columns), np.inf)
    missing, used = np.ones((size, columns), dtype=bool), np.zeros((size, columns), dtype=bool)
    levels = np.full((size, columns), ~np.uint64(0)) if nodes.levels.any() else None
    tables = [table for table in (low, high, missing, used, levels) if table is not None]
    level = roots[nodes.left[roots] >= 0]
    while len(level):
        column, threshold = nodes.column[level], nodes.threshold[level]
        listed, absent_left = nodes.levels[level], nodes.missing_left[level]
        numeric = listed == 0
        for child, goes_left in ((nodes.left[level], True), (nodes.right[level], False)):
            for table in tables:
                table[child - base] = table[level - base]
            at = (child - base, column)
            used[at] = True
            missing[at] &= absent_left if goes_left else ~absent_left
            if goes_left:
                high[at] = np.where(numeric, np.minimum(high[at], threshold), high[at])
            else:
                low[at] = np.where(numeric, np.maximum(low[at], threshold), low[at])
            if levels is not None:
                levels[at] &= np.where(numeric, ~np.uint64(0), listed if goes_left else ~listed)
        children = np.concatenate([nodes.left[level], nodes.right[level]])
        level = children[nodes.left[children] >= 0]
    leaves = np.flatnonzero((nodes.left[span] < 0) & used.any(axis=1))
    leaf, column = np.nonzero(used[leaves])
    order = np.lexsort((column, owners[column], leaf))
    leaf, column = leaf[order].astype(np.int32), column[order].astype(np.int32)
    at = (leaves[leaf], column)
    picked = None if levels is None else levels[at]
    player = owners[column].astype(np.int32)
    conditions = Conditions(leaf, player, column, low[at], high[at], missing[at], picked)
    return conditions, nodes.value[span][leaves]


def _changes(values: NDArray[Any]) -> NDArray[np.bool_]:
    changed = np.ones(len(values), dtype=bool)
    changed[1:] = values[1:] != values[:-1]
    return changed


def _weights(most: int) -> tuple[Matrix, Matrix]:
    """(a−1)! b! / (a+b)! and a! (b−1)! / (a+b)! for a + b ≤ `most`; 0 where they are not defined."""
    gain, loss = np.zeros((most + 1, most + 1)), np.zeros((most + 1, most + 1))
    for a in range(most + 1):
        for b in range(most + 1 - a):
            ways = comb(a + b, a)
            gain[a, b] = 1.0 / (a * ways) if a else 0.0
            loss[a, b] = 1.0 / (b * ways) if b else 0.0
    return gain, loss
