"""A Discord in memory with our bot on it: real discord.py, simulated servers and people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import discord
import simcord

from adapters.discord import Discord
from bot.domain import Entry
from bot.runner import Runner
from bot.service import Service
from prompts import load
from storage.memory import MemoryRecord
from tests.conftest import service as make_service
from tests.discord_bot import adapter


@dataclass
class World:
    """One server with a channel, and the bot serving it."""

    env: simcord.Env
    platform: Discord
    service: Service
    record: MemoryRecord
    language: str = "fr"
    guild: Any = None
    channel: Any = None
    serving: asyncio.Task[None] | None = None
    _members: dict[str, Any] = field(default_factory=dict)

    def member(self, name: str = "ana", **options: Any) -> Any:
        if name not in self._members:
            user = self.env.create_user(name)
            self._members[name] = self.guild.add_member(user, **options)
        return self._members[name]

    def mention(self, text: str) -> str:
        return f"<@{self.platform.client.user.id}> {text}"

    async def settled(self) -> None:
        """Wait until everything that came in is answered."""
        quiet = 0
        while quiet < 3:
            if self.serving and self.serving.done():
                self.serving.result()
            await self.env.settle()
            await asyncio.sleep(0)
            waiting = await self.record.waiting("discord") or await self.record.unsent("discord")
            quiet = 0 if waiting or not self.platform.idle else quiet + 1

    def serve(self) -> None:
        runner = Runner(service=self.service, mailbox=self.record, platform=self.platform)
        self.serving = asyncio.create_task(runner.serve())

    async def stop(self) -> None:
        if self.serving:
            self.serving.cancel()
            await asyncio.gather(self.serving, return_exceptions=True)

    async def restart(self, **options: Any) -> None:
        """Let the bot's process end and another one begin, on the same record."""
        await self.stop()
        self.platform = adapter(self.record, self.service, self.language, **options)
        await self.env.restart_bot(self.platform.client)
        self.serve()
        await self.settled()

    # ---------------------------------------------------------------- seeing

    def said(self, channel: Any = None) -> list[discord.Message]:
        """Return what the bot said in *channel*, for all to see; in the newest thread if none."""
        room = channel or self.thread
        me = self.platform.client.user.id
        ours = [m for m in room.history() if m.author.id == me and not m.is_system()]
        ours = [m for m in ours if not m.flags.ephemeral]
        return sorted(ours, key=lambda m: m.id)

    @property
    def thread(self) -> Any:
        """The newest thread of the channel."""
        return max(self.channel.threads, key=lambda thread: thread.id)

    @property
    def last(self) -> discord.Message:
        return self.said()[-1]

    async def events(self) -> list[Any]:
        return [entry.event async for entry in self.record.entries()]

    async def entries(self) -> list[Entry]:
        return [entry async for entry in self.record.entries()]

    # ---------------------------------------------------------------- acting

    async def sends(self, text: str, who: Any = None, channel: Any = None, **more: Any) -> Any:
        sent = await (who or self.member()).send(channel or self.channel, text, **more)
        await self.settled()
        return sent

    async def slash(self, word: str, who: Any = None, channel: Any = None, **options: Any) -> Any:
        done = await (who or self.member()).slash(channel or self.channel, word, **options)
        await self.settled()
        return done

    async def clicks(self, message: Any, action: str, who: Any = None) -> Any:
        """Press the button of *action*; an empty one opens the form for writing."""
        rows = message.components
        mark = next(c for c in _custom_ids(rows) if c.split(":")[1] == action)
        done = await (who or self.member()).click(message, custom_id=mark)
        await self.settled()
        return done

    async def submits(self, shown: Any, text: str, who: Any = None) -> Any:
        done = await (who or self.member()).submit_modal(shown, {"text": text})
        await self.settled()
        return done

    async def enriches(self, message: Any, who: Any = None, channel: Any = None) -> Any:
        name = load().text(self.language, "discord.enrich")
        actor = who or self.member()
        done = await actor.context_menu(channel or self.channel, name, message)
        await self.settled()
        return done


def _custom_ids(rows: Any) -> list[str]:
    found = []
    for row in rows:
        parts = row["components"] if isinstance(row, dict) else row.children
        found += [p["custom_id"] if isinstance(p, dict) else p.custom_id for p in parts]
    return found


@asynccontextmanager
async def world(
    *, language: str = "fr", scripted: Any = None, settings: Any = None, **options: Any
) -> AsyncIterator[World]:
    """Run the bot on a Discord in memory, with one server and one text channel."""
    record = MemoryRecord()
    bot = make_service(scripted, record, **(settings or {}))
    platform = adapter(record, bot, language, **options)
    async with simcord.run(platform.client) as env:
        made = World(env, platform, bot, record, language)
        made.guild = env.create_guild("Agora")
        made.channel = made.guild.create_text_channel("idées")
        await env.settle()
        made.serve()
        try:
            yield made
        finally:
            await made.stop()
