"""An organiser holds a debate from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli import cli
from bot.domain import Approval, Cafe, Consent, Contest, Outcome, Review
from bot.proposals import as_json, lessons, proposals
from storage.sql import SqlRecord
from tests.conftest import BENCHES, Citizen, FakePlatform, service


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def socrate(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


def created() -> None:
    where = ("--place", "fake:room", "--topic", "Bancs", "--opens", "2026-01-01")
    assert socrate("cafe", "create", "bancs", *where).exit_code == 0


async def held(folder: Path) -> int:
    """Hold a debate with one approved proposal and one upheld contest; return its number."""
    async with SqlRecord(folder / "cafe-socrate.db") as record:
        citizen = Citizen(service(record=record), FakePlatform())
        await citizen.says("j'accepte")
        await citizen.says(citizen.service.notices.word("fr", "research"))
        await citizen.says(BENCHES)
        await citizen.says("question orientée")
        accept = citizen.service.notices.word("fr", "accept")
        await citizen.says(accept)
        await citizen.says(accept)
        entries = [entry async for entry in record.entries()]
        contest = next(e.seq for e in entries if isinstance(e.event, Contest))
        await record.append(Review(turn=contest, moderator="m", finding="upheld"))
        return next(e.seq for e in entries if isinstance(e.event, Approval))


def test_a_debate_is_created_closed_and_opened_again(folder):
    created()
    assert "bancs  open" in socrate("cafe", "list").output
    socrate("cafe", "close", "bancs")
    assert "bancs  closed" in socrate("cafe", "list").output
    socrate("cafe", "open", "bancs")
    assert "bancs  open" in socrate("cafe", "list").output


async def test_proposals_are_exported_with_what_came_of_them(folder):
    seq = await held(folder)
    async with SqlRecord(folder / "cafe-socrate.db") as record:
        await record.append(Cafe(name="bancs", state="open", places=("fake:room",)))
        await record.append(Outcome(turn=seq, state="adopted", note="Dix bancs."))
        entries = [entry async for entry in record.entries()]
    [row] = proposals(entries, Cafe(name="bancs", state="open", places=("fake:room",)))
    assert (row["number"], row["state"], row["why"]) == (seq, "adopted", "Dix bancs.")
    assert json.loads(as_json([row]))["sentences"][0]["text"] == BENCHES


async def test_a_question_found_leading_becomes_a_case_for_the_rules_if_the_person_agreed(folder):
    await held(folder)
    async with SqlRecord(folder / "cafe-socrate.db") as record:
        entries = [entry async for entry in record.entries()]
    [case] = lessons(entries)
    assert case["contribution"] == BENCHES and case["question"].endswith("?")

    without = [
        e for e in entries if not (isinstance(e.event, Consent) and len(e.event.purposes) > 2)
    ]
    assert lessons(without) == []


def test_what_is_no_proposal_has_no_outcome(folder):
    created()
    done = socrate("cafe", "status", "1", "adopted")
    assert done.exit_code != 0


def test_silence_is_explained_by_its_rule(folder):
    created()
    done = socrate("diagnose", "99")
    assert "numéro" in done.output and done.exit_code == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["bancs"], "choose another name"),
        ([" "], "needs a name"),
        (["x", "--place", "nowhere"], "matrix:!room:server"),
        (["x", "--opens", "2027-02-01", "--closes", "2027-01-01"], "before it opens"),
    ],
)
def test_a_debate_that_makes_no_sense_is_refused_in_one_line(folder, words, told):
    created()
    done = socrate("cafe", "create", *words)
    assert done.exit_code != 0 and told in str(done.exception)
    assert socrate("cafe", "list").output.count("\n") == 1


def test_reading_a_record_that_is_not_there_says_so(folder):
    assert "There is no record" in str(socrate("audit", "list").exception)
