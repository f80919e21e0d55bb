"""An attempt to command the bot is text like any other: labelled, never obeyed."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import Dialogue, Draft, Message, Verdict
from bot.ports import Tools
from bot.rules import RuleLists


@dataclass(frozen=True)
class Injection:
    """Labels; the idea, if there is one, is asked about by a vetted question."""

    rules: RuleLists
    name: str = "injection"

    async def check(self, utterance: Message | Draft, dialogue: Dialogue) -> Verdict:
        """Allow, with what was found: such a message is kept from a model."""
        found = self.rules.find(utterance.text, dialogue.language or "")
        return Verdict(policy=self.name, findings=found)


def build(tools: Tools) -> Injection:
    """Return the policy."""
    return Injection(RuleLists(tools.book, "screens", "injection", accents=False))
