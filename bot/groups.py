"""When several people share a thread, the bot speaks less than they do."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain import Entry, Message, Turn, contributes
from bot.text import count_words

RECENT = 40
"""Entries of a room that are looked at."""
QUESTION = 20
"""Words that a question may have: there must be room for it among what people said."""
IN_A_ROW = 2
"""Questions to one person, while others are there, before it is somebody else's turn."""


def others_present(recent: Sequence[Entry], message: Message) -> bool:
    """Return whether somebody else takes part; *recent* is newest first."""
    return any(
        turn.message.sender != message.sender for turn in _turns(recent) if contributes(turn)
    )


def silent(recent: Sequence[Entry], message: Message) -> str | None:
    """Return the rule by which the bot leaves *message* to the people in the room, if one does.

    A person who is alone with the bot, or who calls it by name, is always answered.
    """
    if message.called or not others_present(recent, message):
        return None
    turns = _turns(recent)
    said = sum(count_words(turn.reply.text) for turn in turns if turn.reply)
    heard = count_words(message.text) + sum(
        count_words(m.text) for turn in turns for m in (*turn.joined, turn.message)
    )
    if said + QUESTION > heard:
        return "too-many-words"
    asked = [turn.message.sender for turn in turns if turn.reply][:IN_A_ROW]
    return "turn-sharing" if asked == [message.sender] * IN_A_ROW else None


def anothers_words(recent: Sequence[Entry], message: Message) -> Entry | None:
    """Return the latest entry in which somebody else wrote of their idea, if there is one."""
    return next(
        (
            entry
            for entry in recent
            if isinstance(entry.event, Turn)
            and contributes(entry.event)
            and entry.event.message.sender != message.sender
        ),
        None,
    )


def _turns(recent: Sequence[Entry]) -> list[Turn]:
    return [entry.event for entry in recent if isinstance(entry.event, Turn)]
