"""A second look at what a model wrote and the gates let through: in doubt, no question.

A second model, if there is one, sees the question and the set of the person's words, in
alphabetical order: neither the messages nor who wrote them, so that its verdict cannot follow a
side. See docs/decisions/0020-a-models-draft-is-clear.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from bot.domain import Decision, Dialogue, Draft, Finding, Label, Message, Prompt, Source, Verdict
from bot.errors import ModelError
from bot.ports import ChatModel, Classifier, PromptBook
from bot.text import folded, words

UNSURE = "second_look.unsure"
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
    """Withholds what a model wrote unless it is clearly neutral; vetted questions need no look.

    Of what is not clear by its form, the grey zone, the second model is asked. Where there is
    none, a vetted question is put instead.
    """

    book: PromptBook
    classifier: Classifier
    model: ChatModel | None = None
    name: str = "second_look"

    async def check(self, utterance: Message | Draft, dialogue: Dialogue) -> Verdict:
        """Withhold what is not clear unless the model finds it neutral."""
        if isinstance(utterance, Message) or utterance.source is not Source.DRAFT:
            return Verdict(policy=self.name)
        found = await self._found(utterance.text, dialogue, dialogue.language or "")
        if found is None:
            return Verdict(policy=self.name)
        return Verdict(policy=self.name, decision=Decision.WITHHOLD, findings=(found,))

    async def _found(self, question: str, dialogue: Dialogue, language: str) -> Finding | None:
        texts = dialogue.idea.texts
        label = self.classifier.steering(question, texts, language, unsure=True)
        if label is None:
            return None
        if self.model is None:
            reason = self.book.text(language, "reason.unsure")
            return Finding(rule=UNSURE, label=label, end=len(question), reason=reason)
        return await self._judged(self.model, question, dialogue, language)

    async def _judged(
        self, model: ChatModel, question: str, dialogue: Dialogue, language: str
    ) -> Finding | None:
        """Return what *model* finds; where it gives no verdict, that."""
        try:
            answer = json.loads(
                (await model.complete(self._prompt(question, dialogue, language))).text
            )
            label, span = answer["label"], answer["span"]
            if label == _NEUTRAL:
                return None
            # A span that the question does not hold raises: then there is no verdict.
            label, start = Label(label), question.index(span)
        except (ModelError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            label, span, start = Label.FAILURE, "", 0
        return Finding(
            rule=f"{self.name}.{model.name}",
            label=label,
            start=start,
            end=start + len(span) if span else len(question),
            reason=self.book.text(language, f"reason.{label.value}"),
        )

    def _prompt(self, question: str, dialogue: Dialogue, language: str) -> Prompt:
        system = self.book.text(language, "prompt.judge")
        said = sorted({folded(w.text) for text in dialogue.idea.texts for w in words(text)})
        return Prompt(
            system=system,
            user=json.dumps({"question": question, "words": said}, ensure_ascii=False),
            ref=f"{language}:judge@{sha256(system.encode()).hexdigest()[:12]}",
            schema=SCHEMA,
        )
