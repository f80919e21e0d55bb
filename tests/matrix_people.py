"""People on Matrix for tests: a citizen with a client of their own, and a bot that can be run."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from nio import AsyncClient, AsyncClientConfig, RoomMessagesResponse, RoomSendResponse, SyncResponse
from nio.store import SqliteMemoryStore

from adapters.matrix import Account, Matrix, Options
from bot.domain import Action, Kind, Message, Reply, Room
from tests.synapse import DOMAIN, PASSWORD, Synapse

PATIENCE = 60.0
"""Seconds after which something that should happen is held not to."""


@dataclass
class Person:
    """Somebody with a nio client. Use it as an async context manager."""

    server: Synapse
    name: str
    encrypted: bool = False
    seen: defaultdict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    invited: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        return f"@{self.name}:{DOMAIN}"

    async def __aenter__(self) -> Self:
        token = self.server.register(self.name)
        config = AsyncClientConfig(
            encryption_enabled=self.encrypted,
            store=SqliteMemoryStore if self.encrypted else None,
            pickle_key="test",
        )
        self.client = AsyncClient(self.server.url, self.id, config=config)
        me = self.server.call("GET", "/_matrix/client/v3/account/whoami", token=token)
        self.client.user_id = self.id
        self.client.device_id = me["device_id"]
        self.client.access_token = token
        if self.encrypted:
            self.client.load_store()
        await self.sync(0)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.client.close()

    async def sync(self, wait: float = 0.3) -> None:
        """Take in what happened, waiting up to *wait* seconds for something."""
        since = self.client.next_batch
        got = await self.client.sync(
            int(wait * 1000), full_state=not self.client.next_batch, sync_filter=_FILTER
        )
        if not isinstance(got, SyncResponse):
            return
        self.invited += [room for room in got.rooms.invite if room not in self.invited]
        for room, info in got.rooms.join.items():
            if info.timeline.limited and since:
                self.seen[room] += await self._missed(room, info.timeline.prev_batch, since)
            self.seen[room] += [event.source for event in info.timeline.events]
        if self.encrypted:
            await self._settle()

    async def _missed(self, room: str, end: str, since: str) -> list[dict[str, Any]]:
        """Return what a sync left out, oldest first: it gives a hundred events of a room."""
        found: list[dict[str, Any]] = []
        while page := await self.client.room_messages(room, start=end, end=since, limit=100):
            assert isinstance(page, RoomMessagesResponse), page
            found += [event.source for event in page.chunk]
            if not page.chunk or not page.end:
                break
            end = page.end
        return found[::-1]

    async def _settle(self) -> None:
        if self.client.should_upload_keys:
            await self.client.keys_upload()
        if self.client.should_query_keys:
            await self.client.keys_query()
        if self.client.should_claim_keys:
            await self.client.keys_claim(self.client.get_users_for_key_claiming())
        await self.client.send_to_device_messages()

    async def room(self, *guests: str, encrypted: bool = False, **told: Any) -> str:
        """Make a room and invite *guests*."""
        state = [_ENCRYPTION] if encrypted else []
        asked = {"preset": "private_chat", "invite": list(guests), "initial_state": state, **told}
        made = await self.call("POST", "/_matrix/client/v3/createRoom", asked)
        return str(made["room_id"])

    async def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        return await asyncio.to_thread(
            self.server.call, method, path, body, token=self.client.access_token
        )

    async def says(self, room: str, text: str, thread: str | None = None, **more: Any) -> str:
        """Write *text*; return the event's id."""
        said: dict[str, Any] = {"msgtype": "m.text", "body": text, **more}
        if thread:
            said["m.relates_to"] = {"rel_type": "m.thread", "event_id": thread}
        return await self.sends(room, "m.room.message", said)

    async def sends(self, room: str, kind: str, said: dict[str, Any]) -> str:
        if self.encrypted:
            await self.sync(0)
        sent = await self.client.room_send(
            room, kind, said, str(uuid4()), ignore_unverified_devices=True
        )
        assert isinstance(sent, RoomSendResponse), sent
        return str(sent.event_id)

    async def reacts(self, room: str, event: str, symbol: str) -> str:
        relation = {"rel_type": "m.annotation", "event_id": event, "key": symbol}
        return await self.sends(room, "m.reaction", {"m.relates_to": relation})

    async def redacts(self, room: str, event: str) -> None:
        await self.call("PUT", f"/_matrix/client/v3/rooms/{room}/redact/{event}/{uuid4()}", {})

    async def hears(
        self,
        room: str,
        wanted: Callable[[dict[str, Any]], bool],
        times: int = 1,
        *,
        patience: float = PATIENCE,
    ) -> list[dict[str, Any]]:
        """Return the first *times* events of *room* that are *wanted*."""
        end = time.monotonic() + patience
        while True:
            found = [event for event in self.seen[room] if wanted(event)]
            if len(found) >= times:
                return found
            said = [event.get("content", {}).get("body") for event in self.seen[room]]
            assert time.monotonic() < end, f"{len(found)} of {times}: {said}"
            await self.sync()

    async def joins(self, room: str) -> None:
        await self.call("POST", f"/_matrix/client/v3/join/{room}", {})
        await self.sync(0)


