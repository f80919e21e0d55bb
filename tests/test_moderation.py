"""What needs a person reaches one, and their answer comes back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain import Case, Kind, Message, Reply, Review, Room
from bot.limits import Limits
from tests.conftest import BENCHES, NOON, Citizen, FakePlatform, service

STAFF = Room("fake", "staff")
DISTRESS = "Je veux mourir, je n'en peux plus."


@pytest.fixture
async def citizen() -> Citizen:
    made = Citizen(service(), FakePlatform(moderators=STAFF))
    await made.says("j'accepte")
    return made


def moderator_says(citizen: Citizen, case: Reply, **said: str) -> Message:
    shown = str(citizen.platform.said.index(case) + 1)
    message = Message(
        id=f"m-{len(citizen.platform.said)}", room=STAFF, sender="mod", text="", sent_at=NOON
    )
    return replace(message, moderator=True, **{"about": shown, **said})


async def told(citizen: Citizen, about: Reply, **said: str) -> Reply | None:
    """Return what the bot says once a moderator has answered the case *about*."""
    before = len(citizen.platform.said)
    kept = await citizen.service.admit(moderator_says(citizen, about, **said))
    await citizen.service.handle(kept, citizen.platform)
    return citizen.platform.said[-1] if len(citizen.platform.said) > before else None


def case(citizen: Citizen) -> Reply:
    return next(r for r in citizen.platform.said if r.kind is Kind.CASE)


async def events(citizen: Citizen, kind: type) -> list:
    return [e.event async for e in citizen.service.record.entries() if isinstance(e.event, kind)]


async def test_a_contested_question_is_shown_to_moderators_with_its_words(citizen):
    question = await citizen.says(BENCHES)
    thanks = await citizen.says("question orientée")

    shown = case(citizen)
    assert shown.room == STAFF and question.text in shown.text
    assert [action.name for action in shown.actions] == ["uphold", "reject"]
    assert thanks.kind is Kind.NOTICE


@pytest.mark.parametrize(
    ("said", "finding", "note"),
    [
        ({"command": "uphold"}, "upheld", ""),
        ({"command": "reject"}, "rejected", ""),
        ({"text": "fondé : elle supposait un manque"}, "upheld", "elle supposait un manque"),
        ({"text": "pas fondé: ce sont vos mots"}, "rejected", "ce sont vos mots"),
        ({"text": "not upheld: your own words"}, "rejected", "your own words"),
        ({"text": "Nous en parlons jeudi."}, "answered", "Nous en parlons jeudi."),
    ],
)
async def test_the_verdict_and_its_reason_come_back_to_the_person(citizen, said, finding, note):
    await citizen.says(BENCHES)
    await citizen.says("question orientée")

    answer = await told(citizen, case(citizen), **said)

    assert answer.kind is Kind.VERDICT and answer.room == citizen.room
    assert answer.person == citizen.sender and note in answer.text
    [review] = await events(citizen, Review)
    assert (review.finding, review.note, review.moderator) == (finding, note, "mod")


async def test_distress_is_brought_before_a_person_whose_words_reach_them(citizen):
    answer = await citizen.says(DISTRESS)

    shown = case(citizen)
    assert answer.kind is Kind.HELP and DISTRESS in shown.text
    back = await told(citizen, shown, text="Je suis là, voulez-vous que je vous appelle ?")
    assert "Je suis là" in back.text and back.room == citizen.room


async def test_what_moderators_say_to_each_other_is_not_kept(citizen):
    await citizen.says(DISTRESS)
    chatter = moderator_says(citizen, case(citizen), text="On fait quoi ?", about="unknown")

    await citizen.service.handle(await citizen.service.admit(chatter), citizen.platform)

    assert "On fait quoi" not in str(await events(citizen, object))


async def test_a_case_is_opened_once_even_if_its_entry_is_delivered_again(citizen):
    await citizen.says(BENCHES)
    await citizen.says("question orientée")
    entry = await citizen.service.record.entry(5)
    cases = await events(citizen, Case)

    await citizen.service.deliver(entry, citizen.platform)

    assert await events(citizen, Case) == cases and len(cases) == 1


async def test_without_a_place_for_moderators_the_case_is_still_on_record():
    citizen = Citizen(service())
    await citizen.says("j'accepte")
    await citizen.says(BENCHES)
    await citizen.says("question orientée")

    [found] = await events(citizen, Case)
    assert found.cause == "contest" and found.reply is None


async def test_two_answers_to_one_contest_are_both_told(citizen):
    await citizen.says(BENCHES)
    await citizen.says("question orientée")

    first = await told(citizen, case(citizen), command="uphold")
    second = await told(citizen, case(citizen), text="pas fondé : relu à deux")

    assert first.send_id != second.send_id


async def test_a_moderator_asks_why_nothing_was_asked_and_is_told_the_rule(citizen):
    citizen.service = replace(citizen.service, limits=Limits(person_minute=1))
    await citizen.says(BENCHES)
    await citizen.says("Surtout le matin.")
    entries = [entry async for entry in citizen.service.record.entries()]
    seq = next(e.seq for e in entries if getattr(e.event, "why", "") == "limit-person")
    message = Message(
        id="m-why", room=STAFF, sender="mod", text=f"pourquoi {seq} ?", sent_at=NOON, moderator=True
    )

    await citizen.service.handle(await citizen.service.admit(message), citizen.platform)

    told = citizen.platform.said[-1]
    assert told.private and told.room == STAFF and "limit-person" in told.text


async def test_a_citizen_who_asks_so_is_no_moderator(citizen):
    assert (await citizen.says("pourquoi 12 bancs en ville ?")).kind is Kind.QUESTION


async def test_a_moderator_may_take_part_as_a_citizen(citizen):
    moderator = Citizen(citizen.service, citizen.platform, sender="mod")
    await moderator.says("j'accepte")
    await moderator.says(BENCHES)
    shown = str(len(citizen.platform.said))
    answer = replace(moderator.message("Surtout le matin."), moderator=True, about=shown)

    await citizen.service.handle(await citizen.service.admit(answer), citizen.platform)

    assert citizen.platform.said[-1].kind is Kind.QUESTION
