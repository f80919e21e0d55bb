"""The whole bot on a real homeserver, with a second client as the citizen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from click.testing import CliRunner

from bot.cli import cli
from bot.domain import Contest, Review, Turn
from tests.matrix_bot import Bot, Cable, CutError, Hook, until
from tests.matrix_people import Person, by
from tests.synapse import PASSWORD, Synapse
from tests.test_matrix import BOTH, alias, debate

AGREE, WHY, SKIP, LEADING, STOP, RECAP = "✅", "❓", "⏭", "🚩", "🛑", "📄"


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["content"]["org.cafe-socrate"]["kind"] for event in events]


def answers(events: list[dict[str, Any]]) -> list[str]:
    """Return which message each reply stands under."""
    return [event["content"]["m.relates_to"]["m.in_reply_to"]["event_id"] for event in events]


@BOTH
async def test_the_whole_exchange_that_the_terminal_offers(synapse, tmp_path, encrypted):
    mode = "required" if encrypted else "off"
    bot = Bot(synapse, tmp_path / "bot", alias(), settings={"encryption": mode})
    async with Person(synapse, alias(), encrypted) as ana:
        with bot:
            room = await debate(ana, bot, encrypted=encrypted)
            first = await ana.says(room, "!socrate Il faudrait plus de bancs en ville.")
            said = await ana.hears(room, by(bot.id))
            await ana.reacts(room, said[-1]["event_id"], AGREE)
            await ana.hears(room, by(bot.id), 2)
            await ana.says(room, "Il faudrait plus de bancs en ville pour les anciens.", first)
            said = await ana.hears(room, by(bot.id), 3)
            for number, symbol in enumerate((WHY, SKIP, LEADING), 4):
                await ana.reacts(room, said[2]["event_id"], symbol)
                await ana.hears(room, by(bot.id), number)
            await ana.says(room, "Surtout entre la gare et le marché.", first)
            await ana.hears(room, by(bot.id), 7)
            await ana.says(room, "voir mon idée", first)
            await ana.hears(room, by(bot.id), 8)
            await ana.says(room, "stop", first)
            said = await ana.hears(room, by(bot.id), 9)
            assert bot.stop() == 0
        assert kinds(said) == [
            "notice", "notice", "question", "notice", "question", "notice", "question", "recap",
            "goodbye",
        ]  # fmt: skip
        assert {event["content"]["m.relates_to"]["event_id"] for event in said} == {first}
        assert "bancs" in said[7]["content"]["body"] and "marché" in said[7]["content"]["body"]
        events = await bot.record()
        assert sum(isinstance(event, Turn) for event in events) == 7
        assert sum(isinstance(event, Contest) for event in events) == 1
        assert ana.id not in str(events) and ana.name not in str(events)
        assert "bancs" not in bot.output


async def test_a_contest_comes_before_moderators_and_their_answer_back(synapse, tmp_path):
    async with Person(synapse, alias()) as ana, Person(synapse, alias()) as mod:
        bureau = await mod.room(name="Modération")
        chosen = {"moderators": bureau}
        with Bot(synapse, tmp_path / "bot", alias(), settings=chosen) as bot:
            await mod.call("POST", f"/_matrix/client/v3/rooms/{bureau}/invite", {"user_id": bot.id})
            room = await debate(ana, bot)
            first = await consented(ana, room, bot)
            await ana.says(room, "Il faudrait plus de bancs en ville.", first)
            said = await ana.hears(room, by(bot.id), 3)
            await ana.reacts(room, said[2]["event_id"], LEADING)
            case = (await mod.hears(bureau, by(bot.id)))[0]
            await mod.reacts(bureau, case["event_id"], "👍")
            said = await ana.hears(room, by(bot.id), 5)
            await ana.says(room, "je veux mourir", first)
            handed = (await mod.hears(bureau, by(bot.id), 2))[1]
            relation = {"m.in_reply_to": {"event_id": handed["event_id"]}}
            await mod.says(bureau, "Je vous appelle.", **{"m.relates_to": relation})
            said = await ana.hears(room, by(bot.id), 7)
        assert kinds(said)[3:] == ["notice", "verdict", "help", "verdict"]
        assert "Je vous appelle." in said[6]["content"]["body"]
        assert kinds([case, handed]) == ["case", "case"]
        reviews = [event for event in await bot.record() if isinstance(event, Review)]
        assert [review.finding for review in reviews] == ["upheld", "answered"]


async def consented(ana: Person, room: str, bot: Bot) -> str:
    """Open a thread in which *ana* has agreed."""
    first = await ana.says(room, "!socrate bonjour")
    await ana.hears(room, answered(bot, first))
    agreed = await ana.says(room, "j'accepte", first)
    await ana.hears(room, answered(bot, agreed))
    return first


async def test_edits_and_deletions_take_words_off_the_record(synapse, tmp_path):
    async with Person(synapse, alias()) as ana:
        with Bot(synapse, tmp_path / "bot", alias()) as bot:
            room = await debate(ana, bot)
            first = await consented(ana, room, bot)
            said = await ana.says(room, "Il faudrait des bancs bleus en ville.", first)
            gone = await ana.says(room, "Ma voisine Zoé les veut rouges.", first)
            await ana.hears(room, by(bot.id), 4)
            new = {"msgtype": "m.text", "body": "Il faudrait des bancs verts en ville."}
            relation = {"rel_type": "m.replace", "event_id": said}
            edit = {**new, "m.new_content": new, "m.relates_to": relation}
            await ana.sends(room, "m.room.message", edit)
            await ana.redacts(room, gone)
            last = await ana.says(room, "voir mon idée", first)
            await ana.hears(room, answered(bot, last))
        shown = str(await bot.record())
        assert "verts" in shown and "bleus" not in shown and "rouges" not in shown


MOMENTS = {
    "it has been told": ("after", "GET", "/sync"),
    "it begins to type": ("before", "PUT", "/typing/"),
    "it is about to speak": ("before", "PUT", "/send/m.room."),
    "it has spoken": ("after", "PUT", "/send/m.room."),
}


@BOTH
async def test_killed_at_any_step_it_answers_each_message_once_and_in_order(
    synapse, tmp_path, encrypted
):
    moments = dict(list(MOMENTS.items())[3 if encrypted else 0 :])
    chosen = {"encryption": "required" if encrypted else "off"}
    armed: list[tuple[str, str, str]] = []

    def killing(when: str) -> Hook:
        async def kill(cable: Cable, asked: str, path: str) -> None:
            if not armed or armed[0][:2] != (when, asked) or armed[0][2] not in path:
                return
            if "/sync" in path and b"banc" not in cable.last:
                return
            armed.clear()
            bot.kill()
            raise CutError

        return kill

    line = Cable(synapse, killing("before"), killing("after"))
    async with line as cable, Person(synapse, alias(), encrypted) as ana:
        with Bot(synapse, tmp_path / "bot", alias(), url=cable.url, settings=chosen) as bot:
            room = await debate(ana, bot, encrypted=encrypted)
            first = await consented(ana, room, bot)
            sent = []
            for moment, step in moments.items():
                armed.append(step)
                sent.append(await ana.says(room, f"Il faudrait des bancs. {moment}", first))
                await until(lambda: not armed)
                bot.start()
                heard = answered(bot, sent[-1])
                await ana.hears(room, heard)
            sent.append(await ana.says(room, "voir mon idée", first))
            await ana.hears(room, answered(bot, sent[-1]))
        assert answers([event for event in ana.seen[room] if by(bot.id)(event)])[2:] == sent
        assert len([e for e in await bot.record() if isinstance(e, Turn)]) == 1 + len(sent)


def answered(bot: Bot, message: str) -> Callable[[dict[str, Any]], bool]:
    """Return what tells the bot's answer to *message*."""
    return lambda event: by(bot.id)(event) and message in answers([event])


