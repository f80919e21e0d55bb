"""The promises of the archive: lists and counts of a record, kept by every engine."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from bot.domain import (
    Access,
    Approval,
    Attempt,
    Case,
    Consent,
    Contest,
    Decision,
    Delivery,
    Draft,
    Erasure,
    Filter,
    Finding,
    Kind,
    Label,
    Line,
    Message,
    Move,
    Outcome,
    Reply,
    Review,
    Room,
    Sentence,
    Source,
    Turn,
    Verdict,
)
from storage.memory import MemoryRecord
from storage.sql import SqlRecord

PARK = Room("matrix", "!thread", debate="!park")
SCHOOL = Room("discord", "school")
NOON = datetime(2027, 1, 31, 12, tzinfo=UTC)
EIGHT_HOURS = timedelta(hours=8)
PRIVATE = "Pflaumenkuchen"
OLDER = """
CREATE TABLE daily (debate TEXT NOT NULL, day TEXT NOT NULL, dimension TEXT NOT NULL,
value TEXT NOT NULL, count INTEGER NOT NULL,
CONSTRAINT pk_tally PRIMARY KEY (debate, day, dimension, value)) WITHOUT ROWID;
INSERT INTO daily SELECT debate, start, dimension, value, count FROM tally
WHERE span = 'day' AND NOT everywhere;
DROP TABLE tally;
ALTER TABLE daily RENAME TO tally;
DROP INDEX ix_entry_finding;
DROP INDEX ix_entry_finding_within;
UPDATE alembic_version SET version_num = '0003';
"""
"""Gives the tables of a record the shape they had before."""


@pytest.fixture(params=["memory", "sqlite"])
async def record(request, tmp_path):
    """A record whose clock goes on by eight hours with each entry, from 31 January at noon."""
    now = [NOON - EIGHT_HOURS]
    if request.param == "memory":
        yield Dated(MemoryRecord(clock=lambda: now[0]), now)
    else:
        async with SqlRecord(tmp_path / "record.db", clock=lambda: now[0]) as made:
            yield Dated(made, now)


class Dated:
    """A record that goes on in time with each entry, however often it asks what time it is."""

    def __init__(self, record, now):
        self.record, self.now = record, now
        self.lines, self.tallies, self.findings = record.lines, record.tallies, record.findings

    async def append(self, event):
        self.now[0] += EIGHT_HOURS
        return await self.record.append(event)


def message(name: str, room: Room = PARK, sender: str = "P1", **others) -> Message:
    return Message(id=name, room=room, sender=sender, text=PRIVATE, sent_at=NOON, **others)


def verdict(decision: Decision, *labels: Label) -> Verdict:
    found = tuple(Finding(rule=f"r.{label.value}", label=label, reason=PRIVATE) for label in labels)
    return Verdict(policy="deny", decision=decision, findings=found)


def attempt(source: Source, *verdicts: Verdict) -> Attempt:
    return Attempt(Draft(text=PRIVATE, move=Move.REASONS, source=source), verdicts)


ALLOWED = attempt(Source.FRAME, verdict(Decision.ALLOW))
STEERED = attempt(Source.DRAFT, verdict(Decision.WITHHOLD, Label.LEADING, Label.LOADED))


def turn(name: str, *, says: Kind | None = Kind.QUESTION, language: str = "fr", **others) -> Turn:
    about = {key: others.pop(key) for key in ("room", "sender") if key in others}
    asked = message(name, **about)
    reply = says and Reply(room=asked.room, to=name, text=PRIVATE, kind=says, language=language)
    made = Turn(
        message=asked,
        language=language,
        reply=reply,
        move=Move.REASONS if says is Kind.QUESTION else None,
        attempts=(ALLOWED,) if says is Kind.QUESTION else (),
        why="ladder",
    )
    return replace(made, **others)


async def lines(record, **by) -> list[Line]:
    return list(await record.lines(Filter(**by), limit=100))


async def seqs(record, **by) -> list[int]:
    return [line.seq for line in await lines(record, **by)]


async def test_a_list_is_newest_first_and_goes_on_from_any_entry(record):
    for number in range(5):
        await record.append(turn(f"${number}"))

    assert [line.seq for line in await record.lines(Filter(), limit=2)] == [5, 4]
    assert [line.seq for line in await record.lines(Filter(before=4), limit=2)] == [3, 2]
    assert await lines(record, before=1) == []


async def test_a_line_tells_what_can_be_said_without_anybodys_words(record):
    entry = await record.append(turn("$1", attempts=(STEERED, ALLOWED), why="model failed: 503"))

    assert await lines(record) == [
        Line(
            seq=1,
            at=entry.at,
            kind="turn",
            platform="matrix",
            debate="!park",
            room="!thread",
            language="fr",
            said="question",
            why="model failed",
            move="reasons",
            source="frame",
            decision="withhold",
            labels=("leading", "loaded"),
        )
    ]


async def test_no_line_and_no_count_holds_what_anybody_wrote(record):
    screened = (verdict(Decision.WITHHOLD, Label.ELECTORAL),)
    await record.append(turn("$1", attempts=(STEERED, ALLOWED), screening=screened))
    await record.append(Review(turn=1, moderator="mo", finding="leading", note=PRIVATE))
    await record.append(Access(turn=1, reader="mo", reason=PRIVATE))

    said = repr(await lines(record)) + repr(await record.tallies())
    assert "electoral" in said
    assert PRIVATE not in said


@pytest.mark.parametrize(
    ("by", "found"),
    [
        ({"kind": "consent"}, [3]),
        ({"platform": "discord"}, [2]),
        ({"debate": "!park"}, [4, 3, 1]),
        ({"language": "ar"}, [2]),
        ({"said": "recap"}, [2]),
        ({"move": "reasons"}, [4, 1]),
        ({"source": "frame"}, [4, 1]),
        ({"decision": "withhold"}, [4]),
        ({"label": "loaded"}, [4]),
        ({"label": "electoral"}, [1]),
        ({"since": "2027-02-01"}, [4, 3]),
        ({"until": "2027-01-31"}, [2, 1]),
        ({"since": "2027-02-01", "until": "2027-02-01", "kind": "turn"}, [4]),
        ({"language": "fr", "platform": "discord"}, []),
    ],
)
async def test_each_part_of_a_filter_narrows_the_list(record, by, found):
    electoral = (verdict(Decision.WITHHOLD, Label.ELECTORAL),)
    await record.append(turn("$1", screening=electoral))
    await record.append(turn("$2", says=Kind.RECAP, room=SCHOOL, language="ar"))
    await record.append(Consent(message=message("$3"), granted=True, notice="fr:1@abc"))
    await record.append(turn("$4", attempts=(STEERED, ALLOWED)))

    assert await seqs(record, **by) == found


async def test_a_contest_and_its_review_are_told_of_the_question(record):
    await record.append(turn("$1"))
    await record.append(turn("$2"))
    await record.append(Contest(message=message("$3"), turn=1))

    assert await seqs(record, contested=True) == [1]
    assert await seqs(record, kind="contest", reviewed=False) == [3]
    assert await seqs(record, kind="turn", contested=False) == [2]

    await record.append(Review(turn=3, moderator="mo", finding="upheld"))

    assert await seqs(record, kind="contest", reviewed=False) == []
    assert await seqs(record, reviewed=True) == [3, 1]


async def test_an_entry_about_another_is_listed_in_its_debate(record):
    office = Room("matrix", "!office")
    await record.append(turn("$1"))
    await record.append(Contest(message=message("$2"), turn=1))
    await record.append(Case(turn=2, cause="contest"))
    answer = message("$3", room=office, sender="mo")
    await record.append(Review(turn=2, moderator="mo", finding="upheld", message=answer))
    await record.append(Delivery(turn=1, external_id="$9"))

    assert await seqs(record, debate="!park") == [5, 4, 3, 2, 1]
    assert [(line.kind, line.turn, line.why) for line in await lines(record)] == [
        ("delivery", 1, ""),
        ("review", 2, "upheld"),
        ("case", 2, "contest"),
        ("contest", 1, ""),
        ("turn", 0, "ladder"),
    ]


async def test_what_was_erased_is_still_listed_and_says_so(record):
    await record.append(turn("$1"))
    await record.append(turn("$2"))
    before = await record.tallies()

    await record.append(Erasure(erased=(1,), cause="person"))

    found = {line.seq: line for line in await lines(record)}
    assert (found[1].erased, found[2].erased) == (True, False)
    assert found[1].language == "fr"
    assert found[3].why == "person"
    after = await record.tallies()
    assert {name: after[name] for name in before if name != "kind"} == {
        name: counts for name, counts in before.items() if name != "kind"
    }


async def test_an_exchange_is_counted_by_what_was_said_and_how(record):
    await record.append(turn("$1", language="fr"))
    await record.append(turn("$2", language="ar", attempts=(STEERED, ALLOWED)))
    await record.append(turn("$3", says=None, why="limit-room"))

    found = await record.tallies()

    assert found["kind"] == {"turn": 3}
    assert found["language"] == {"fr": 2, "ar": 1}
    assert found["said"] == {"question": 2, "silence": 1}
    assert found["why"] == {"ladder": 2, "limit-room": 1}
    assert found["move"] == {"reasons": 2}
    assert found["source"] == {"frame": 2}
    assert found["decision"] == {"allow": 1, "withhold": 1}
    assert found["label"] == {"leading": 1, "loaded": 1}
    assert found["replaced"] == {"draft": 1}
    assert found["model"] == {"answered": 1}
    assert found["day"] == {"2027-01-31": 2, "2027-02-01": 1}


async def test_what_was_declined_is_counted_by_what_was_found_in_it(record):
    electoral = (verdict(Decision.WITHHOLD, Label.ELECTORAL),)
    await record.append(turn("$1", says=Kind.DECLINE, screening=electoral))

    found = await record.tallies()

    assert found["declined"] == found["screen"] == {"electoral": 1}


@pytest.mark.parametrize(
    ("others", "health"),
    [
        ({"why": "model failed: it did not answer"}, {"failed": 1}),
        ({"attempts": (STEERED, ALLOWED)}, {"answered": 1}),
        ({"attempts": (Attempt(Draft(text="", move=Move.CLARIFY), ()), ALLOWED)}, {"unusable": 1}),
        (
            {"attempts": (Attempt(Draft(text="", move=Move.CLARIFY, alarm=True), ()),)},
            {"answered": 1},
        ),
        ({}, {}),
    ],
)
async def test_a_models_health_is_counted(record, others, health):
    await record.append(turn("$1", **others))

    assert (await record.tallies()).get("model", {}) == health


async def test_people_are_counted_once_in_each_debate(record):
    await record.append(turn("$1"))
    await record.append(turn("$2"))
    await record.append(turn("$3", sender="P2"))
    await record.append(turn("$4", room=SCHOOL))

    assert (await record.tallies())["people"] == {"new": 3}
    assert (await record.tallies(debate="school"))["people"] == {"new": 1}


async def test_depth_counts_the_questions_on_one_idea(record):
    await record.append(turn("$1"))
    await record.append(turn("$2", depth=1))
    await record.append(turn("$3", sender="P2"))
    await record.append(turn("$4", says=Kind.RECAP, ends=True, depth=2))
    await record.append(turn("$5"))

    assert (await record.tallies())["depth"] == {"1": 3, "2": 1}


async def test_a_contest_is_opened_once_and_decided_once(record):
    await record.append(turn("$1"))
    await record.append(Contest(message=message("$2"), turn=1))
    await record.append(Review(turn=2, moderator="mo", finding="upheld"))
    await record.append(Review(turn=2, moderator="lu", finding="rejected"))

    assert (await record.tallies())["contest"] == {"opened": 1, "upheld": 1}


async def test_a_question_is_judged_once_however_many_review_it(record):
    await record.append(turn("$1"))
    await record.append(turn("$2"))
    for seq, who, finding in ((1, "mo", "leading"), (1, "lu", "neutral"), (2, "mo", "neutral")):
        await record.append(Review(turn=seq, moderator=who, finding=finding))

    found = await record.tallies()
    assert found["review"] == {"leading": 1, "neutral": 2}
    assert found["judged"] == {"steering": 1, "neutral": 1}


async def test_what_else_happens_is_counted(record):
    await record.append(Consent(message=message("$1"), granted=True, notice="fr:1@abc"))
    await record.append(Consent(message=message("$2"), granted=False, notice="fr:1@abc"))
    words = (Sentence(text=PRIVATE, turn=1, message="$1"),)
    await record.append(Approval(message=message("$3"), sentences=words, language="fr"))
    await record.append(Outcome(turn=3, state="adopted"))
    await record.append(Delivery(turn=1, external_id="$9"))
    await record.append(Delivery(turn=3, failure="muted"))
    await record.append(Case(turn=1, cause="request"))
    await record.append(turn("$4", says=Kind.NOTICE, command="drop", ends=True))
    await record.append(Erasure(erased=(1,), cause="person"))
    await record.append(Access(turn=3, reader="mo", reason="audit"))

    found = await record.tallies()

    assert found["consent"] == {"granted": 1, "refused": 1}
    assert found["idea"] == {"approved": 1, "dropped": 1}
    assert found["outcome"] == {"adopted": 1}
    assert found["delivery"] == {"delivered": 1, "failed": 1}
    assert found["case"] == {"request": 1}
    assert found["command"] == {"drop": 1}
    assert found["erasure"] == {"person": 1}
    assert found["access"] == {"read": 1}


@pytest.mark.parametrize(
    ("seconds", "value"),
    [(0.2, "1"), (1, "1"), (2.9, "3"), (10, "10"), (11, "30"), (60, "60"), (61, "more")],
)
async def test_the_wait_of_a_person_is_counted_in_steps(seconds, value):
    record = MemoryRecord(clock=lambda: NOON + timedelta(seconds=seconds))
    await record.append(turn("$1"))

    assert (await record.tallies())["delay"] == {value: 1}


async def test_counts_are_of_the_debate_and_the_days_asked_for(record):
    for number in range(4):
        await record.append(turn(f"${number}"))
    await record.append(turn("$5", room=SCHOOL))

    assert (await record.tallies(debate="!park"))["kind"] == {"turn": 4}
    assert (await record.tallies(debate="!park", since="2027-02-01"))["kind"] == {"turn": 2}
    assert (await record.tallies(until="2027-01-31"))["kind"] == {"turn": 2}
    assert await record.tallies(debate="nowhere") == {}


DAYS = ("", "2026-01-31", "2026-02-01", "2026-03-17", "2026-04-30", "2026-05-01", "2026-12-31")


@pytest.mark.parametrize("debate", ["", "school"])
async def test_any_period_is_counted_to_the_day_however_long_it_is(tmp_path, debate):
    clock = [datetime(2026, 1, 30, 12, tzinfo=UTC)]
    memory = MemoryRecord(clock=lambda: clock[0])
    async with SqlRecord(tmp_path / "record.db", clock=lambda: clock[0]) as stored:
        for number in range(100):
            clock[0] += timedelta(hours=29)
            for record in (memory, stored):
                await record.append(turn(f"${number}", room=SCHOOL if number % 3 else PARK))

        for since, until in product(DAYS, DAYS):
            asked = {"debate": debate, "since": since, "until": until}
            assert await stored.tallies(**asked) == await memory.tallies(**asked), asked


async def test_counts_from_before_there_were_months_are_carried_over(tmp_path):
    path = tmp_path / "record.db"
    async with SqlRecord(path, clock=lambda: NOON) as record:
        for name in ("$1", "$2"):
            await record.append(turn(name))
        before = await record.tallies(), await record.tallies(debate="!park", until="2027-02-02")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(OLDER)

    async with SqlRecord(path, clock=lambda: NOON) as record:
        after = await record.tallies(), await record.tallies(debate="!park", until="2027-02-02")
        assert after == before
        await record.append(turn("$3"))
        assert (await record.tallies())["kind"] == {"turn": 3}


async def test_the_newest_findings_of_reviews_come_first_and_those_of_the_debate_alone(record):
    await record.append(turn("$1"))
    await record.append(turn("$2", room=SCHOOL))
    for number, finding in ((1, "neutral"), (2, "leading"), (1, "suggestion")):
        await record.append(Review(turn=number, moderator=finding, finding=finding))

    assert await record.findings("", limit=2) == [(1, "suggestion"), (2, "leading")]
    assert await record.findings("!park", limit=9) == [(1, "suggestion"), (1, "neutral")]


def test_a_filter_has_no_part_that_no_test_narrows_by():
    tested = {"kind", "platform", "debate", "language", "said", "move", "source", "decision"}
    tested |= {"label", "contested", "reviewed", "since", "until", "before"}
    assert {field.name for field in fields(Filter)} == tested
