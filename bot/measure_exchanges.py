"""What is asked of whom: exchanges held for a measurement, and what the gates say of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random

from bot.agent import Agent
from bot.domain import (
    Answer,
    Asked,
    Decision,
    Dialogue,
    Draft,
    Idea,
    Kind,
    Label,
    Message,
    Move,
    Prompt,
    Room,
    Source,
    Turn,
    Verdict,
)
from bot.errors import ModelError
from bot.gate import findings, judge, outcome
from bot.measure_cases import Contribution
from bot.ports import ChatModel
from bot.service import Service
from bot.text import bare, words

ROOM = Room("measure", "measure")
NOW = datetime(2000, 1, 1, tzinfo=UTC)
NO_STEERING = frozenset({Label.FORM, Label.FAILURE})
"""Labels of what is wrong without steering."""
EVALUATIVE = frozenset({Label.OPINION, Label.TONE, Label.LOADED})
DRAFTED = "draft"
"""Stands for the frame of a question that a model wrote."""


@dataclass
class Counted:
    """A `ChatModel` that remembers how often it was asked, and who answered."""

    model: ChatModel
    calls: int = 0
    digests: set[str] = field(default_factory=set)
    ms: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Return the name of the model behind it."""
        return self.model.name

    async def complete(self, prompt: Prompt) -> Answer:
        """Return the model's answer.

        Raises:
            ModelError: As the model behind it.
        """
        self.calls += 1
        start = time.perf_counter()
        try:
            answer = await self.model.complete(prompt)
        finally:
            self.ms.append(elapsed(start))
        self.digests.add(answer.digest)
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the gates say of a question, whoever worded it."""

    decision: Decision
    labels: frozenset[Label]
    denied: frozenset[Label]
    """Those that the list of known ways of steering gave."""

    @property
    def stopped(self) -> bool:
        """Whether it would not be said as it is."""
        return self.decision is not Decision.ALLOW

    @property
    def steers(self) -> bool:
        """Whether more than its form was found wrong."""
        return bool(self.labels - NO_STEERING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One message and what came back."""

    id: str
    lang: str
    texts: tuple[str, ...]
    """The person's messages on this idea."""
    question: str = ""
    """Empty where none was asked."""
    kind: str = "silence"
    move: str = ""
    frame: str = ""
    slot: str | None = None
    replaced: bool | None = None
    """Whether a vetted question took the place of a model's; None where no model was asked."""
    calls: int = 0
    ms: float = 0.0
    found: Found | None = None
    """None where nothing was asked."""

    @property
    def shape(self) -> tuple[str, str]:
        """What kind of answer it is, as a move where there is one."""
        return self.kind, self.move


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Puts messages to a service as a person who has agreed would."""

    service: Service
    model: Counted | None = None

    async def ask(self, case: Contribution, asked: tuple[Asked, ...] = ()) -> Exchange:
        """Return what the last of the person's messages gets."""
        message = Message(
            id=case.id, room=ROOM, sender="", text=case.texts[-1], sent_at=NOW, language=case.lang
        )
        before = self.model.calls if self.model else 0
        start = time.perf_counter()
        event = await self.service.respond(message, stand(case, case.texts[:-1], asked))
        exchange = Exchange(
            id=case.id,
            lang=case.lang,
            texts=case.texts,
            ms=elapsed(start),
            calls=self.model.calls - before if self.model else 0,
        )
        if not isinstance(event, Turn) or event.reply is None:
            return exchange
        if event.reply.kind is not Kind.QUESTION:
            return replace(exchange, kind=event.reply.kind.value)
        return await self._judged(exchange, event.attempts[-1].draft, asked)

    async def raw(self, case: Contribution) -> Exchange:
        """Return what the model would say by itself, asked once for a free draft."""
        agent = replace(self.service.agent, strategy="draft")
        exchange = Exchange(id=case.id, lang=case.lang, texts=case.texts, calls=1)
        try:
            draft = await agent.draft(self.service.masked(stand(case, case.texts))[0])
        except ModelError:
            return exchange
        return await self._judged(exchange, draft, ())

    async def dialogue(self, case: Contribution, answers: Iterable[str]) -> list[Exchange]:
        """Return the exchanges of a dialogue in which the person gives *answers*."""
        held = [await self.ask(case)]
        asked: tuple[Asked, ...] = ()
        for answer in answers:
            last = held[-1]
            if not last.question:
                break
            asked = (*asked, Asked(text=last.question, move=Move(last.move), frame=last.frame))
            held.append(await self.ask(replace(case, texts=(*last.texts, answer)), asked))
        return held

    async def _judged(self, exchange: Exchange, draft: Draft, asked: tuple[Asked, ...]) -> Exchange:
        case = Contribution(id=exchange.id, lang=exchange.lang, texts=exchange.texts)
        heard = stand(case, case.texts, asked)
        question = self.service.masked(heard)[1].restored(draft.text)
        verdicts = await judged(self.service, question, heard, draft.move)
        return _worded(exchange, replace(draft, text=question), found(verdicts))


