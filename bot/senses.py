"""Words of one sense, whatever their form: what a small amount of text is best compared by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from bot.text import bare

ASKS = "?"
"""The sense of a question mark."""
_WORD = re.compile(r"[^\W_]+|[?؟]")
_CLITICS = re.compile("[وفسه]?[بكلع]?(?:ال|لل)?")
"""What Arabic writes in one with the next word: any of it may belong to the word as well."""
_HEADS = (2, 3)
"""Letters by which stems are looked up: the shortest by two."""


@dataclass(frozen=True, slots=True)
class Senses:
    """Stems of a language by sense, as ``prompts/<language>/senses.toml`` gives them."""

    stems: Mapping[str, Sequence[str]]
    """A space after a stem ends the word; stems of several words have one between them."""
    attached: bool = False
    """Whether other words may be written in one before a stem."""
    _index: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for sense, stems in self.stems.items():
            for stem in stems:
                spelt = _spelt(stem) + (" " if stem.endswith(" ") else "")
                self._index.setdefault(spelt[: _HEADS[-1]], []).append((spelt, sense))

    def of(self, sentence: str) -> frozenset[str]:
        """Return the senses that words of *sentence* have."""
        text = _spelt(sentence) + " "
        found = {ASKS} if "?" in text or "؟" in text else set()
        for word in _WORD.finditer(text):
            for start in self._starts(word.group(), word.start()):
                for head in _HEADS:
                    for stem, sense in self._index.get(text[start : start + head], ()):
                        if text.startswith(stem, start):
                            found.add(sense)
        return frozenset(found)

    def _starts(self, word: str, at: int) -> Iterable[int]:
        if not self.attached:
            return (at,)
        match = _CLITICS.match(word)
        return range(at, at + (match.end() if match else 0) + 1)


def together(senses: Iterable[str]) -> Iterator[str]:
    """Yield each sense of a sentence, and each two."""
    ordered = sorted(senses)
    yield from ordered
    yield from (f"{one} {other}" for one, other in combinations(ordered, 2))


def _spelt(text: str) -> str:
    return " ".join(_WORD.findall(bare(text)))
