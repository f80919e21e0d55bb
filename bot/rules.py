"""Rules as data: a pattern, what it means, and where it was found."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache
from itertools import chain
from typing import Any

from bot.arabic import number_alone
from bot.domain import Finding, Label
from bot.errors import ConfigError
from bot.ports import PromptBook
from bot.text import Folded, fold, plain

_ATTACHED = re.compile("^[وفبلك]?(?:ال|لل)|^[وفبلك](?=[\u0621-\u064a]{3})")
_INFLECTED = re.compile("^[اتين](?=[\u0621-\u064a]{3}$)|(?<=[\u0621-\u064a]{3})(?:[كهي]|وا)$")
_SENTENCE_END = re.compile(r"[.!?؟\n]+")
_CASE = re.compile(r"(?<=[\u0621-\u064a]{3})ون\b")
_OF_CONTENT = frozenset(
    {Label.SUGGESTION, Label.FALSE_DILEMMA, Label.UNSOURCED_FACT, Label.ELECTORAL}
)
"""Labels that the person's own words excuse, unless the rule says otherwise."""
WINDOW = 2_000
"""Characters read at once: time grows with the length of a text, never faster."""
OVERLAP = 200
CONTENT = 4
"""Letters from which a word tells something, and that two forms of it share."""
PART = 5
"""Letters from which the last part of a longer word is a word."""
HEAD = 4
"""Letters by which the words that rules need are looked up."""
_QUOTED = re.compile(
    r"«\s*([^«»]*?)\s*»|»\s*([^«»]*?)\s*«|“([^“”„]*)”|„([^“”„\"]*)[“”\"]|\"([^\"]*)\""
    r"|‚([^‚‘’]*)[‘’]|‹\s*([^‹›]*?)\s*›|(?<!\w)[‘']([^‘’'\n]{2,60})[’'](?!\w)"
)


@dataclass(frozen=True, slots=True)
class Way:
    """A pattern, compiled only once a text holds one of its `needs`: most never are."""

    pattern: str
    needs: tuple[tuple[str, ...], ...] = ()
    """Sets of words; every match holds a word of each (``needs.json``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Patterns that no question, or no message, may match unnoticed."""

    id: str
    label: Label
    ways: tuple[Way, ...]
    """In which it is put; one match is enough."""
    unless: str
    """A pattern that makes it harmless in the same sentence, or one beside it; empty for none."""
    accents: bool
    unless_said: bool
    """Whether it is harmless where every content word that matched is the person's own."""
    reason: str
    firm: bool
    """Whether it gives way to nothing the classifier says of a question's form."""


@dataclass(frozen=True)
class Said:
    """The person's words, as far as they excuse a match: most texts never need them."""

    text: str
    function: frozenset[str]
    """Words of the language that carry no content."""

    def holds(self, matched: str) -> bool:
        """Return whether every content word of *matched* is the person's, in whatever form."""
        content = [w for w in plain(matched).split() if w not in self.function and _tells(w)]
        return bool(content) and all(map(self._has, content))

    def _has(self, word: str) -> bool:
        if any(form[:CONTENT] in self._stems for form in _forms(word)):
            return True
        # German puts it last: who wrote „Handyverbot“ spoke of a „Verbot“.
        return len(word) >= PART and any(said.endswith(word) for said in self._words)

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(plain(self.text).split())

    @cached_property
    def _stems(self) -> frozenset[str]:
        return frozenset(form[:CONTENT] for word in self._words for form in _forms(word))


@dataclass(frozen=True, slots=True)
class Turning:
    """Words that turn round what is said with them: no, less, stop."""

    whole: frozenset[str]
    beginnings: tuple[str, ...]

    @classmethod
    def of(cls, shape: Mapping[str, Any]) -> Turning:
        """Return those of a language, whose ``quoting.toml`` is *shape*."""
        beginnings = sorted({plain(word) for word in shape["opposing"]})
        return cls(frozenset(map(plain, shape["denying"])), tuple(beginnings))

    def among(self, bare_words: Iterable[str]) -> bool:
        """Tell whether one is among *bare_words*."""
        return any(word in self.whole or word.startswith(self.beginnings) for word in bare_words)


