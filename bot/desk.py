"""Gathers from the record what a command needs to be obeyed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.commands import Commands
from bot.domain import LANGUAGES, Access, Delivery, Dialogue, Entry, Message, Outcome, Turn
from bot.groups import RECENT
from bot.notices import Notices
from bot.ports import Record
from bot.requests import Request

ABOUT = frozenset({"forget", "forget-now", "status", "correct"})
"""Commands for which it matters what others said about the person's entries."""
KEPT = (Access, Delivery)
"""What says nothing of a person's words, and stays when these are erased: who read them, too."""
LOOKS = frozenset({"others"})
"""Commands for which it matters what others said in the room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Makes requests."""

    record: Record
    notices: Notices
    commands: Commands
    provable: bool = False
    """Whether a proof of an entry can be handed over."""

    async def request(self, command: str, message: Message, dialogue: Dialogue) -> Request:
        """Return what *message* asks for, with all that is on record and concerns it."""
        theirs = await self.record.theirs(message.room, message.sender)
        said = await about(self.record, theirs) if command in ABOUT else []
        return Request(
            name=command,
            message=message,
            dialogue=dialogue,
            language=dialogue.language or LANGUAGES[0],
            notices=self.notices,
            theirs=theirs,
            recent=await self._agreed(message) if command in LOOKS else (),
            provable=self.provable,
            about=[entry for entry in said if not isinstance(entry.event, KEPT)],
            outcomes={e.event.turn: e.event for e in said if isinstance(e.event, Outcome)},
        )

    async def _agreed(self, message: Message) -> list[Entry]:
        """Return what was last said in the room by people who still agree to be quoted."""
        agreed: dict[str, bool] = {}
        found = []
        for entry in await self.record.recent(message.room, RECENT):
            author = entry.event.message.sender if isinstance(entry.event, Turn) else ""
            if author and author not in agreed:
                agreed[author] = (await self.record.dialogue(message.room, author)).consented
            if agreed.get(author):
                found.append(entry)
        return found


async def about(record: Record, theirs: Iterable[Entry]) -> list[Entry]:
    """Return what others said about the entries *theirs*, or were shown of them."""
    return [entry for each in theirs for entry in await record.about(each.seq)]
