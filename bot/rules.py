"""Rules as data: a pattern, what it means, and where it was found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from bot.domain import Finding, Label
from bot.ports import PromptBook
from bot.text import Folded, bare, fold, plain

_ATTACHED = re.compile("^[وفبلك]?(?:ال|لل)|^[وفبلك](?=[\u0621-\u064a]{3})")
_OF_CONTENT = frozenset(
    {Label.SUGGESTION, Label.FALSE_DILEMMA, Label.UNSOURCED_FACT, Label.ELECTORAL}
)
"""Labels that the person's own words excuse, unless the rule says otherwise."""
CONTENT = 4
"""Letters from which a word tells something, and that two forms of it share."""
_QUOTED = re.compile(
    r"«\s*([^«»]*?)\s*»|»\s*([^«»]*?)\s*«|“([^“”„]*)”|„([^“”„\"]*)[“”\"]|\"([^\"]*)\""
    r"|‚([^‚‘’]*)[‘’]|‹\s*([^‹›]*?)\s*›|(?<!\w)[‘']([^‘’'\n]{2,60})[’'](?!\w)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A pattern that no question, or no message, may match unnoticed."""

    id: str
    label: Label
    pattern: re.Pattern[str]
    unless: re.Pattern[str] | None
    """What makes the whole text harmless."""
    unless_said: bool
    """Whether it is harmless where every content word that matched is the person's own."""
    reason: str


@dataclass(frozen=True, slots=True)
class Said:
    """The person's words, as far as they excuse a match."""

    stems: frozenset[str]
    function: frozenset[str]
    """Words of the language that carry no content."""

    def holds(self, matched: str) -> bool:
        """Return whether every content word of *matched* is the person's, in whatever form."""
        content = [w for w in plain(matched).split() if w not in self.function and _tells(w)]
        return bool(content) and all(
            any(form[:CONTENT] in self.stems for form in _forms(word)) for word in content
        )


@dataclass(frozen=True)
class RuleLists:
    """The rules of one table of a word list, in every language, loaded when first needed."""

    book: PromptBook
    file: str
    table: str
    accents: bool
    """Whether accents count: a citizen may leave them out, the bot may not."""
    _rules: dict[str, tuple[Rule, ...]] = field(default_factory=dict)
    _function: dict[str, frozenset[str]] = field(default_factory=dict)

    def find(self, text: str, language: str, *, said: str = "") -> tuple[Finding, ...]:
        """Return what the rules see in *text*, with spans; *said* is the person's words."""
        if language not in self._rules:
            tables = self.book.lexicon(language, self.file)[self.table]
            reasons = self.book.lexicon(language, "notices")["reason"]
            self._rules[language] = _load(tables, reasons, accents=self.accents)
            listed = self.book.lexicon(language, "vocabulary")["function"]
            self._function[language] = frozenset(w for line in listed for w in plain(line).split())
        seen = fold(text, accents=self.accents)
        stems = frozenset(form[:CONTENT] for word in plain(said).split() for form in _forms(word))
        known = Said(stems, self._function[language])
        found = (_finding(rule, seen, known) for rule in self._rules[language])
        return tuple(finding for finding in found if finding is not None)


def _load(
    tables: Iterable[Mapping[str, Any]], reasons: Mapping[str, str], *, accents: bool
) -> tuple[Rule, ...]:
    """Return the rules of a word list; a rule without a reason takes its label's."""
    return tuple(
        Rule(
            id=table["id"],
            label=Label(table["label"]),
            pattern=compile_pattern(table["pattern"], accents=accents),
            unless=(
                compile_pattern(table["unless"], accents=accents) if "unless" in table else None
            ),
            unless_said=table.get("unless-said", Label(table["label"]) in _OF_CONTENT),
            reason=table.get("reason") or reasons[table["label"]],
        )
        for table in tables
    )


def outside_quotes(text: str, texts: Iterable[str]) -> str:
    """Return *text* with what it quotes to the letter from *texts* blanked, same length."""
    said = [" ".join(fold(t).text.split()) for t in texts]

    def blank(match: re.Match[str]) -> str:
        inside = next(g for g in match.groups() if g is not None)
        words = " ".join(fold(inside).text.split())
        return " " * len(match.group()) if any(words in s for s in said) else match.group()

    return _QUOTED.sub(blank, text)


def quotations(text: str) -> tuple[tuple[int, int], ...]:
    """Return the spans between quotation marks in *text*."""
    spans = []
    for match in _QUOTED.finditer(text):
        group = next(i for i, g in enumerate(match.groups(), 1) if g is not None)
        spans.append(match.span(group))
    return tuple(spans)


@cache
def compile_pattern(pattern: str, *, accents: bool) -> re.Pattern[str]:
    """Compile *pattern* as it meets folded text; its escapes keep their case."""
    parts = re.split(r"(\\.|\(\?[^)]*?[:=!>])", pattern)
    return re.compile(
        "".join(p if i % 2 else (fold(p).text if accents else bare(p)) for i, p in enumerate(parts))
    )


def _forms(word: str) -> tuple[str, ...]:
    """Return *word*, and without what Arabic writes in one with it."""
    bare_word = _ATTACHED.sub("", word)
    return (word, bare_word) if bare_word and bare_word != word else (word,)


def _tells(word: str) -> bool:
    return len(word) > 2 or word.isdigit()  # noqa: PLR2004 - shorter words are grammar


def _finding(rule: Rule, seen: Folded, said: Said) -> Finding | None:
    if rule.unless and rule.unless.search(seen.text):
        return None
    for match in rule.pattern.finditer(seen.text):
        if rule.unless_said and said.holds(match.group()):
            continue
        start, end = seen.span(*match.span())
        return Finding(rule=rule.id, label=rule.label, start=start, end=end, reason=rule.reason)
    return None
