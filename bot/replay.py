"""Put to a model what it was shown once, and compare: a check, never a promise of identity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from bot.agent import RAW
from bot.domain import Draft, Event, Turn
from bot.errors import ConfigError, ModelError
from bot.ports import ChatModel


class Match(Enum):
    """How an answer compares with the one on record."""

    SAME = "same"
    DIFFERENT = "different"
    OTHER_MODEL = "another model"
    """Its weights are not those of then: the answers cannot be compared."""
    NO_ANSWER = "no answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """One draft, asked for again."""

    match: Match
    detail: str = ""
    """What else there is to say, for whoever operates the bot."""


def replayable(event: Event) -> list[Draft]:
    """Return the drafts in *event* of which it is known what the model was shown."""
    attempts = event.attempts if isinstance(event, Turn) else ()
    return [a.draft for a in attempts if a.draft.asked and a.draft.answer]


async def replayed(draft: Draft, model: ChatModel) -> Replay:
    """Show *model* what *draft* was made from, and compare the answers to the letter.

    *model* has the parameters of then. As on record, only the first `RAW` characters count.
    """
    if draft.asked is None or draft.answer is None:
        raise ValueError("only what a model was shown can be shown to one again")
    try:
        answer = await model.complete(draft.asked)
    except ModelError as exc:
        return Replay(match=Match.NO_ANSWER, detail=str(exc))
    if answer.digest != draft.answer.digest:
        told = f"{answer.digest or 'unknown'}, not {draft.answer.digest or 'unknown'}"
        return Replay(match=Match.OTHER_MODEL, detail=told)
    same = answer.text[:RAW] == draft.raw
    return Replay(match=Match.SAME if same else Match.DIFFERENT)


async def replays(event: Event, model_of: Callable[[Draft], ChatModel]) -> list[Replay]:
    """Ask for every answer in *event* again, each of the model that *model_of* finds for it."""
    found = []
    for draft in replayable(event):
        try:
            found.append(await replayed(draft, model_of(draft)))
        except ConfigError as exc:
            found.append(Replay(match=Match.NO_ANSWER, detail=str(exc)))
    return found


def rate(replays: Iterable[Replay]) -> tuple[int, int]:
    """Return how many of *replays* are the same, and how many could be compared."""
    found = Counter(replay.match for replay in replays)
    return found[Match.SAME], found[Match.SAME] + found[Match.DIFFERENT]
