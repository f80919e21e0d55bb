"""Saying a reply once: in its thread, or to one person alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import discord
from discord.http import Route

from adapters.discord import rest
from adapters.discord.menu import Words
from adapters.discord.reading import NAME
from adapters.discord.rest import Rest, explained
from adapters.discord.wording import payloads
from bot.domain import Kind, Reply, Room
from bot.errors import DeliveryError

EPHEMERAL = 1 << 6
THREAD_NAME = 100
LOOK_BACK = 50
"""Latest messages of a room among which an earlier try is looked for."""
DAY_MIN = 1440
"""After how many quiet minutes Discord archives a thread."""
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_CHANNELS = (discord.TextChannel, discord.ForumChannel, discord.VoiceChannel, discord.StageChannel)


@dataclass
class Sender:
    """Posts replies, and remembers what it posted."""

    rest: Rest
    words: Words
    hint: bool
    """Whether people are told to reply to the bot: it cannot read them otherwise."""
    recovering: bool = True
    """Whether a reply may have been posted before a crash."""
    _posted: dict[str, str] = field(default_factory=dict)

    async def post(self, reply: Reply) -> str:
        """Post *reply* in its room, in one message or more; return the id of the last.

        Raises:
            DeliveryError: Discord refuses; the message says what to grant.
        """
        if done := self._posted.get(reply.send_id):
            return done
        self._refuse_a_public_place(reply)
        made = payloads(reply, self.words, hint=self.hint)
        identifier = ""
        for index, payload in enumerate(made):
            told = {**payload, **_once(reply, index), **(_under(reply) if index == 0 else {})}
            last = index == len(made) - 1
            identifier = await self._say(reply, told, reply if last else None)
        self._remember(reply, identifier)
        return identifier

    async def whisper(self, reply: Reply, token: str, application: int) -> str:
        """Answer the interaction of *token*: only the person who acted sees it."""
        original = answer("PATCH", "/messages/@original", application, token)
        first, *others = payloads(reply, self.words)
        file = None if others else reply
        try:
            shown = await self.rest.request(original, json=first, attached=file)
            for index, payload in enumerate(others, 1):
                file = reply if index == len(others) else None
                told = {**payload, "flags": EPHEMERAL}
                more = answer("POST", "", application, token)
                shown = await self.rest.request(more, json=told, attached=file)
        except discord.HTTPException as exc:
            raise DeliveryError(
                "Discord: the person closed the answer, or waited too long"
            ) from exc
        return str(shown["id"])

    async def by_direct_message(self, reply: Reply) -> str:
        """Send what is for one person alone to them, where they wrote in public."""
        message = await self._get(reply.room, reply.to)
        if message is None:
            raise DeliveryError("Discord: whom this is for is not known any more; ask once more")
        try:
            whom = {"recipient_id": message["author"]["id"]}
            channel = await self.rest.request(Route("POST", "/users/@me/channels"), json=whom)
            return await self.post(replace(reply, room=Room(NAME, str(channel["id"]))))
        except discord.HTTPException as exc:
            raise DeliveryError("Discord: the person takes no direct messages") from exc

    def _refuse_a_public_place(self, reply: Reply) -> None:
        """Raise where *reply* would be said in front of a whole channel."""
        channel = self.rest.client.get_channel(int(reply.room.id))
        asked_there = reply.to.startswith("i") and isinstance(channel, _CHANNELS)
        if asked_there and not reply.room.debate and reply.kind is not Kind.CASE:
            raise DeliveryError("Discord: it is too late to answer that command; ask once more")

    async def _say(self, reply: Reply, payload: Mapping[str, Any], file: Reply | None) -> str:
        """Post one message; open the thread, or open it again, where that is needed."""
        room, tries = reply.room, 3
        while True:
            if self.recovering and (found := await self._said(reply, payload)):
                return str(found["id"])
            try:
                return await self._send(reply, payload, file)
            except discord.HTTPException as exc:
                tries -= 1
                if not tries or not await self._made_way(exc, reply):
                    raise explained(exc, self.rest.client, room.id) from exc

    async def _send(self, reply: Reply, payload: Mapping[str, Any], file: Reply | None) -> str:
        shown = await self.rest.request(
            Route("POST", "/channels/{channel_id}/messages", channel_id=int(reply.room.id)),
            json=payload,
            attached=file,
            again=lambda: self._said(reply, payload),
        )
        return str(shown["id"])

    async def _made_way(self, error: discord.HTTPException, reply: Reply) -> bool:
        """Return whether what *error* tells of was put right."""
        room = reply.room
        if error.code == rest.ARCHIVED:
            await self._changed(room.id, reply, archived=False)
            return True
        if error.code == rest.UNKNOWN_CHANNEL and room.debate:
            return await self.open_thread(room, reply.language)
        return False

    async def _changed(self, channel: str, reply: Reply, **values: Any) -> None:
        try:
            await self.rest.request(
                Route("PATCH", "/channels/{channel_id}", channel_id=int(channel)), json=values
            )
        except discord.HTTPException as exc:
            raise explained(exc, self.rest.client, channel) from exc

    async def open_thread(self, room: Room, language: str) -> bool:
        """Open the thread on the message whose id *room* has; return whether it is open."""
        try:
            await self.rest.request(
                Route(
                    "POST",
                    "/channels/{channel_id}/messages/{message_id}/threads",
                    channel_id=int(room.debate),
                    message_id=int(room.id),
                ),
                json=self._thread(language),
            )
        except discord.HTTPException as exc:
            if exc.code != rest.HAS_THREAD:
                raise explained(exc, self.rest.client, room.debate) from exc
        return True

    async def new_thread(self, channel: str, language: str, user: int) -> Room:
        """Open a thread in *channel* for *user*, whom nobody else need follow."""
        try:
            made = await self.rest.request(
                Route("POST", "/channels/{channel_id}/threads", channel_id=int(channel)),
                json={**self._thread(language), "type": discord.ChannelType.public_thread.value},
            )
            await self.rest.request(
                Route(
                    "PUT",
                    "/channels/{channel_id}/thread-members/{user_id}",
                    channel_id=int(made["id"]),
                    user_id=user,
                )
            )
        except discord.HTTPException as exc:
            raise explained(exc, self.rest.client, channel) from exc
        return Room(NAME, str(made["id"]), channel)

    def _thread(self, language: str) -> dict[str, Any]:
        name = self.words(language, "discord.thread")[:THREAD_NAME]
        return {"name": name, "auto_archive_duration": DAY_MIN}

    async def _said(self, reply: Reply, payload: Mapping[str, Any]) -> Any:
        """Return the message by which *payload* was posted already, if it was."""
        after = reply.to if reply.to.isdigit() else "0"
        try:
            latest = await self.rest.http.request(
                Route("GET", "/channels/{channel_id}/messages", channel_id=int(reply.room.id)),
                params={"limit": LOOK_BACK},
            )
        except (discord.HTTPException, *rest.TRANSIENT):
            return None
        ours = (
            m for m in latest if int(m["author"]["id"]) == self._me and int(m["id"]) > int(after)
        )
        return next((m for m in ours if m["content"].strip() == payload["content"].strip()), None)

    @property
    def _me(self) -> int:
        user = self.rest.client.user
        return user.id if user else 0

    async def _get(self, room: Room, message: str) -> Any:
        """Return *message*: it is in the room, or it is what the thread hangs on."""
        for channel in filter(None, (room.id, room.debate)):
            if not message.isdigit():
                return None
            try:
                return await self.rest.request(
                    Route(
                        "GET",
                        "/channels/{channel_id}/messages/{message_id}",
                        channel_id=int(channel),
                        message_id=int(message),
                    )
                )
            except discord.HTTPException:
                continue
        return None

    def _remember(self, reply: Reply, identifier: str) -> None:
        self._posted[reply.send_id] = identifier
        if len(self._posted) > LOOK_BACK:
            del self._posted[next(iter(self._posted))]


def answer(method: str, path: str, application: int, token: str) -> Route:
    """Return the way to the answer of the interaction with *token*."""
    return Route(
        method,
        "/webhooks/{webhook_id}/{webhook_token}" + path,
        webhook_id=application,
        webhook_token=token,
    )


def _once(reply: Reply, index: int) -> dict[str, Any]:
    """Return what makes Discord show a part of *reply* once, though it be sent twice."""
    return {"nonce": f"{reply.send_id}{DIGITS[index]}", "enforce_nonce": True}


def _under(reply: Reply) -> dict[str, Any]:
    """Return what shows under which message of the room *reply* stands."""
    if not reply.to.isdigit() or reply.to == reply.room.id:
        return {}
    return {"message_reference": {"message_id": reply.to, "fail_if_not_exists": False}}
