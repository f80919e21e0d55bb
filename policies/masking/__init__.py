"""Names and personal data give way to placeholders before any rule or model reads a text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from bot.domain import Hidden, Masked
from bot.ports import PromptBook
from bot.text import plain
from policies.masking.lists import Lists, load, view
from policies.masking.reader import Reader, Span

PUBLIC = frozenset({"PARTY", "POLITICIAN", "GROUP"})
"""Kinds that are not personal data: hidden so that no question turns on them."""
RECENT = 16
"""Texts whose spans are kept in mind: those of one exchange, and few others."""


@dataclass(frozen=True)
class Masking:
    """Knows formats, cues and lists; prefers to hide once too often.

    Reading a text takes time in proportion to its length, whatever it holds.
    """

    book: PromptBook
    _lists: dict[str, Lists] = field(default_factory=dict)

    def mask(self, texts: Sequence[str], language: str) -> Masked:
        """Return *texts* with placeholders; the same words get the same one in all of them.

        A language without lists is read with those of French.
        """
        names = _Placeholders("\n".join(texts))
        found = [self.spans(text, language) for text in texts]
        masked = tuple(
            names.replace(text, _agreed(text, spans, texts, found))
            for text, spans in zip(texts, found, strict=True)
        )
        return Masked(texts=masked, hidden=tuple(names.hidden.values()))

    def spans(self, text: str, language: str) -> tuple[Span, ...]:
        """Return what is to be hidden in *text*, in order, without overlaps."""
        return self._recent(text, language)

    @cached_property
    def _recent(self) -> Callable[[str, str], tuple[Span, ...]]:
        """Look each text up once where it is masked twice: to be kept, and to be asked about."""
        return lru_cache(maxsize=RECENT)(self._spans)

    def _spans(self, text: str, language: str) -> tuple[Span, ...]:
        if language not in self._lists:
            self._lists[language] = load(self.book, language)
        seen = view(text)
        reader = Reader(seen.text, self._lists[language])
        return tuple(Span(*seen.span(s.start, s.end), s.kind) for s in reader.spans())


def _agreed(
    text: str, spans: Sequence[Span], texts: Sequence[str], found: Sequence[Sequence[Span]]
) -> list[Span]:
    """Return *spans* and what is hidden as a group in another of *texts*: « teach Irish »."""
    hidden = {
        other[s.start : s.end]
        for other, those in zip(texts, found, strict=True)
        for s in those
        if s.kind == "GROUP" and other is not text
    }
    more = [
        Span(*match.span(), "GROUP")
        for words in sorted(hidden)
        for match in re.finditer(rf"(?<!\w){re.escape(words)}(?!\w)", text)
        if all(match.end() <= s.start or s.end <= match.start() for s in spans)
    ]
    return sorted((*spans, *more))


@dataclass(frozen=True)
class _Placeholders:
    said: str
    """Everything the person wrote: a placeholder in it is never given out."""
    hidden: dict[tuple[str, str], Hidden] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def replace(self, text: str, spans: Iterable[Span]) -> str:
        parts, end = [], 0
        for span in spans:
            parts += [
                text[end : span.start],
                self._stand_in(text[span.start : span.end], span.kind),
            ]
            end = span.end
        return "".join((*parts, text[end:]))

    def _stand_in(self, words: str, kind: str) -> str:
        key = (kind, plain(words).replace(" ", "") or words)
        if key not in self.hidden:
            self.hidden[key] = Hidden(
                placeholder=self._next(kind), kind=kind, text=words, personal=kind not in PUBLIC
            )
        return self.hidden[key].placeholder

    def _next(self, kind: str) -> str:
        number = self.counts.get(kind, 0) + 1
        while f"[{kind}_{number}]" in self.said:
            number += 1
        self.counts[kind] = number
        return f"[{kind}_{number}]"


def build(book: PromptBook) -> Masking:
    """Return the masker."""
    return Masking(book)
