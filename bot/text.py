"""How the bot reads letters: cleaned, folded for comparison, cut into words and sentences."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from operator import eq
from typing import NamedTuple

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
"""Zero-width, bidirectional control, variation selector and tag characters."""
_SPACING = re.compile("[\x0b-\x0d\x1c-\x1f\x85]")
"""Control characters that part words; the others show as nothing."""
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")
_UNUSUAL = re.compile(
    f"{_INVISIBLE.pattern}|{_SPACING.pattern}|{_CONTROL.pattern}|[\u0300-\u036f\u0483-\u0489"
    "\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed\u08d3-\u08ff"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]"
)
_PILED_MARKS = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{3})"
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+"
)
_ARABIC_MARKS = frozenset(map(chr, (*range(0x064B, 0x0660), 0x0670, 0x0640)))
_LETTER_FOR_LETTER = str.maketrans(
    "\u2018\u2019\u201b\u02bc\u2032\u00b4`\u2010\u2011\u2012\u2013\u2014"
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d"
    "\u03b1\u03bf\u03c1\u03bd\u03b9\u03ba\u03c4\u03c5\u03c7"
    "\u0131\u0622\u0623\u0625\u0671\u0649\u0629\u06cc\u06a9",
    "'''''''-----aeopcyxijshdqwaopvikTux".lower()
    + "i\u0627\u0627\u0627\u0627\u064a\u0647\u064a\u0643",
)
"""Typographic, Cyrillic, Greek and Arabic variants of one letter (the common ones of UTS 39)."""
_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")
_LOOKALIKES: dict[int, int | str] = {
    **_LETTER_FOR_LETTER,
    **_DIGITS,
    ord("œ"): "oe",
    ord("æ"): "ae",
}
_CAPITALS = str.maketrans("АВЕКМНОРСТУХЅІЈΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "abekmhopctyxsijabezhikmnoptyx")
"""Cyrillic and Greek capitals that look like other letters than their small forms."""
LONGEST_WORD = 20
"""Characters of a text that is taken for a word: it is folded once and kept, until 4,096 others
have come. Words come again; nothing longer is kept."""
_SPACES = re.compile(r"[^\S\n]{2,}|[^\S\n ]")
_PLACEHOLDER = re.compile(r"\[[A-Z]+_\d+\]")
_WORD = re.compile(r"[^\W_](?:[^\W_]|[\u0300-\u036f\u064b-\u065f\u0670])*")
_SENTENCE = re.compile(
    r"(?:[^.!?…؟\n]|[.!?…؟](?=[^\s.!?…؟])|(?<=\W\d)\.(?= )|(?<=\W\d\d)\.(?= )"
    r"|(?<=[ap]\.m)\.(?= [a-z])|(?<=\W[A-Z])\.(?= [a-zà-ÿ])"
    r"|(?<=\b(?:z\.B|d\.h|e\.g|i\.e))\.(?= )|(?<=\b(?:Dr|Mr|Ms|Nr|St))\.(?= ))+[.!?…؟]*"
)
"""A full stop after one or two digits is an ordinal or a date as often as an end; one after "7 a.m"
or an initial ends nothing where small letters go on, one after some abbreviations never."""


class Word(NamedTuple):
    """A word of a text and where it stands: ``text[start:end]``."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Folded:
    """A text reduced to what comparison needs, with the way back to the original."""

    text: str
    offsets: tuple[int, ...] | None
    """Index in the original of each character, plus the end; None where they are equal."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the original that ``text[start:end]`` came from."""
        if self.offsets is None:
            return start, end
        return self.offsets[start], self.offsets[end]


def clean(text: str) -> str:
    """Return *text* without invisible, control and piled-up characters, spaces collapsed."""
    if _UNUSUAL.search(text):
        text = _SPACING.sub(" ", _CONTROL.sub("", _INVISIBLE.sub("", text)))
        text = _PILED_MARKS.sub(r"\1", text)
    return _SPACES.sub(" ", text).strip()


def fold(text: str, *, accents: bool = True) -> Folded:
    """Return *text* in one case, one form of each letter, without invisible characters."""
    if text.isascii() and not _UNUSUAL.search(text):
        return Folded(text.lower(), None)
    if (folded := _fold_at_once(text, accents=accents)) is not None:
        return Folded(folded, None)
    letters: list[str] = []
    offsets: list[int] = []
    for start, cluster in _clusters(text):
        folded = _fold_cluster(cluster, accents=accents)
        letters.append(folded)
        offsets.extend([start] * len(folded))
    return Folded("".join(letters), (*offsets, len(text)))


