"""Personal data in a message is hidden before anything reads it; this tells that it was."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.domain import Dialogue, Draft, Finding, Label, Message, Verdict
from bot.ports import PromptBook, Tools

PUBLIC = frozenset({"PARTY", "POLITICIAN", "GROUP"})
"""Kinds of placeholders that stand for no personal data."""
_PLACEHOLDER = re.compile(r"\[([A-Z]+)_\d+\]")


@dataclass(frozen=True)
class PersonalData:
    """Finds the placeholders that stand for personal data."""

    book: PromptBook
    name: str = "personal_data"

    async def check(self, utterance: Message | Draft, dialogue: Dialogue) -> Verdict:
        """Allow, with one finding for each datum that was hidden."""
        reason = self.book.text(dialogue.language or "", f"reason.{Label.PERSONAL_DATA.value}")
        found = tuple(
            Finding(
                rule=f"{self.name}.{match.group(1).lower()}",
                label=Label.PERSONAL_DATA,
                start=match.start(),
                end=match.end(),
                reason=reason,
            )
            for match in _PLACEHOLDER.finditer(utterance.text)
            if match.group(1) not in PUBLIC
        )
        return Verdict(policy=self.name, findings=found)


def build(tools: Tools) -> PersonalData:
    """Return the policy."""
    return PersonalData(tools.book)
