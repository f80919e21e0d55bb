"""What a contribution already says, by rules alone: the same words are read the same way."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Any

from bot.domain import Register
from bot.ports import PromptBook
from bot.quoting import READ, Quoting
from bot.rules import compile_pattern
from bot.text import bare, clean, count_words, fold, plain, sentences, without_placeholders

ASPECTS = ("who", "what", "where", "when", "reason", "example", "number")
"""What makes a contribution specific (rule 8)."""
SELF_PASSES = 3
"""« Moi, je suis retraité et je pense que … » takes three."""
MANY = 3
"""Sentences from which one more makes no difference."""
BRIEF = 2
COMPANIONS = frozenset({"money", "town", "family", "world", "food"})
"""Themes that do not tell a topic where there is another."""
PUBLIC = frozenset({"democracy", "world"})
"""Themes that few people meet where they live."""
SURE = frozenset({"number", "reason", "example"})
"""Aspects that are written alike in every register."""
TELLING = 12
"""Words from which a contribution is held to say what it is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the messages on one idea say so far."""

    says: frozenset[str] = frozenset()
    """Those of `ASPECTS` that are there."""
    proposal: bool = False
    """Whether something is asked for, rather than told."""
    topic: int = 0
    """Where the choice of a question begins. It turns on what the message is about and on
    what is there to be asked: never on side, person, party or register."""
    everyday: bool = False
    """Whether what it is about belongs to everyday life, as far as is known."""
    brief: bool = False
    """Whether it is a word or two that tell nothing yet."""
    greets: bool = False
    """Whether nothing is there but a greeting, who writes, a « test » or an « OK »."""
    register: Register = Register.FORMAL
    slot: str | None = None
    """Words of the latest message to quote: of what it asks for."""
    subject: str | None = None
    """The same, to name what it is about: out of « no bus at night » too."""


@dataclass(frozen=True)
class Reader:
    """Reads contributions in one language, with that language's cues."""

    cues: Mapping[str, Any]
    quoting: Quoting
    _patterns: dict[str, re.Pattern[str] | None] = field(default_factory=dict)

    def read(self, texts: Sequence[str]) -> Reading:
        """Read *texts*, the messages on one idea, oldest first."""
        texts = [without_placeholders(text) for text in texts]
        bares = [bare(clean(text)[:READ]) for text in texts]
        contents = [self._without_self(text) for text in bares]
        content = "\n".join(contents)
        says = frozenset(aspect for aspect in ASPECTS if self._says(aspect, content))
        proposal = self._finds("proposal", content)
        # What the first message leaves open, the next may tell.
        themes = next(filter(None, map(self._themes, contents)), {})
        slot = self._slot(texts, bares, self.asks)
        return Reading(
            says=says,
            proposal=proposal,
            topic=self._topic(set(themes.values()), says, content, proposal=proposal),
            everyday=not PUBLIC.issuperset(themes.values()),
            brief=not themes and len(set(plain(content).split())) <= BRIEF,
            greets=bool(bares) and all(map(self._greets, bares)),
            register=self._register("\n".join(bares)),
            slot=slot,
            subject=slot or self._slot(texts, bares, bool),
        )

    def bare(self, text: str) -> bool:
        """Return whether *text* is a yes, a no or a thank you, or only announces an idea."""
        said = plain(text)
        return bool(said) and (
            said in self._announcements or self._answers.issuperset(said.split())
        )

    def asks(self, sentence: str) -> bool:
        """Return whether *sentence* asks for something, and opposes nothing."""
        return self._finds("proposal", bare(sentence)) and not self.quoting.turns(sentence)

    def quotes(self, text: str, fits: Callable[[str], bool] = bool) -> tuple[str, ...]:
        """Return the words of *text* a question may quote, of the sentences *fits* takes."""
        return self.quoting.every(self._others_words(text), fits)

    def _slot(
        self, texts: Sequence[str], bares: Sequence[str], fits: Callable[[str], bool]
    ) -> str | None:
        """Return words of the latest message to quote: neither who writes nor a whole answer."""
        if not texts:
            return None
        latest = self._others_words(texts[-1])
        # A child or a mother tells whom it touches, not what it is about.
        themed = {word for word, theme in self._themes(bares[-1]).items() if theme != "family"}
        slot = self.quoting.best(latest, themed, fits)
        whole = len(texts) > 1 and plain(slot or "") == plain(latest)
        return None if whole else slot

    def _others_words(self, text: str) -> str:
        """Return *text* with as many semicolons where the person says who they are."""
        pattern = self._pattern("self")
        if pattern is None:
            return text
        seen = fold(text[:READ], accents=False)
        for match in pattern.finditer(seen.text):
            start, end = seen.span(*match.span())
            blank = ";" * (end - start)
            text = text[:start] + blank + text[end:]
        return text

    def _says(self, aspect: str, text: str) -> bool:
        if aspect == "number":
            return bool(_NUMBER.search(text)) or self._finds(aspect, text)
        if aspect == "what":
            return count_words(text) >= TELLING
        return self._finds(aspect, text)

    def _topic(
        self, themes: AbstractSet[str], says: AbstractSet[str], text: str, *, proposal: bool
    ) -> int:
        """Return a number made of what the text is about and what little else is sure."""
        about = [name for name in self.cues["themes"] if name in themes]
        # « gratuit » or « en ville » goes with any topic, and slang has other words for it.
        about = [name for name in about if name not in COMPANIONS] or about
        if not about:
            # Nothing known: what it says stands in for what it is about.
            about = [*sorted(says), str(min(len(sentences(text)), MANY))]
        sure = sorted(says & SURE)
        if len(about) == 1 and not sure and about[0] in themes:
            # The commonest topics are neighbours, so that no two begin at the same question.
            return 2 * list(self.cues["themes"]).index(about[0]) + proposal
        key = " ".join((*about, *sure, str(proposal)))
        return int.from_bytes(sha256(key.encode()).digest()[:8], "big")

    def _themes(self, text: str) -> dict[str, str]:
        """Return the bare words of *text* that tell a theme, and the theme of each."""
        found = {word: self._themed(word) for word in plain(text).split()}
        return {word: theme for word, theme in found.items() if theme}

    @cached_property
    def _themed(self) -> Callable[[str], str | None]:
        """Look up the theme of a word, once while it comes often."""
        return lru_cache(maxsize=4096)(self._look_up)

    def _look_up(self, word: str) -> str | None:
        for prefix in ("", *self.cues.get("prefixes", ())):
            if word.startswith(prefix) and (match := self._stems.match(word[len(prefix) :])):
                return match.lastgroup
        return None

    def _register(self, text: str) -> Register:
        familiar = self._finds("familiar", text) and not self._finds("formal", text)
        return Register.FAMILIAR if familiar else Register.FORMAL

    def _without_self(self, text: str) -> str:
        """Return *text* without who the person says they are: it must not change the question."""
        rest = self._stripped(text)
        return rest if _WORDLIKE.search(rest) else text

    def _stripped(self, text: str) -> str:
        rest, pattern = text.strip(), self._pattern("self")
        for _ in range(SELF_PASSES if pattern else 0):
            before, rest = rest, pattern.sub(" ", rest).strip(_LOOSE) if pattern else rest
            if rest == before:
                break
        return rest

    def _greets(self, text: str) -> bool:
        words = plain(self._stripped(text)).split()
        if len(words) == BRIEF and not self._trials.isdisjoint(words):
            return True
        if plain(text) in self._announcements:
            return True
        telling_nothing = self._greetings | self._answers
        return all(word in telling_nothing or _COUNTED.search(word) for word in words)

    @cached_property
    def _greetings(self) -> frozenset[str]:
        return frozenset(word for listed in self.cues["greeting"] for word in plain(listed).split())

    @cached_property
    def _answers(self) -> frozenset[str]:
        return frozenset(word for listed in self.cues["answer"] for word in plain(listed).split())

    @cached_property
    def _announcements(self) -> frozenset[str]:
        return frozenset(map(plain, self.cues["announcement"]))

    @cached_property
    def _trials(self) -> frozenset[str]:
        return frozenset(map(plain, self.cues["trial"]))

    def _finds(self, name: str, text: str) -> bool:
        pattern = self._pattern(name)
        return bool(pattern and pattern.search(text))

    def _pattern(self, name: str) -> re.Pattern[str] | None:
        if name not in self._patterns:
            self._patterns[name] = _alternatives(self.cues.get(name, ()))
        return self._patterns[name]

    @cached_property
    def _stems(self) -> re.Pattern[str]:
        groups = (
            f"(?P<{name}>{'|'.join(map(_stem, stems))})"
            for name, stems in self.cues["themes"].items()
        )
        return compile_pattern("|".join(groups), accents=False)


