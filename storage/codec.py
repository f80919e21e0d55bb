"""How an event becomes the bytes on record, and comes back the same.

The bytes are canonical JSON: sorted keys, no spaces, ASCII only, so that lone surrogates and
NUL survive every database. Dates are written in UTC. JSON cannot tell a surrogate pair from the
character it stands for: such a pair comes back as that character.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from bot.domain import (
    Access,
    Approval,
    Cafe,
    Case,
    Consent,
    Contest,
    Delivery,
    Erased,
    Erasure,
    Event,
    Message,
    Outcome,
    Rectification,
    Reply,
    Review,
    Turn,
)
from bot.errors import StorageError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

KINDS: dict[str, type[Event]] = {
    "turn": Turn,
    "consent": Consent,
    "delivery": Delivery,
    "contest": Contest,
    "case": Case,
    "review": Review,
    "rectification": Rectification,
    "erasure": Erasure,
    "approval": Approval,
    "outcome": Outcome,
    "cafe": Cafe,
    "access": Access,
}
"""What each event is called on record. A name, once used, keeps its meaning."""

_REBUILT = {kind.__name__: kind for kind in (*KINDS.values(), Message)}
_NAMES = {event: name for name, event in KINDS.items()}


class Lookup(NamedTuple):
    """What an entry can be found by, taken from its event."""

    platform: str | None = None
    room: str | None = None
    debate: str | None = None
    sender: str | None = None
    message_id: str | None = None
    said: str | None = None
    """The kind of the reply, such as ``question``; None if nothing was said."""
    ends: bool = False
    turn: int | None = None
    """The entry it is about, where it is about one."""
    command: str | None = None


def kind_of(event: Event) -> str:
    """Return the name *event* has on record."""
    return event.kind if isinstance(event, Erased) else _NAMES[type(event)]


def encode(event: Event) -> str:
    """Return *event* as canonical JSON, its kind included.

    Raises:
        StorageError: A date in it has no time zone.
    """
    return canonical({"kind": kind_of(event), **_fields(event)})


def decode(body: str | bytes) -> Event:
    """Return the event that *body* was made from.

    Raises:
        StorageError: It is not an event; the text of *body* is not repeated.
    """
    try:
        values = json.loads(body)
        event: Event = _adapter(KINDS[values.pop("kind")].__name__).validate_python(values)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise StorageError(UNREADABLE) from None  # the cause quotes what a citizen wrote
    return event


def encode_message(message: Message) -> str:
    """Return *message* as canonical JSON.

    Raises:
        StorageError: Its date has no time zone.
    """
    return canonical(message)


def decode_message(body: str) -> Message:
    """Return the message that *body* was made from.

    Raises:
        StorageError: It is not a message; the text of *body* is not repeated.
    """
    try:
        message: Message = _adapter(Message.__name__).validate_python(json.loads(body))
    except (ValueError, TypeError, RecursionError):
        raise StorageError(UNREADABLE) from None  # the cause quotes what a citizen wrote
    return message


def lookup(event: Event) -> Lookup:
    """Return what *event* is to be found by."""
    message = answered(event)
    reply = reply_of(event)
    return Lookup(
        platform=message.room.platform if message else None,
        room=message.room.id if message else None,
        debate=message.room.place if message else None,
        sender=message.sender if message else None,
        message_id=message.id if message else None,
        said=reply.kind.value if reply else None,
        ends=isinstance(event, Approval) or (isinstance(event, Turn) and event.ends),
        turn=getattr(event, "turn", None),
        command=getattr(event, "command", None),
    )


def answered(event: Event) -> Message | None:
    """Return the message that *event* answers, if it answers one."""
    return getattr(event, "message", None)


def also_answered(event: Event) -> tuple[Message, ...]:
    """Return the messages that *event* answers together with that one."""
    return event.joined if isinstance(event, Turn) else ()


def reply_of(event: Event) -> Reply | None:
    """Return what *event* has the bot say, if anything."""
    return getattr(event, "reply", None)


def erased_by(event: Event) -> tuple[int, ...]:
    """Return the sequence numbers of the entries whose contents go with *event*."""
    return event.erased if isinstance(event, Rectification | Erasure) else ()


def settles(delivery: Delivery) -> bool:
    """Tell whether *delivery* says what became of the reply."""
    return delivery.external_id is not None or delivery.failure is not None


def stamp(moment: datetime) -> str:
    """Return *moment* in UTC, to the microsecond: ``2027-01-31T09:30:00.000000Z``.

    Raises:
        StorageError: It has no time zone.
    """
    if moment.tzinfo is None:
        raise StorageError("A date without a time zone cannot be recorded: use an aware datetime.")
    try:
        return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
    except OverflowError as exc:
        raise StorageError("A date at the end of time cannot be recorded: check it.") from exc


def moment(stamped: str) -> datetime:
    """Return the moment that *stamped* stands for.

    Raises:
        StorageError: It is no date.
    """
    try:
        return datetime.fromisoformat(stamped).astimezone(UTC)
    except (ValueError, TypeError, OverflowError) as exc:
        raise StorageError(UNREADABLE) from exc


def canonical(value: object) -> str:
    """Return *value* as canonical JSON: sorted keys, no spaces, ASCII."""
    return _CANONICAL.encode(value)


UNREADABLE = "What is on record cannot be read: run `socrate audit verify`, then restore a backup."


def _plain(value: object) -> object:
    """Return *value* in terms JSON knows."""
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, Enum):
        return value.value
    return _fields(value)


def _fields(value: Any) -> dict[str, object]:
    names = _names(type(value))  # type: ignore[arg-type] # mypy takes a class for its instances
    return {name: getattr(value, name) for name in names}


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    """Return the names of what a value of *kind* holds."""
    if not is_dataclass(kind):
        raise TypeError(f"{kind.__name__} has no place on record")
    return tuple(f.name for f in fields(kind))


# Made once: `json.dumps` would make one for each call.
_CANONICAL = json.JSONEncoder(default=_plain, sort_keys=True, separators=(",", ":"))


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    """Return what rebuilds the class called *name*: made when first needed, for it takes 15 ms."""
    from pydantic import TypeAdapter  # noqa: PLC0415 # 0.1 s that a short command need not pay

    return TypeAdapter(_REBUILT[name])
