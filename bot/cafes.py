"""Debates: where and when one is held, and who answers for it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from bot.domain import Cafe, Room
from bot.errors import ConfigError


def cafe_of(cafes: Iterable[Cafe], room: Room) -> Cafe | None:
    """Return the debate that is held in *room*, if there is one; the newest counts."""
    place = f"{room.platform}:{room.place}"
    held = [cafe for cafe in cafes if place in cafe.places]
    return held[-1] if held else None


def standing_of(cafe: Cafe, today: date) -> str | None:
    """Return why nothing may be said in *cafe* now: ``closed`` or ``not-open``, if so."""
    if cafe.state == "closed" or (cafe.closes and today > date.fromisoformat(cafe.closes)):
        return "closed"
    early = cafe.opens and today < date.fromisoformat(cafe.opens)
    return "not-open" if cafe.state == "planned" or early else None


def told(cafe: Cafe) -> dict[str, str]:
    """Return what notices say of *cafe*."""
    known = {
        "organiser": cafe.organiser,
        "contacts": cafe.contacts,
        "topic": cafe.topic,
        "date": cafe.opens,
    }
    return {name: value for name, value in known.items() if value}


def checked_date(text: str) -> str:
    """Return *text* if it is a date such as ``2027-01-31``, or empty.

    Raises:
        ConfigError: It is neither.
    """
    try:
        return text and date.fromisoformat(text).isoformat()
    except ValueError:
        raise ConfigError(f"{text} is not a date: write it as 2027-01-31.") from None
