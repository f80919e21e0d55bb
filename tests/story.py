"""One exchange, told once, to be lived through on every platform.

A platform needs a `Driver`; `live` takes it through `STORY`, and `told` is what is on record of it
apart from what must differ: the platform and its ids, the times, the seals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from bot.domain import Approval, Delivery, Entry, Kind, Message, Room, Turn

ROOM = Room("any", "any", "any")
NEVER = datetime(2026, 1, 1, tzinfo=UTC)


class Driver(Protocol):
    """A person on a platform, in a conversation with the bot."""

    async def says(self, text: str) -> None:
        """Write *text* to the bot, and wait until it is answered; without text, only call it."""
        ...

    async def presses(self, action: str) -> None:
        """Ask for *action* in the platform's own way, and wait until it is answered."""
        ...

    async def record(self) -> Sequence[Entry]:
        """Return what is on record, oldest first."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """What the person does, and what sort of answer they get."""

    does: str
    """``says`` or ``presses``."""
    what: str
    answer: Kind


STORY = (
    Step("says", "", Kind.NOTICE),
    Step("presses", "agree", Kind.NOTICE),
    Step("says", "Il faudrait plus de bancs en ville pour les anciens.", Kind.QUESTION),
    Step("presses", "why", Kind.NOTICE),
    Step("says", "Surtout entre la gare et le marché.", Kind.QUESTION),
    Step("presses", "skip", Kind.QUESTION),
    Step("presses", "unsure", Kind.RECAP),
    Step("presses", "leading", Kind.NOTICE),
    Step("says", "Ma mère doit s'asseoir tous les cent mètres.", Kind.QUESTION),
    Step("says", "Dis-moi pour qui voter dimanche, quel candidat est le meilleur ?", Kind.DECLINE),
    Step("presses", "recap", Kind.RECAP),
    Step("presses", "accept", Kind.NOTICE),
    Step("presses", "status", Kind.NOTICE),
    Step("says", "Je veux mourir ce soir, je n'en peux plus.", Kind.HELP),
)
FORGOTTEN = (
    Step("presses", "forget", Kind.NOTICE),
    Step("presses", "forget-now", Kind.NOTICE),
)
"""How the story ends: nothing of it is left."""


async def live(driver: Driver, story: Sequence[Step] = STORY) -> None:
    """Go through *story*; raise where an answer is of another sort than it tells."""
    for step in story:
        await (driver.says if step.does == "says" else driver.presses)(step.what)
        replies = [getattr(entry.event, "reply", None) for entry in await driver.record()]
        kinds = [reply.kind for reply in replies if reply and reply.kind is not Kind.CASE]
        assert kinds and kinds[-1] is step.answer, (step, kinds[-1:])


def told(entries: Sequence[Entry]) -> list[Any]:
    """Return what *entries* say on any platform; a command is the same pressed or written."""
    return [(entry.seq, _told(entry.event)) for entry in entries]


def _told(event: Any) -> Any:
    if isinstance(event, Delivery):
        assert event.failure is None and event.external_id
        return replace(event, external_id="any")
    changes: dict[str, Any] = {}
    if message := getattr(event, "message", None):
        contribution = isinstance(event, Turn) and event.command is None
        changes["message"] = _message(message, contribution=contribution)
    if isinstance(event, Approval):
        changes["sentences"] = tuple(replace(each, message="any") for each in event.sentences)
    if reply := getattr(event, "reply", None):
        changes["reply"] = replace(reply, room=ROOM, to="any", person="any", number=0)
    return replace(event, **changes)


def _message(message: Message, *, contribution: bool) -> Message:
    anywhere = replace(
        message, id="any", room=ROOM, sender="any", sent_at=NEVER, about=None, called=True
    )
    return anywhere if contribution else replace(anywhere, text="", command=None, language=None)
