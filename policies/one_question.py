"""Exactly one question, and nothing asserted before or after it (rule 1)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from bot.domain import Decision, Dialogue, Draft, Finding, Label, Message, Verdict
from bot.ports import PromptBook, Tools
from bot.rules import outside_quotes
from bot.text import plain, sentences

_MARK = re.compile("[?？؟⁇⁈⁉‽⸮]")


@dataclass(frozen=True)
class OneQuestion:
    """Counts question marks and sentences; a fixed receipt may come first (rule 4).

    What a person asked themselves may be quoted: it is not the bot that asks it.
    """

    book: PromptBook
    name: str = "one_question"
    _receipts: dict[str, frozenset[str]] = field(default_factory=dict)

    async def check(self, utterance: Message | Draft, dialogue: Dialogue) -> Verdict:
        """Withhold nothing: what breaks the form is drafted again."""
        language = dialogue.language or ""
        text = outside_quotes(utterance.text, dialogue.idea.texts)
        found = self._marks(text, language) or self._statements(text, language)
        if found is None:
            return Verdict(policy=self.name)
        return Verdict(policy=self.name, decision=Decision.REVISE, findings=(found,))

    def _marks(self, text: str, language: str) -> Finding | None:
        marks = [m.start() for m in _MARK.finditer(text)]
        if len(marks) == 1 and not text[marks[0] + 1 :].strip(" \u00a0\n»”\"'"):
            return None
        label = Label.MULTIPLE if len(marks) > 1 else Label.FORM
        return self._finding("marks", label, language, 0, len(text))

    def _statements(self, text: str, language: str) -> Finding | None:
        for sentence in sentences(text)[:-1]:
            if plain(sentence) not in self._allowed(language):
                start = text.find(sentence)
                return self._finding(
                    "statement", Label.FORM, language, start, start + len(sentence)
                )
        return None

    def _allowed(self, language: str) -> frozenset[str]:
        if language not in self._receipts:
            acks = self.book.lexicon(language, "notices")["notice"]["ack"]
            receipts = self.book.lexicon(language, "gates")["receipts"]
            self._receipts[language] = frozenset(map(plain, (*acks, *receipts)))
        return self._receipts[language]

    def _finding(self, rule: str, label: Label, language: str, start: int, end: int) -> Finding:
        reason = self.book.text(language, f"reason.{label.value}")
        return Finding(rule=f"{self.name}.{rule}", label=label, start=start, end=end, reason=reason)


def build(tools: Tools) -> OneQuestion:
    """Return the policy."""
    return OneQuestion(tools.book)
