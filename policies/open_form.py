"""A question is open, or an invitation that no one answer is expected of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.domain import Decision, Dialogue, Draft, Finding, Label, Message, Verdict
from bot.ports import PromptBook, Tools
from bot.rules import compile_pattern, outside_quotes
from bot.text import folded, sentences


@dataclass(frozen=True)
class OpenForm:
    """Knows how open questions are built; whatever is built otherwise is closed.

    The list is of what may be said, not of what may not: rhetorical forms are endless.
    """

    book: PromptBook
    name: str = "open_form"
    _openings: dict[str, re.Pattern[str]] = field(default_factory=dict)

    async def check(self, utterance: Message | Draft, dialogue: Dialogue) -> Verdict:
        """Ask for another draft where no opening of the list is found."""
        language = dialogue.language or ""
        if isinstance(utterance, Draft) and utterance.frame:
            return Verdict(policy=self.name)
        asked = sentences(outside_quotes(utterance.text, dialogue.idea.texts))
        question = folded(asked[-1]) if asked else ""
        if self._pattern(language).search(question):
            return Verdict(policy=self.name)
        found = Finding(
            rule=f"{self.name}.closed",
            label=Label.FORM,
            end=len(utterance.text),
            reason=self.book.text(language, "reason.closed"),
        )
        return Verdict(policy=self.name, decision=Decision.REVISE, findings=(found,))

    def _pattern(self, language: str) -> re.Pattern[str]:
        if language not in self._openings:
            gates = self.book.lexicon(language, "gates")
            begun = f"{gates['start']}{_any_of(gates['openings'])}"
            pattern = f"{begun}|{_any_of(gates['anywhere'])}"
            self._openings[language] = compile_pattern(pattern, accents=True)
        return self._openings[language]


def _any_of(patterns: Iterable[str]) -> str:
    return f"(?:{'|'.join(f'(?:{pattern})' for pattern in patterns)})"


def build(tools: Tools) -> OpenForm:
    """Return the policy."""
    return OpenForm(tools.book)
