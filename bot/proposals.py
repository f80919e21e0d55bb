"""What a debate leaves behind: approved proposals, lessons for the rules, and then nothing."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from bot.domain import (
    Approval,
    Cafe,
    Case,
    Consent,
    Contest,
    Entry,
    Erased,
    Message,
    Outcome,
    Review,
    Turn,
    standing,
)

STATES = ("synthesis", "adopted", "declined", "other")
"""What may come of a proposal."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would take a text for that begins so."""


def proposals(entries: Iterable[Entry], cafe: Cafe) -> list[dict[str, Any]]:
    """Return the approved proposals of *cafe*, without their authors, oldest first."""
    found: dict[int, dict[str, Any]] = {}
    for entry in standing(list(entries)):
        event = entry.event
        if isinstance(event, Approval) and event.message.room.address in cafe.places:
            found[entry.seq] = {
                "number": entry.seq,
                "approved": entry.at.date().isoformat(),
                "language": event.language,
                "sentences": [{"text": s.text, "entry": s.turn} for s in event.sentences],
                "state": "approved",
                "why": "",
            }
        elif isinstance(event, Outcome) and event.turn in found:
            found[event.turn] |= {"state": event.state, "why": event.note}
    return list(found.values())


def as_json(rows: Sequence[dict[str, Any]]) -> str:
    """Return *rows* as JSON Lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def as_csv(rows: Sequence[dict[str, Any]]) -> str:
    """Return *rows* as CSV in which no text is a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("number", "approved", "language", "text", "state", "why"))
    for row in rows:
        text = " ".join(sentence["text"] for sentence in row["sentences"])
        cells = (row["number"], row["approved"], row["language"], text, row["state"], row["why"])
        writer.writerow([defused(str(cell)) for cell in cells])
    return out.getvalue()


def as_markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Return *rows* as a page."""
    parts = []
    for row in rows:
        said = "\n".join(f"> {sentence['text']}" for sentence in row["sentences"])
        why = f" — {row['why']}" if row["why"] else ""
        parts.append(f"## {row['number']}\n\n{said}\n\n{row['state']}{why}\n")
    return "\n".join(parts)


def lessons(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return the questions that moderators found leading, as cases for the rules.

    Only of people who agreed that their words may be used so.
    """
    known = {entry.seq: entry.event for entry in entries}
    agreed = _agreed_to_research(entries)
    found = []
    for entry in entries:
        contest = known.get(entry.event.turn) if isinstance(entry.event, Review) else None
        if not isinstance(contest, Contest) or getattr(entry.event, "finding", "") != "upheld":
            continue
        turn = known.get(contest.turn)
        if isinstance(turn, Turn) and turn.attempts and _person(contest.message) in agreed:
            found.append(_lesson(contest.turn, turn))
    return found


def outlived(
    entries: Iterable[Entry], cafes: Iterable[Cafe], today: date, days: int
) -> tuple[int, ...]:
    """Return the entries whose contents are to be erased: *days* have passed since the close.

    A place where no debate was created is taken as closed with the last message in it.
    """
    entries = list(entries)
    closed = {
        event.name: entry.at
        for entry in entries
        if isinstance(event := entry.event, Cafe) and event.state == "closed"
    }
    places = {
        place
        for cafe in cafes
        if (ended := _ended(cafe, closed.get(cafe.name))) and ended + timedelta(days=days) < today
        for place in cafe.places
    }
    places |= _abandoned(entries, cafes, today - timedelta(days=days))
    own = {e.seq for e in entries if (m := _message(e)) and m.room.address in places}
    about = {e.seq for e in entries if isinstance(e.event, Case | Review) and e.event.turn in own}
    gone = {entry.seq for entry in entries if isinstance(entry.event, Erased)}
    return tuple(sorted((own | about) - gone))


def _abandoned(entries: Iterable[Entry], cafes: Iterable[Cafe], since: date) -> set[str]:
    """Return the places without a debate in which nobody wrote after *since*."""
    last: dict[str, date] = {}
    for entry in entries:
        if message := _message(entry):
            last[message.room.address] = entry.at.date()
    held = {place for cafe in cafes for place in cafe.places}
    return {place for place, day in last.items() if day < since and place not in held}


def _lesson(seq: int, turn: Turn) -> dict[str, Any]:
    return {
        "id": f"contest/{seq}",
        "lang": turn.language,
        "contribution": turn.message.text,
        "question": turn.attempts[-1].draft.text,
        "label": "leading",
    }


def _agreed_to_research(entries: Iterable[Entry]) -> set[tuple[str, str, str]]:
    agreed: set[tuple[str, str, str]] = set()
    for entry in entries:
        if isinstance(entry.event, Consent):
            person = _person(entry.event.message)
            (agreed.add if "research" in entry.event.purposes else agreed.discard)(person)
    return agreed


def _ended(cafe: Cafe, at: datetime | None) -> date | None:
    """Return the day on which *cafe* ended, if it has."""
    if cafe.state == "closed" and at:
        return at.date()
    return date.fromisoformat(cafe.closes) if cafe.closes else None


def _message(entry: Entry) -> Message | None:
    message: Message | None = getattr(entry.event, "message", None)
    return message


def _person(message: Message) -> tuple[str, str, str]:
    return message.room.platform, message.room.place, message.sender


def defused(text: str) -> str:
    """Return *text* so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