async def test_a_homeserver_that_restarts_while_it_speaks_gets_one_reply(tmp_path):
    server = Synapse(tmp_path / "own")
    server.start()
    stopped = asyncio.Event()

    async def stop(cable: Cable, asked: str, path: str) -> None:
        if not stopped.is_set() and "/send/m.room.message/" in path:
            stopped.set()
            await asyncio.to_thread(server.stop, hard=True)
            raise CutError

    try:
        async with Cable(server) as cable, Person(server, alias()) as ana:
            with Bot(server, tmp_path / "bot", alias(), url=cable.url) as bot:
                room = await debate(ana, bot)
                first = await consented(ana, room, bot)
                cable.after = stop  # the event is stored, and the answer to it is lost
                said = await ana.says(room, "Il faudrait des bancs.", first)
                await asyncio.wait_for(stopped.wait(), 60)
                await asyncio.to_thread(server.start)
                last = await ana.says(room, "voir mon idée", first)
                await ana.hears(room, answered(bot, last))
            found = [event for event in ana.seen[room] if by(bot.id)(event)]
            assert answers(found)[2:] == [said, last]
    finally:
        server.stop()


async def test_cut_broken_and_repeated_answers_lose_and_repeat_nothing(synapse, tmp_path):
    """Every third sync is cut, garbled, refused or given twice; every second send is cut."""
    count = {"sync": 0, "send": 0}
    before: list[bytes] = []

    async def trouble(cable: Cable, asked: str, path: str) -> None:
        if "/sync" in path:
            count["sync"] += 1
            if count["sync"] % 3 == 1 and before:
                cable.last = before[-1]
            else:
                before.append(cable.last)
            if count["sync"] % 3 == 2:
                raise CutError
            if count["sync"] % 7 == 0:
                cable.last = b"<html>504</html>"
        if "/send/" in path:
            count["send"] += 1
            if count["send"] % 2:
                raise CutError

    async with Cable(synapse) as cable, Person(synapse, alias()) as ana:
        with Bot(synapse, tmp_path / "bot", alias(), url=cable.url) as bot:
            room = await debate(ana, bot)
            first = await consented(ana, room, bot)
            cable.after = trouble
            sent = []
            for text in ("Il faudrait des bancs.", "Au marché.", "pourquoi", "voir mon idée"):
                sent.append(await ana.says(room, text, first))
                await asyncio.sleep(0.2)
            await ana.hears(room, answered(bot, sent[-1]))
            cable.after = None
            last = await ana.says(room, "stop", first)
            await ana.hears(room, answered(bot, last))
        found = [event for event in ana.seen[room] if by(bot.id)(event)]
        assert answers(found)[2:] == [*sent, last]


async def test_whoever_runs_the_bot_can_show_what_to_compare(synapse, tmp_path, monkeypatch):
    async with Person(synapse, alias(), encrypted=True) as ana:
        chosen = {"encryption": "optional"}
        with Bot(synapse, tmp_path / "bot", alias(), settings=chosen) as bot:
            await debate(ana, bot, encrypted=True)
            monkeypatch.setenv("MATRIX_PASSWORD", PASSWORD)
            config = ["--config", str(bot.folder / "socrate.toml")]
            monkeypatch.chdir(bot.folder)
            shown = await asyncio.to_thread(CliRunner().invoke, cli, [*config, "matrix", "verify"])
            found = await asyncio.to_thread(CliRunner().invoke, cli, [*config, "check"])
        told = await ana.call(
            "POST", "/_matrix/client/v3/keys/query", {"device_keys": {bot.id: []}}
        )
    device = next(iter(told["device_keys"][bot.id].values()))
    key = device["keys"][f"ed25519:{device['device_id']}"]
    assert shown.exit_code == 0, shown.output
    assert key in shown.output.replace(" ", "") and "signed by the account: yes" in shown.output
    assert f"ok   matrix: {bot.id} on device {device['device_id']}" in found.output
