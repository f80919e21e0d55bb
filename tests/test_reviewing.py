"""What a moderator does elsewhere than on a platform reaches the person all the same."""

from __future__ import annotations

import asyncio
from random import Random

from bot.domain import Delivery, Filter, Kind, Review
from bot.reviewing import NEUTRAL, STEERING, Reviewing
from bot.runner import Runner
from storage.memory import MemoryRecord
from tests.conftest import BENCHES, Citizen, FakePlatform, service


def office(record: MemoryRecord) -> Reviewing:
    made = service(record=record)
    return Reviewing(record=record, archive=record, moderation=made.moderation, chance=Random(1))


async def contested() -> tuple[MemoryRecord, int]:
    record = MemoryRecord()
    person = Citizen(service(record=record))
    for text in ("j'accepte", BENCHES, "question orientée"):
        await person.says(text)
    (line,) = await record.lines(Filter(kind="contest"), limit=2)
    return record, line.seq


class Waiting(FakePlatform):
    """A platform on which nobody writes, until a verdict was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = asyncio.Event()

    async def messages(self, cursor=None):
        await self.shown.wait()
        return
        yield

    async def send(self, reply):
        sent = await super().send(reply)
        if reply.kind is Kind.VERDICT:
            self.shown.set()
        return sent


async def test_a_verdict_from_the_console_is_sent_by_the_running_bot():
    record, contest = await contested()
    platform = Waiting()
    runner = Runner(service=service(record=record), mailbox=record, platform=platform, look=0)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(runner.serve())
        await asyncio.sleep(0)
        assert await office(record).decide(contest, "mo", "rejected", "Elle est ouverte.")

    assert "Elle est ouverte." in platform.said[-1].text
    assert not await record.unsent("fake")


async def test_a_verdict_is_carried_once_and_what_is_on_its_way_is_left_alone():
    record, contest = await contested()
    platform = FakePlatform()
    runner = Runner(service=service(record=record), mailbox=record, platform=platform)
    await office(record).decide(contest, "mo", "upheld", "Oui, elle oriente.")

    await runner.carry()
    await runner.carry()

    assert [reply.kind for reply in platform.said] == [Kind.VERDICT]
    sent = [e.event async for e in record.entries() if isinstance(e.event, Delivery)]
    assert len([d for d in sent if d.external_id]) == len(sent)


async def test_no_more_than_two_review_a_question_and_nobody_twice():
    record, _ = await contested()
    (question,) = await record.lines(Filter(said="question"), limit=2)
    desk = office(record)

    assert await desk.judge(question.seq, "mo", NEUTRAL, "")
    assert not await desk.judge(question.seq, "mo", STEERING[0], "")
    assert await desk.next_up("random", "mo", [""]) == 0
    assert await desk.next_up("random", "lu", [""]) == question.seq
    assert await desk.judge(question.seq, "lu", STEERING[0], "")
    assert await desk.next_up("random", "ed", [""]) == 0
    assert await desk.agreement([""]) == (0.0, 1)


async def test_only_a_question_is_judged_and_only_by_a_label_of_the_rules():
    record, contest = await contested()
    desk = office(record)
    assert not await desk.judge(contest, "mo", NEUTRAL, "")
    assert not await desk.judge(2, "mo", "form", "")
    assert not await desk.judge(99, "mo", NEUTRAL, "")
    assert not await desk.decide(2, "mo", "upheld", "Oui.")
    assert [e async for e in record.entries() if isinstance(e.event, Review)] == []


def test_the_twelve_labels_of_steering_are_those_of_the_rules():
    assert len(STEERING) == 12
    assert STEERING[0] == "opinion" and STEERING[-1] == "tone"
