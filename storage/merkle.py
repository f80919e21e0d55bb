"""The hash tree that the record is a list of leaves of: roots, proofs, and whether they hold.

SHA-256 and the shapes of RFC 6962 section 2.1; the checks are those of RFC 9162, sections
2.1.3.2 and 2.1.4.2. Everything here is pure. Hashes are 32 bytes, indices count from 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

HASH = 32
"""Bytes of a hash."""

EMPTY = sha256().digest()
"""The root of a tree without leaves."""


def leaf_hash(leaf: bytes) -> bytes:
    """Return what stands for *leaf* in the tree."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return what stands for everything below *left* and *right*."""
    return sha256(b"\x01" + left + right).digest()


def root_of(hashes: Iterable[bytes]) -> bytes:
    """Return the root of the tree whose leaves hash to *hashes*, in that order."""
    perfect: list[bytes] = []  # roots of the perfect subtrees so far, the largest first
    for size, leaf in enumerate(hashes, start=1):
        node, level = leaf, size
        while level % 2 == 0:
            node, level = node_hash(perfect.pop(), node), level // 2
        perfect.append(node)
    return joined(perfect)


def joined(subtrees: Sequence[bytes]) -> bytes:
    """Return the root over the perfect *subtrees* that part a tree, the largest first."""
    if not subtrees:
        return EMPTY
    *rest, root = subtrees
    for left in reversed(rest):
        root = node_hash(left, root)
    return root


def inclusion(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """Return the proof that leaf *index* is in the tree over *hashes*; `index < len(hashes)`."""
    size = len(hashes)
    if size <= 1:
        return []
    half = _split(size)
    if index < half:
        return [*inclusion(hashes[:half], index), root_of(hashes[half:])]
    return [*inclusion(hashes[half:], index - half), root_of(hashes[:half])]


def consistency(hashes: Sequence[bytes], old: int) -> list[bytes]:
    """Return the proof that the tree over *hashes* began with that over the first *old* of them.

    `old <= len(hashes)`; the proof from the empty tree, and from the same one, is empty.
    """
    return _subproof(hashes, old, whole=True) if 0 < old < len(hashes) else []


def root_from_inclusion(
    index: int, size: int, leaf_hash: bytes, proof: Sequence[bytes]
) -> bytes | None:
    """Return the root of the tree of *size* of which *proof* shows that leaf *index* is in it.

    None where no tree of that size has such a proof.
    """
    if not 0 <= index < size or not _hashes(leaf_hash, *proof):
        return None
    place, last, root = index, size - 1, leaf_hash
    for other in proof:
        if last == 0:
            return None
        if place % 2 or place == last:
            root = node_hash(other, root)
            place, last = _climbed(place, last)
        else:
            root = node_hash(root, other)
        place, last = place >> 1, last >> 1
    return root if last == 0 else None


def consistent(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Tell whether *proof* shows that the new tree begins with the whole of the old one."""
    if not 0 <= old_size <= new_size or not _hashes(old_root, new_root, *proof):
        return False
    if old_size == new_size:
        return not proof and old_root == new_root
    if old_size == 0:
        return not proof and old_root == EMPTY
    return _roots(old_size, old_root, new_size, proof) == (old_root, new_root)


def _roots(
    old_size: int, old_root: bytes, new_size: int, proof: Sequence[bytes]
) -> tuple[bytes, bytes] | None:
    """Return the roots of both trees as *proof* has them, if it is of the right shape."""
    whole = old_size & (old_size - 1) == 0  # then the old root is itself the first node
    path = [old_root, *proof] if whole else list(proof)
    if not proof or not path:
        return None
    place, last = old_size - 1, new_size - 1
    while place % 2:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for other in path[1:]:
        if last == 0:
            return None
        if place % 2 or place == last:
            old, new = node_hash(other, old), node_hash(other, new)
            place, last = _climbed(place, last)
        else:
            new = node_hash(new, other)
        place, last = place >> 1, last >> 1
    return (old, new) if last == 0 else None


def _climbed(place: int, last: int) -> tuple[int, int]:
    """Return where both are once levels without a node on the right are left behind."""
    while place and place % 2 == 0:
        place, last = place >> 1, last >> 1
    return place, last


def _subproof(hashes: Sequence[bytes], old: int, *, whole: bool) -> list[bytes]:
    """Return RFC 6962's SUBPROOF; *whole* where the old tree's root is known to who checks."""
    size = len(hashes)
    if old == size:
        return [] if whole else [root_of(hashes)]
    half = _split(size)
    if old <= half:
        return [*_subproof(hashes[:half], old, whole=whole), root_of(hashes[half:])]
    return [*_subproof(hashes[half:], old - half, whole=False), root_of(hashes[:half])]


def _split(size: int) -> int:
    """Return the largest power of two below *size*, which is two or more."""
    return int(1 << (size - 1).bit_length() - 1)


def _hashes(*values: bytes) -> bool:
    return all(len(value) == HASH for value in values)
