"""What a person may do with their own words once they are on record."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from enum import Enum

from bot.domain import (
    Approval,
    Attempt,
    Case,
    Change,
    Contest,
    Entry,
    Message,
    Rectification,
    Sentence,
    Source,
    Turn,
)
from bot.ideas import own_sentences
from bot.text import clean, sentences

GONE = "[…]"
"""Stands where words were taken back."""


def rectified(entries: Sequence[Entry], about: Iterable[Entry], message: Message) -> Rectification:
    """Return what takes the old text of the message that *message* edits off the record.

    *entries* are all of the person's in the debate, as they stand; *about*, what others said of
    them. Questions and recaps that quote the old text lose the quote; what moderators and other
    people were shown of it goes wholly.
    """
    turns = {entry.seq: entry.event for entry in entries if isinstance(entry.event, Turn)}
    target = _holding(turns, message.edits)
    kept = replace(message, text="")
    if target is None:
        return Rectification(message=kept)
    old = next(m.text for m in _said(turns[target]) if m.id == message.edits)
    changed: dict[int, Turn | Approval] = {}
    for entry in entries:
        now = _now(entry, message, old, target)
        if now is not None and now != entry.event:
            changed[entry.seq] = now
    earlier = [entry for entry in entries if _changes(entry, changed)]
    standing = {e.seq: e.event for e in entries if isinstance(e.event, Turn | Approval)}
    carried = {seq: standing[seq] for entry in earlier for seq in _changed(entry)}
    contests = {e.seq for e in entries if isinstance(e.event, Contest) and e.event.turn in changed}
    gone = changed.keys() | contests
    shown = (e.seq for e in about if isinstance(e.event, Case | Turn) and e.event.turn in gone)
    return Rectification(
        message=kept,
        erased=tuple(sorted({*changed, *shown, *(entry.seq for entry in earlier)})),
        changes=tuple(Change(turn=s, event=t) for s, t in sorted((carried | changed).items())),
    )


def quoting(entries: Sequence[Entry], about: Sequence[Entry], said: Entry) -> set[int]:
    """Return the numbers of those of *entries* and *about* that hold words of the entry *said*.

    *entries* and *about* are as for `rectified`.
    """
    event = said.event
    taken = _said(event) if isinstance(event, Turn) else ()
    edits = (replace(message, edits=message.id, text="") for message in taken if message.text)
    return {seq for edit in edits for seq in rectified(entries, about, edit).erased}


def _now(entry: Entry, edit: Message, old: str, target: int) -> Turn | Approval | None:
    """Return what stands in the place of *entry* once *old* is taken back."""
    event = entry.event
    if isinstance(event, Turn) and entry.seq >= target:
        return _without(_edited(event, edit), old)
    return _reapproved(event, edit) if isinstance(event, Approval) else None


def _reapproved(event: Approval, edit: Message) -> Approval:
    """Return *event* with what the edited message says now in the place of what it said."""
    own = [n for n, sentence in enumerate(event.sentences) if sentence.message == edit.edits]
    if not own:
        return event
    turn = event.sentences[own[0]].turn
    new = [
        Sentence(text=text, turn=turn, message=edit.edits or "")
        for text in own_sentences([edit.text])
    ]
    kept = [[] if n in own else [sentence] for n, sentence in enumerate(event.sentences)]
    kept[own[0]] = new
    return replace(event, sentences=tuple(sentence for group in kept for sentence in group))


def own_data(entries: Sequence[Entry]) -> str:
    """Return *entries*, all that is kept of a person, as JSON: with numbers, times and seals."""
    listed = [
        {
            "number": entry.seq,
            "at": entry.at.isoformat(),
            "kind": type(entry.event).__name__.lower(),
            "seal": entry.seal,
            "event": asdict(entry.event),
        }
        for entry in entries
    ]
    return json.dumps(listed, ensure_ascii=False, indent=2, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _holding(turns: dict[int, Turn], message: str | None) -> int | None:
    """Return the turn that *message* was answered in."""
    return next((s for s, turn in turns.items() if message in {m.id for m in _said(turn)}), None)


def _said(turn: Turn) -> tuple[Message, ...]:
    return (*turn.joined, turn.message)


def _edited(turn: Turn, edit: Message) -> Turn:
    """Return *turn* with the text of *edit* in place of the one it edits."""

    def now(message: Message) -> Message:
        return replace(message, text=edit.text) if message.id == edit.edits else message

    return replace(turn, message=now(turn.message), joined=tuple(map(now, turn.joined)))


def _without(turn: Turn, old: str) -> Turn:
    """Return *turn* without quotes of *old*; a model may have quoted it anyhow."""
    attempts = tuple(_unquoted(attempt, old) for attempt in turn.attempts)
    reply = turn.reply
    if reply:
        quoted = [a.draft.slot for a in turn.attempts if a.draft.slot]
        parts = (*sentences(clean(old)), *(slot for slot in quoted if slot in clean(old)))
        worded = turn.attempts and turn.attempts[-1].draft.source is Source.DRAFT
        reply = replace(reply, text=GONE if worded else _blanked(reply.text, parts))
    return replace(turn, attempts=attempts, reply=reply)


def _unquoted(attempt: Attempt, old: str) -> Attempt:
    """Return *attempt* without what it quotes; of what a model wrote nothing is left."""
    draft = attempt.draft
    if draft.answer or draft.raw:
        answer = draft.answer and replace(draft.answer, text="")
        slot = draft.slot and GONE
        gone = replace(draft, text=GONE, raw="", slot=slot, answer=answer, asked=None)
        verdicts = tuple(replace(verdict, findings=()) for verdict in attempt.verdicts)
        return Attempt(gone, verdicts)
    if draft.slot and draft.slot in clean(old):
        return Attempt(
            replace(draft, text=_blanked(draft.text, [draft.slot]), slot=GONE), attempt.verdicts
        )
    return attempt


def _blanked(text: str, parts: Iterable[str]) -> str:
    for part in sorted(filter(None, parts), key=len, reverse=True):
        text = text.replace(part, GONE)
    return text


def _changed(entry: Entry) -> tuple[int, ...]:
    event = entry.event
    return tuple(c.turn for c in event.changes) if isinstance(event, Rectification) else ()


def _changes(entry: Entry, turns: Iterable[int]) -> bool:
    return not set(turns).isdisjoint(_changed(entry))