@dataclass(frozen=True)
class RuleIndex:
    """The rules of one list, by the words they need: a text calls for few of them."""

    rules: Sequence[Rule]

    def possible(self, text: str, pieces: AbstractSet[str]) -> Iterator[tuple[Rule, list[Way]]]:
        """Return the rules that may match *text*, in order, each with the ways that may.

        *pieces* are the runs of `HEAD` letters in *text*.
        """
        near = chain(self._short, *(self._long[piece] for piece in pieces & self._heads))
        called = {place for word, place in near if word in text}
        likely: dict[int, list[Way]] = {}
        for place in sorted(called.union(self._always)):
            number, way = self._ways[place]
            if _possible(way.needs[1:], text):
                likely.setdefault(number, []).append(way)
        return ((self.rules[number], ways) for number, ways in likely.items())

    @cached_property
    def _ways(self) -> Sequence[tuple[int, Way]]:
        """Return each way, with the place of its rule."""
        return [(i, way) for i, rule in enumerate(self.rules) for way in rule.ways]

    @cached_property
    def _needed(self) -> Sequence[tuple[str, int]]:
        """Return the words of which a way needs one, each with the place of the way."""
        return [(w, i) for i, (_, way) in enumerate(self._ways) for w in (*way.needs, ())[0]]

    @cached_property
    def _always(self) -> Sequence[int]:
        return [place for place, (_, way) in enumerate(self._ways) if not way.needs]

    @cached_property
    def _short(self) -> Sequence[tuple[str, int]]:
        return [(word, place) for word, place in self._needed if len(word) < HEAD]

    @cached_property
    def _long(self) -> Mapping[str, Sequence[tuple[str, int]]]:
        found: dict[str, list[tuple[str, int]]] = {}
        for word, place in self._needed:
            if len(word) >= HEAD:
                found.setdefault(word[:HEAD], []).append((word, place))
        return found

    @cached_property
    def _heads(self) -> frozenset[str]:
        return frozenset(self._long)


@dataclass(frozen=True)
class RuleLists:
    """The rules of one table of a word list, in every language, loaded when first needed."""

    book: PromptBook
    file: str
    table: str
    accents: bool
    """Whether accents count: a citizen may leave them out, the bot may not."""
    _rules: dict[str, RuleIndex] = field(default_factory=dict)
    _function: dict[str, frozenset[str]] = field(default_factory=dict)

    def find(self, text: str, language: str, *, said: str = "") -> tuple[Finding, ...]:
        """Return what the rules see in *text*, with spans; *said* is the person's words."""
        rules, known = self.rules(language), Said(said, self._function[language])
        found: dict[str, Finding] = {}
        for start in range(0, max(len(text), 1), WINDOW - OVERLAP):
            seen, pieces = window(text[start : start + WINDOW], accents=self.accents)
            for rule, ways in rules.possible(seen.text, pieces):
                if rule.id not in found and (finding := _finding(rule, ways, seen, known)):
                    found[rule.id] = _moved(finding, start)
        return tuple(found.values())

    def firm(self, language: str) -> frozenset[str]:
        """Return the ids of the rules of *language* that give way to nothing."""
        return frozenset(rule.id for rule in self.rules(language).rules if rule.firm)

    def rules(self, language: str) -> RuleIndex:
        """Return the rules of *language*."""
        if language not in self._rules:
            tables = self.book.lexicon(language, self.file)[self.table]
            reasons = self.book.lexicon(language, "notices")["reason"]
            needs = self.book.lexicon(language, "needs")
            self._rules[language] = RuleIndex(_load(tables, reasons, needs, accents=self.accents))
            listed = self.book.lexicon(language, "vocabulary")["function"]
            self._function[language] = frozenset(w for line in listed for w in plain(line).split())
        return self._rules[language]


def patterns(table: Mapping[str, Any]) -> list[str]:
    """Return the patterns of a rule, as its TOML *table* gives them: one, or a list."""
    written = table["pattern"]
    return [written] if isinstance(written, str) else list(written)


def _load(
    tables: Sequence[Mapping[str, Any]],
    reasons: Mapping[str, str],
    needs: Mapping[str, Sequence[Sequence[Sequence[str]]]],
    *,
    accents: bool,
) -> tuple[Rule, ...]:
    """Return the rules of a word list; a rule without a reason takes its label's.

    Raises:
        ConfigError: Words that a rule needs were not looked for since it was written.
    """
    if missing := [t["id"] for t in tables if len(needs.get(t["id"], ())) != len(patterns(t))]:
        raise ConfigError(f"Run `python -m prompts.needs`: new or changed is {', '.join(missing)}.")
    return tuple(
        Rule(
            id=table["id"],
            label=Label(table["label"]),
            ways=tuple(
                Way(pattern, tuple(map(tuple, needed)))
                for pattern, needed in zip(patterns(table), needs[table["id"]], strict=True)
            ),
            unless=table.get("unless", ""),
            accents=accents,
            unless_said=table.get("unless-said", Label(table["label"]) in _OF_CONTENT),
            reason=table.get("reason") or reasons[table["label"]],
            firm=table.get("firm", False),
        )
        for table in tables
    )


