"""What a debate leaves behind, and for how long."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta

import pytest

from bot.cafes import cafe_of, checked_date, standing_of
from bot.domain import (
    Approval,
    Cafe,
    Case,
    Consent,
    Entry,
    Erased,
    Kind,
    Message,
    Outcome,
    Review,
    Room,
    Sentence,
    Turn,
)
from bot.errors import ConfigError
from bot.proposals import as_csv, as_markdown, outlived, proposals
from tests.conftest import Citizen, service

HERE = Room("matrix", "!thread", "!debate")
ELSEWHERE = Room("matrix", "!other")
CAFE = Cafe(name="bancs", state="open", places=("matrix:!debate",))
OTHER = Cafe(name="other", state="open", places=("matrix:!other",))
CLOSE = datetime(2027, 1, 31, 18, tzinfo=UTC)


def message(room: Room = HERE, text: str = "Des bancs.") -> Message:
    return Message(id=f"{room.id}-{text}", room=room, sender="p1", text=text, sent_at=CLOSE)


def record(*events) -> list[Entry]:
    return [Entry(seq=n, at=CLOSE, event=event, seal="") for n, event in enumerate(events, 1)]


def approval(text: str = "Des bancs.", room: Room = HERE) -> Approval:
    said = (Sentence(text=text, turn=1, message="m"),)
    return Approval(message=message(room), sentences=said, language="fr")


def test_a_debate_is_found_by_the_place_of_a_thread():
    assert cafe_of([CAFE], HERE) is CAFE
    assert cafe_of([CAFE], ELSEWHERE) is None


@pytest.mark.parametrize(
    ("values", "day", "expected"),
    [
        ({"state": "closed"}, date(2027, 1, 1), "closed"),
        ({"state": "open", "closes": "2027-01-31"}, date(2027, 1, 31), None),
        ({"state": "open", "closes": "2027-01-31"}, date(2027, 2, 1), "closed"),
        ({"state": "open", "opens": "2027-01-02"}, date(2027, 1, 1), "not-open"),
        ({"state": "open", "opens": "2027-01-02"}, date(2027, 1, 2), None),
        ({"state": "planned"}, date(2027, 1, 2), "not-open"),
    ],
)
def test_a_debate_is_open_from_its_first_day_to_its_last(values, day, expected):
    assert standing_of(Cafe(name="x", **values), day) == expected


def test_a_wrong_date_says_how_to_write_it():
    with pytest.raises(ConfigError, match="2027-01-31"):
        checked_date("31/01/2027")
    assert checked_date("") == ""


def test_only_the_debates_own_proposals_are_exported_with_what_came_of_them():
    entries = record(
        approval(),
        approval("Ailleurs.", ELSEWHERE),
        Outcome(turn=1, state="declined", note="Trop cher."),
    )

    [row] = proposals(entries, CAFE)

    assert (row["number"], row["state"], row["why"]) == (1, "declined", "Trop cher.")
    assert "p1" not in str(row)
    assert "> Des bancs." in as_markdown([row]) and "Trop cher." in as_markdown([row])


@pytest.mark.parametrize("text", ["=1+1", "+33 6", "-x", "@SUM(A1)", "\tx"])
def test_no_cell_is_a_formula(text):
    rows = list(csv.reader(io.StringIO(as_csv(proposals(record(approval(text)), CAFE)))))

    assert rows[1][3].startswith("'") and rows[1][3][1:] == text


def closed_record() -> list[Entry]:
    own = Turn(message=message(), language="fr")
    other = Turn(message=message(ELSEWHERE), language="fr")
    closed = Cafe(name="bancs", state="closed", places=CAFE.places)
    return record(
        own,
        other,
        Case(turn=1, cause="hand-off"),
        Review(turn=2, moderator="m", finding="fair"),
        Erased(kind="turn"),
        Consent(message=message(text="agree"), granted=True, notice="fr:2@x"),
        closed,
    )


def test_what_people_wrote_outlives_its_debate_by_so_many_days_and_no_more():
    entries = closed_record()
    closed = [OTHER, *(entry.event for entry in entries if isinstance(entry.event, Cafe))]
    last = CLOSE.date() + timedelta(days=90)

    assert outlived(entries, closed, last, 90) == ()
    assert outlived(entries, closed, last + timedelta(days=1), 90) == (1, 3, 6)


def test_nothing_of_an_open_debate_is_erased():
    assert outlived(closed_record(), [CAFE, OTHER], date(2100, 1, 1), 90) == ()


def test_a_place_without_a_debate_is_closed_by_its_last_message():
    entries = record(Turn(message=message(ELSEWHERE), language="fr"))
    last = CLOSE.date() + timedelta(days=90)

    assert outlived(entries, [], last, 90) == ()
    assert outlived(entries, [], last + timedelta(days=1), 90) == (1,)


@pytest.mark.parametrize(
    ("said", "left_out", "kept"),
    [
        (
            ("Les poubelles débordent.", "oui", "merci", "pour tout le monde"),
            "oui",
            "tout le monde",
        ),
        (("The bins overflow.", "no", "yes", "the old people"), "yes", "old people"),
        (("Die Mülltonnen quellen über.", "ja", "danke", "alle Leute"), "ja", "alle Leute"),
        (("حاويات القمامة ممتلئة", "نعم", "شكرا", "كل الناس"), "شكرا", "كل الناس"),
    ],
)
async def test_a_bare_yes_is_no_sentence_of_an_idea(said, left_out, kept):
    agrees = {"L": "j'accepte", "T": "I agree", "D": "einverstanden", "ح": "أوافق"}[said[0][0]]
    person = Citizen(service())
    await person.says(said[0])
    await person.says(agrees)
    for text in said[:3]:
        await person.says(text)
    recap = await person.says(said[3])
    assert recap.kind is Kind.RECAP and kept in recap.text
    assert f". {left_out}\n" not in recap.text and recap.text.count("\n3. ") == 0
