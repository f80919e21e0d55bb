"""What a citizen lives through: consent, their idea, their rights; alike on every platform."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import date

import pytest

from bot import wiring
from bot.domain import (
    LANGUAGES,
    PURPOSES,
    Access,
    Approval,
    Cafe,
    Consent,
    Erased,
    Erasure,
    Kind,
    Message,
    Register,
    Room,
    Turn,
)
from bot.groups import QUESTION
from bot.ideas import progress
from bot.runner import Runner
from bot.text import clean
from storage.memory import MemoryRecord
from storage.sql import SqlRecord
from tests.conftest import BENCHES, NOON, ROOM, Citizen, FakePlatform, service, shared

WORD = "Pflaumenkuchen"
OPENINGS = {
    "fr": f"Il faudrait plus de bancs en ville pour les anciens. Près de la place {WORD}.",
    "en": f"We need more benches in town for older people. Near the square {WORD}.",
    "de": f"Wir brauchen mehr Bänke in der Stadt für ältere Leute. Am Platz {WORD}.",
    "ar": f"نحتاج إلى مقاعد أكثر في المدينة لكبار السن. قرب الساحة {WORD}.",
}
ANSWERS = {
    "fr": ("Surtout le matin.", "Les gens attendent debout."),
    "en": ("Mostly in the morning.", "People stand and wait."),
    "de": ("Vor allem am Morgen.", "Die Leute warten im Stehen."),
    "ar": ("خصوصا في الصباح.", "الناس ينتظرون واقفين."),
}


class Person(Citizen):
    """A citizen who knows the words of their language."""

    language = "fr"

    def word(self, command: str) -> str:
        return self.service.notices.word(self.language, command)

    async def asks(self, command: str, words: str = ""):
        return await self.says(f"{self.word(command)} {words}".strip())

    async def events(self) -> list:
        return [entry.event async for entry in self.service.record.entries()]


def person(language: str = "fr", record=None, **values) -> Person:
    made = Person(service(record=record, bot={"language": language}), **values)
    made.language = language
    return made


async def agreed(language: str = "fr", record=None, **values) -> Person:
    made = person(language, record, **values)
    await made.asks("agree")
    return made


async def recapped(somebody: Person):
    """Say all there is to say; return the recap."""
    for text in (OPENINGS[somebody.language], *ANSWERS[somebody.language], "42."):
        reply = await somebody.says(text)
    assert reply.kind is Kind.RECAP
    return reply


# Consent


@pytest.mark.parametrize("language", LANGUAGES)
async def test_without_my_consent_not_a_word_of_mine_is_kept(language, tmp_path):
    async with SqlRecord(tmp_path / "record.db") as record:
        somebody = person(language, record)
        await somebody.says(OPENINGS[language])
        await somebody.says(WORD)
        await somebody.asks("disagree")
        await somebody.says(OPENINGS[language])
    for path in tmp_path.iterdir():
        assert WORD.encode() not in path.read_bytes(), path


async def test_i_agree_to_be_answered_and_checked_and_to_research_only_apart():
    somebody = await agreed()
    await somebody.asks("research")
    await somebody.asks("no-research")
    await somebody.asks("withdraw")

    found = [e.purposes for e in await somebody.events() if isinstance(e, Consent)]
    assert found == [PURPOSES[:2], PURPOSES, PURPOSES[:2], ()]


async def test_the_notice_i_saw_and_its_version_are_on_record():
    somebody = await agreed()

    [consent] = [e for e in await somebody.events() if isinstance(e, Consent)]
    assert consent.notice.startswith("fr:") and consent.message.text == ""


async def test_i_withdraw_in_one_step_and_nothing_more_is_kept():
    somebody = await agreed()
    await somebody.says(BENCHES)
    await somebody.asks("withdraw")
    await somebody.says(f"Et aussi {WORD}.")

    assert WORD not in str(await somebody.events())


async def test_a_person_too_young_takes_no_part():
    somebody = person()
    await somebody.asks("minor")
    answer = await somebody.says(BENCHES)

    assert answer.kind is Kind.NOTICE and "bancs" not in str(await somebody.events())


async def test_consent_in_one_debate_is_none_in_another():
    somebody = await agreed(room=Room("fake", "thread-1", "debate-1"))
    assert (await somebody.says(BENCHES)).kind is Kind.QUESTION

    somebody.room = Room("fake", "thread-2", "debate-1")
    assert (await somebody.says("Plus d'arbres aussi dans ma rue.")).kind is Kind.QUESTION
    somebody.room = Room("fake", "thread-3", "debate-2")
    assert (await somebody.says("Plus d'arbres aussi dans ma rue.")).kind is Kind.NOTICE


# An idea's life


@pytest.mark.parametrize("language", LANGUAGES)
async def test_from_first_contact_to_an_approved_proposal_and_to_being_forgotten(
    language, tmp_path
):
    async with SqlRecord(tmp_path / "record.db") as record:
        somebody = person(language, record)
        await somebody.says(OPENINGS[language])
        await somebody.asks("agree")
        shown = await recapped(somebody)
        assert {"accept", "change", "drop"} <= {action.name for action in shown.actions}
        await somebody.asks("accept")
        [proposal] = [e for e in await somebody.events() if isinstance(e, Approval)]
        said = "\n".join((OPENINGS[language], *ANSWERS[language], "42."))
        assert all(sentence.text in said for sentence in proposal.sentences)
        await somebody.asks("forget")
        await somebody.asks("forget-now")
        assert (await record.verify()).sound
    for path in tmp_path.iterdir():
        assert WORD.encode() not in path.read_bytes(), path


async def test_i_change_a_sentence_and_the_original_stays_on_record():
    somebody = await agreed()
    await recapped(somebody)

    shown = await somebody.asks("change", "3 : Surtout le soir.")
    await somebody.asks("accept")

    assert "3. Surtout le soir." in shown.text and "le matin" not in shown.text
    events = await somebody.events()
    [proposal] = [e for e in events if isinstance(e, Approval)]
    assert [s.text for s in proposal.sentences][2] == "Surtout le soir."
    assert "Surtout le matin." in str(events)


async def test_an_emptied_sentence_leaves_my_idea_and_an_unknown_number_changes_nothing():
    somebody = await agreed()
    await recapped(somebody)

    assert "le matin" not in (await somebody.asks("change", "3 :")).text
    assert (await somebody.asks("change", "9 : Rien.")).kind is Kind.NOTICE
    [idea] = progress(await somebody.service.record.theirs(ROOM, "ana"))
    assert len(idea.sentences) == 4


@pytest.mark.parametrize("command", ["change", "correct"])
async def test_a_number_alone_changes_nothing(command):
    somebody = await agreed()
    await recapped(somebody)

    told = await somebody.asks(command, "3")
    assert told.kind is Kind.NOTICE and "le matin" in told.text and "3" in told.text
    [idea] = progress(await somebody.service.record.theirs(ROOM, "ana"))
    assert len(idea.sentences) == 5 and "le matin" in str(await somebody.events())


@pytest.mark.parametrize("words", ["3 : –", "3 -", "3:"])
async def test_a_dash_takes_a_sentence_away(words):
    somebody = await agreed()
    await recapped(somebody)

    assert "le matin" not in (await somebody.asks("change", words)).text


async def test_what_i_correct_is_erased():
    somebody = await agreed()
    await recapped(somebody)

    await somebody.asks("correct", "2 : Près de la mairie.")

    kept = str(await somebody.events())
    assert WORD not in kept and "Près de la mairie." in kept


async def test_nothing_is_approved_that_i_have_not_seen():
    somebody = await agreed()
    await somebody.says(BENCHES)

    assert (await somebody.asks("accept")).kind is Kind.RECAP
    assert (await somebody.asks("accept")).kind is Kind.NOTICE
    [proposal] = [e for e in await somebody.events() if isinstance(e, Approval)]
    assert [s.text for s in proposal.sentences] == [BENCHES]


async def test_an_idea_i_drop_is_no_proposal_and_the_next_is_a_new_one():
    somebody = await agreed()
    await somebody.says(BENCHES)
    await somebody.asks("drop")
    await somebody.says("Plus d'arbres dans ma rue.")

    found = progress(await somebody.service.record.theirs(ROOM, "ana"))
    assert [idea.state for idea in found] == ["dropped", "enriching"]
    assert (await somebody.asks("accept")).text.count("bancs") == 0


async def test_i_can_ask_what_became_of_each_idea():
    from bot.domain import Outcome  # noqa: PLC0415

    somebody = await agreed()
    await recapped(somebody)
    await somebody.asks("accept")
    entries = [entry async for entry in somebody.service.record.entries()]
    seq = next(e.seq for e in entries if isinstance(e.event, Approval))
    await somebody.service.record.append(
        Outcome(turn=seq, state="declined", note="Le budget est voté.")
    )

    told = (await somebody.asks("status")).text

    assert "Le budget est voté." in told and str(seq) in told
    assert somebody.service.notices.state("fr", "declined") in told


async def test_two_hundred_recaps_of_real_comments_hold_the_persons_words_and_no_other():
    comments = [row["text"] for row in shared("polis/comments.jsonl")][:1_000:5]
    assert len(comments) == 200
    checked, somebody = 0, person()
    for number, comment in enumerate(comments):
        somebody.sender, somebody.room = f"p{number}", Room("fake", f"room {number}")
        await somebody.asks("agree")
        said = [comment]
        reply = await somebody.says(comment)
        for answer in ("Près de chez moi.", "Depuis deux ans.", "42."):
            if reply is None or reply.kind is not Kind.QUESTION:
                break
            said.append(answer)
            reply = await somebody.says(answer)
        found = progress(await somebody.service.record.theirs(somebody.room, somebody.sender))
        for idea in found:
            masked = somebody.service.masker.mask(said, "en")
            whole = clean("\n".join(masked.restored(text) for text in masked.texts))
            place = 0
            for sentence in idea.sentences:
                place = whole.index(sentence.text, place)
            checked += 1
    assert checked >= 150


# Rights


async def test_my_data_are_mine_to_read_with_numbers_and_seals():
    somebody = await agreed()
    await somebody.says(BENCHES)
    other = Person(somebody.service, somebody.platform, sender="ben")
    await other.asks("agree")
    await other.says("Moi, ce sont les arbres de ma rue.")

    reply = await somebody.asks("data")

    assert reply.kind is Kind.DATA and reply.private
    listed = json.loads(reply.document)
    assert BENCHES in reply.document and "arbres" not in reply.document
    assert all(entry["seal"] and entry["number"] for entry in listed)


async def test_the_file_with_my_data_is_not_kept_a_second_time():
    somebody = await agreed()
    await somebody.says(BENCHES)
    await somebody.asks("data")

    assert not [
        e for e in await somebody.events() if getattr(e, "reply", None) and e.reply.document
    ]


async def test_i_am_asked_before_i_am_forgotten():
    somebody = await agreed()
    await somebody.says(BENCHES)
    await somebody.asks("forget-now")
    assert not [e for e in await somebody.events() if isinstance(e, Erasure)]

    await somebody.asks("forget-now")
    assert [e for e in await somebody.events() if isinstance(e, Erasure)]


async def test_my_rights_remain_after_i_withdraw():
    somebody = await agreed()
    await somebody.says(BENCHES)
    await somebody.asks("withdraw")
    assert "bancs" in (await somebody.asks("data")).document
    await somebody.asks("forget")
    await somebody.asks("forget-now")

    assert "bancs" not in str(await somebody.events())


async def test_forgetting_me_forgets_nobody_else():
    somebody = await agreed()
    await somebody.says(BENCHES)
    other = Person(somebody.service, somebody.platform, sender="ben")
    await other.asks("agree")
    await other.says("Moi, ce sont les arbres de ma rue.")
    await somebody.asks("forget")
    await somebody.asks("forget-now")

    kept = str(await somebody.events())
    assert "arbres" in kept and "bancs" not in kept
    assert (await other.says("Surtout le soir.")).kind is Kind.QUESTION
    assert (await somebody.says("Bonjour")).kind is Kind.NOTICE


async def test_what_others_asked_to_see_of_me_is_forgotten_too():
    ana, ben = await two()
    await ana.says(f"Moi, ce sont les bancs de la place {WORD}.")
    assert WORD in (await ben.asks("others")).text
    await ana.asks("forget")
    await ana.asks("forget-now")

    assert WORD not in str(await ana.events())


async def test_what_moderators_were_shown_of_me_is_forgotten_too():
    somebody = await agreed(platform=FakePlatform(moderators=Room("fake", "staff")))
    await somebody.says(f"Je veux mourir, {WORD}.")
    await somebody.asks("forget")
    await somebody.asks("forget-now")

    assert WORD not in str(await somebody.events())


async def test_a_receipt_names_my_entry_and_its_seal():
    somebody = await agreed()
    await somebody.says(BENCHES)
    entries = [entry async for entry in somebody.service.record.entries()]
    mine = next(e for e in entries if isinstance(e.event, Turn))

    told = (await somebody.asks("receipt")).text

    assert mine.seal in told and str(mine.seq) in told


async def test_asking_for_a_person_brings_one_my_last_words():
    somebody = await agreed(platform=FakePlatform(moderators=Room("fake", "staff")))
    await somebody.says(BENCHES)
    await somebody.asks("human")

    [case] = [reply for reply in somebody.platform.said if reply.kind is Kind.CASE]
    assert BENCHES in case.text


# Inclusion


@pytest.mark.parametrize("language", LANGUAGES)
async def test_i_choose_the_language_i_am_spoken_to_in(language):
    somebody = await agreed("fr")
    reply = await somebody.asks(f"speak-{language}")

    assert reply.language == language


async def test_easier_words_stay_until_i_ask_for_the_usual_ones():
    somebody = await agreed()
    await somebody.asks("easier")
    question = await somebody.says(BENCHES)
    easy = {f.easy for f in somebody.service.agent.book.frames("fr", Register.FORMAL)} - {""}
    assert any(question.text.endswith(text) for text in easy)

    await somebody.asks("usual")
    again = await somebody.says("Surtout le matin.")
    assert not any(again.text.endswith(text) for text in easy)


@pytest.mark.parametrize("text", ["quesion orientée", "questoin orientée", "questions orientée"])
async def test_one_wrong_letter_does_not_keep_me_from_being_understood(text):
    somebody = await agreed()

    assert somebody.service.commands.parse(text, await talk(somebody))[0] == "leading"


async def talk(somebody: Person):
    return await somebody.service.record.dialogue(somebody.room, somebody.sender)


# Many at once


class Slow(FakePlatform):
    """Yields what it is given, with a pause where the list says so."""

    async def messages(self, cursor=None):
        for number, message in enumerate(self.inbox):
            if message is None:
                await asyncio.sleep(0.1)
            else:
                yield message, str(number)


def burst(count: int, sender: str = "ana", room: Room = ROOM) -> list[Message]:
    return [
        Message(id=f"{sender}-b{n}", room=room, sender=sender, text=text, sent_at=NOON)
        for n, text in enumerate([f"Il faudrait {n} bancs près de l'école." for n in range(count)])
    ]


async def test_ten_messages_in_a_second_are_one_turn_and_each_is_on_record_once():
    platform = Slow()
    somebody = await agreed(platform=platform)
    platform.inbox = burst(10)
    runner = Runner(
        service=somebody.service, mailbox=somebody.service.record, platform=platform, pause=0.05
    )

    await runner.serve()

    turns = [e for e in await somebody.events() if isinstance(e, Turn)]
    assert len(turns) == 1 and turns[0].reply.kind is Kind.QUESTION
    assert [m.id for m in (*turns[0].joined, turns[0].message)] == [m.id for m in burst(10)]
    assert len((await talk(somebody)).idea.texts) == 10


async def test_a_command_among_them_is_obeyed_by_itself():
    platform = Slow()
    somebody = await agreed(platform=platform)
    stop = replace(burst(1)[0], id="stop", text="stop")
    platform.inbox = [*burst(3), stop]
    runner = Runner(
        service=somebody.service, mailbox=somebody.service.record, platform=platform, pause=0.05
    )

    await runner.serve()

    turns = [e for e in await somebody.events() if isinstance(e, Turn)]
    assert [t.command for t in turns] == [None, "stop"]


async def test_distress_in_the_first_of_several_messages_is_heard():
    platform = Slow()
    somebody = await agreed(platform=platform)
    first = replace(burst(1)[0], id="first", text="Je veux mourir.")
    platform.inbox = [first, *burst(2)]
    runner = Runner(
        service=somebody.service, mailbox=somebody.service.record, platform=platform, pause=0.05
    )

    await runner.serve()

    assert platform.said[-1].kind is Kind.HELP


async def test_beyond_the_limit_nothing_is_lost_and_the_room_is_told_once():
    somebody = Person(service(limits={"person_minute": 3}))
    await somebody.asks("agree")
    replies = [await somebody.says(f"Il faudrait {n} bancs.") for n in range(8)]

    assert len([r for r in replies if r]) == 4
    turns = [e for e in await somebody.events() if isinstance(e, Turn)]
    assert [t.why for t in turns].count("limit-person") == 5


# A group


async def two(record=None) -> tuple[Person, Person]:
    ana = await agreed(record=record or MemoryRecord())
    ben = Person(ana.service, ana.platform, sender="ben")
    await ben.asks("agree")
    return ana, ben


async def overhears(somebody: Person, text: str):
    """Write *text* in the thread without calling the bot."""
    message = replace(somebody.message(text), called=False)
    before = len(somebody.platform.said)
    kept = await somebody.service.admit(message)
    if kept is not None:
        await somebody.service.handle(kept, somebody.platform)
    return somebody.platform.said[-1] if len(somebody.platform.said) > before else None


async def test_in_a_group_the_bot_never_says_more_words_than_the_people():
    ana, ben = await two()
    for n in range(6):
        await overhears(ana, f"Oui {n}.")
        await overhears(ben, f"Non {n}.")

    turns = [e for e in await ana.events() if isinstance(e, Turn)]
    said = sum(len(t.reply.text.split()) for t in turns if t.reply)
    heard = sum(len(t.message.text.split()) for t in turns)
    assert said <= heard + QUESTION and "too-many-words" in [t.why for t in turns]


async def test_what_i_say_while_the_bot_is_silent_is_part_of_my_idea():
    ana, ben = await two()
    await overhears(ben, "Je voudrais des arbres.")
    await overhears(ana, "Il faudrait des bancs. Mon numéro : 06 12 34 56 78.")

    [turn] = [e for e in await ana.events() if isinstance(e, Turn) and e.why == "too-many-words"]
    assert "06 12" not in turn.message.text
    assert (await talk(ana)).idea.texts == (turn.message.text,)
    assert "Il faudrait des bancs." in (await ana.asks("recap")).text


async def test_distress_is_heard_also_while_the_bot_leaves_people_to_talk():
    ana, ben = await two()
    await overhears(ben, "Je voudrais des arbres.")

    assert (await overhears(ana, "Je veux mourir.")).kind is Kind.HELP


async def test_distress_is_heard_beyond_every_limit():
    somebody = Person(service(limits={"person_minute": 1}))
    await somebody.asks("agree")
    await somebody.says(BENCHES)

    assert (await somebody.says("Je veux mourir ce soir.")).kind is Kind.HELP


async def test_what_was_no_contribution_is_never_shown_as_anothers_view():
    ana, ben = await two()
    await ben.says(f"Je veux mourir, {WORD}.")
    await ben.says("Pour qui dois-je voter dimanche ?")

    assert WORD not in (await ana.asks("others")).text
    assert "voter" not in (await ana.asks("others")).text


async def test_who_withdrew_is_quoted_to_nobody():
    ana, ben = await two()
    await ben.says("Moi, ce sont les arbres de ma rue.")
    await ben.asks("withdraw")

    assert "arbres" not in (await ana.asks("others")).text


async def test_alone_with_the_bot_a_short_answer_is_still_answered():
    ana = await agreed()
    await overhears(ana, BENCHES)

    assert (await overhears(ana, "Oui.")).kind is Kind.QUESTION


async def test_whoever_calls_the_bot_is_answered_even_in_a_group():
    ana, ben = await two()
    await overhears(ana, "Oui.")
    await overhears(ben, "Non.")

    assert (await ana.says("Il faudrait des bancs près de l'école.")).kind is Kind.QUESTION


async def test_a_bot_asked_to_be_quiet_keeps_nothing_until_it_is_called():
    ana, ben = await two()
    await ana.asks("quiet")
    assert await overhears(ben, f"Parlons de {WORD}.") is None
    assert WORD not in str(await ana.events())

    assert await ana.says(BENCHES) is not None
    await ana.asks("talk")
    flowers = "Je voudrais plus de fleurs sur la place du village, devant l'école et la mairie."
    assert await overhears(ben, flowers * 4) is not None


async def test_anothers_view_is_shown_only_on_request_to_the_letter_and_with_its_number():
    ana, ben = await two()
    assert (await ana.asks("others")).kind is Kind.NOTICE
    await ben.says("Moi, ce sont les arbres de ma rue.")

    told = (await ana.asks("others")).text

    assert "Moi, ce sont les arbres de ma rue." in told
    entries = [entry async for entry in ana.service.record.entries()]
    seq = next(e.seq for e in entries if isinstance(e.event, Turn) and "arbres" in str(e.event))
    assert str(seq) in told


# A debate


async def test_in_a_closed_debate_nothing_is_kept_or_asked():
    somebody = await agreed()
    await somebody.service.record.append(Cafe(name="x", state="closed", places=("fake:room",)))

    answer = await somebody.says(f"Il faudrait des bancs près de {WORD}.")

    assert answer.kind is Kind.NOTICE and WORD not in str(await somebody.events())
    assert WORD not in str(await somebody.says(f"Et {WORD} ?"))


@pytest.mark.parametrize("command", ["skip", "unsure", "reword"])
async def test_in_a_closed_debate_a_button_asks_for_no_more_questions(command):
    somebody = await agreed()
    await somebody.says(BENCHES)
    await somebody.service.record.append(Cafe(name="x", state="closed", places=("fake:room",)))

    assert (await somebody.asks(command)).kind is Kind.NOTICE
    turn = [e for e in await somebody.events() if isinstance(e, Turn)][-1]
    assert turn.why == "closed" and turn.attempts == ()


async def test_my_rights_outlast_the_debate():
    somebody = await agreed()
    await somebody.says(BENCHES)
    await somebody.service.record.append(Cafe(name="x", state="closed", places=("fake:room",)))

    await somebody.asks("forget")
    await somebody.asks("forget-now")

    assert any(isinstance(e, Erased) for e in await somebody.events())


async def test_a_debate_not_open_yet_says_when_it_will_be():
    somebody = person()
    cafe = Cafe(name="x", state="open", opens="2027-01-31", places=("fake:room",))
    await somebody.service.record.append(cafe)
    somebody.service = replace(somebody.service, today=lambda: date(2027, 1, 1))

    assert "2027-01-31" in (await somebody.says(BENCHES)).text


class Proving:
    """A log that proves whatever it is asked."""

    async def checkpoint(self) -> str:
        return "note"

    async def consistency(self, old: int, new: int) -> list[bytes]:
        return []

    async def proof(self, seq: int) -> str:
        return f"proof of {seq}"

    async def cosigned(self, note: str) -> None:
        pass


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_receipt_brings_the_proof_of_my_entry_as_a_file(language):
    somebody = await agreed(language)
    somebody.service = replace(somebody.service, log=Proving())
    await somebody.says(OPENINGS[language])
    reply = await somebody.asks("receipt")

    every = [entry async for entry in somebody.service.record.entries()]
    [seq] = [entry.seq for entry in every if entry.seal in reply.text]
    assert reply.document == f"proof of {seq}"
    assert reply.document_name == f"cafe-socrate-{seq}.tlog-proof"
    assert somebody.service.notices.text(language, "receipt-proof") in reply.text


async def test_without_a_log_a_receipt_promises_no_file():
    somebody = await agreed()
    await somebody.says(BENCHES)
    reply = await somebody.asks("receipt")
    assert reply.document == "" and "tlog" not in reply.text


async def test_every_exchange_names_the_rules_in_force_and_how_deep_it_is():
    somebody = await agreed()
    await somebody.says(BENCHES)
    await somebody.says("Surtout le matin.")
    await somebody.asks("why")

    turns = [event for event in await somebody.events() if isinstance(event, Turn)]
    assert {turn.policy for turn in turns} == {wiring.policy()}
    asked = [turn for turn in turns if turn.move]
    assert [turn.depth for turn in asked] == [0, 1]


async def test_the_reason_for_a_question_names_its_entry():
    somebody = await agreed()
    await somebody.says(BENCHES)
    reply = await somebody.asks("why")
    every = [entry async for entry in somebody.service.record.entries()]
    [seq] = [e.seq for e in every if isinstance(e.event, Turn) and e.event.move]
    assert str(seq) in reply.text


async def test_when_i_am_forgotten_it_stays_known_who_had_read_my_words():
    somebody = await agreed()
    await somebody.says(BENCHES)
    read = await somebody.service.record.append(Access(turn=3, reader="eva", reason="a complaint"))
    await somebody.asks("forget")
    await somebody.asks("forget-now")

    assert (await somebody.service.record.entry(read.seq)).event == read.event
