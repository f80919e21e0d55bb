"""A second model looks at what the rules let through: no verdict, no question.

It sees the question and the set of the person's words, in alphabetical order: neither the
messages nor who wrote them, so that its verdict cannot follow a side.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from bot.domain import Decision, Dialogue, Draft, Finding, Label, Message, Prompt, Source, Verdict
from bot.errors import ModelError
from bot.ports import ChatModel, PromptBook
from bot.text import folded, words

STEERING = (
    Label.OPINION,
    Label.ADVOCACY,
    Label.LEADING,
    Label.PRESUPPOSITION,
    Label.FALSE_DILEMMA,
    Label.SUGGESTION,
    Label.LOADED,
    Label.UNSOURCED_FACT,
    Label.MULTIPLE,
    Label.ELECTORAL,
    Label.IDENTITY,
    Label.TONE,
)
_NEUTRAL = "neutral"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "label": {"type": "string", "enum": [_NEUTRAL, *(label.value for label in STEERING)]},
        "span": {"type": "string", "maxLength": 120},
    },
    "required": ["label", "span"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class SecondLook:
    """Asks about questions that a model wrote; vetted ones need no second look."""

    book: PromptBook
    model: ChatModel
    name: str = "second_look"

    async def check(self, utterance: Message | Draft, dialogue: Dialogue) -> Verdict:
        """Withhold what the model finds steering, and whatever it gives no verdict on."""
        if isinstance(utterance, Message) or utterance.source is not Source.DRAFT:
            return Verdict(policy=self.name)
        language = dialogue.language or ""
        try:
            answer = await self.model.complete(self._prompt(utterance.text, dialogue, language))
            found = self._found(answer.text, utterance.text, language)
        except ModelError:
            found = self._finding(Label.FAILURE, utterance.text, "", language)
        if found is None:
            return Verdict(policy=self.name)
        return Verdict(policy=self.name, decision=Decision.WITHHOLD, findings=(found,))

    def _prompt(self, question: str, dialogue: Dialogue, language: str) -> Prompt:
        system = self.book.text(language, "prompt.judge")
        said = sorted({folded(w.text) for text in dialogue.idea.texts for w in words(text)})
        return Prompt(
            system=system,
            user=json.dumps({"question": question, "words": said}, ensure_ascii=False),
            ref=f"{language}:judge@{sha256(system.encode()).hexdigest()[:12]}",
            schema=SCHEMA,
        )

    def _found(self, text: str, question: str, language: str) -> Finding | None:
        try:
            answer = json.loads(text)
            label, span = answer["label"], answer["span"]
            return (
                None
                if label == _NEUTRAL
                # A span that the question does not hold raises: then there is no verdict.
                else self._finding(Label(label), question, span, language)
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return self._finding(Label.FAILURE, question, "", language)

    def _finding(self, label: Label, question: str, span: str, language: str) -> Finding:
        start = question.index(span) if span else 0
        return Finding(
            rule=f"{self.name}.{self.model.name}",
            label=label,
            start=start,
            end=start + len(span) if span else len(question),
            reason=self.book.text(language, f"reason.{label.value}"),
        )
