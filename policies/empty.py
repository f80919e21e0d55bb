"""A message without a letter or a digit holds no idea to ask about."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import Decision, Dialogue, Draft, Finding, Label, Message, Verdict
from bot.ports import PromptBook, Tools
from bot.text import clean, words


@dataclass(frozen=True)
class Empty:
    """Sees what is left when invisible characters are gone."""

    book: PromptBook
    name: str = "empty"

    async def check(self, utterance: Message | Draft, dialogue: Dialogue) -> Verdict:
        """Withhold a question: there is nothing to ask about."""
        if words(clean(utterance.text)):
            return Verdict(policy=self.name)
        reason = self.book.text(dialogue.language or "", "reason.empty")
        found = Finding(rule=self.name, label=Label.EMPTY, reason=reason)
        return Verdict(policy=self.name, decision=Decision.WITHHOLD, findings=(found,))


def build(tools: Tools) -> Empty:
    """Return the policy."""
    return Empty(tools.book)
