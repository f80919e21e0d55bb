"""Which of the person's words a question may quote without reading oddly.

No grammar is known here: a group of words is taken only where what stands round it shows
that it is whole. Where nothing shows it, nothing is quoted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any

from bot.rules import Turning
from bot.text import Word, bare, clean, folded, plain, sentences, words

MOST_WORDS = 6
"""Words of the person that a question quotes at most."""
READ = 2_000
"""Characters of a message that are searched."""
_READS_WELL = re.compile(r"(?=.*[^\W\d_]{3})(?!.*(\w)\1\1)[^\W_]+(?:[ '’\-\u00a0][^\W_]+)*")
"""Words with one space, hyphen or apostrophe between them, no letter three times in a row."""
_CUT_BEFORE = re.compile(r"\w[-‑]?$")
_CUT_AFTER = re.compile(r"[-‑*/:_]?\w|[-‑%]|\s\d|(?<=s)['’]\s\w")
_GLUE = frozenset({" ", "'", "’", "-", "\u00a0"})


@dataclass(frozen=True, slots=True)
class _Group:
    """Words of one sentence, side by side, that belong together."""

    words: tuple[Word, ...]
    place: int
    """How many words of its sentence stand before it."""


@dataclass(frozen=True)
class Quoting:
    """Finds quotable words in one language."""

    shape: Mapping[str, Any]
    """What noun groups look like: ``quoting.toml``."""
    cues: Mapping[str, Any]
    """Words that are never content: ``cues.toml``."""

    def best(
        self, text: str, themed: Collection[str], fits: Callable[[str], bool] = bool
    ) -> str | None:
        """Return the words of *text* most worth quoting, to the letter, if any are.

        They hold one of the *themed* words, bare ones that tell the theme; those inside a sentence
        come before those that begin one. *fits* tells which sentences may be quoted from.
        """
        found = [
            (group.place == 0, span)
            for group, span in self._spans(text, fits)
            if self._is_of(group, themed)
        ]
        return min(found, key=itemgetter(0))[1] if found else None

    def every(self, text: str, fits: Callable[[str], bool] = bool) -> tuple[str, ...]:
        """Return the words of *text* worth quoting, each group once, in their order.

        *fits* tells which sentences may be quoted from.
        """
        return tuple(dict.fromkeys(span for _, span in self._spans(text, fits)))

    def turns(self, sentence: str) -> bool:
        """Return whether *sentence* denies or opposes something."""
        return bool(self._turning.among(plain(sentence).split()))

    def _spans(self, text: str, fits: Callable[[str], bool]) -> Iterator[tuple[_Group, str]]:
        for sentence in filter(fits, sentences(text[:READ])):
            for group in self._groups(sentence):
                if self._fits(sentence, group) and (span := self._span(sentence, group)):
                    yield group, span

    def _groups(self, sentence: str) -> Iterator[_Group]:
        """Yield the noun groups of *sentence*, each cut where a verb begins."""
        found = words(sentence)
        run: list[int] = []
        for index in range(len(found) + 1):
            if index < len(found) and self._continues(sentence, found, run, index):
                run.append(index)
                continue
            if group := self._group(sentence, found, run):
                yield group
            run = [index] if index < len(found) and self._is_content(found[index]) else []

    def _continues(self, sentence: str, found: tuple[Word, ...], run: list[int], at: int) -> bool:
        if run and sentence[found[at - 1].end : found[at].start] not in _GLUE:
            return False
        if self._is_content(found[at]):
            return True
        # With accents: « à » links two nouns, « a » is a verb.
        word = folded(found[at].text)
        if not run or word not in self._links or at + 1 >= len(found):
            return False
        return word not in self._second_links or folded(found[at - 1].text) in self._links

    def _group(self, sentence: str, found: tuple[Word, ...], run: list[int]) -> _Group | None:
        run = self._cut(found, run)
        if not run:
            return None
        first = run[0]
        starts = first == 0
        before = folded(found[first - 1].text) if first else ""
        joined = first > 0 and sentence[found[first - 1].end : found[first].start] in _GLUE
        if not starts and self._before and not (joined and before in self._before):
            return None
        if joined and before in self._articles:
            run = [first - 1, *run]
        return _Group(tuple(found[i] for i in run), first)

    def _cut(self, found: tuple[Word, ...], run: list[int]) -> list[int]:
        """Return *run* without a verb and what follows it, and without loose ends."""
        for place in range(1, len(run)):
            if self._is_verb(found, run[place - 1], run[place]):
                run = run[:place]
                break
        if len(run) >= MOST_WORDS:  # an article may come before it
            run = run[: MOST_WORDS - 1]
            # Of « subsidies for the fossil industry » no « subsidies for the fossil ».
            links = [place for place, at in enumerate(run) if folded(found[at].text) in self._links]
            run = run[: links[-1]] if links else run
        while run and self._hangs(found[run[-1]]):
            run = run[:-1]
        while run and self._starts_badly(found[run[0]]):
            run = run[1:]
        return run

    def _starts_badly(self, first: Word) -> bool:
        word = bare(first.text)
        bent = first.text[0].islower() and word.endswith(self._endings("bent-endings"))
        return bent or word in self._bad_starts or word.endswith(self._endings("never-endings"))

    def _hangs(self, last: Word) -> bool:
        word = bare(last.text)
        if folded(last.text) in self._links or word in self._bad_ends:
            return True
        if word.endswith(self._endings("hanging-endings")):
            return True
        return self._capitals and not last.text[0].isupper()

    def _is_verb(self, found: tuple[Word, ...], left: int, right: int) -> bool:
        before, word = bare(found[left].text), bare(found[right].text)
        if self._ends_by_capitals(found[left], found[right]):
            return True
        if word.endswith(self._endings("noun-endings")):
            return False
        if folded(found[left].text) in self._links:
            return word.endswith(self._endings("infinitive-endings"))
        if word.endswith(self._endings("verb-endings")):
            return True
        if before.endswith(("s", "x")) and word.endswith(self._endings("plural-verb-endings")):
            return True
        following = bare(found[right + 1].text) if right + 1 < len(found) else ""
        singular = not before.endswith("s") and following in self.shape.get("objects", ())
        return singular and word.endswith(self._endings("singular-verb-endings"))

    def _ends_by_capitals(self, left: Word, right: Word) -> bool:
        """Tell whether *right* is no noun after a noun, or after what joins two of them."""
        if not self._capitals or right.text[0].isupper():
            return False
        if left.text[0].isupper():
            return folded(right.text) not in self._links
        return folded(left.text) in self._pairing

    def _span(self, sentence: str, group: _Group) -> str | None:
        if len(group.words) > MOST_WORDS:
            return None
        start, end = group.words[0].start, group.words[-1].end
        if not _whole(sentence, start, end):
            return None
        span = sentence[start:end]
        return span if _READS_WELL.fullmatch(span) and span == clean(span) else None

    def _fits(self, sentence: str, group: _Group) -> bool:
        """Tell whether *group* says enough, is no half of a pair, and not cut off its phrase.

        « A roof » alone makes an odd question. Of « the Landlord and Tenant Act » no « Landlord »
        is quoted, of « big money out of politics » no « big money ».
        """
        before = [bare(w.text) for w in words(sentence[: group.words[0].start])[-1:]]
        after = [bare(w.text) for w in words(sentence[group.words[-1].end :])[:1]]
        content = [word.text for word in group.words if self._is_content(word)]
        if self._after_first and group.place == 0 and self._is_content(group.words[0]):
            # Without an article before it, what begins may be what is to be done.
            return len(content) > 1 and not self._after_first.isdisjoint(after)
        opens = group.place == 0 or (group.place == 1 and not self._openers.isdisjoint(before))
        enough = len(content) > 1 or (opens and len(content[0]) >= self._compound)
        return enough and self._joins.isdisjoint((*before, *after))

    def _is_of(self, group: _Group, themed: Collection[str]) -> bool:
        return any(bare(w.text) in themed for w in group.words if self._is_content(w))

    def _is_content(self, word: Word) -> bool:
        text = bare(word.text)
        return (
            text not in self._stopwords
            and not text.isdigit()
            and text.startswith(self._content_prefixes)
        )

    def _endings(self, name: str) -> tuple[str, ...]:
        return tuple(self.shape.get(name, ()))

    @cached_property
    def _capitals(self) -> bool:
        return bool(self.shape.get("capitals"))

    @cached_property
    def _compound(self) -> float:
        """Letters of a word that says as much as two."""
        return float(self.shape.get("compound", math.inf))

    @cached_property
    def _content_prefixes(self) -> tuple[str, ...]:
        return self._endings("content-prefix") or ("",)

    @cached_property
    def _stopwords(self) -> frozenset[str]:
        cues, shape = self.cues, self.shape
        lists = (cues["stopwords"], cues["slot-bad-end"], shape["before"], shape.get("apart", ()))
        return _bares(word for words_ in lists for word in words_)

    @cached_property
    def _bad_starts(self) -> frozenset[str]:
        return _bares(self.cues["slot-bad-start"])

    @cached_property
    def _bad_ends(self) -> frozenset[str]:
        return _bares(self.cues["slot-bad-end"])

    @cached_property
    def _turning(self) -> Turning:
        return Turning.of(self.shape)

    @cached_property
    def _before(self) -> frozenset[str]:
        return frozenset(map(folded, self.shape["before"]))

    @cached_property
    def _articles(self) -> frozenset[str]:
        return frozenset(map(folded, self.shape["articles"]))

    @cached_property
    def _openers(self) -> frozenset[str]:
        return _bares(self.shape.get("openers", ()))

    @cached_property
    def _after_first(self) -> frozenset[str]:
        return _bares(self.shape.get("after-first", ()))

    @cached_property
    def _pairing(self) -> frozenset[str]:
        return frozenset(map(folded, self.shape.get("pairing", ())))

    @cached_property
    def _joins(self) -> frozenset[str]:
        return _bares(self.shape["joins"])

    @cached_property
    def _links(self) -> frozenset[str]:
        return frozenset(map(folded, self.shape["links"]))

    @cached_property
    def _second_links(self) -> frozenset[str]:
        return frozenset(map(folded, self.shape["second-links"]))


def _whole(text: str, start: int, end: int) -> bool:
    """Tell whether ``text[start:end]`` cuts no word: "the best k" of "k-13" cuts one."""
    return not _CUT_BEFORE.search(text[:start]) and not _CUT_AFTER.match(text, end)


def _bares(listed: Iterable[str]) -> frozenset[str]:
    return frozenset(map(bare, listed))
