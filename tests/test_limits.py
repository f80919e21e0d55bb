"""Nobody can flood the bot, and nobody is shut out for long."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from bot.breaker import FAILURES, PAUSE, Breaker
from bot.domain import Answer, Message, Prompt, Room
from bot.errors import ModelError
from bot.limits import ECHOES, NOTICE_EVERY, REMEMBERED, Limits
from tests.conftest import NOON, ROOM


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def message(number: int = 0, sender: str = "ana", room: Room = ROOM) -> Message:
    return Message(
        id=f"{sender}-{number}", room=room, sender=sender, text=f"Une idée {number}", sent_at=NOON
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_person_is_answered_so_often_a_minute_and_again_the_next(clock):
    limits = Limits(person_minute=2, clock=clock)

    assert [limits.broken(message(n)) for n in range(3)] == [None, None, "limit-person"]
    clock.now = 61
    assert limits.broken(message(4)) is None


def test_one_person_does_not_use_up_anothers_answers(clock):
    limits = Limits(person_minute=1, clock=clock)
    limits.broken(message(1))

    assert limits.broken(message(2)) == "limit-person"
    assert limits.broken(message(1, sender="ben")) is None


def test_a_room_and_a_day_have_their_limits_too(clock):
    limits = Limits(room_minute=2, person_day=3, clock=clock)
    people = [limits.broken(message(n, sender=f"p{n}")) for n in range(3)]
    assert people == [None, None, "limit-room"]

    elsewhere = Room("fake", "elsewhere")
    found = []
    for n in range(4):
        clock.now += 100
        found.append(limits.broken(message(n, sender="cam", room=elsewhere)))
    assert found == [None, None, None, "limit-day"]


def test_what_is_not_answered_does_not_count(clock):
    limits = Limits(person_minute=1, clock=clock)
    limits.broken(message(1))
    for n in range(50):
        clock.now += 1
        limits.broken(message(n + 2))

    clock.now = 61
    assert limits.broken(message(99)) is None


def test_the_same_words_over_and_over_are_a_machine(clock):
    limits = Limits(clock=clock)
    said = [limits.broken(replace(message(n), text="Bonjour !")) for n in range(ECHOES + 1)]

    assert said == [None] * ECHOES + ["loop"]
    assert limits.broken(message(1)) is None


def test_a_room_is_told_of_a_limit_seldom(clock):
    limits = Limits(clock=clock)

    assert limits.may_tell(ROOM) and not limits.may_tell(ROOM)
    clock.now = NOTICE_EVERY + 1
    assert limits.may_tell(ROOM)


def test_a_million_people_do_not_fill_the_memory(clock):
    limits = Limits(clock=clock)
    for n in range(REMEMBERED):
        limits.broken(message(n, sender=f"p{n}", room=Room("fake", f"r{n}")))

    assert len(limits._seen) <= REMEMBERED + 4 and len(limits._last) <= REMEMBERED


@dataclass
class Failing:
    failure: ModelError | None
    calls: int = 0
    name: str = "failing"

    async def complete(self, prompt: Prompt) -> Answer:
        self.calls += 1
        if self.failure:
            raise self.failure
        return Answer(text="ok", model=self.name)


PROMPT = Prompt(system="s", user="u", ref="fr:x@1")


async def fails(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        with pytest.raises(ModelError):
            await breaker.complete(PROMPT)


async def test_a_model_that_keeps_failing_is_left_alone_for_a_while(clock):
    model = Failing(ModelError("down"))
    breaker = Breaker(model, clock)

    await fails(breaker, FAILURES + 5)
    assert model.calls == FAILURES
    clock.now = PAUSE
    model.failure = None
    assert (await breaker.complete(PROMPT)).text == "ok"
    assert (await breaker.complete(PROMPT)).text == "ok"


async def test_one_success_forgets_the_failures_before_it(clock):
    model = Failing(ModelError("down"))
    breaker = Breaker(model, clock)
    await fails(breaker, FAILURES - 1)
    model.failure = None
    await breaker.complete(PROMPT)
    model.failure = ModelError("down")

    await fails(breaker, FAILURES - 1)

    assert model.calls == 2 * FAILURES - 1