@dataclass(frozen=True)
class Readers:
    """One reader per language, made when first needed."""

    book: PromptBook
    _made: dict[str, Reader] = field(default_factory=dict)

    def __getitem__(self, language: str) -> Reader:
        if language not in self._made:
            cues = self.book.lexicon(language, "cues")
            quoting = Quoting(self.book.lexicon(language, "quoting"), cues)
            self._made[language] = Reader(cues, quoting)
        return self._made[language]


_LOOSE = " ,.;:–-"
_NUMBER = re.compile(r"(?<![^\W\d])\d+(?!\w*[^\W\d])")
"""Digits by themselves: « 3lach » is a word."""
_COUNTED = re.compile(r"^\d+$|\d\d")
"""A number, or a word with one: « test811 », but « 9ahwa » is a word."""
_WORDLIKE = re.compile(r"[^\W\d_]{3}")


def _stem(stem: str) -> str:
    """Return the pattern of a stem; a space after it ends the word."""
    return rf"{stem.rstrip()}\b" if stem.endswith(" ") else stem


def _alternatives(patterns: Iterable[str]) -> re.Pattern[str] | None:
    joined = "|".join(f"(?:{pattern})" for pattern in patterns)
    return compile_pattern(rf"(?<!\w)(?:{joined})(?!\w)", accents=False) if joined else None
