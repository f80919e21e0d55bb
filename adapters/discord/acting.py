"""Slash commands, buttons, forms and the context menu: what somebody did, as a message."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import discord
from discord.http import Route

from adapters.discord.menu import ON_MESSAGE, Menu, Words, custom_id, pressed
from adapters.discord.reading import NAME, Kind, Place, Reader, plain
from adapters.discord.rest import ACKNOWLEDGED, TRANSIENT, Rest
from adapters.discord.sending import EPHEMERAL, Sender, answer
from adapters.discord.wording import NOBODY, form
from bot.domain import Message, Room
from bot.errors import DeliveryError
from bot.ports import Mailbox

log = logging.getLogger(__name__)

SAY, DEFER, FORM = 4, 5, 9
"""Types of callbacks: https://discord.com/developers/docs/interactions/receiving-and-responding."""
COMMAND, COMPONENT, SUBMITTED = (
    discord.InteractionType.application_command,
    discord.InteractionType.component,
    discord.InteractionType.modal_submit,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What somebody asks for, before it is a message."""

    command: str | None = None
    text: str = ""
    about: str | None = None
    number: str = ""
    """Record number of the case it is about, where only that is known."""
    starts: bool = False
    """Whether it opens a thread where there is none."""
    target: discord.Message | None = None
    """The message it was done on."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody did, as a message."""

    message: Message
    acknowledged: bool
    """Whether they were promised an answer already."""


@dataclass
class Actions:
    """Acknowledges what people do within three seconds, and says what it means."""

    menu: Menu
    words: Words
    rest: Rest
    sender: Sender
    mailbox: Mailbox

    async def understood(
        self, interaction: discord.Interaction, place: Place | None, reader: Reader
    ) -> Asked | None:
        """Return what *interaction* asks of the bot; None where it is answered here."""
        language = self.menu.language_of(str(interaction.locale))
        act = self._act(interaction, reader)
        if isinstance(act, str) and place:
            await self._form(interaction, language, act)
        elif place is None or not isinstance(act, Act):
            await self._say(interaction, "unknown" if place else "elsewhere")
        elif refusal := self._refusal(interaction, act, place, reader):
            await self._say(interaction, refusal)
        elif act.target and await self.mailbox.received(NAME, str(act.target.id)):
            await self._say(interaction, "opened", thread=f"<#{place.room_of(act.target.id).id}>")
        else:
            return await self._asked(interaction, act, place, reader)
        return None

    async def acknowledge(self, interaction: discord.Interaction, asked: Asked) -> bool:
        """Promise an answer, for that person alone; it may be taken back for one to all.

        A moderator's answer goes to somebody else, so that it is only confirmed. Return whether
        there is a promise to keep.
        """
        if asked.acknowledged:
            return True
        if self._answers_a_case(asked.message.command):
            await self._say(interaction, "noted")
            return False
        return await self.callback(interaction, DEFER, {"flags": EPHEMERAL})

    def _act(self, interaction: discord.Interaction, reader: Reader) -> Act | str | None:
        """Return what is asked for, or the mark of the form to be shown first."""
        data: Mapping[str, Any] = interaction.data or {}
        if interaction.type is COMMAND:
            return self._command(interaction, data, reader)
        mark = pressed(data.get("custom_id", ""))
        if mark is None:
            return None
        action, number = mark
        about = str(interaction.message.id) if interaction.message else None
        if interaction.type is SUBMITTED:
            text = data["components"][0]["components"][0]["value"]
            return Act(text=text, about=number or None, starts=not number)
        if not action:
            return custom_id("", about or "")
        return Act(command=action, about=about) if self.menu.named(action) else None

    def _command(
        self, interaction: discord.Interaction, data: Mapping[str, Any], reader: Reader
    ) -> Act | str | None:
        if data.get("type") == ON_MESSAGE:
            raw = data["resolved"]["messages"][data["target_id"]]
            target = _message(interaction, raw)
            text = plain(target.content, reader.me)
            return Act(text=text, starts=True, target=target)
        given = [option["value"] for option in data.get("options", ())]
        if data["name"] == self.menu.idea:
            return Act(text=given[0], starts=True) if given else custom_id("", "")
        command = self.menu.command(data["name"])
        if command is None:
            return None
        number = next((str(value) for value in given if isinstance(value, int)), "")
        text = next((value for value in given if isinstance(value, str)), "")
        return Act(command=command.name, text=text, number=number)

    def _refusal(
        self, interaction: discord.Interaction, act: Act, place: Place, reader: Reader
    ) -> str | None:
        """Return why *act* is not for this person, in a word of the book; None if it is."""
        if self._answers_a_case(act.command) and not reader.moderates(interaction.user, place):
            return "moderators-only"
        if act.target and act.target.author.id != interaction.user.id:
            return "not-yours"
        return None

    async def _asked(
        self, interaction: discord.Interaction, act: Act, place: Place, reader: Reader
    ) -> Asked | None:
        room, first = place.room, act.starts and place.kind is Kind.CHANNEL and not act.target
        if act.target:
            room = place.room_of(act.target.id)
        elif first:
            # A thread takes more than the three seconds that Discord may wait, if it is busy.
            opened = await self._opened(interaction, place)
            if opened is None:
                return None
            room = opened
        message = Message(
            id=str(act.target.id) if act.target else f"i{interaction.id}",
            room=room,
            sender=reader.sender(room, interaction.user.id),
            text=act.text,
            sent_at=interaction.created_at,
            command=act.command,
            about=act.about,
            moderator=reader.moderates(interaction.user, place),
        )
        return Asked(await self._placed(interaction, act, place, message), acknowledged=first)

    async def _opened(self, interaction: discord.Interaction, place: Place) -> Room | None:
        """Return a new thread for whoever acted, who is told where it cannot be."""
        if not await self.callback(interaction, DEFER, {"flags": EPHEMERAL}):
            return None
        language = self.menu.language_of(str(interaction.locale))
        try:
            return await self.sender.new_thread(place.id, language, interaction.user.id)
        except DeliveryError as exc:
            text = self.words(language, "discord.no-thread").format(reason=exc)
            await self.point(interaction.application_id, interaction.token, text)
            return None

    async def _placed(
        self, interaction: discord.Interaction, act: Act, place: Place, message: Message
    ) -> Message:
        """Return *message* with its case, or its language, where only Discord tells it."""
        if message.moderator and act.number and not act.about:
            return replace(message, about=await self._case(place, act.number))
        if act.command is None or await self.mailbox.known(message.room):
            return message
        return replace(message, language=self.menu.language_of(str(interaction.locale)))

    async def _case(self, place: Place, number: str) -> str | None:
        """Return the id of the message that shows the case *number* to moderators."""
        path = "/channels/{channel_id}/messages"
        shown = await self.rest.request(Route("GET", path, channel_id=int(place.id)))
        marks = {custom_id(name, number) for name in ("", *map(_name, self._moderators()))}
        return next((m["id"] for m in shown if marks & set(_marks(m))), None)

    def _moderators(self) -> list[Any]:
        return [c for c in self.menu.commands[self.menu.language] if c.moderator]

    def _answers_a_case(self, name: str | None) -> bool:
        """Return whether the command *name* is a moderator's."""
        command = self.menu.named(name) if name else None
        return bool(command and command.moderator)

    async def _say(self, interaction: discord.Interaction, word: str, **values: str) -> None:
        """Answer at once, and to that person alone, with *word* of the book."""
        language = self.menu.language_of(str(interaction.locale))
        text = self.words(language, f"discord.{word}").format(**values)
        said = {"content": text, "allowed_mentions": NOBODY, "flags": EPHEMERAL}
        await self.callback(interaction, SAY, said)

    async def _form(self, interaction: discord.Interaction, language: str, mark: str) -> None:
        await self.callback(interaction, FORM, form(language, self.words, mark))

    async def point(self, application: int, token: str, text: str) -> None:
        """Put *text* in the place of a promised answer; take the promise back without one."""
        original = answer("PATCH" if text else "DELETE", "/messages/@original", application, token)
        said = {"content": text, "allowed_mentions": NOBODY} if text else None
        try:
            await self.rest.once(original, json=said)
        except (discord.HTTPException, *TRANSIENT) as exc:
            # It was closed, or is too old: nobody sees it any more.
            log.debug("Discord: an answer could not be changed (%s)", type(exc).__name__)

    async def callback(
        self, interaction: discord.Interaction, kind: int, data: Mapping[str, Any]
    ) -> bool:
        """Answer *interaction* at once; return whether Discord still waited for it."""
        route = Route(
            "POST",
            "/interactions/{webhook_id}/{webhook_token}/callback",
            webhook_id=interaction.id,
            webhook_token=interaction.token,
        )
        try:
            await self.rest.once(route, json={"type": kind, "data": dict(data)})
        except discord.HTTPException as exc:
            if exc.code != ACKNOWLEDGED:
                log.warning("Discord took no answer: %d, code %d", exc.status, exc.code)
            return exc.code == ACKNOWLEDGED
        except TRANSIENT as exc:
            log.warning("Discord took no answer: %s", type(exc).__name__)
            return False
        return True


def _message(interaction: discord.Interaction, raw: Any) -> discord.Message:
    """Return the message that a context menu brings with it."""
    state = interaction._state  # noqa: SLF001 - the library makes messages of it in the same way
    return discord.Message(state=state, channel=interaction.channel, data=raw)  # type: ignore[arg-type] # any channel will do


def _marks(message: Mapping[str, Any]) -> list[str]:
    rows = message.get("components", ())
    return [part.get("custom_id", "") for row in rows for part in row.get("components", ())]


def _name(command: Any) -> str:
    return str(command.name)
