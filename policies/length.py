"""A question has at most 20 words, a whole turn 30."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import Decision, Dialogue, Draft, Finding, Label, Message, Verdict
from bot.ports import PromptBook, Tools
from bot.text import count_words, sentences

QUESTION = 20
TURN = 30


@dataclass(frozen=True)
class Length:
    """Counts what a reader sees as words."""

    book: PromptBook
    name: str = "length"

    async def check(self, utterance: Message | Draft, dialogue: Dialogue) -> Verdict:
        """Ask for a shorter draft."""
        text = utterance.text
        asked = sentences(text)[-1:] or (text,)
        if count_words(text) > TURN:
            key = "too-long"
        elif count_words(asked[0]) > QUESTION:
            key = "question-long"
        else:
            return Verdict(policy=self.name)
        found = Finding(
            rule=f"{self.name}.{key}",
            label=Label.FORM,
            end=len(text),
            reason=self.book.text(dialogue.language or "", f"reason.{key}"),
        )
        return Verdict(policy=self.name, decision=Decision.REVISE, findings=(found,))


def build(tools: Tools) -> Length:
    """Return the policy."""
    return Length(tools.book)
