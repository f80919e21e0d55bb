"""Slash commands, buttons, forms and the context menu: what somebody did, as a message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import discord
from discord.http import Route

from adapters.discord import rest
from adapters.discord.menu import ON_MESSAGE, Menu, Words, custom_id, pressed
from adapters.discord.reading import Kind, Place, Reader, plain
from adapters.discord.rest import Rest
from adapters.discord.sending import EPHEMERAL, Sender, answer
from adapters.discord.wording import NOBODY, form
from bot.domain import Message
from bot.errors import DeliveryError
from bot.ports import Mailbox

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
    ) -> Message | None:
        """Return what *interaction* asks of the bot; None where it is answered here.

        Raises:
            DeliveryError: Discord did not take the acknowledgement.
        """
        language = self.menu.language_of(str(interaction.locale))
        act = self._act(interaction, reader)
        if isinstance(act, str) and place:
            await self._form(interaction, language, act)
        elif place is None or not isinstance(act, Act):
            await self._refuse(interaction, language, "unknown" if place else "elsewhere")
        elif refusal := self._refusal(interaction, act, place, reader):
            await self._refuse(interaction, language, refusal)
        elif await self._acknowledged(interaction, act, language):
            return await self._message(interaction, act, place, reader)
        return None

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
        return Act(command=action, about=about)

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
        if self.answers_a_case(act) and not reader.moderates(interaction.user, place):
            return "moderators-only"
        if act.target and act.target.author.id != interaction.user.id:
            return "not-yours"
        return None

    async def _message(
        self, interaction: discord.Interaction, act: Act, place: Place, reader: Reader
    ) -> Message | None:
        room = place.room
        identifier = f"i{interaction.id}"
        if act.target:
            identifier, room = str(act.target.id), place.room_of(act.target.id)
            if await self.mailbox.received(room.platform, identifier):
                await self._told(interaction, "opened", thread=f"<#{room.id}>")
                return None
        elif act.starts and place.kind is Kind.CHANNEL:
            language = self.menu.language_of(str(interaction.locale))
            try:
                room = await self.sender.new_thread(place.id, language, interaction.user.id)
            except DeliveryError as exc:
                await self._told(interaction, "no-thread", reason=str(exc))
                return None
        moderates = reader.moderates(interaction.user, place)
        message = Message(
            id=identifier,
            room=room,
            sender=reader.sender(room, interaction.user.id),
            text=act.text,
            sent_at=interaction.created_at,
            command=act.command,
            about=act.about,
            moderator=moderates,
        )
        if moderates and act.number and not act.about:
            return replace(message, about=await self._case(place, act.number))
        if act.command is None or await self.mailbox.known(room):
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

    async def _acknowledged(
        self, interaction: discord.Interaction, act: Act, language: str
    ) -> bool:
        """Promise an answer, for that person alone; it may be taken back for one to all.

        A moderator's answer goes to somebody else, so that it is only confirmed.
        """
        if self.answers_a_case(act):
            return await self._refuse(interaction, language, "noted")
        return await self.callback(interaction, DEFER, {"flags": EPHEMERAL})

    def answers_a_case(self, act: Act) -> bool:
        """Return whether *act* is a moderator's command."""
        command = self.menu.named(act.command) if act.command else None
        return bool(command and command.moderator)

    async def _refuse(self, interaction: discord.Interaction, language: str, word: str) -> bool:
        said = {"content": self.words(language, f"discord.{word}"), "allowed_mentions": NOBODY}
        return await self.callback(interaction, SAY, {**said, "flags": EPHEMERAL})

    async def _form(self, interaction: discord.Interaction, language: str, mark: str) -> None:
        await self.callback(interaction, FORM, form(language, self.words, mark))

    async def _told(self, interaction: discord.Interaction, word: str, **values: str) -> None:
        """Say *word* instead of the answer that was promised."""
        language = self.menu.language_of(str(interaction.locale))
        text = self.words(language, f"discord.{word}").format(**values)
        await self.point(interaction.application_id, interaction.token, text)

    async def point(self, application: int, token: str, text: str) -> None:
        """Put *text* in the place of a promised answer; take the promise back without one."""
        original = answer("PATCH" if text else "DELETE", "/messages/@original", application, token)
        said = {"content": text, "allowed_mentions": NOBODY} if text else None
        try:
            await self.rest.request(original, json=said)
        except discord.HTTPException:
            return  # It was closed, or is too old: nobody sees it any more.

    async def callback(
        self, interaction: discord.Interaction, kind: int, data: Mapping[str, Any]
    ) -> bool:
        """Answer *interaction* at once; return whether Discord still waited for it."""
        try:
            await self.rest.request(
                Route(
                    "POST",
                    "/interactions/{webhook_id}/{webhook_token}/callback",
                    webhook_id=interaction.id,
                    webhook_token=interaction.token,
                ),
                json={"type": kind, "data": dict(data)},
            )
        except discord.HTTPException as exc:
            if exc.code in (rest.UNKNOWN_INTERACTION, rest.ACKNOWLEDGED):
                return exc.code == rest.ACKNOWLEDGED
            raise DeliveryError(f"Discord refused an acknowledgement: {exc.status}") from exc
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
