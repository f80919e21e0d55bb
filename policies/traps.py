"""Asked for a vote, a verdict or a forecast, the bot declines (rule 12)."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import Decision, Dialogue, Draft, Message, Verdict
from bot.ports import Tools
from bot.rules import RuleLists


@dataclass(frozen=True)
class Traps:
    """Knows how such requests are worded; a person's own proposal about voting is none."""

    rules: RuleLists
    name: str = "traps"

    async def check(self, utterance: Message | Draft, dialogue: Dialogue) -> Verdict:
        """Withhold a question about the idea: there is none, only a request."""
        found = self.rules.find(utterance.text, dialogue.language or "")
        decision = Decision.WITHHOLD if found else Decision.ALLOW
        return Verdict(policy=self.name, decision=decision, findings=found)


def build(tools: Tools) -> Traps:
    """Return the policy."""
    return Traps(RuleLists(tools.book, "screens", "traps", accents=False))
