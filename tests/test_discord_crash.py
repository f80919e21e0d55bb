"""kill -9 at every step of an exchange on Discord: one visible reply each, in order, none lost."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.verify import verify
from tests.conftest import BENCHES
from tests.discord_server import DiscordServer
from tests.test_discord_faults import SAID, agreed, order

ROOT = Path(__file__).parents[1]


@contextlib.asynccontextmanager
async def process(server: DiscordServer, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the bot as a process, and end it without a word."""
    place = (str(folder / "record.db"), server.api, server.gateway)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.discord_bot", *place, cwd=ROOT
    )
    try:
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


def killing(server: DiscordServer, child: asyncio.subprocess.Process, when: str, what: str) -> None:
    """Kill *child* at the first request that holds *what*, before or after it is carried out."""
    done = []

    def watch(moment: str, request: str, _: object) -> None:
        if moment == when and what in request and not done:
            done.append(request)
            child.kill()

    server.watchers[:] = [watch]


STEPS = {
    "as it is heard": None,
    "before the reply is posted": ("before", "POST /channels"),
    "after the reply was posted": ("after", "POST /channels"),
}


@pytest.mark.parametrize("step", STEPS)
async def test_a_bot_killed_at_any_step_answers_each_message_once(tmp_path, step):
    async with DiscordServer() as server:
        async with process(server, tmp_path) as child:
            thread = await agreed(server)
            if at := STEPS[step]:
                killing(server, child, *at)
            server.says(SAID[0], channel=thread)
            if at is None:
                child.kill()
            await child.wait()
        server.says(SAID[1], channel=thread)
        async with process(server, tmp_path) as child:
            await server.until(lambda: len(server.identified) == 2)
            server.says(SAID[2], channel=thread)
            await server.until(lambda: len(server.visible(thread)) >= 4)
            await asyncio.sleep(0.2)
        assert order(server, thread)
        assert verify(tmp_path / "record.db").sound


async def test_beyond_the_life_of_a_nonce_a_reply_that_was_posted_is_found_again(tmp_path):
    async with DiscordServer() as server:
        async with process(server, tmp_path) as child:
            thread = await agreed(server)
            killing(server, child, "after", "POST /channels")
            server.says(SAID[0], channel=thread)
            await child.wait()
        server.nonce_s = 0
        async with process(server, tmp_path):
            server.says(SAID[1], channel=thread)
            await server.until(lambda: len(server.visible(thread)) >= 3)
            await asyncio.sleep(0.2)
        assert order(server, thread)


PRESSED = {
    "after the press was kept, before it is acknowledged": ("before", "/callback"),
    "after the answer was decided": ("before", "PATCH /webhooks"),
    "after the answer was shown": ("after", "PATCH /webhooks"),
}


@pytest.mark.parametrize("step", PRESSED)
async def test_a_private_answer_reaches_the_person_after_a_crash(tmp_path, step):
    async with DiscordServer() as server:
        async with process(server, tmp_path) as child:
            thread = await agreed(server)
            server.says(BENCHES, channel=thread)
            (*_, question) = await server.until(lambda: server.visible(thread)[1:])
            killing(server, child, *PRESSED[step])
            token = server.presses(question, "why")
            await child.wait()
        promised = bool(server.whispers[token])
        async with process(server, tmp_path):
            if promised:
                told = server.whispers[token]
                await server.until(lambda: told[0].get("content"))
                await asyncio.sleep(0.2)
                assert len(told) == 1 and len(server.visible(thread)) == 2
            else:
                # Discord says that the press failed; the answer is not lost for all that.
                await server.until(lambda: len(server.visible(thread)) == 3)
        assert verify(tmp_path / "record.db").sound
