"""Names and personal data give way to placeholders before any rule or model reads a text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

from bot.domain import Hidden, Masked
from bot.ports import PromptBook
from bot.text import Folded, bare, fold, plain

PUBLIC = frozenset({"PARTY", "POLITICIAN", "GROUP"})
"""Kinds that are not personal data: hidden so that no question turns on them."""
NEARBY = 48
"""How many characters before a number are searched for what it is."""
MOST_TITLES = 3
LONGEST_TITLE = 4
"""In letters: Dr, Prof, Dipl; longer ones say what the matter is about."""
LONGEST_NAME = 7
"""In words, particles included."""
RECENT = 16
"""Texts whose spans are kept in mind: those of one exchange, and few others."""

_DIGITS = {base + n: str(n) for base in (0x660, 0x6F0) for n in range(10)}
_TOKEN = re.compile(r"[^\W_]+")
_LETTERS = re.compile(r"[^\W\d_]+")
_TRANSCRIBED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_JOINTS = frozenset({" ", "-", "'", "  ", "."})
_CUE_GAPS = {
    "NAME": re.compile(r"[\s:,«\"'“(]{1,4}"),
    "TITLE": re.compile(r"\.? ?|[:,] "),
    "MISTER": re.compile(r"\.? ?|[:,] "),
    "ROLE": re.compile(r"\.? ?|\.-"),
    "KIN": re.compile(r",? |: | \("),
    "CALLED": re.compile(r"[ :,«\"'“(]{1,3}"),
    "SELF": re.compile(r",? "),
    "MEET": re.compile(r" "),
    "SIGN": re.compile(r"[\s,.!:;-]{1,8}"),
}
"""What may stand between a cue and the name it announces."""
_ATTACHED = re.compile("^[وفبلك]?(?:ال|لل)?(?=..)|^[وفبلك](?=...)")
_PROCLITICS = "وفبلك"
"""Arabic writes "and", "so", "by", "for" and "like" as one letter before the word."""


class Span(NamedTuple):
    """Something to hide, in the text as written: ``text[start:end]``."""

    start: int
    end: int
    kind: str


class _Token(NamedTuple):
    word: str
    start: int
    end: int
    capital: bool


class _Entry(NamedTuple):
    role: str
    """A kind to hide, a kind of cue, or ``KEEP`` for what looks like a name and is none."""
    forms: frozenset[str]
    """Where not empty, the only ways of writing that count."""


@dataclass(frozen=True)
class _Format:
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


@dataclass(frozen=True)
class Masking:
    """Knows formats, cues and lists; prefers to hide once too often.

    Reading a text takes time in proportion to its length, whatever it holds.
    """

    book: PromptBook
    _lists: dict[str, _Lists] = field(default_factory=dict)

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
            self._lists[language] = _load(self.book, language)
        view = _view(text)
        reader = _Reader(view.text, self._lists[language])
        return tuple(Span(*view.span(s.start, s.end), s.kind) for s in reader.spans())


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


@dataclass(frozen=True, kw_only=True)
class _Lists:
    """All that is known for one language, in bare letters."""

    phrases: Mapping[str, _Entry]
    longest: Mapping[str, int]
    """How many words the longest phrase has that begins with this word."""
    formats: tuple[tuple[_Format, ...], ...]
    """Those that a text may hold which has no digit, one digit, two digits, …, or more."""
    words: Mapping[str, frozenset[str]]
    """Sets of single words: given, surnames, ambiguous, stop, particles, …"""


class _Reader:
    """Finds what is to be hidden in one text."""

    def __init__(self, text: str, lists: _Lists) -> None:
        """Read *text*, which is bare but for its capitals."""
        self.text, self.low, self.lists = text, text.lower(), lists
        self.taken = bytearray(len(text))
        self.tokens: list[_Token] = []
        self.spoken: set[int] = set()
        words = lists.words
        self.given, self.surnames = words["given"], words["surnames"]
        self.ambiguous, self.stop = words["ambiguous"], words["stop"]
        self.particles, self.suffixes = words["particles"], words["suffixes"]

    def spans(self) -> list[Span]:
        found = list(self._formatted())
        shouted = self.text.isupper()
        for match in _TOKEN.finditer(self.text):
            start, end = match.span()
            capital = not shouted and self.text[start].isupper()
            self.tokens.append(_Token(self.low[start:end], start, end, capital))
        found += self._named()
        return sorted(found)

    def _formatted(self) -> Iterator[Span]:
        digits = sum(map(str.isdigit, self.text))
        formats = self.lists.formats
        for form in formats[min(digits, len(formats) - 1)]:
            if form.possible(self.text, self.low):
                yield from self._matches(form)

    def _matches(self, form: _Format) -> Iterator[Span]:
        for match in form.pattern.finditer(self.text):
            start, end = match.span()
            cue, unless = form.table.get("cue"), form.table.get("unless")
            if cue and not re.search(cue, self.low[max(0, start - NEARBY) : start]):
                continue
            if unless and re.match(unless, self.low[end : end + NEARBY]):
                continue
            for kind, words in match.groupdict().items():
                if words and self._take(*match.span(kind)):
                    yield Span(*match.span(kind), kind)

    def _take(self, start: int, end: int) -> bool:
        free = not any(self.taken[start:end])
        if free:
            self.taken[start:end] = b"\1" * (end - start)
        return free

    def _named(self) -> Iterator[Span]:
        index = 0
        while index < len(self.tokens):
            if self._plain(self.tokens[index]):
                index += 1
                continue
            kind, first, last, skip = self._name_at(index)
            if kind:
                span = Span(skip + self.tokens[first].start, self.tokens[last - 1].end, kind)
                if self._take(span.start, span.end):
                    yield span
            index = max(last, index + 1)

    def _plain(self, token: _Token) -> bool:
        """Whether nothing can begin at *token*: most words, decided quickly."""
        word = token.word
        listed = word in self.lists.longest or word in self.given
        return not (listed or token.capital or _arabic(word))

    def _name_at(self, index: int) -> tuple[str, int, int, int]:
        """Return kind, first and last word and letters to leave out of what begins at *index*."""
        for skip, word in self._readings(index):
            found = self._phrase(index, word)
            if found is None:
                continue
            role, end = found
            if role not in _CUE_GAPS:
                return self._listed(role, index, end, skip)
            person = self._announced(role, end)
            if person:
                return "PERSON", index if self._titled(role, index) else end, person, skip
        return self._person(index)

    def _listed(self, role: str, index: int, end: int, skip: int) -> tuple[str, int, int, int]:
        if role == "GROUP" and self._spoken(index):
            self.spoken.add(index)
            role = "KEEP"
        return "" if role == "KEEP" else role, index, end, skip

    def _spoken(self, index: int) -> bool:
        """Whether a language is meant and not those who speak it."""
        words, before = self.lists.words, index - 1
        while before >= 0 and (
            before in self.spoken or self.tokens[before].word in words["between"]
        ):
            before -= 1
        return before >= 0 and self.tokens[before].word in words["tongue"]

    def _readings(self, index: int) -> Iterator[tuple[int, str]]:
        """Yield the word at *index*, then, in Arabic, what its first letters may hide."""
        word = self.tokens[index].word
        yield 0, word
        if not _arabic(word):
            return
        for skip in range(min(2, len(word) - 2)):
            if skip and word[skip - 1] not in _PROCLITICS:
                return
            rest = word[skip:]
            if skip:
                yield skip, rest
            if rest.startswith(("ال", "لل")) and len(rest) > len("الم"):
                yield skip, rest[2:]
            if skip and rest[0] == "ل":
                yield skip, "ا" + rest

    def _phrase(self, index: int, word: str) -> tuple[str, int] | None:
        """Return the role and the end of the longest phrase that begins with *word*."""
        most = self.lists.longest.get(word, 0)
        for end in range(min(index + most, len(self.tokens)), index, -1):
            words = [word, *(t.word for t in self.tokens[index + 1 : end])]
            entry = self.lists.phrases.get(" ".join(words))
            if entry and self._joined(index, end) and self._as_written(entry, index, end):
                return entry.role, end
        return None

    def _as_written(self, entry: _Entry, index: int, end: int) -> bool:
        written = self.text[self.tokens[index].start : self.tokens[end - 1].end]
        return not entry.forms or written in entry.forms

    def _joined(self, index: int, end: int) -> bool:
        return all(b.start - a.end <= len(". ") for a, b in pairwise(self.tokens[index:end]))

    def _titled(self, role: str, index: int) -> bool:
        """Whether the cue is hidden with the name: a title may be part of how it is told."""
        return role in {"TITLE", "MISTER"} or (
            role == "ROLE" and len(self.tokens[index].word) <= LONGEST_TITLE
        )

    def _announced(self, cue: str, index: int, titles: int = 0) -> int:
        """Return where the name ends that *cue* announces at *index*, 0 where there is none."""
        if index >= len(self.tokens):
            return 0
        said = self.tokens[index - 1]
        gap = self.text[said.end : self.tokens[index].start]
        ended = "." in gap and cue == "MISTER" and len(said.word) > LONGEST_TITLE
        if ended or not _CUE_GAPS[cue].fullmatch(gap):
            return 0
        found = (self._phrase(index, word) for _, word in self._readings(index))
        if any(f and not (f[0] == "POLITICIAN" and cue == "NAME") for f in found):
            return self._after_title(index, titles + 1)
        if cue == "SELF":
            kind, _, end, _ = self._person(index)
            return end if kind else 0
        loose = cue in {"NAME", "TITLE"} or (
            cue in {"MISTER", "ROLE"} and self._definite(index - 1)
        )
        end = self._extend(index, loose=loose)
        return end if self._begins(cue, index, end, loose=loose) else 0

    def _begins(self, cue: str, index: int, end: int, *, loose: bool) -> bool:
        """Whether the words from *index* to *end* may be the name after *cue*."""
        token = self.tokens[index]
        if cue == "SIGN" and len(self.tokens) - end > LONGEST_NAME:
            return False
        if cue == "MEET" and (end == index + 1 or not self._unless_place(index, end, 0)[0]):
            return False
        if token.word in self.particles and cue in {"NAME", "TITLE", "MISTER", "ROLE"}:
            rest = self.tokens[index + 1 : end]
            return any(t.capital or _arabic(t.word) for t in rest) or (
                token.capital and self._may_name(token)
            )
        known = token.word in self.given or token.word in self.surnames
        named = self._may_name(token) or (_arabic(token.word) and known and cue != "KIN")
        return named and (token.capital or loose or known)

    def _definite(self, index: int) -> bool:
        return "ال" in self.tokens[index].word[:3]

    def _after_title(self, index: int, titles: int) -> int:
        """Return where the name ends after a further title at *index*: Herr Prof. Dr."""
        found = self._phrase(index, self.tokens[index].word)
        if found is None or titles > MOST_TITLES or found[0] not in {"TITLE", "MISTER", "ROLE"}:
            return 0
        return self._announced(*found, titles)

    def _may_name(self, token: _Token) -> bool:
        word = token.word
        if word in self.stop or (_arabic(word) and _ATTACHED.sub("", word) in self.stop):
            return False
        return _LETTERS.fullmatch(word) is not None

    def _extend(self, index: int, *, loose: bool) -> int:
        """Return where the name ends that begins at *index*."""
        last, after_particle = index + 1, self.tokens[index].word in self.particles
        for k in range(index + 1, min(index + LONGEST_NAME, len(self.tokens))):
            if not self._linked(k):
                break
            token = self.tokens[k]
            if self._continues(k, loose=loose, after_particle=after_particle):
                last = k + 1
            elif token.word not in self.particles:
                break
            after_particle = token.word in self.particles
        return last

    def _linked(self, k: int) -> bool:
        before, token = self.tokens[k - 1], self.tokens[k]
        gap = self.text[before.end : token.start]
        abbreviated = before.end - before.start <= len("Jr") or before.word in self.suffixes
        if gap in {". ", "."}:
            return abbreviated
        return gap in _JOINTS or (gap in {", ", ","} and token.word in self.suffixes)

    def _continues(self, k: int, *, loose: bool, after_particle: bool) -> bool:
        token, before = self.tokens[k], self.tokens[k - 1]
        known = token.word in self.given or token.word in self.surnames
        if token.word in self.suffixes:
            return token.capital
        if after_particle and _arabic(token.word):
            return True
        if not self._may_name(token) and not (_arabic(token.word) and token.word in self.given):
            return False
        if _arabic(token.word):
            family = token.word.startswith("ال") and (loose or token.word.endswith("ي"))
            family = family or (loose and token.word.startswith(("بو", "بن", "بل")))
            second = loose and before.word in self.given and k + 1 == len(self.tokens)
            return known or family or second
        if token.capital:
            return True
        hasty = loose and not before.capital and len(token.word) > len("de")
        return not before.capital and (known or (hasty and token.word not in self.particles))

    def _person(self, index: int) -> tuple[str, int, int, int]:
        """Return the person named at *index* without a cue."""
        token = self.tokens[index]
        nobody = "", index, index + 1, 0
        for skip, word in self._readings(index):
            if word in self.given and not (skip and word in self.ambiguous):
                return self._somebody(index, word, skip)
        if token.capital and self._may_name(token) and self._next_is_surname(index):
            return self._unless_place(index, self._extend(index, loose=False), 0)
        return nobody

    def _somebody(self, index: int, word: str, skip: int) -> tuple[str, int, int, int]:
        token = self.tokens[index]
        end = self._extend(index, loose=False)
        doubtful = word in self.ambiguous or not (token.capital or _arabic(word))
        if doubtful and not (end > index + 1 and self._confirms(index, end)):
            return "", index, index + 1, 0
        return self._unless_place(index, end, skip)

    def _confirms(self, index: int, end: int) -> bool:
        """Whether what follows a doubtful first name makes it one."""
        first, second = self.tokens[index : index + 2]
        known = (second.word in self.given or second.word in self.surnames) and (
            second.word not in self.ambiguous
        )
        if first.capital:
            return known or (second.capital and not self.lists.words["nouns"])
        return known and (first.word not in self.ambiguous or _arabic(first.word))

    def _next_is_surname(self, index: int) -> bool:
        if index + 1 >= len(self.tokens) or not self._linked(index + 1):
            return False
        token, following = self.tokens[index], self.tokens[index + 1]
        name = following.word in self.surnames or (
            token.word in self.surnames and following.word in self.given
        )
        return following.capital and name and following.word not in self.ambiguous

    def _unless_place(self, index: int, end: int, skip: int) -> tuple[str, int, int, int]:
        """Return the person, unless a street or a school is called so."""
        words = self.lists.words
        around = [t.word for t in self.tokens[max(0, index - 2) : index]]
        near = around[-1:] if around[-1:] and around[-1] not in words["articles"] else around
        called = any(w in words["before"] for w in near)
        tail = (t.word for t in self.tokens[index + 1 : end + 1])
        if called or any(w in words["after"] for w in tail):
            return "", index, end, 0
        return "PERSON", index, end, skip


def _arabic(word: str) -> bool:
    return "\u0600" <= word[0] <= "\u06ff"


def _view(text: str) -> Folded:
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


def _load(book: PromptBook, language: str) -> _Lists:
    """Read the lists: those of the language, of every country, and the formats."""
    index = book.lexicon("names", "index")
    known = language if language in index["languages"] else index["languages"][0]
    spoken = book.lexicon("names", f"words-{known}")
    shared = book.lexicon("names", "given")
    words = {
        key: frozenset(_TOKEN.findall(bare(shared.get(key, "") + " " + spoken.get(key, ""))))
        for key in index["words"]
    }
    phrases: dict[str, _Entry] = {}
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
    formats = [_Format(table, shapes["parts"]) for table in shapes["format"]]
    most = max(form.table["least"] for form in formats)
    by_digits = tuple(
        tuple(form for form in formats if form.table["least"] <= digits)
        for digits in range(most + 1)
    )
    return _Lists(phrases=phrases, longest=longest, formats=by_digits, words=words)


def _enter(phrases: dict[str, _Entry], role: str, written: str, key: str) -> None:
    """Add *written*; of a public figure also the family name, all but the first word."""
    cased = key.endswith("-cased")
    _, _, family = written.partition(" ")
    figure = role == "POLITICIAN" and not key.endswith("-full")
    for name, only_so in ((written, cased and not figure), (family if figure else "", cased)):
        view = _view(name).text
        phrase = " ".join(_TOKEN.findall(view.lower()))
        old = phrases.get(phrase)
        if not phrase or (old and (old.role != role or not old.forms)):
            continue
        forms = (old.forms if old else frozenset()) | {view}
        phrases[phrase] = _Entry(role, forms if only_so else frozenset())


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


def build(book: PromptBook) -> Masking:
    """Return the masker."""
    return Masking(book)
