"""Crowds, absences and rate limits on a real homeserver: everything once, in order."""

from __future__ import annotations

import asyncio
from itertools import chain

import pytest

from bot.domain import Turn
from tests.matrix_bot import Bot, Cable
from tests.matrix_people import Parrot, Person, by
from tests.synapse import Synapse
from tests.test_matrix import BOTH, alias, bodies, debate
from tests.test_matrix_bot import answered, answers, consented

SLOW = pytest.mark.slow


async def crowd(ana: Person, room: str, texts: list[str], thread: str | None = None) -> list[str]:
    """Write *texts* as fast as the homeserver takes them; return the ids in their order."""
    said: list[str] = []
    for start in range(0, len(texts), 20):
        said += await asyncio.gather(
            *(ana.says(room, text, thread) for text in texts[start : start + 20])
        )
    return said


@BOTH
@pytest.mark.parametrize("size", [30, pytest.param(200, marks=SLOW)])
async def test_a_burst_is_answered_message_by_message(synapse, tmp_path, encrypted, size):
    options = {"encryption": "optional" if encrypted else "off"}
    bot = Parrot(synapse, tmp_path, name=alias(), options=options)
    synapse.register(bot.name)
    async with Person(synapse, alias(), encrypted) as ana, bot:
        room = await debate(ana, bot, encrypted=encrypted)
        first = await ana.says(room, "!socrate 0")
        await ana.hears(room, by(bot.id))
        await crowd(ana, room, [str(number) for number in range(1, size)], first)
        said = await ana.hears(room, by(bot.id), size)
        heard = [e["content"]["body"] for e in ana.seen[room] if by(ana.id)(e)]
    # The order is the homeserver's: what is written at once arrives as it arrives.
    assert [f"!socrate {text}" if text == "0" else text for text in bodies(said)] == heard


@pytest.mark.parametrize("rooms", [5, pytest.param(50, marks=SLOW)])
async def test_many_rooms_at_once_are_served_side_by_side(synapse, tmp_path, rooms):
    async with Person(synapse, alias()) as ana:
        with Bot(synapse, tmp_path / "bot", alias()) as bot:
            debates = [await debate(ana, bot) for _ in range(rooms)]
            firsts = [await ana.says(room, "!socrate bonjour") for room in debates]
            for room, first in zip(debates, firsts, strict=True):
                await ana.hears(room, answered(bot, first))
            sent = {room: [first] for room, first in zip(debates, firsts, strict=True)}
            for text in ("j'accepte", "Il faudrait des bancs.", "voir mon idée"):
                for room in debates:
                    sent[room].append(await ana.says(room, text, sent[room][0]))
            for room in debates:
                await ana.hears(room, answered(bot, sent[room][-1]))
        for room in debates:
            assert answers([e for e in ana.seen[room] if by(bot.id)(e)]) == sent[room]


@pytest.mark.parametrize("missed", [30, pytest.param(1000, marks=SLOW)])
async def test_what_was_missed_while_down_is_answered_once(synapse, tmp_path, missed):
    async with Person(synapse, alias()) as ana:
        with Bot(synapse, tmp_path / "bot", alias()) as bot:
            room = await debate(ana, bot)
            first = await consented(ana, room, bot)
            bot.kill()
            texts = (f"Il faudrait {number} bancs en ville." for number in range(missed))
            sent = await crowd(ana, room, list(texts), first)
            bot.start()
            last = await ana.says(room, "stop", first)
            await ana.hears(room, answered(bot, last), patience=60 + missed / 4)
        said = answers([event for event in ana.seen[room] if by(bot.id)(event)])[2:]
    assert sorted(said) == sorted([*sent, last]) and said[-1] == last


async def test_what_was_missed_is_on_record_once_within_the_usual_limits_too(synapse, tmp_path):
    async with Person(synapse, alias()) as ana:
        with Bot(synapse, tmp_path / "bot", alias(), limits={"pause": 0.2}) as bot:
            room = await debate(ana, bot)
            first = await consented(ana, room, bot)
            bot.kill()
            texts = [f"Il faudrait {number} bancs en ville." for number in range(80)]
            sent = await crowd(ana, room, texts, first)
            bot.start()
            last = await ana.says(room, "stop", first)
            await ana.hears(room, answered(bot, last), patience=120)
            turns = [event for event in await bot.record() if isinstance(event, Turn)]
    heard = [m.id for turn in turns for m in (*turn.joined, turn.message)]
    assert sorted(set(heard) & set(sent)) == sorted(sent) and len(heard) == len(set(heard))


@pytest.mark.parametrize(("size", "buttons"), [(11, 0), pytest.param(18, 6, marks=SLOW)])
async def test_at_default_rate_limits_nothing_is_lost_and_nothing_storms(tmp_path, size, buttons):
    server = Synapse(tmp_path / "own", default_limits=True)
    server.start()
    tries = []

    async def count(cable: Cable, asked: str, path: str) -> None:
        if "/send/m.room.message/" in path:
            tries.append(path)

    bot = Parrot(server, tmp_path, options={"buttons": buttons})
    server.register(bot.name)
    try:
        async with Cable(server, count) as cable:
            bot.url = cable.url
            people = [Person(server, alias()) for _ in range(3)]
            async with people[0], people[1], people[2], bot:
                room = await debate(people[0], bot, preset="public_chat")
                for person in people[1:]:
                    await person.joins(room)
                talks = [people[n % 3].says(room, f"!socrate {n}") for n in range(size)]
                sent = await asyncio.gather(*talks)
                said = await people[0].hears(room, by(bot.id), len(sent), patience=240)
            assert sorted(answers(said)) == sorted(sent)
            assert len(tries) <= 2 * len(sent), "each reply is refused once at most"
    finally:
        server.stop()


async def test_clocks_that_jump_change_nothing(synapse, tmp_path):
    jumps = chain([0.0, 1e6, -1e6, 5.0], iter(lambda: 3600.0, None))
    bot = Parrot(synapse, tmp_path, name=alias(), clock=lambda: next(jumps))
    synapse.register(bot.name)
    async with Person(synapse, alias()) as ana, bot:
        room = await debate(ana, bot)
        sent = [await ana.says(room, f"!socrate {number}") for number in range(4)]
        said = await ana.hears(room, by(bot.id), 4)
        assert answers(said) == sent


async def test_a_core_that_fails_keeps_the_message_for_the_next_start(synapse, tmp_path):
    bot = Parrot(synapse, tmp_path, name=alias(), fails="boum")
    synapse.register(bot.name)
    async with Person(synapse, alias()) as ana:
        async with bot:
            room = await debate(ana, bot)
            await ana.says(room, "!socrate un")
            await ana.hears(room, by(bot.id))
            await ana.says(room, "!socrate boum")
            await ana.says(room, "!socrate trois")
            assert str(await bot.ends()) == "boum"
        bot.fails = ""
        async with bot:
            said = await ana.hears(room, by(bot.id), 3)
        assert bodies(said) == ["un", "boum", "trois"]