def _moved(finding: Finding, by: int) -> Finding:
    return replace(finding, start=finding.start + by, end=finding.end + by) if by else finding


def outside_quotes(text: str, texts: Iterable[str]) -> str:
    """Return *text* with what it quotes word for word from *texts* blanked, same length."""
    return _outside_quotes(text, tuple(texts))


@lru_cache(maxsize=2)
def _outside_quotes(text: str, texts: tuple[str, ...]) -> str:
    """Kept until the next, since each gate looks at the same question."""
    said = [(t, _quotable(t)) for t in texts]

    def blank(match: re.Match[str]) -> str:
        inside = next(g for g in match.groups() if g is not None).strip()
        words = _quotable(inside)
        # A sign alone, such as an emoji, is no word: it is compared as it is.
        genuine = any(words in spoken if words else inside in t for t, spoken in said)
        return " " * len(match.group()) if genuine else match.group()

    return _QUOTED.sub(blank, text)


def _quotable(text: str) -> str:
    """Return *text* as quotations are compared: signs and accents may be mended in a quote.

    Arabic plurals have the case of the sentence.
    """
    return _CASE.sub("ين", " ".join(plain(text).split()))


def quotations(text: str) -> tuple[tuple[int, int], ...]:
    """Return the spans between quotation marks in *text*."""
    spans = []
    for match in _QUOTED.finditer(text):
        group = next(i for i, g in enumerate(match.groups(), 1) if g is not None)
        spans.append(match.span(group))
    return tuple(spans)


@cache
def compile_pattern(pattern: str, *, accents: bool) -> re.Pattern[str]:
    """Compile *pattern* as it meets folded text."""
    return re.compile(fold_pattern(pattern, accents=accents))


def fold_pattern(pattern: str, *, accents: bool) -> str:
    """Return *pattern* folded; its escapes keep their case."""
    parts = re.split(r"(\\.|\(\?[^)]*?[:=!>])", pattern)
    return "".join(p if i % 2 else fold(p, accents=accents).text for i, p in enumerate(parts))


def _forms(word: str) -> tuple[str, ...]:
    """Return *word*, and without what Arabic writes in one with it."""
    bare_word = _ATTACHED.sub("", word)
    forms = (word, number_alone(word), bare_word, _INFLECTED.sub("", bare_word))
    return tuple(form for form in dict.fromkeys(forms) if form)


def _tells(word: str) -> bool:
    return len(word) > 2 or word.isdigit()  # noqa: PLR2004 - shorter words are grammar


@lru_cache(maxsize=2)
def window(text: str, *, accents: bool) -> tuple[Folded, frozenset[str]]:
    """Return *text* folded, and each piece of it that is `HEAD` letters long.

    Kept until the next, since several lists are looked for in the same text.
    """
    seen = fold(text, accents=accents)
    pieces = {seen.text[at : at + HEAD] for at in range(len(seen.text) - HEAD + 1)}
    return seen, frozenset(pieces)


def _possible(needs: Iterable[Sequence[str]], text: str) -> bool:
    """Tell whether *text* has one of each group of words."""
    return all(any(word in text for word in words) for words in needs)


def _finding(rule: Rule, ways: Iterable[Way], seen: Folded, said: Said) -> Finding | None:
    """Return what *rule* finds first, if anything, in the *ways* that may match."""
    compiled = (compile_pattern(way.pattern, accents=rule.accents) for way in ways)
    matches = [match for pattern in compiled for match in pattern.finditer(seen.text)]
    if not matches:
        return None
    excused = _excuses(rule, seen.text)
    for match in sorted(matches, key=re.Match.start):
        if excused(match) or (rule.unless_said and said.holds(match.group())):
            continue
        start, end = seen.span(*match.span())
        return Finding(rule=rule.id, label=rule.label, start=start, end=end, reason=rule.reason)
    return None


def _excuses(rule: Rule, text: str) -> Callable[[re.Match[str]], bool]:
    """Return what tells whether a match's sentence, or one beside it, makes it harmless."""
    if not rule.unless:
        return lambda _: False
    unless = compile_pattern(rule.unless, accents=rule.accents)
    bounds = [0, *(end.end() for end in _SENTENCE_END.finditer(text)), len(text)]

    @cache
    def harmless(first: int, last: int) -> bool:
        begin, end = bounds[max(first - 1, 0)], bounds[min(last + 1, len(bounds) - 1)]
        return unless.search(text, begin, end) is not None

    return lambda match: harmless(
        bisect_right(bounds, match.start()) - 1, bisect_left(bounds, match.end())
    )
