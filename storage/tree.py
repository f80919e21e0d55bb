"""A Merkle tree that grows leaf by leaf: its root at once, its full tiles as they fill.

The hashing is RFC 6962's, the tiles are those of C2SP tlog-tiles: 256 hashes each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from storage.merkle import EMPTY, joined, node_hash

HEIGHT = 8
"""Levels of the tree in a tile."""
WIDTH = 1 << HEIGHT
"""Hashes in a full tile."""


class Tile(NamedTuple):
    """A full tile: it will never change."""

    level: int
    position: int
    hashes: bytes


Tiles = Callable[[int, int], bytes | None]
"""Returns the hashes of the full tile at a level and position, or None where there is none yet."""


@dataclass(slots=True)
class Tree:
    """The growing end of a tree; what lies before it is in full tiles."""

    size: int = 0
    """How many leaves it has."""
    peaks: list[bytes] = field(default_factory=list)
    """Roots of its perfect subtrees, largest first."""
    edge: list[list[bytes]] = field(default_factory=list)
    """For each level of tiles, the hashes of the one that is not full yet."""

    def copy(self) -> Tree:
        """Return a tree that grows apart from this one."""
        return Tree(self.size, self.peaks.copy(), [hashes.copy() for hashes in self.edge])

    def append(self, leaf: bytes) -> list[Tile]:
        """Add the leaf whose hash is *leaf*; return the tiles that are full by it."""
        full: list[Tile] = []
        node, height = leaf, 0
        self._extend(0, node, full)
        while self.size >> height & 1:
            node = node_hash(self.peaks.pop(), node)
            height += 1
            if height % HEIGHT == 0:
                self._extend(height // HEIGHT, node, full)
        self.peaks.append(node)
        self.size += 1
        return full

    def root(self) -> bytes:
        """Return the root (32 bytes)."""
        return joined(self.peaks)

    def _extend(self, level: int, node: bytes, full: list[Tile]) -> None:
        if level == len(self.edge):
            self.edge.append([])
        hashes = self.edge[level]
        hashes.append(node)
        if len(hashes) == WIDTH:
            full.append(Tile(level, self.size >> HEIGHT * (level + 1), b"".join(hashes)))
            hashes.clear()


def grown(size: int, stored: Tiles, leaves: Iterable[bytes]) -> Tree:
    """Return the tree of *size* leaves, of which *leaves* are the hashes after the last full tile.

    Raises:
        KeyError: A tile is missing.
    """
    tree = Tree(size)
    level = 0
    while size >> HEIGHT * level:
        first = size >> HEIGHT * (level + 1) << HEIGHT
        last = size >> HEIGHT * level
        roots = (perfect(_split(_found(stored, level - 1, n))) for n in range(first, last))
        tree.edge.append(list(leaves) if level == 0 else list(roots))
        level += 1
    tree.peaks = _peaks(tree)
    return tree


def perfect(hashes: Sequence[bytes]) -> bytes:
    """Return the root over *hashes*: a power of two of them."""
    row = hashes
    while len(row) > 1:
        row = [node_hash(row[n], row[n + 1]) for n in range(0, len(row), 2)]
    return row[0]


@dataclass(frozen=True, slots=True)
class Prover:
    """Finds proofs in a tree, reading no more than a few tiles."""

    tree: Tree
    stored: Tiles
    _read: dict[tuple[int, int], list[bytes] | None] = field(default_factory=dict)
    """The tiles that were read: a proof asks for the same one again and again."""

    def inclusion(self, index: int) -> list[bytes]:
        """Return the proof that leaf *index* is in the tree (RFC 6962, 2.1.1), leaf end first."""
        path: list[bytes] = []
        start, end = 0, self.tree.size
        while end - start > 1:
            middle = start + _half(end - start)
            if index < middle:
                path.append(self.range_root(middle, end))
                end = middle
            else:
                path.append(self.range_root(start, middle))
                start = middle
        return path[::-1]

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the tree of *new* leaves begins with that of *old*.

        See RFC 6962, 2.1.2; *new* is no larger than the tree.
        """
        path: list[bytes] = []
        if not 0 < old < new:
            return path
        start, end, whole = 0, new, True
        while old != end - start:
            half = _half(end - start)
            if old <= half:
                path.append(self.range_root(start + half, end))
                end = start + half
            else:
                path.append(self.range_root(start, start + half))
                start, old, whole = start + half, old - half, False
        if not whole:
            path.append(self.range_root(start, end))
        return path[::-1]

    def root(self, size: int) -> bytes:
        """Return the root there was when the tree had *size* leaves."""
        return self.range_root(0, size) if size else EMPTY

    def range_root(self, start: int, end: int) -> bytes:
        """Return the root over the leaves from *start* up to *end*; *start* as RFC 6962 splits."""
        peaks = []
        while start < end:
            height = (end - start).bit_length() - 1
            peaks.append(self._perfect(height, start >> height))
            start += 1 << height
        return joined(peaks)

    def _perfect(self, height: int, position: int) -> bytes:
        """Return the root of the perfect subtree of ``2 ** height`` leaves at *position*."""
        level, inner = divmod(height, HEIGHT)
        first = position << inner
        tile, within = divmod(first, WIDTH)
        if (level, tile) not in self._read:
            stored = self.stored(level, tile)
            self._read[level, tile] = None if stored is None else _split(stored)
        hashes = self._read[level, tile]
        if hashes is not None:
            return perfect(hashes[within : within + (1 << inner)])
        if level < len(self.tree.edge) and tile == self.tree.size >> HEIGHT * (level + 1):
            return perfect(self.tree.edge[level][within : within + (1 << inner)])
        raise KeyError(f"tile {level}/{tile}")


def _half(size: int) -> int:
    """Return the largest power of two below *size*."""
    return 1 << (size - 1).bit_length() - 1


def _split(hashes: bytes) -> list[bytes]:
    return [hashes[at : at + 32] for at in range(0, len(hashes), 32)]


def _found(stored: Tiles, level: int, position: int) -> bytes:
    hashes = stored(level, position)
    if hashes is None:
        raise KeyError(f"tile {level}/{position}")
    return hashes


def _peaks(tree: Tree) -> list[bytes]:
    """Return the roots of the perfect subtrees that the edge is made of, largest first."""
    peaks = []
    for hashes in reversed(tree.edge):
        start = 0
        while start < len(hashes):
            count = 1 << (len(hashes) - start).bit_length() - 1
            peaks.append(perfect(hashes[start : start + count]))
            start += count
    return peaks
