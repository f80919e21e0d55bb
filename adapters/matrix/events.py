"""What a Matrix event means to the bot: pure, without a server."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

from bot.domain import Message, Room

Event: TypeAlias = Mapping[str, Any]
"""A room event as the client-server API gives it, decrypted."""

MARK = "org.cafe-socrate"
"""Content key of what machines are told of the bot's messages."""
SAID = ("m.text", "m.emote")
"""Message types that carry words; a notice is another machine's."""
_QUOTED = re.compile(r"\A(?:> ?.*\n)+\n?")
_SEPARATOR = " \t\n:,;.!-–—"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What of a room decides how its events are understood."""

    platform: str
    room: str
    me: str
    """The bot's own user id."""
    name: str
    """The bot's display name."""
    prefix: str
    pseudonym: Callable[[str, str], str]
    """From the debate and the user id."""
    direct: bool = False
    moderators: bool = False
    """Whether it is where moderators answer for the debate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The earlier event that an event speaks of."""

    id: str
    sender: str
    root: str | None = None
    """The thread it stands in."""
    actions: Mapping[str, str] = field(default_factory=dict)
    """Commands by the symbol that stands for each, if the bot offered some."""
    language: str | None = None
    """The language they were offered in."""
    spoken: bool = True
    """Whether it is a message, and not a reaction, say."""


def content(event: Event) -> Mapping[str, Any]:
    """Return the content of *event*, empty where it has none."""
    return _mapping(event.get("content"))


def relation(event: Event) -> Mapping[str, Any]:
    """Return what *event* says of its relation to another."""
    return _mapping(content(event).get("m.relates_to"))


def root(event: Event) -> str | None:
    """Return the first event of the thread that *event* stands in."""
    told = relation(event)
    return _id(told.get("event_id")) if told.get("rel_type") == "m.thread" else None


def refers(event: Event) -> str | None:
    """Return the id of the event that must be known to understand *event*."""
    told = relation(event)
    if event.get("type") == "m.room.redaction":
        return _id(event.get("redacts") or content(event).get("redacts"))
    # What others wrote may be anything, lists included: it is compared, never looked up.
    if any(told.get("rel_type") == kind for kind in ("m.replace", "m.annotation")):
        return _id(told.get("event_id"))
    if told.get("is_falling_back"):
        return None
    return _id(_mapping(told.get("m.in_reply_to")).get("event_id"))


def target(event: Event) -> Target:
    """Return *event* as what another one speaks of."""
    mark = _mapping(content(event).get(MARK))
    told, language = _mapping(mark.get("actions")), mark.get("language")
    return Target(
        id=str(event.get("event_id")),
        sender=str(event.get("sender")),
        root=root(event),
        actions={bare(symbol): str(name) for symbol, name in told.items()},
        language=language if isinstance(language, str) else None,
        spoken=event.get("type") in {"m.room.message", "m.room.encrypted"},
    )


def bare(symbol: str) -> str:
    """Return *symbol* without the marks by which clients vary an emoji."""
    return symbol.replace("\ufe0f", "").replace("\ufe0e", "")


def place(scene: Scene, thread: str | None) -> Room:
    """Return the room of what is said in *thread*, or outside of all threads."""
    if scene.moderators or thread is None:
        return Room(scene.platform, scene.room)
    return Room(scene.platform, f"{scene.room} {thread}", scene.room)


def home(event: Event, scene: Scene, about: Target | None) -> Room:
    """Return where a conversation that *event* belongs to, or opens, is held."""
    mine = about is not None and about.sender == scene.me
    thread = root(event) or (about.root if about and mine else None)
    if thread or scene.direct:
        return place(scene, thread)
    return place(scene, str(event["event_id"]))


def parse(
    event: Event, scene: Scene, *, about: Target | None = None, ours: bool = False
) -> Message | None:
    """Return what *event* means to the bot; None where it means nothing.

    *about* is the event it `refers` to, *ours* tells whether the bot takes part in its `home`.
    """
    if event.get("sender") == scene.me or not isinstance(event.get("event_id"), str):
        return None
    kind, told = event.get("type"), relation(event).get("rel_type")
    if kind == "m.room.redaction":
        return _deleted(event, scene, about)
    if kind == "m.reaction":
        return _pressed(event, scene, about)
    if kind != "m.room.message" or content(event).get("msgtype") == "m.notice":
        return None
    if told == "m.replace":
        return _edited(event, scene, about)
    return _spoken(event, scene, about, ours=ours)


