"""Where an exchange stands, rebuilt from what is on record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from bot.domain import (
    Approval,
    Asked,
    Cafe,
    Consent,
    Dialogue,
    Entry,
    Erased,
    Event,
    Idea,
    Kind,
    Rectification,
    Room,
    Turn,
    contributes,
)


def rebuild(room: Room, sender: str, newest_first: Iterable[Entry]) -> Dialogue:
    """Return where the exchange with *sender* in *room* stands.

    *newest_first* are the entries of that person in that debate. It is enough to give: the latest
    consent and turn in the debate, the latest turn, question and idea-ending turn in the room,
    every later turn there whose reply is one of `IDEA_REPLIES`, and every rectification there.
    """
    found = _Found()
    for entry in newest_first:
        event = found.standing(entry)
        if isinstance(event, Turn):
            found.turn(entry.seq, event, here=event.message.room.id == room.id)
        elif isinstance(event, Consent):
            found.consent(event)
        elif isinstance(event, Rectification):
            found.changes(event)
        elif isinstance(event, Approval) and event.message.room.id == room.id:
            found.ended = True
    return found.dialogue(room, sender)


def advanced(dialogue: Dialogue, entry: Entry) -> Dialogue:
    """Return *dialogue* once *entry*, of the same person in the same debate, is added.

    The same as to `rebuild` it from all there is; of what erases, nothing is known here.
    """
    match entry.event:
        case Turn() as turn:
            return _after(dialogue, entry.seq, turn)
        case Consent(granted=granted, purposes=purposes, reply=reply):
            language = reply.language if reply else dialogue.language
            known = replace(dialogue, greeted=True, language=language)
            return replace(known, consented=granted, purposes=purposes)
        case Approval(message=message) if message.room.id == dialogue.room.id:
            return replace(dialogue, idea=Idea())
        case _:
            return dialogue


def newest_cafes(entries: Iterable[Entry]) -> list[Cafe]:
    """Return the debates among *entries*, oldest first, each as it was last described."""
    found: dict[str, Cafe] = {}
    for entry in entries:
        if isinstance(entry.event, Cafe):
            found[entry.event.name] = entry.event
    return list(found.values())


@dataclass(slots=True)
class _Found:
    """What has been found so far, going back in time."""

    consented: bool | None = None
    purposes: tuple[str, ...] = ()
    easy: bool | None = None
    language: str | None = None
    last: Turn | None = None
    last_seq: int = 0
    greeted: bool = False
    ended: bool = False
    texts: list[str] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    changed: dict[int, Turn | Approval] = field(default_factory=dict)

    def standing(self, entry: Entry) -> Event:
        """Return what *entry* says now: a later change may stand in its place."""
        event = entry.event
        return self.changed.get(entry.seq, event) if isinstance(event, Erased) else event

    def changes(self, event: Rectification) -> None:
        for change in event.changes:
            self.changed.setdefault(change.turn, change.event)

    def consent(self, consent: Consent) -> None:
        self.greeted = True
        if consent.reply:
            self.language = self.language or consent.reply.language
        if self.consented is None:
            self.consented = consent.granted
            self.purposes = consent.purposes

    def turn(self, seq: int, turn: Turn, *, here: bool) -> None:
        self.greeted = True
        self.language = self.language or turn.language
        if self.easy is None:
            self.easy = turn.easy
        if not here:
            return
        if self.last is None and _asks(turn):
            self.last, self.last_seq = turn, seq
        self.ended = self.ended or turn.ends
        if not self.ended:
            self._idea(turn)

    def _idea(self, turn: Turn) -> None:
        if contributes(turn):
            said = (*turn.joined, turn.message)
            self.texts.extend(m.text for m in reversed(said) if m.text)
        if question := _asked(turn):
            self.asked.append(question)

    def dialogue(self, room: Room, sender: str) -> Dialogue:
        return Dialogue(
            room=room,
            sender=sender,
            language=self.language,
            consented=bool(self.consented),
            purposes=self.purposes,
            easy=bool(self.easy),
            greeted=self.greeted,
            idea=Idea(texts=tuple(reversed(self.texts)), asked=tuple(reversed(self.asked))),
            last=self.last,
            last_seq=self.last_seq,
        )


def _after(dialogue: Dialogue, seq: int, turn: Turn) -> Dialogue:
    known = replace(dialogue, greeted=True, language=turn.language, easy=turn.easy)
    if turn.message.room.id != dialogue.room.id:
        return known
    if _asks(turn):
        known = replace(known, last=turn, last_seq=seq)
    if turn.ends:
        return replace(known, idea=Idea())
    texts, asked = dialogue.idea.texts, dialogue.idea.asked
    if contributes(turn):
        texts += tuple(m.text for m in (*turn.joined, turn.message) if m.text)
    if question := _asked(turn):
        asked += (question,)
    return replace(known, idea=Idea(texts=texts, asked=asked))


def _asks(turn: Turn) -> bool:
    return turn.reply is not None and turn.reply.kind is Kind.QUESTION


def _asked(turn: Turn) -> Asked | None:
    """Return the question put in *turn*, as its last attempt worded it."""
    if turn.reply is None or not _asks(turn):
        return None
    draft = turn.attempts[-1].draft if turn.attempts else None
    move = draft.move if draft else turn.move
    frame = draft.frame if draft else None
    return None if move is None else Asked(turn.reply.text, move, frame)