def asking(service: Service, model: Counted | None = None, *, seed: int = 7) -> Asking:
    """Return who puts questions to *service*, the same for the same *seed*."""
    draw = Random(seed)  # noqa: S311 - the fence must be new to the text, and the same next time
    fence: Callable[[], str] = lambda: f"{draw.getrandbits(64):016x}"  # noqa: E731 - one line
    agent = Agent(service.agent.book, service.agent.model, service.agent.strategy, fence)
    return Asking(service=replace(service, agent=agent), model=model)


def stand(case: Contribution, texts: tuple[str, ...], asked: tuple[Asked, ...] = ()) -> Dialogue:
    """Return a dialogue in which *texts* were written and *asked* asked."""
    idea = Idea(texts=texts, asked=asked)
    return Dialogue(room=ROOM, sender="", language=case.lang, consented=True, idea=idea)


async def judged(
    service: Service, question: str, heard: Dialogue, move: Move = Move.CLARIFY
) -> tuple[Verdict, ...]:
    """Return what the gates say of *question* after *heard*, as if a model had written it."""
    texts = (*heard.idea.texts, question)
    masked, _ = service.masked(replace(heard, idea=replace(heard.idea, texts=texts)))
    *said, asked = masked.idea.texts
    seen = replace(heard, idea=replace(heard.idea, texts=tuple(said)))
    return await judge(service.gates, Draft(text=asked, move=move), seen)


def found(verdicts: Sequence[Verdict]) -> Found:
    """Return what *verdicts* come to."""
    denied = (f.label for v in verdicts if v.policy == "deny" for f in v.findings)
    labels = frozenset(f.label for f in findings(verdicts))
    return Found(decision=outcome(verdicts), labels=labels, denied=frozenset(denied))


def elapsed(start: float) -> float:
    """Return the milliseconds since *start*, as ``perf_counter`` gave it."""
    return (time.perf_counter() - start) * 1000


def own_share(exchange: Exchange) -> float:
    """Return which share of the question's words the person wrote."""
    said = forms(*exchange.texts)
    asked = [bare(w.text) for w in words(exchange.question)]
    return sum(word in said for word in asked) / max(1, len(asked))


def new_words(exchange: Exchange, function: frozenset[str]) -> int:
    """Return how many words that carry meaning are not the person's, neutral ones included."""
    return len(forms(exchange.question) - forms(*exchange.texts) - function)


def forms(*texts: str) -> frozenset[str]:
    """Return the bare words of *texts*."""
    return frozenset(bare(w.text) for text in texts for w in words(text))


def _worded(exchange: Exchange, draft: Draft, found: Found) -> Exchange:
    return replace(
        exchange,
        question=draft.text,
        kind=Kind.QUESTION.value,
        move=draft.move.value,
        frame=draft.frame or DRAFTED,
        slot=draft.slot,
        replaced=draft.source is Source.FRAME if exchange.calls else None,
        found=found,
    )