def folded(text: str) -> str:
    """Return the folded text alone, for comparison without spans."""
    return _folded_word(text) if len(text) <= LONGEST_WORD else fold(text).text


def bare(text: str) -> str:
    """Return *text* folded and without accents: how a person in a hurry types."""
    return _bare_word(text) if len(text) <= LONGEST_WORD else fold(text, accents=False).text


def plain(text: str) -> str:
    """Return the bare words of *text*, one space between them."""
    return " ".join(_WORD.findall(bare(text)))


def within_one_edit(one: str, other: str) -> bool:
    """Tell whether one letter added, left out, changed or swapped makes *one* of *other*."""
    half = (min(len(one), len(other)) - 1) // 2
    ends = one[len(one) - half :] == other[len(other) - half :]
    # One edit leaves the beginning or the end as it was: most words are told apart by that.
    if abs(len(one) - len(other)) > 1 or not (ends or one[:half] == other[:half]):
        return False
    start = _shared(one, other)
    end = _shared(one[start:][::-1], other[start:][::-1])
    left, right = one[start : len(one) - end], other[start : len(other) - end]
    return max(len(left), len(right)) <= 1 or (len(left) == 2 and left == right[::-1])  # noqa: PLR2004


def _shared(one: str, other: str) -> int:
    """Return how many characters both begin with."""
    return sum(1 for _ in takewhile(bool, map(eq, one, other)))


def without_placeholders(text: str, filler: str = ";") -> str:
    """Return *text* with as many *filler* characters where a name or datum was hidden."""
    return _PLACEHOLDER.sub(lambda match: filler * len(match.group()), text)


def words(text: str) -> tuple[Word, ...]:
    """Return the words of *text* as written, split at apostrophes and hyphens."""
    return tuple([Word(m.group(), *m.span()) for m in _WORD.finditer(text)])


def count_words(text: str) -> int:
    """Return how many words a reader sees: what spaces separate and holds a letter."""
    return len(list(filter(_WORD.search, text.split())))


def sentences(text: str) -> tuple[str, ...]:
    """Return the sentences of *text* in order, each as written."""
    return tuple(s for s in (m.group().strip() for m in _SENTENCE.finditer(text)) if s)


def _fold_at_once(text: str, *, accents: bool) -> str | None:
    """Return *text* folded if each letter stays one letter: nearly always, and ten times faster."""
    text = text.replace("\u00a0", " ").replace("\u202f", " ")
    if _UNUSUAL.search(text) or not unicodedata.is_normalized("NFKC", text):
        return None
    folded = text.translate(_WITH_ACCENTS if accents else _WITHOUT_ACCENTS)
    return folded if len(folded) == len(text) else None


class _Letters(dict[int, str]):
    """What each letter is folded to, worked out when first met."""

    def __init__(self, *, accents: bool) -> None:
        super().__init__()
        self.accents = accents

    def __missing__(self, code: int) -> str:
        folded = _lower(chr(code))
        self[code] = folded if self.accents else "".join(map(_without_marks, folded))
        return self[code]


_WITH_ACCENTS, _WITHOUT_ACCENTS = _Letters(accents=True), _Letters(accents=False)


@lru_cache(maxsize=4096)
def _folded_word(word: str) -> str:
    return fold(word).text


@lru_cache(maxsize=4096)
def _bare_word(word: str) -> str:
    return fold(word, accents=False).text


def _clusters(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for index in range(1, len(text) + 1):
        if index == len(text) or not _is_mark(text[index]):
            yield start, text[start:index]
            start = index


def _without_marks(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if not _is_mark(c))


@lru_cache(maxsize=8192)
def _fold_cluster(cluster: str, *, accents: bool) -> str:
    cluster = _CONTROL.sub("", _INVISIBLE.sub("", cluster))
    if not cluster:
        return ""
    if _SPACING.match(cluster[0]):
        return " "
    letters = "".join(c for c in cluster if c not in _ARABIC_MARKS)
    folded = _lower(unicodedata.normalize("NFKC", letters))
    # A mark that is part of no letter is a disguise, whatever accents count for.
    folded = "".join(c for c in folded if not _is_mark(c))
    return folded if accents else _without_marks(folded)


def _lower(text: str) -> str:
    return text.translate(_CAPITALS).casefold().translate(_LOOKALIKES)


@lru_cache(maxsize=8192)
def _is_mark(character: str) -> bool:
    return unicodedata.category(character) in {"Mn", "Me"}
