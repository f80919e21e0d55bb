"""A person in distress, or a threat, is for a human at once."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import Decision, Dialogue, Draft, Message, Verdict
from bot.ports import Tools
from bot.rules import RuleLists


@dataclass(frozen=True)
class Distress:
    """Would rather hand over once too often; figures of speech are set apart in the list."""

    rules: RuleLists
    name: str = "distress"

    async def check(self, utterance: Message | Draft, dialogue: Dialogue) -> Verdict:
        """Escalate to a person."""
        found = self.rules.find(utterance.text, dialogue.language or "")
        decision = Decision.ESCALATE if found else Decision.ALLOW
        return Verdict(policy=self.name, decision=decision, findings=found)


def build(tools: Tools) -> Distress:
    """Return the policy."""
    return Distress(RuleLists(tools.book, "screens", "distress", accents=False))
