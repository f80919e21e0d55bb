"""Exactly one question, and nothing asserted before or after it (rule 1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from bot.domain import Decision, Dialogue, Draft, Finding, Label, Message, Verdict
from bot.ports import PromptBook, Tools
from bot.rules import Said, Turning, outside_quotes
from bot.text import plain, sentences

_CLAUSE = re.compile(r"[^.!?;:,…\n؟،؛]+")
_MARK = re.compile("[?？؟⁇⁈⁉‽⸮]")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language that matter in what is said before a question, in bare form."""

    receipts: frozenset[str]
    """Sentences that may always come first."""
    telling: frozenset[str]
    """Of telling whose words they are: « you », « say », and what turns « I » into « you »."""
    attributing: tuple[str, ...]
    """How a sentence begins that says whose words it retells: « you say that »."""
    own: frozenset[str]
    """The same, and what the bot may say of its own where it says whose words it retells."""
    inviting: tuple[str, ...]
    """How a sentence begins that invites: it may always come first, since it asserts nothing."""
    turning: Turning

    def harmless(self, sentence: str) -> bool:
        """Tell whether *sentence*, in bare form, may come before any question."""
        return sentence in self.receipts or f"{sentence} ".startswith(self.inviting)


@dataclass(frozen=True)
class OneQuestion:
    """Counts question marks and sentences: a receipt, an invitation or their words may come first.

    Their words are retold if they are from one clause of theirs, and both or neither deny it: « I
    won't pay » is no « you pay ». What a person asked themselves may be quoted: it is not the bot
    that asks it.
    """

    book: PromptBook
    name: str = "one_question"
    _words: dict[str, Words] = field(default_factory=dict)

    async def check(self, utterance: Message | Draft, dialogue: Dialogue) -> Verdict:
        """Withhold nothing: what breaks the form is drafted again."""
        language = dialogue.language or ""
        said = dialogue.idea.texts
        text = outside_quotes(utterance.text, said)
        found = self._marks(text, language) or self._statements(utterance.text, text, dialogue)
        if found is None:
            return Verdict(policy=self.name)
        return Verdict(policy=self.name, decision=Decision.REVISE, findings=(found,))

    def _marks(self, text: str, language: str) -> Finding | None:
        marks = [m.start() for m in _MARK.finditer(text)]
        if len(marks) == 1 and not text[marks[0] + 1 :].strip(" \u00a0\n»”\"'"):
            return None
        label = Label.MULTIPLE if len(marks) > 1 else Label.FORM
        return self._finding("marks", label, language, 0, len(text))

    def _statements(self, text: str, unquoted: str, dialogue: Dialogue) -> Finding | None:
        """Return what is stated in *text* before the question; *unquoted* is it without quotes."""
        language, known, end = dialogue.language or "", self._known(dialogue.language or ""), 0
        for sentence in sentences(unquoted)[:-1]:
            begin, start = end, unquoted.find(sentence, end)
            end = start + len(sentence)
            quotes = text[begin:end] != unquoted[begin:end]
            if known.harmless(plain(sentence)):
                continue
            if not _retold(sentence, dialogue.idea.texts, known, quotes=quotes):
                return self._finding("statement", Label.FORM, language, start, end)
        return None

    def _known(self, language: str) -> Words:
        if language not in self._words:
            gates = self.book.lexicon(language, "gates")
            vocabulary = self.book.lexicon(language, "vocabulary")
            acks = self.book.lexicon(language, "notices")["notice"]["ack"]
            telling = _each(gates["telling"])
            neutral = _each((*vocabulary["function"], *vocabulary["neutral"]))
            self._words[language] = Words(
                receipts=frozenset(map(plain, (*acks, *gates["receipts"]))),
                telling=telling,
                own=telling | (neutral - _each(vocabulary["presupposing"])),
                attributing=_beginnings(gates["attributing"]),
                inviting=_beginnings(gates["inviting"]),
                turning=Turning.of(self.book.lexicon(language, "quoting")),
            )
        return self._words[language]

    def _finding(self, rule: str, label: Label, language: str, start: int, end: int) -> Finding:
        reason = self.book.text(language, f"reason.{label.value}")
        return Finding(rule=f"{self.name}.{rule}", label=label, start=start, end=end, reason=reason)


def _retold(sentence: str, said: Sequence[str], known: Words, *, quotes: bool) -> bool:
    """Tell whether *sentence* says no more than the person did in one place, or *quotes* it.

    That place is a clause of theirs; a sentence, where they are named as those who said it.
    """
    seen = plain(sentence).split()
    if not known.telling.issuperset(seen):
        named = f"{' '.join(seen)} ".startswith(known.attributing)
        return _holds(seen, known.telling, _clauses(said), known.turning) or (
            named and _holds(seen, known.own, _sentences(said), known.turning)
        )
    return quotes


def _holds(
    seen: Sequence[str], own: frozenset[str], places: Iterable[str], turning: Turning
) -> bool:
    """Tell whether one of the *places* has all that is *seen*, save what may be the bot's *own*."""
    heard = [word for word in seen if word not in own]
    turned = turning.among(heard)
    return any(
        Said(place, own).holds(" ".join(heard)) and turned is turning.among(plain(place).split())
        for place in places
    )


def _clauses(said: Iterable[str]) -> Iterator[str]:
    return (clause for text in said for clause in _CLAUSE.findall(text))


def _sentences(said: Iterable[str]) -> Iterator[str]:
    return (sentence for text in said for sentence in sentences(text))


def _beginnings(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{plain(line)} " for line in lines)


def _each(lines: Iterable[str]) -> frozenset[str]:
    return frozenset(word for line in lines for word in plain(line).split())


def build(tools: Tools) -> OneQuestion:
    """Return the policy."""
    return OneQuestion(tools.book)
