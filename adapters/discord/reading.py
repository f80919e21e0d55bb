"""What Discord's events mean: from its messages to ours, without any I/O."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto

import discord

from bot.domain import Message, Room

NAME = "discord"
HUMAN = frozenset({discord.MessageType.default, discord.MessageType.reply})
"""Everything else is said by Discord itself."""
_MENTION = re.compile(r"<(@[!&]?|#)\d+>")
_EMOJI = re.compile(r"<a?(:\w+:)\d+>")


class Kind(Enum):
    """The places a bot can be spoken to in."""

    THREAD = auto()
    DIRECT = auto()
    MODERATORS = auto()
    CHANNEL = auto()
    """A channel whose messages can start a thread."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written."""

    kind: Kind
    id: str
    parent: str = ""
    """The channel that a thread hangs on."""

    @property
    def room(self) -> Room:
        """The room of what is written here, save for a message that starts a thread."""
        return Room(NAME, self.id, self.parent)

    def room_of(self, message: int) -> Room:
        """Return the room of *message*: a thread made from it has its id."""
        return Room(NAME, str(message), self.id) if self.kind is Kind.CHANNEL else self.room


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Understands what is written, knowing who the bot is and who moderates."""

    me: int
    """The bot's own id."""
    moderators: str = ""
    """Id of the moderators' channel."""
    role: int = 0
    """Id of the moderators' role."""
    pseudonym: Callable[[str, str], str]

    def known_as(self, me: int) -> Reader:
        """Return the reader of the bot whose id is *me*."""
        return replace(self, me=me)

    def place(self, channel: object) -> Place | None:
        """Return what *channel* is to the bot; None where it cannot be spoken to."""
        if isinstance(channel, discord.DMChannel):
            return Place(Kind.DIRECT, str(channel.id))
        if isinstance(channel, discord.PartialMessageable) and not channel.guild_id:
            return Place(Kind.DIRECT, str(channel.id))
        if isinstance(channel, discord.Thread):
            return Place(Kind.THREAD, str(channel.id), str(channel.parent_id))
        if isinstance(channel, discord.TextChannel):
            here = str(channel.id) == self.moderators
            return Place(Kind.MODERATORS if here else Kind.CHANNEL, str(channel.id))
        return None

    def concerns(self, message: discord.Message) -> bool:
        """Return whether *message* is a person's and may be meant for the bot.

        Without the Message Content intent what is not meant for the bot comes without text.
        """
        if message.author.bot or message.webhook_id or message.type not in HUMAN:
            return False
        return bool(message.content) or message.guild is None or self.calls(message)

    def calls(self, message: discord.Message) -> bool:
        """Return whether *message* names the bot or replies to it."""
        return any(user.id == self.me for user in message.mentions) or bool(self.about(message))

    def about(self, message: discord.Message) -> str | None:
        """Return the id of the bot's message that *message* replies to."""
        reference = message.reference
        resolved = reference.resolved if reference else None
        ours = isinstance(resolved, discord.Message) and resolved.author.id == self.me
        return str(resolved.id) if resolved and ours else None

    def to_another(self, message: discord.Message) -> bool:
        """Return whether *message* replies to somebody else: people talk to each other."""
        return message.reference is not None and self.about(message) is None

    def moderates(self, author: object, place: Place) -> bool:
        """Return whether *author* answers for the debate when they write in *place*."""
        if place.kind is Kind.MODERATORS or (self.moderators and place.parent == self.moderators):
            return True
        role = self.role and isinstance(author, discord.Member) and author.get_role(self.role)
        return bool(role)

    def parse(self, message: discord.Message, place: Place, *, known: bool = False) -> Message:
        """Return *message* as the core has it.

        *known* tells that the bot takes part in the conversation of *place*: then it need not
        be named.
        """
        room = place.room_of(message.id)
        called = place.kind is Kind.DIRECT or self.calls(message)
        return Message(
            id=str(message.id),
            room=room,
            sender=self.sender(room, message.author.id),
            text=plain(message.content, self.me),
            sent_at=message.created_at,
            addressed=called or (known and not self.to_another(message)),
            called=called,
            about=self.about(message),
            moderator=self.moderates(message.author, place),
        )

    def edited(self, message: discord.Message, place: Place) -> Message | None:
        """Return what an edit of *message* changes; None where its text is as it was.

        Without text, for one cannot read what is no longer meant for the bot, it is taken back.
        """
        edited_at = message.edited_at
        if edited_at is None or message.author.bot or message.webhook_id:
            return None
        room = place.room_of(message.id)
        return Message(
            id=f"{message.id}:{_milliseconds(edited_at)}",
            room=room,
            sender=self.sender(room, message.author.id),
            text=plain(message.content, self.me),
            sent_at=edited_at,
            edits=str(message.id),
        )

    def deleted(self, message: int, place: Place, sender: str, now: datetime) -> Message:
        """Return that *message* is gone; Discord does not say whose it was."""
        return Message(
            id=f"{message}:deleted",
            room=place.room_of(message),
            sender=sender,
            text="",
            sent_at=now,
            edits=str(message),
        )

    def sender(self, room: Room, user: int) -> str:
        """Return the pseudonym of *user* in the debate of *room*."""
        return self.pseudonym(room.place, str(user))


def plain(text: str, me: int) -> str:
    """Return *text* without the bot's mention, and without anybody's id."""
    text = re.sub(rf"<@[!&]?{me}>", "", text).strip()
    return _EMOJI.sub(r"\1", _MENTION.sub(lambda found: f"{found[1][0]}…", text))


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
