"""Two consoles and a running bot on one record: nobody waits in vain, nothing happens twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from random import Random

import pytest

from adapters.console import Account
from bot.domain import Delivery, Filter, Kind, Review, Room
from bot.reviewing import Reviewing
from bot.runner import Runner
from storage.sql import SqlRecord
from tests.conftest import BENCHES, Citizen, FakePlatform, service
from tests.console_world import Browser, World, browser, console

CONTESTS = 6
BUSY = 8
"""People who write while others judge."""
ASKED = Filter(kind="turn", said=Kind.QUESTION.value)


@dataclass(kw_only=True)
class Open(FakePlatform):
    """A platform on which people write, until every verdict was shown."""

    shown: asyncio.Event = field(default_factory=asyncio.Event)

    async def messages(self, cursor=None):
        async for each in super().messages(cursor):
            yield each
        await self.shown.wait()

    async def send(self, reply):
        sent = await super().send(reply)
        if sum(r.kind is Kind.VERDICT for r in self.said) == CONTESTS:
            self.shown.set()
        return sent


@pytest.fixture
async def bot(tmp_path):
    """A bot on a record on which some questions are contested."""
    async with SqlRecord(tmp_path / "record.db") as record:
        made = Runner(service=service(record=record), mailbox=record, platform=Open(), look=0.01)
        for number in range(CONTESTS):
            room = Room("fake", f"room{number}")
            person = Citizen(made.service, made.platform, sender=f"p{number}", room=room)
            for text in ("j'accepte", BENCHES, "question orientée"):
                await person.says(text)
        yield made


@pytest.fixture
async def reviewers(bot, tmp_path):
    """Two reviewers, each at a console of their own, which opened the same files."""
    async with AsyncExitStack() as records:
        with ExitStack() as consoles:
            worlds = [World(), World()]
            for world in worlds:
                world.record = await records.enter_async_context(SqlRecord(bot.mailbox.path))
                world.service = service(record=world.record)
            sites = [consoles.enter_context(console(world, tmp_path)) for world in worlds]
            sites[0].store.add(Account(name="first", roles=("moderator",), debates=("*",)))
            yield [
                await browser(site).enter(name)
                for site, name in zip(sites, ("first", "second"), strict=True)
            ]


async def judges(reviewer: Browser, asked: list[int], contests: list[int]) -> None:
    """Let *reviewer* read and judge everything there is."""
    for seq in (*asked, *contests):
        read = await reviewer.post(f"/exchanges/{seq}/read", reason="review")
        assert read.status_code == 303, read.text
    for seq in asked:
        judged = await reviewer.post(f"/exchanges/{seq}/judge", finding="neutral")
        assert judged.status_code == 303, judged.text
    for seq in contests:
        decided = await reviewer.post(
            f"/exchanges/{seq}/decide", finding="rejected", note="Elle est ouverte."
        )
        assert decided.status_code in {303, 409}, decided.text


async def numbers(record: SqlRecord, by: Filter) -> list[int]:
    return [line.seq for line in await record.lines(by, limit=100)]


async def test_two_consoles_and_a_bot_work_on_one_record_and_nothing_is_lost_or_done_twice(
    bot, reviewers
):
    record = bot.mailbox
    asked, contests = await numbers(record, ASKED), await numbers(record, Filter(kind="contest"))
    people = [Citizen(bot.service, sender=f"b{n}", room=Room("fake", f"b{n}")) for n in range(BUSY)]
    texts = ("j'accepte", BENCHES, "Parce que ma mère marche mal.")
    bot.platform.inbox = [person.message(text) for text in texts for person in people]

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(bot.serve())
        for reviewer in reviewers:
            tasks.create_task(judges(reviewer, asked, contests))

    entries = [entry async for entry in record.entries()]
    reviews = Counter(e.event.turn for e in entries if isinstance(e.event, Review))
    assert reviews == {**dict.fromkeys(asked, 2), **dict.fromkeys(contests, 1)}
    verdicts = [reply for reply in bot.platform.said if reply.kind is Kind.VERDICT]
    assert len({reply.room for reply in verdicts}) == len(verdicts) == CONTESTS
    sent = Counter(e.event.turn for e in entries if isinstance(e.event, Delivery))
    assert set(sent.values()) == {1}
    answered = {e.event.message.id for e in entries if getattr(e.event, "message", None)}
    assert {message.id for message in bot.platform.inbox} <= answered
    assert (await record.verify()).sound


@pytest.fixture
async def offices(bot):
    """What two consoles do for whoever sits at them."""
    async with AsyncExitStack() as records:
        opened = [SqlRecord(bot.mailbox.path), SqlRecord(bot.mailbox.path)]
        yield [
            Reviewing(
                record=await records.enter_async_context(record),
                archive=record,
                moderation=service(record=record).moderation,
                chance=Random(1),
            )
            for record in opened
        ]


async def test_two_who_decide_a_contest_at_the_same_moment_give_one_answer(bot, offices):
    (contest, *_) = await numbers(bot.mailbox, Filter(kind="contest"))

    done = await asyncio.gather(
        offices[0].decide(contest, "first", "rejected", "Elle est ouverte."),
        offices[1].decide(contest, "second", "upheld", "Elle oriente."),
    )

    assert sorted(done) == [False, True]
    assert len(await offices[0].reviews(contest)) == 1


async def test_who_judges_twice_at_the_same_moment_has_judged_once(bot, offices):
    (asked, *_) = await numbers(bot.mailbox, ASKED)

    done = await asyncio.gather(*(o.judge(asked, "first", "neutral", "") for o in offices))
    another = await offices[1].judge(asked, "second", "neutral", "")

    assert (sorted(done), another) == ([False, True], True)
    assert len(await offices[0].reviews(asked)) == 2