def _spoken(event: Event, scene: Scene, about: Target | None, *, ours: bool) -> Message | None:
    said = content(event)
    if not isinstance(said.get("msgtype"), str):
        return None
    text, called = _unaddressed(body(said), scene)
    mine = about is not None and about.sender == scene.me
    called = called or mine or _mentions(said, scene.me)
    here = (ours or scene.direct) and not scene.moderators
    to_another = about is not None and not mine  # people talk to each other
    if not called and (to_another or not here):
        return None
    return _message(
        event,
        scene,
        home(event, scene, about),
        text=text,
        about=_mine(about, scene),
        called=called or scene.direct,
    )


def _pressed(event: Event, scene: Scene, about: Target | None) -> Message | None:
    key = relation(event).get("key")
    if about is None or about.sender != scene.me or not isinstance(key, str):
        return None
    name = about.actions.get(bare(key))
    if name is None:
        return None
    room = _room_of(about, scene)
    return _message(event, scene, room, command=name, about=about.id, language=about.language)


def _edited(event: Event, scene: Scene, about: Target | None) -> Message | None:
    """Return an edit; somebody else's message cannot be edited."""
    if about is None or about.sender != event.get("sender"):
        return None
    text, _ = _unaddressed(body(_mapping(content(event).get("m.new_content"))), scene)
    return _message(event, scene, _room_of(about, scene), text=text, edits=about.id)


def _deleted(event: Event, scene: Scene, about: Target | None) -> Message | None:
    """Return a deletion, in the name of the person who wrote: a moderator may delete, too."""
    if about is None or about.sender == scene.me or not about.spoken:
        return None
    author = {**event, "sender": about.sender}
    return _message(author, scene, _room_of(about, scene), edits=about.id)


def _room_of(about: Target, scene: Scene) -> Room:
    thread = about.root or (None if scene.direct else about.id)
    return place(scene, thread)


def _mine(about: Target | None, scene: Scene) -> str | None:
    return about.id if about and about.sender == scene.me else None


def _message(event: Event, scene: Scene, room: Room, *, text: str = "", **told: Any) -> Message:
    sender = str(event.get("sender"))
    return Message(
        id=str(event["event_id"]),
        room=room,
        sender=scene.pseudonym(scene.room, sender),
        text=text,
        sent_at=_moment(event.get("origin_server_ts")),
        moderator=scene.moderators,
        **told,
    )


def body(said: Mapping[str, Any]) -> str:
    """Return the words of a message, without the quotation that old clients put before them."""
    text = said.get("body")
    if not isinstance(text, str):
        return ""
    if said.get("msgtype") not in SAID:
        # Only a caption is the person's own: the rest is a file's name.
        captioned = isinstance(said.get("filename"), str) and said["filename"] != text
        return text if captioned else ""
    quoting = "m.in_reply_to" in _mapping(said.get("m.relates_to"))
    return _QUOTED.sub("", text) if quoting else text


def _unaddressed(text: str, scene: Scene) -> tuple[str, bool]:
    """Return *text* without the bot's name in front, and whether the bot was called by it."""
    lowered = text.lstrip().casefold()
    for name in (scene.prefix, scene.me, scene.name):
        if name and lowered.startswith(name.casefold()):
            rest = text.lstrip()[len(name) :]
            if not rest or rest[0] in _SEPARATOR:
                called = name != scene.name
                return rest.lstrip(_SEPARATOR), called
    return text, False


def _mentions(said: Mapping[str, Any], me: str) -> bool:
    """Return whether the message is for the bot: by mention, or by name where there are none."""
    if "m.mentions" in said:
        named = _mapping(said["m.mentions"]).get("user_ids")
        return isinstance(named, list) and me in named
    return me in body(said)


def _moment(milliseconds: object) -> datetime:
    """Return when the server says it was; other servers may say anything."""
    try:
        return datetime.fromtimestamp(float(milliseconds) / 1000, UTC)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _id(value: object) -> str | None:
    return value if isinstance(value, str) and value.startswith("$") else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