def by(sender: str, kind: str = "m.room.message") -> Callable[[dict[str, Any]], bool]:
    """Return what tells events of that *kind* by *sender*."""
    return lambda event: event.get("sender") == sender and event.get("type") == kind


@dataclass
class Box:
    """A mailbox in memory."""

    kept: dict[str, Message] = field(default_factory=dict)
    at: str | None = None

    async def receive(self, message: Message, cursor: str) -> bool:
        new = message.id not in self.kept
        self.kept.setdefault(message.id, message)
        self.at = cursor
        return new

    async def move(self, platform: str, cursor: str) -> None:
        self.at = cursor

    async def cursor(self, platform: str) -> str | None:
        return self.at

    async def known(self, room: Room) -> bool:
        return any(message.room == room for message in self.kept.values())

    async def received(self, platform: str, message: str) -> bool:
        return message in self.kept

    async def waiting(self, platform: str) -> list[Message]:
        return []

    async def unsent(self, platform: str) -> list[Any]:
        return []


@dataclass
class Parrot:
    """The adapter with the simplest of cores behind it: it says back what it is told."""

    server: Synapse
    folder: Path
    box: Box = field(default_factory=Box)
    heard: list[Message] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    mute: bool = False
    actions: tuple[Action, ...] = (Action("why", "pourquoi", "❓"), Action("stop", "stop", "🛑"))
    text: str = "{}"
    name: str = "socrate"
    url: str = ""
    clock: Callable[[], float] = time.monotonic
    fails: str = ""
    """What it is told when it fails, before it has kept it."""

    @property
    def id(self) -> str:
        return f"@{self.name}:{DOMAIN}"

    def door(self) -> Matrix:
        account = Account(homeserver=self.url or self.server.url, user=self.name, password=PASSWORD)
        chosen: dict[str, Any] = {
            "account": account,
            "store": self.folder / "matrix",
            "recovery": self.folder / "recovery.key",
            "encryption": "off",
            "inviters": (f"*:{DOMAIN}",),
            "name": "Café Socrate",
            **self.options,
        }
        return Matrix(
            Options(**chosen),
            mailbox=self.box,  # type: ignore[arg-type]
            pseudonym=lambda debate, user: f"P-{user[1:4]}",
            words=lambda language, key: key,
            language="fr",
            chance=lambda: 0.0,
            clock=self.clock,
        )

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        self._open = asyncio.Event()
        waiting = asyncio.create_task(self._open.wait())
        await asyncio.wait({self._task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._task.done():
            self._task.result()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def ends(self) -> BaseException:
        """Return what the bot ended with."""
        _, waiting = await asyncio.wait({self._task}, timeout=PATIENCE)
        assert not waiting
        error = self._task.exception()
        assert error
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        self._task = asyncio.create_task(asyncio.sleep(0))
        return error

    async def _run(self) -> None:
        async with self.door() as self.matrix:
            self._open.set()
            async for message, cursor in self.matrix.messages(self.box.at):
                if message is None:
                    self.box.at = cursor
                elif self.fails and message.text == self.fails:
                    raise RuntimeError(self.fails)
                elif await self.box.receive(message, cursor):
                    self.heard.append(message)
                    if not self.mute and not message.edits:
                        await self.matrix.send(self.answer(message))

    def answer(self, message: Message) -> Reply:
        return Reply(
            room=message.room,
            to=message.id,
            text=self.text.replace("{}", message.command or message.text),
            kind=Kind.NOTICE,
            language="fr",
            actions=self.actions,
        )

    def answer_in(self, room: Room, **told: Any) -> Reply:
        """Return something to say in *room*."""
        said = {"to": "$1", "text": "bonjour", "kind": Kind.NOTICE, "language": "fr", **told}
        return Reply(room=room, actions=self.actions, **said)

    async def hears(self, times: int = 1) -> list[Message]:
        end = time.monotonic() + PATIENCE
        while len(self.heard) < times:
            assert time.monotonic() < end, self.heard
            if self._task.done():
                self._task.result()
            await asyncio.sleep(0.02)
        return self.heard


_ENCRYPTION = {
    "type": "m.room.encryption",
    "state_key": "",
    "content": {"algorithm": "m.megolm.v1.aes-sha2"},
}
_FILTER = {"presence": {"types": []}, "room": {"timeline": {"limit": 100}}}
