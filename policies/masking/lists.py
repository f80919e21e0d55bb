"""What is known of names and of the ways in which data are written, for each language."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from bot.ports import PromptBook
from bot.text import Folded, bare, fold

_DIGITS = {base + n: str(n) for base in (0x660, 0x6F0) for n in range(10)}
TOKEN = re.compile(r"[^\W_]+")
_TRANSCRIBED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


class Entry(NamedTuple):
    role: str
    """A kind to hide, a kind of cue, or ``KEEP`` for what looks like a name and is none."""
    forms: frozenset[str]
    """Where not empty, the only ways of writing that count."""


@dataclass(frozen=True)
class Format:
    """A way in which a datum is written; its named groups are the kinds."""

    table: Mapping[str, Any]
    """As prompts/names/formats.toml gives and explains it."""
    parts: Mapping[str, str]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Compiled when a text first calls for it: together they take long."""
        pattern = str(self.table["pattern"])
        for name, part in reversed(tuple(self.parts.items())):
            pattern = pattern.replace(f"<<{name}>>", part)
        return re.compile(pattern)

    def possible(self, text: str, low: str) -> bool:
        """Return whether *text* may hold it, at little cost."""
        needs, when = self.table.get("needs"), self.table.get("when", "")
        return (not needs or any(n in low for n in needs)) and (
            not when or re.search(when, text) is not None
        )


@dataclass(frozen=True, kw_only=True)
class Lists:
    """All that is known for one language, in bare letters."""

    phrases: Mapping[str, Entry]
    longest: Mapping[str, int]
    """How many words the longest phrase has that begins with this word."""
    formats: tuple[tuple[Format, ...], ...]
    """Those that a text may hold which has no digit, one digit, two digits, …, or more."""
    words: Mapping[str, frozenset[str]]
    """Sets of single words: given, surnames, ambiguous, stop, particles, …"""


def load(book: PromptBook, language: str) -> Lists:
    """Read the lists: those of the language, of every country, and the formats."""
    index = book.lexicon("names", "index")
    known = language if language in index["languages"] else index["languages"][0]
    spoken = book.lexicon("names", f"words-{known}")
    shared = book.lexicon("names", "given")
    words = {
        key: frozenset(TOKEN.findall(bare(shared.get(key, "") + " " + spoken.get(key, ""))))
        for key in index["words"]
    }
    phrases: dict[str, Entry] = {}
    for file in (spoken, *(book.lexicon("names", c) for c in index["countries"])):
        for key in index["roles"].keys() & file.keys():
            for written in _listed(file[key], spoken["endings"]):
                _enter(phrases, index["roles"][key], written, key)
    for name in words["given"] & phrases.keys():
        if phrases[name].role == "POLITICIAN":
            del phrases[name]
    longest: dict[str, int] = {}
    for phrase in phrases:
        first, *rest = phrase.split(" ")
        longest[first] = max(longest.get(first, 0), len(rest) + 1)
    shapes = book.lexicon("names", "formats")
    formats = [Format(table, shapes["parts"]) for table in shapes["format"]]
    most = max(form.table["least"] for form in formats)
    by_digits = tuple(
        tuple(form for form in formats if form.table["least"] <= digits)
        for digits in range(most + 1)
    )
    return Lists(phrases=phrases, longest=longest, formats=by_digits, words=words)


def _enter(phrases: dict[str, Entry], role: str, written: str, key: str) -> None:
    """Add *written*; of a public figure also the family name, all but the first word."""
    cased = key.endswith("-cased")
    _, _, family = written.partition(" ")
    figure = role == "POLITICIAN" and not key.endswith("-full")
    for name, only_so in ((written, cased and not figure), (family if figure else "", cased)):
        shown = view(name).text
        phrase = " ".join(TOKEN.findall(shown.lower()))
        old = phrases.get(phrase)
        if not phrase or (old and (old.role != role or not old.forms)):
            continue
        forms = (old.forms if old else frozenset()) | {shown}
        phrases[phrase] = Entry(role, forms if only_so else frozenset())


def _listed(entries: str, endings: Sequence[str]) -> Iterator[str]:
    for entry in entries.split(","):
        yield from _variants(" ".join(entry.split()), endings)


def _variants(entry: str, endings: Sequence[str]) -> Iterator[str]:
    """Yield *entry* with every ending where it is marked ``~``, and with ae for ä."""
    stems = [entry.replace("~", e) for e in endings] if "~" in entry else [entry]
    for stem in stems:
        yield stem
        transcribed = stem.translate(_TRANSCRIBED)
        if transcribed != stem:
            yield transcribed


def view(text: str) -> Folded:
    """Return *text* in bare letters and ASCII digits, its capitals kept."""
    if text.isascii():
        return Folded(text, None)
    seen = fold(text, accents=False)
    if seen.offsets is None and len(seen.text) != len(text):
        # Korean syllables fall apart into letters: with accents they do not.
        seen = fold(text)
    letters = seen.text.translate(_DIGITS)
    if not any(map(str.isupper, text)):
        return Folded(letters, seen.offsets)
    written = text if seen.offsets is None else (text[o] for o in seen.offsets[:-1])
    kept = [
        c.upper() if w.isupper() and len(c.upper()) == 1 else c
        for c, w in zip(letters, written, strict=True)
    ]
    return Folded("".join(kept), seen.offsets)
