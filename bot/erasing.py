"""What goes with words that an operator erases: all that quotes them, all that was said of them."""

from __future__ import annotations

from collections.abc import Iterable

from bot.desk import about
from bot.domain import (
    Access,
    Cafe,
    Delivery,
    Entry,
    Erased,
    Erasure,
    Event,
    Message,
    Room,
)
from bot.errors import StorageError
from bot.ports import Record
from bot.rights import quoting

OPERATOR = "operator"
"""The cause of an erasure that is nobody's own act in the chat."""
_STAYS = (Access, Cafe, Delivery, Erased, Erasure)
"""Events without words of a participant; who read and who erased must stay known."""


async def of_entries(record: Record, entries: Iterable[Entry]) -> tuple[int, ...]:
    """Return the numbers of *entries* and of all that holds words of theirs.

    Raises:
        StorageError: One holds no words, or has been erased.
    """
    found: set[int] = set()
    for entry in entries:
        if isinstance(entry.event, _STAYS):
            raise StorageError(f"Entry {entry.seq} holds nothing to erase: see `audit show`.")
        found |= await _quoted(record, entry)
    return await _with_what_was_said(record, found)


async def of_person(record: Record, room: Room, person: str) -> tuple[int, ...]:
    """Return the numbers of all entries of *person* in the debate of *room*, and of those about."""
    theirs = await record.theirs(room, person)
    return await _with_what_was_said(record, {entry.seq for entry in theirs})


async def _quoted(record: Record, entry: Entry) -> set[int]:
    """Return the numbers of *entry* and of the person's later ones that quote it."""
    message = _answered(entry.event)
    if message is None:
        return {entry.seq}
    theirs = await record.theirs(message.room, message.sender)
    return {entry.seq, *quoting(theirs, await about(record, theirs), entry)}


async def _with_what_was_said(record: Record, seqs: set[int]) -> tuple[int, ...]:
    """Return *seqs* and the numbers of what others said of these, or were shown, and so on."""
    found: set[int] = set()
    while seqs:
        found |= seqs
        said = [entry for seq in seqs for entry in await record.about(seq)]
        seqs = {entry.seq for entry in said if not isinstance(entry.event, _STAYS)} - found
    return tuple(sorted(found))


def _answered(event: Event) -> Message | None:
    message: Message | None = getattr(event, "message", None)
    return message
