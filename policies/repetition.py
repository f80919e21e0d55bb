"""A question is not one of the last five again."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import Decision, Dialogue, Draft, Finding, Label, Message, Verdict
from bot.ports import PromptBook, Tools
from bot.text import plain

MEMORY = 5
ALIKE = 0.8
"""Share of common words from which two questions count as one."""


@dataclass(frozen=True)
class Repetition:
    """Compares by words, so that another comma does not make another question."""

    book: PromptBook
    name: str = "repetition"

    async def check(self, utterance: Message | Draft, dialogue: Dialogue) -> Verdict:
        """Ask for another question."""
        asked = dialogue.idea.asked[-MEMORY:]
        if not any(_alike(utterance.text, before.text) for before in asked):
            return Verdict(policy=self.name)
        found = Finding(
            rule=f"{self.name}.again",
            label=Label.FORM,
            end=len(utterance.text),
            reason=self.book.text(dialogue.language or "", "reason.repeated"),
        )
        return Verdict(policy=self.name, decision=Decision.REVISE, findings=(found,))


def _alike(one: str, other: str) -> bool:
    left, right = set(plain(one).split()), set(plain(other).split())
    return bool(left) and len(left & right) >= ALIKE * len(left | right)


def build(tools: Tools) -> Repetition:
    """Return the policy."""
    return Repetition(tools.book)
