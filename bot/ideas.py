"""How far a person's ideas have come: read off the record, never stored apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bot.domain import Approval, Entry, Kind, Message, Room, Sentence, Turn, contributes
from bot.text import clean, sentences

_NUMBERED = re.compile(r"(\d{1,3})\s*[.)]?([:\s\-–—]*)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where one idea stands."""

    room: str
    sentences: tuple[Sentence, ...] = ()
    """The person's own, in their order, as they want them."""
    asked: int = 0
    recapped: bool = False
    """Whether the person was shown the sentences as they are now."""
    closed: bool = False
    """Whether the next contribution opens a new idea."""
    approved: int = 0
    """Sequence number of the approval; 0 if there is none."""
    dropped: bool = False

    @property
    def undecided(self) -> bool:
        """Whether the person has neither approved nor dropped it."""
        return not self.approved and not self.dropped

    @property
    def state(self) -> str:
        """What to call it: a key of the ``[state]`` texts."""
        if self.dropped:
            return "dropped"
        if self.approved:
            return "approved"
        if self.closed and self.recapped:
            return "recapped"
        return "enriching" if self.asked else "received"


def progress(entries: Iterable[Entry], room: Room | None = None) -> list[Progress]:
    """Return the ideas that *entries* tell of, oldest first; those of *room* alone, if given.

    *entries* are all of a person's in a debate, oldest first, as they stand.
    """
    found: dict[str, list[Progress]] = {}
    for entry in entries:
        message: Message | None = getattr(entry.event, "message", None)
        if message and (room is None or message.room.id == room.id):
            _follow(found.setdefault(message.room.id, []), entry)
    return [idea for ideas in found.values() for idea in ideas if idea.sentences]


def pending(entries: Sequence[Entry], room: Room) -> Progress | None:
    """Return the latest idea in *room* that waits for the person's yes or no, if one does."""
    ideas = progress(entries, room)
    return ideas[-1] if ideas and ideas[-1].undecided else None


def numbered(text: str) -> tuple[int, str | None] | None:
    """Return a sentence's number and the new words for it: « changer 2 : près de l'école ».

    They are None where there are none, and empty where a colon or a dash ends the text: then the
    sentence is to go. None where there is no number.
    """
    found = _NUMBERED.search(text)
    if found is None:
        return None
    words = found[3].strip()
    return int(found[1]), words if words or found[2].strip() else None


def own_sentences(texts: Iterable[str]) -> list[str]:
    """Return the sentences of *texts* to the letter, in order."""
    return [sentence for text in texts for sentence in sentences(clean(text))]


def saying(turn: Turn) -> tuple[Message, ...]:
    """Return the messages of *turn* that say something of the idea."""
    return () if turn.bare else (*turn.joined, turn.message)


def _follow(ideas: list[Progress], entry: Entry) -> None:
    """Bring *ideas*, those of one room, to where they stand after *entry*."""
    event = entry.event
    if isinstance(event, Turn) and event.command is None:
        _contribution(ideas, entry.seq, event)
    elif isinstance(event, Turn | Approval) and ideas and ideas[-1].undecided:
        ideas[-1] = _after(ideas[-1], entry.seq, event)


def _contribution(ideas: list[Progress], seq: int, turn: Turn) -> None:
    if not contributes(turn):
        return
    said = turn.reply.kind if turn.reply else None
    if not ideas or ideas[-1].closed:
        ideas.append(Progress(room=turn.message.room.id))
    idea = ideas[-1]
    ideas[-1] = replace(
        idea,
        sentences=(*idea.sentences, *_of(turn, seq)),
        asked=idea.asked + (said is Kind.QUESTION),
        recapped=said is Kind.RECAP,
        closed=turn.ends,
    )


def _of(turn: Turn, seq: int) -> Iterator[Sentence]:
    for message in saying(turn):
        for sentence in own_sentences([message.text]):
            yield Sentence(text=sentence, turn=seq, message=message.id)


def _after(idea: Progress, seq: int, event: Turn | Approval) -> Progress:
    """Return where *idea* stands after a command."""
    if isinstance(event, Approval):
        return replace(idea, approved=seq, closed=True)
    said = event.reply.kind if event.reply else None
    if event.command == "drop":
        return replace(idea, dropped=True, closed=True)
    if event.command == "change":
        idea = changed(idea, event.message, seq)
    return replace(
        idea,
        asked=idea.asked + (said is Kind.QUESTION),
        recapped=idea.recapped or said is Kind.RECAP,
        closed=idea.closed or event.ends,
    )


def changed(idea: Progress, message: Message, seq: int) -> Progress:
    """Return *idea* with the sentence that *message* names worded anew, or gone."""
    place, text = numbered(message.text) or (0, None)
    if text is None or not 1 <= place <= len(idea.sentences):
        return idea
    place -= 1
    new = (Sentence(text=text, turn=seq, message=message.id),) if text else ()
    return replace(idea, sentences=(*idea.sentences[:place], *new, *idea.sentences[place + 1 :]))
