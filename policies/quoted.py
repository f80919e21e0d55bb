"""What a question quotes is what the person wrote, to the letter (rule 3)."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import Decision, Dialogue, Draft, Finding, Label, Message, Verdict
from bot.ports import PromptBook, Tools
from bot.rules import outside_quotes, quotations


@dataclass(frozen=True)
class Quoted:
    """Words put into a person's mouth are loaded, whatever they are."""

    book: PromptBook
    name: str = "quoted"

    async def check(self, utterance: Message | Draft, dialogue: Dialogue) -> Verdict:
        """Withhold a question that misquotes."""
        text = utterance.text
        rest = outside_quotes(text, dialogue.idea.texts)
        spans = [(a, b) for a, b in quotations(rest) if rest[a:b].strip()]
        if not spans:
            return Verdict(policy=self.name)
        reason = self.book.text(dialogue.language or "", "reason.quote")
        found = tuple(
            Finding(
                rule=f"{self.name}.misquoted",
                label=Label.LOADED,
                start=a,
                end=b,
                reason=reason.replace("{word}", text[a:b]),
            )
            for a, b in spans
        )
        return Verdict(policy=self.name, decision=Decision.WITHHOLD, findings=found)


def build(tools: Tools) -> Quoted:
    """Return the policy."""
    return Quoted(tools.book)
