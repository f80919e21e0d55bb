"""What the network and Discord do to the bot, on the wire: one visible reply each, in order."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adapters.discord.cursor import Cursor, id_at
from bot.domain import Kind, Reply, Room
from bot.errors import ConfigError, DeliveryError
from prompts import load
from storage.sql import SqlRecord
from tests.conftest import BENCHES
from tests.discord_bot import wired
from tests.discord_server import CHANNEL, DiscordServer, Fault

SAID = (BENCHES, "près du marché", "parce que les gens s'y arrêtent")


class Bot:
    """The bot in this process, on a test server."""

    def __init__(self, server: DiscordServer, record: SqlRecord) -> None:
        self.server, self.record = server, record
        self.runner, self.platform = wired(record, server.api, server.gateway)
        self.waited: list[float] = []
        self.platform._rest.wait = self._wait

    async def _wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        await asyncio.sleep(0.02)

    async def run(self) -> None:
        async with self.platform:
            await self.runner.serve()

    async def consents(self) -> int:
        return await agreed(self.server)


async def agreed(server: DiscordServer) -> int:
    """Let somebody begin and agree; return the thread, where the bot has said one thing."""
    await server.until(lambda: server.identified)
    thread = server.says("Bonjour")
    (welcome,) = await server.until(lambda: server.visible(thread))
    token = server.presses(welcome, "agree")
    await server.until(lambda: server.whispers[token] and server.whispers[token][0].get("content"))
    return thread


@contextlib.asynccontextmanager
async def running(path, server: DiscordServer) -> AsyncIterator[Bot]:
    async with SqlRecord(path / "record.db") as record:
        bot = Bot(server, record)
        task = asyncio.create_task(bot.run())
        try:
            await server.until(lambda: server.identified or task.done())
            if task.done():
                task.result()
            yield bot
            if task.done():
                task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def answered(server: DiscordServer, thread: int, count: int) -> bool:
    return len(server.visible(thread)) >= count


async def test_a_conversation_on_the_wire(tmp_path):
    async with DiscordServer() as server, running(tmp_path, server) as bot:
        thread = await bot.consents()
        for count, said in enumerate(SAID, 2):
            server.says(said, channel=thread)
            await server.until(lambda count=count: answered(server, thread, count))
        assert len(server.visible(thread)) == 4
        await server.until(lambda: len(server.whispers) == 1)


@pytest.mark.parametrize("code", [1006, 4000, 4009, 1001])
async def test_a_dropped_connection_is_resumed_and_nothing_is_lost(tmp_path, code):
    async with DiscordServer() as server, running(tmp_path, server) as bot:
        thread = await bot.consents()
        await server.drop(code)
        for said in SAID:
            server.says(said, channel=thread)
        await server.until(lambda: answered(server, thread, 4))
        assert (server.resumed, len(server.identified)) == (1, 1)
        assert order(server, thread)


@pytest.mark.parametrize("code", [4009])
async def test_a_session_that_is_over_is_begun_anew_and_what_was_missed_is_read(tmp_path, code):
    async with DiscordServer() as server, running(tmp_path, server) as bot:
        thread = await bot.consents()
        server.resumable = False
        await server.drop(code)
        server.sessions.clear()  # What is written now reaches no session.
        for said in SAID:
            server.says(said, channel=thread)
        await server.until(lambda: answered(server, thread, 4), within_s=40)
        assert len(server.identified) == 2
        assert order(server, thread)


async def test_a_refused_token_ends_with_one_clear_line(tmp_path):
    async with DiscordServer() as server:
        server.faults.append(Fault("GET", "/users/@me", 401, times=9))
        async with SqlRecord(tmp_path / "record.db") as record:
            with pytest.raises(ConfigError, match="make a new one"):
                await Bot(server, record).run()


async def test_a_token_refused_by_the_gateway_ends_with_one_clear_line(tmp_path):
    async with DiscordServer() as server, SqlRecord(tmp_path / "record.db") as record:
        server.accepts = False
        with pytest.raises(ExceptionGroup) as error:
            await Bot(server, record).run()
        assert isinstance(error.value.exceptions[0], ConfigError)


async def test_with_no_connection_left_today_none_is_made(tmp_path):
    async with DiscordServer() as server, SqlRecord(tmp_path / "record.db") as record:
        server.remaining = 0
        with pytest.raises(ConfigError, match="wait 1 minutes"):
            await Bot(server, record).run()
        assert server.identified == []


async def test_with_few_connections_left_a_new_one_is_put_off(tmp_path):
    async with DiscordServer() as server:
        server.remaining = 6
        async with running(tmp_path, server) as bot:
            assert bot.waited == [10.0]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset-After": "0.05"}, {"retry_after": 0.05}),
        ({}, {"retry_after": 0.05}),
        ({"X-Ratelimit-Global": "true"}, {"retry_after": 0.05, "global": True}),
    ],
    ids=["announced", "unannounced", "global"],
)
async def test_a_rate_limit_delays_replies_and_loses_none(tmp_path, headers, body):
    headers = {"X-Ratelimit-Bucket": "b", "X-Ratelimit-Limit": "1", **headers} if headers else {}
    async with DiscordServer() as server, running(tmp_path, server) as bot:
        thread = await bot.consents()
        server.faults.append(Fault("POST", r"/channels/\d+/messages", 429, body, headers, times=3))
        for said in SAID:
            server.says(said, channel=thread)
        await server.until(lambda: answered(server, thread, 4))
        assert order(server, thread)


async def test_a_502_after_the_message_was_stored_shows_it_once(tmp_path):
    async with DiscordServer() as server, running(tmp_path, server) as bot:
        thread = await bot.consents()
        fault = Fault("POST", r"/channels/\d+/messages", 502, stored=True)
        server.faults.append(fault)
        for said in SAID:
            server.says(said, channel=thread)
        await server.until(lambda: answered(server, thread, 4))
        assert (fault.times, server.duplicates) == (0, 1)
        assert order(server, thread)


async def test_an_outage_longer_than_nonces_live_shows_each_reply_once(tmp_path):
    async with DiscordServer() as server, running(tmp_path, server) as bot:
        thread = await bot.consents()
        server.nonce_s = 0
        lost = Fault("POST", r"/channels/\d+/messages", 520, stored=True)
        server.faults += [lost, Fault("POST", r"/channels/\d+/messages", 503, times=3)]
        for said in SAID:
            server.says(said, channel=thread)
        await server.until(lambda: answered(server, thread, 4))
        await asyncio.sleep(0.1)
        assert lost.times == 0 and order(server, thread)


async def test_what_discord_refuses_is_on_record_with_what_to_do(tmp_path):
    async with DiscordServer() as server, running(tmp_path, server) as bot:
        thread = await bot.consents()
        refusal = {"message": "Missing Permissions", "code": 50013}
        server.faults.append(Fault("POST", r"/channels/\d+/messages", 403, refusal))
        server.says(SAID[0], channel=thread)
        server.says(SAID[1], channel=thread)
        await server.until(lambda: answered(server, thread, 2))
        failed = [getattr(e.event, "failure", None) async for e in bot.record.entries()]
        assert [f for f in failed if f and "grant it" in f]


async def test_the_token_is_in_no_error_and_no_description(tmp_path):
    async with DiscordServer() as server, SqlRecord(tmp_path / "record.db") as record:
        bot = Bot(server, record)
        assert bot.platform.token not in repr(bot.platform)


async def test_what_was_said_in_a_thread_that_was_archived_meanwhile_is_answered(tmp_path):
    async with DiscordServer() as server:
        async with running(tmp_path, server) as bot:
            thread = await bot.consents()
        server.says(SAID[0], channel=thread)
        server.threads[thread]["thread_metadata"]["archived"] = True
        two_hours_ago = Cursor(since=id_at(datetime.now(UTC) - timedelta(hours=2)))
        async with SqlRecord(tmp_path / "record.db") as record:
            await record.move("discord", str(two_hours_ago))
        async with running(tmp_path, server):
            await server.until(lambda: answered(server, thread, 2))
            await asyncio.sleep(0.2)
        assert order(server, thread), "what was read again is not answered again"
        assert not server.threads[thread]["thread_metadata"]["archived"]


async def test_what_was_said_directly_while_the_bot_was_away_is_answered(tmp_path):
    async with DiscordServer() as server:
        direct = server.direct_with(1001)
        async with running(tmp_path, server):
            server.says("Bonjour", channel=direct, call=False)
            await server.until(lambda: answered(server, direct, 1))
        server.says("Bonjour ?", channel=direct, call=False)
        async with running(tmp_path, server):
            await server.until(lambda: answered(server, direct, 2))


async def test_what_is_kept_about_a_person_is_handed_to_them_alone(tmp_path):
    async with DiscordServer() as server, running(tmp_path, server) as bot:
        thread = await bot.consents()
        server.says(SAID[0], channel=thread)
        await server.until(lambda: answered(server, thread, 2))
        server.says("mes données", channel=thread)
        direct = server.direct_with(1001)
        await server.until(lambda: answered(server, direct, 1))
        name, text = server.files[0]
        assert name == "cafe-socrate.json"
        assert SAID[0] in json.dumps(json.loads(text), ensure_ascii=False)
        data = {"type": 1, "name": command("data"), "id": "1", "options": []}
        token = server.acts(data, channel=thread)
        await server.until(lambda: server.files[1:] and server.whispers[token][0].get("content"))
        assert len(server.visible(thread)) == 2 and len(server.visible(direct)) == 1


async def test_what_is_for_one_person_alone_is_not_said_to_all_when_it_is_too_late(tmp_path):
    late = Reply(
        room=Room("discord", "555", "12"),
        to="i5",
        text="Voici.",
        kind=Kind.DATA,
        language="fr",
        private=True,
        document="{}",
    )
    async with DiscordServer() as server, running(tmp_path, server) as bot:
        with pytest.raises(DeliveryError, match="ask once more"):
            await bot.platform.send(late)
        in_channel = replace(late, room=Room("discord", str(CHANNEL)), document="")
        await bot.consents()
        with pytest.raises(DeliveryError, match="too late"):
            await bot.platform.send(in_channel)
        assert server.visible(CHANNEL) == []


def command(name: str) -> str:
    return load().lexicon("fr", "menu")[name]["word"]


def order(server: DiscordServer, thread: int) -> bool:
    """Return whether what the bot said in *thread* answers its messages one by one, in order."""
    asked = [m["id"] for m in server.messages[thread] if m["author"]["id"] != "99"]
    shown = [m["content"] for m in server.visible(thread)]
    assert len(shown) == len(asked) + 1 and len(set(shown)) == len(shown)
    numbers = [int(text.rsplit("n° ")[1].split(" ")[0]) for text in shown]
    return numbers == sorted(numbers)
