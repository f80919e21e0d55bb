"""Another wording of a person's own text: shown only as a difference, and only if asked for."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

TAKEN, ADDED = "[−{}]", "[+{}]"
"""How words of the old and of the new text are marked; readable where nothing is coloured."""
LONGER = 10
"""Words by which another wording may be longer."""


def difference(old: str, new: str) -> str:
    """Return *old* as it would become *new*, every other word marked."""
    return " ".join(_parts(old.split(), new.split()))


def usable(old: str, new: str) -> bool:
    """Return whether *new* can be a wording of *old*: about as long, and nothing but text."""
    words = new.split()
    bare = not any(mark in new for mark in ("?", "؟", "://", "```"))
    return bool(words) and bare and new != old and len(words) <= len(old.split()) + LONGER


def _parts(old: list[str], new: list[str]) -> Iterator[str]:
    for what, i, j, k, m in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if what == "equal":
            yield from old[i:j]
            continue
        if i < j:
            yield TAKEN.format(" ".join(old[i:j]))
        if k < m:
            yield ADDED.format(" ".join(new[k:m]))
