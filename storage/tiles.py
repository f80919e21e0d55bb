"""The record as files that any web server can hand out: the layout of C2SP's tlog-tiles.

See https://c2sp.org/tlog-tiles. `checkpoint` is written last, so that nobody finds one whose tiles
are not there yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

from bot.errors import StorageError
from storage import notes
from storage.merkle import leaf_hash, root_of

WIDTH = 256
"""Hashes of a full tile, and leaves of a full bundle."""
LONGEST = (1 << 16) - 1
"""Bytes of a leaf at most: a bundle says how long each is in two."""

T = TypeVar("T")


def export(folder: Path, leaves: Iterable[bytes], note: str) -> int:
    """Write *leaves*, all that the checkpoint *note* is of, into *folder*; return how many.

    Raises:
        StorageError: There are not as many, one is too long, or a file cannot be written.
    """
    roots, count = [], 0
    for position, bundle in enumerate(_parts(leaves)):
        hashes = [leaf_hash(leaf) for leaf in bundle]
        place = path(position, len(bundle))
        _write(folder / "tile" / "entries" / place, b"".join(map(_prefixed, bundle)))
        _write(folder / "tile" / "0" / place, b"".join(hashes))
        roots += [root_of(hashes)] if len(hashes) == WIDTH else []
        count += len(bundle)
    if count != notes.checkpoint(note).size:
        raise StorageError(f"The checkpoint is not of the {count} entries there are: try again.")
    _export_above(folder / "tile", roots)
    _write(folder / "checkpoint", note.encode())
    return count


def path(position: int, width: int = WIDTH) -> str:
    """Return where the tile at *position* of its level is: ``x001/x234/067``.

    One that is not full, with *width* hashes, has ``.p/`` and that number after it.
    """
    thousands, last = divmod(position, 1000)
    parts = [f"{last:03}"]
    while thousands:
        thousands, part = divmod(thousands, 1000)
        parts.insert(0, f"x{part:03}")
    return "/".join(parts) + (f".p/{width}" if width < WIDTH else "")


def _export_above(folder: Path, roots: Sequence[bytes]) -> None:
    """Write the levels whose hashes are the roots of full tiles below."""
    level = 1
    while roots:
        above = []
        for position, hashes in enumerate(_parts(roots)):
            _write(folder / str(level) / path(position, len(hashes)), b"".join(hashes))
            above += [root_of(hashes)] if len(hashes) == WIDTH else []
        roots, level = above, level + 1


def _parts(values: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(values)
    while part := list(islice(rest, WIDTH)):
        yield part


def _prefixed(leaf: bytes) -> bytes:
    if len(leaf) > LONGEST:
        raise StorageError(f"An entry's header of {len(leaf)} bytes is too long for a tile.")
    return len(leaf).to_bytes(2, "big") + leaf


def _write(file: Path, content: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    except OSError as exc:
        raise StorageError(f"{file} cannot be written: {exc.strerror}.") from exc
