"""Debates: where and when one is held, and who answers for it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from bot.domain import Cafe, Room
from bot.errors import ConfigError


def cafe_of(cafes: Iterable[Cafe], room: Room) -> Cafe | None:
    """Return the debate that is held in *room*, if there is one; the newest counts."""
    held = [cafe for cafe in cafes if room.address in cafe.places]
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


def checked(cafe: Cafe, known: Iterable[Cafe]) -> Cafe:
    """Return *cafe*, to be created beside those *known*.

    Raises:
        ConfigError: It has no name, or one that is taken; a place or its dates make no sense.
    """
    if not cafe.name.strip():
        raise ConfigError("A debate needs a name.")
    if any(other.name == cafe.name for other in known):
        raise ConfigError(f"There is a debate called {cafe.name} already: choose another name.")
    for place in cafe.places:
        platform, _, room = place.partition(":")
        if not platform or not room:
            raise ConfigError(f"{place} is no place: write it as matrix:!room:server.")
    if cafe.opens and cafe.closes and cafe.closes < cafe.opens:
        raise ConfigError(f"It would close on {cafe.closes}, before it opens on {cafe.opens}.")
    return cafe


def checked_date(text: str) -> str:
    """Return *text* if it is a date such as ``2027-01-31``, or empty.

    Raises:
        ConfigError: It is neither.
    """
    try:
        return text and date.fromisoformat(text).isoformat()
    except ValueError:
        raise ConfigError(f"{text} is not a date: write it as 2027-01-31.") from None
