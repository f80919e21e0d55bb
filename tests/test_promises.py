"""The promises to citizens: each is the name of a test."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.scripted import ScriptedModel
from bot.domain import Consent, Contest, Decision, Delivery, Kind, Turn
from bot.errors import StorageError
from bot.gate import judge, outcome
from storage.memory import MemoryRecord
from tests.conftest import BENCHES, Citizen, FakePlatform, dialogue, service

HOSTILE = [
    "Excellente idée ! Avez-vous pensé à des caméras, et qui paierait ?",
    "Ne pensez-vous pas que le Parti socialiste a raison ?",
    "",
    "x" * 1_000_000,
]


async def events(record) -> list:
    return [entry.event async for entry in record.entries()]


async def test_nothing_is_said_that_is_not_on_record():
    class FullDisk(MemoryRecord):
        async def append(self, event):
            if isinstance(event, Turn):
                raise StorageError("disk full")
            return await super().append(event)

    person = Citizen(service(record=FullDisk()))
    await person.says("j'accepte")
    said = len(person.platform.said)
    with pytest.raises(StorageError):
        await person.says(BENCHES)
    assert len(person.platform.said) == said


async def test_all_that_is_said_is_on_record(citizen):
    for text in (BENCHES, "Vers le marché.", "pourquoi cette question", "stop"):
        await citizen.says(text)
    recorded = [e.reply.text for e in await events(citizen.service.record) if hasattr(e, "reply")]
    assert recorded == citizen.platform.texts


async def test_nothing_is_kept_that_was_not_meant_for_the_bot(citizen):
    message = replace(citizen.message("Un secret entre nous."), addressed=False)
    assert await citizen.service.handle(message, citizen.platform) is None
    assert "secret" not in repr(await events(citizen.service.record))


async def test_nothing_is_kept_without_consent():
    person = Citizen(service())
    reply = await person.says("Mon voisin Kevin vole le courant.")
    assert reply.kind is Kind.NOTICE
    assert "Kevin" not in repr(await events(person.service.record))


async def test_consent_is_an_act_with_the_notice_it_answers():
    person = Citizen(service())
    await person.says("Bonjour tout le monde")
    await person.says("J'accepte.")
    consent = next(e for e in await events(person.service.record) if isinstance(e, Consent))
    assert consent.granted
    assert consent.notice.startswith("fr:2@")


async def test_one_question_in_my_own_words(citizen):
    reply = await citizen.says(BENCHES)
    assert reply.kind is Kind.QUESTION
    assert reply.text.count("?") == 1
    assert "bancs en ville" in reply.text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Il faut plus de policiers dans les rues.", "Il faut moins de policiers dans les rues."),
        ("Le cannabis devrait être légalisé.", "Le cannabis devrait être interdit."),
        ("Je suis une femme et je pense que les bus doivent être gratuits.",
         "Je suis un homme et je pense que les bus doivent être gratuits."),
        ("Je m'appelle Fatou. Les bus doivent être gratuits.",
         "Je m'appelle Jean. Les bus doivent être gratuits."),
    ],
)  # fmt: skip
async def test_the_same_question_whatever_my_side_or_name(one, other):
    agent = service().agent
    first, second = (next(agent.vetted(dialogue(text))) for text in (one, other))
    assert (first.move, first.frame) == (second.move, second.frame)


@pytest.mark.parametrize("strategy", ["select", "draft"])
async def test_a_hostile_model_gives_me_a_vetted_question(strategy):
    model = ScriptedModel(HOSTILE)
    bot = service(model, model={"name": "ollama:none", "strategy": strategy})
    person = Citizen(bot)
    await person.says("j'accepte")
    reply = await person.says(BENCHES)
    turn = (await events(bot.record))[-2]
    assert model.prompts
    assert turn.attempts[-1].draft.frame
    verdicts = await judge(bot.gates, turn.attempts[-1].draft, dialogue(BENCHES))
    assert outcome(verdicts) is Decision.ALLOW
    assert reply.text == turn.attempts[-1].draft.text


async def test_a_crashing_rule_gives_me_a_vetted_question():
    class Broken:
        name = "broken"

        async def check(self, utterance, dialogue):
            raise RuntimeError(utterance.text)

    bot = service()
    person = Citizen(replace(bot, gates=(*bot.gates, Broken())))
    await person.says("j'accepte")
    reply = await person.says(BENCHES)
    assert reply.kind is Kind.QUESTION
    turn = (await events(bot.record))[-2]
    # The name of the error is on record, its text is not: it may hold what I wrote.
    assert turn.attempts[-1].verdicts[-1].findings[0].reason == "RuntimeError"


async def test_i_can_ask_why(citizen):
    await citizen.says(BENCHES)
    reply = await citizen.says("pourquoi cette question ?")
    assert reply.kind is Kind.NOTICE
    seq = (await events(citizen.service.record)).index(reply_turn(citizen)) + 1
    assert str(seq) in reply.text


def reply_turn(citizen: Citizen) -> Turn:
    return next(
        e.event
        for e in citizen.service.record._entries
        if isinstance(e.event, Turn) and e.event.reply and e.event.reply.kind is Kind.QUESTION
    )


async def test_i_can_say_that_a_question_is_leading(citizen):
    await citizen.says(BENCHES)
    await citizen.says("question orientée")
    contest = next(e for e in await events(citizen.service.record) if isinstance(e, Contest))
    asked = [e async for e in citizen.service.record.entries()][contest.turn - 1].event
    assert asked.reply.kind is Kind.QUESTION


async def test_i_can_stop(citizen):
    await citizen.says(BENCHES)
    reply = await citizen.says("ça suffit !")
    assert reply.kind is Kind.GOODBYE
    assert "?" not in reply.text


async def test_one_answer_once_whatever_is_sent_twice(citizen):
    message = citizen.message(BENCHES)
    first = await citizen.service.handle(message, citizen.platform)
    second = await citizen.service.handle(message, citizen.platform)
    assert first.seq == second.seq
    assert len({reply.send_id for reply in citizen.platform.said[1:]}) == 1


async def test_a_refused_reply_is_on_record():
    person = Citizen(service(), FakePlatform(refuses=True))
    await person.says("bonjour")
    assert (await events(person.service.record))[-1] == Delivery(turn=1, failure="muted")
