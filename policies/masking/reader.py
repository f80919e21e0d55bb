"""Finds names and personal data in one text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from policies.masking.lists import TOKEN, Entry, Format, Lists

NEARBY = 48
"""How many characters before a number are searched for what it is."""
MOST_TITLES = 3
LONGEST_TITLE = 4
"""In letters: Dr, Prof, Dipl; longer ones say what the matter is about."""
SHORTEST = 4
"""In letters: « mia » or « ed » written small is often something else."""
LONGEST_NAME = 7
"""In words, particles included."""

_UNTAKEN = re.compile(rb"\0+")
_PART = re.compile(r"\w.{2,}\w")
"""What is left of a format that overlaps another: less than four characters tell nothing."""
_LETTERS = re.compile(r"[^\W\d_]+")
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
_VERB = re.compile("[وف]?[سبك]?[يت]..+(?<![يا])|[وف]?[سبك]?[يت]..+ن[يا]")
"""What may be an Arabic verb of the present: « المعلم يضربنا », “the teacher hits us”."""
_SURE_VERB = re.compile("[وف]?[سبك]?(?:[يت]..+(?:ن[يا]|هم|ها|هن|كم|وا|ون)|[يت]ت...+(?<![يا]))")
"""The same, where a name is more likely than not: after a title, « الدكتور يعيش »."""


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


class Reader:
    """Finds what is to be hidden in one text."""

    def __init__(self, text: str, lists: Lists) -> None:
        """Read *text*, which is bare but for its capitals."""
        self.text, self.low, self.lists = text, text.lower(), lists
        self.taken = bytearray(len(text))
        self.tokens: list[_Token] = []
        self.spoken: set[int] = set()
        words = lists.words
        self.given, self.surnames = words["given"], words["surnames"]
        self.ambiguous, self.stop = words["ambiguous"], words["stop"]
        self.small = words["small"]
        self.particles, self.suffixes = words["particles"], words["suffixes"]

    def spans(self) -> list[Span]:
        found = list(self._formatted())
        shouted = self.text.isupper()
        for match in TOKEN.finditer(self.text):
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

    def _matches(self, form: Format) -> Iterator[Span]:
        for match in form.pattern.finditer(self.text):
            start, end = match.span()
            cue, unless = form.table.get("cue"), form.table.get("unless")
            if cue and not re.search(cue, self.low[max(0, start - NEARBY) : start]):
                continue
            if unless and re.match(unless, self.low[end : end + NEARBY]):
                continue
            for kind, words in match.groupdict().items():
                if words:
                    yield from self._free(*match.span(kind), kind)

    def _free(self, start: int, end: int, kind: str) -> Iterator[Span]:
        """Yield what is not taken yet: the first number of « 0612345678 12 rue des Lilas »."""
        if self._take(start, end):
            yield Span(start, end, kind)
            return
        for free in _UNTAKEN.finditer(self.taken, start, end):
            part = _PART.search(self.text, *free.span())
            if part and self._take(*part.span()):
                yield Span(*part.span(), kind)

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

    def _as_written(self, entry: Entry, index: int, end: int) -> bool:
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
        if ended or not _CUE_GAPS[cue].fullmatch(gap) or self._is_article(cue, index, gap):
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

    def _is_article(self, cue: str, index: int, gap: str) -> bool:
        """Whether what looks like a title is an article of dialect: « dr Bus »."""
        said, token = self.tokens[index - 1 : index + 1]
        known = token.word in self.given or token.word in self.surnames
        small = not said.capital and token.capital and "." not in gap
        title = cue == "ROLE" and len(said.word) <= LONGEST_TITLE
        return title and small and not known and bool(self.lists.words["nouns"])

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
        verb = {"ROLE": _VERB, "TITLE": _SURE_VERB, "MISTER": _SURE_VERB}.get(cue)
        if verb and not known and verb.fullmatch(token.word):
            return False
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
        small = not (token.capital or _arabic(word))
        if not (word in self.ambiguous or small) or (
            end > index + 1 and self._confirms(index, end)
        ):
            return self._unless_place(index, end, skip)
        if small and self._only_a_name(word):
            return self._unless_place(index, index + 1, skip)
        return "", index, index + 1, 0

    def _only_a_name(self, word: str) -> bool:
        """Whether *word* is hardly anything but a first name, though it is written small."""
        return len(word) >= SHORTEST and word not in self.ambiguous | self.small

    def _confirms(self, index: int, end: int) -> bool:
        """Whether what follows a doubtful first name makes it one."""
        first, second = self.tokens[index : index + 2]
        known = (second.word in self.given or second.word in self.surnames) and (
            second.word not in self.ambiguous
        )
        if first.capital:
            return known or (second.capital and not self.lists.words["nouns"])
        if self.small & {first.word, second.word}:
            return False
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
