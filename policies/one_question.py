"""Exactly one question, and nothing asserted before or after it (rule 1)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from bot.domain import Decision, Dialogue, Draft, Finding, Label, Message, Verdict
from bot.ports import PromptBook, Tools
from bot.rules import outside_quotes
from bot.text import plain, sentences

ECHO = 2
"""Words of the person's that an echo has at least."""
_CLAUSE = re.compile(r"[^.!?;:,…\n]+")
_MARK = re.compile("[?？؟⁇⁈⁉‽⸮]")


@dataclass(frozen=True)
class OneQuestion:
    """Counts question marks and sentences; a fixed receipt or an echo may come first (rule 4).

    An echo is how a clause of the person's begins, with no more around it than « you », « you
    say ». What a person asked themselves may be quoted: it is not the bot that asks it.
    """

    book: PromptBook
    name: str = "one_question"
    _receipts: dict[str, frozenset[str]] = field(default_factory=dict)
    _around: dict[str, frozenset[str]] = field(default_factory=dict)
    """Words that may stand around an echo, by language."""

    async def check(self, utterance: Message | Draft, dialogue: Dialogue) -> Verdict:
        """Withhold nothing: what breaks the form is drafted again."""
        language = dialogue.language or ""
        text = outside_quotes(utterance.text, dialogue.idea.texts)
        said = dialogue.idea.texts
        found = self._marks(text, language) or self._statements(text, language, said)
        if found is None:
            return Verdict(policy=self.name)
        return Verdict(policy=self.name, decision=Decision.REVISE, findings=(found,))

    def _marks(self, text: str, language: str) -> Finding | None:
        marks = [m.start() for m in _MARK.finditer(text)]
        if len(marks) == 1 and not text[marks[0] + 1 :].strip(" \u00a0\n»”\"'"):
            return None
        label = Label.MULTIPLE if len(marks) > 1 else Label.FORM
        return self._finding("marks", label, language, 0, len(text))

    def _statements(self, text: str, language: str, said: Sequence[str]) -> Finding | None:
        for sentence in sentences(text)[:-1]:
            bare_words = plain(sentence)
            if bare_words not in self._allowed(language) and not self._echoes(
                bare_words.split(), language, said
            ):
                start = text.find(sentence)
                return self._finding(
                    "statement", Label.FORM, language, start, start + len(sentence)
                )
        return None

    def _echoes(self, heard: list[str], language: str, said: Sequence[str]) -> bool:
        """Tell whether the words *heard* are the person's own, in their order."""
        if language not in self._around:
            around = self.book.lexicon(language, "gates")["echo"]
            self._around[language] = frozenset(w for line in around for w in plain(line).split())
        known = self._around[language]
        first = next((i for i, word in enumerate(heard) if word not in known), len(heard))
        last = next((i for i in range(len(heard), first, -1) if heard[i - 1] not in known), first)
        echo = heard[first:last]
        return len(echo) >= ECHO and any(
            _begins(part, echo, known) for text in said for part in _from_each_clause(text)
        )

    def _allowed(self, language: str) -> frozenset[str]:
        if language not in self._receipts:
            acks = self.book.lexicon(language, "notices")["notice"]["ack"]
            receipts = self.book.lexicon(language, "gates")["receipts"]
            self._receipts[language] = frozenset(map(plain, (*acks, *receipts)))
        return self._receipts[language]

    def _finding(self, rule: str, label: Label, language: str, start: int, end: int) -> Finding:
        reason = self.book.text(language, f"reason.{label.value}")
        return Finding(rule=f"{self.name}.{rule}", label=label, start=start, end=end, reason=reason)


def _from_each_clause(text: str) -> Iterator[list[str]]:
    """Yield the words of *text* from where each of its clauses begins."""
    for clause in _CLAUSE.finditer(text):
        yield plain(text[clause.start() :]).split()


def _begins(words: list[str], echo: list[str], around: AbstractSet[str]) -> bool:
    """Tell whether *words* begin with *echo*; « I won't pay » is no « pay », « I pay » is."""
    start = next((i for i, word in enumerate(words) if word not in around), 0)
    return words[start : start + len(echo)] == echo


def build(tools: Tools) -> OneQuestion:
    """Return the policy."""
    return OneQuestion(tools.book)
