"""What an auditor can ask of the record, as they ask it: on the command line."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import shutil
import time
from dataclasses import replace

import pytest
from click.testing import CliRunner

from adapters.scripted import ScriptedModel
from bot import wiring
from bot.cli import cli
from bot.cli_audit import rotated
from bot.domain import (
    Access,
    Approval,
    Cafe,
    Erased,
    Erasure,
    Review,
    Room,
    Sentence,
    Turn,
)
from bot.errors import BotError
from bot.settings import Settings
from storage.merkle import leaf_hash, root_of
from storage.notes import Kind, Verifier, opened, proved
from storage.signing import read_public_key
from storage.sql import SqlRecord
from tests.conftest import BENCHES, NOON, Citizen, service
from tests.ollama_server import OllamaServer

WORD = "Pflaumenkuchen"
PLACE = Room("fake", "!room:example.org")
OPENING = f"Il faudrait plus de bancs près de la {WORD} pour les anciens."


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    """Two people in one room: entries 1 to 6 are Ana's, 7 to 10 Ben's, deliveries included."""
    path = tmp_path_factory.mktemp("talk") / "cafe-socrate.db"
    asyncio.run(_said(path, OPENING, "question orientée"))
    asyncio.run(_said(path, "Il faut fermer la rue aux voitures.", sender="ben"))
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def record(talk, folder):
    """A copy of `talk` where the command line looks for it."""
    for file in talk.parent.iterdir():
        shutil.copy(file, folder / file.name)
    return folder / talk.name


def audit(*words, given=""):
    return CliRunner().invoke(cli, ["audit", *map(str, words)], input=given)


async def _said(path, *texts, sender="ana", room=PLACE):
    async with SqlRecord(path) as record:
        citizen = Citizen(service(record=record), sender=sender, room=room)
        for text in ("j'accepte", *texts):
            message = citizen.message(text)
            kept = await citizen.service.admit(message)
            await record.receive(kept, message.id)
            await citizen.service.handle(kept, citizen.platform)


def entries(path):
    async def read():
        async with SqlRecord(path, read_only=True) as record:
            return [entry async for entry in record.entries()]

    return asyncio.run(read())


def appended(path, *events):
    async def append():
        async with SqlRecord(path) as record:
            return [await record.append(event) for event in events]

    return asyncio.run(append())


def numbers(listed):
    return [int(line.split()[0]) for line in listed.stdout.splitlines()]


def question(path, sender="ana"):
    return next(
        e.seq
        for e in entries(path)
        if isinstance(e.event, Turn) and e.event.move and e.event.message.sender == sender
    )


def test_a_list_begins_with_the_newest_and_says_how_to_go_on(record):
    whole = audit("list")
    first = audit("list", "--limit", 4)
    rest = audit("list", "--before", numbers(first)[-1])

    assert numbers(whole) == sorted(numbers(whole), reverse=True)
    assert numbers(first) + numbers(rest) == numbers(whole)
    assert f"--before {numbers(first)[-1]}" in first.stderr and rest.stderr == ""


def test_a_list_holds_nobodys_words_and_no_pseudonym(record):
    listed = audit("list").output
    assert WORD not in listed and "voitures" not in listed and "ana" not in listed.split()


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        (["--kind", "contest"], {"contest"}),
        (["--contested"], {"turn"}),
        (["--kind", "turn", "--not-contested"], {"turn"}),
        (["--source", "frame", "--language", "fr"], {"turn"}),
        (["--label", "advocacy"], set()),
        (["--decision", "escalate"], set()),
        (["--debate", PLACE.id, "--platform", "fake", "--kind", "consent"], {"consent"}),
        (["--debate", "elsewhere"], set()),
        (["--since", "2001-01-01", "--until", "2001-12-31"], set()),
        (["--reviewed"], set()),
        (["--not-reviewed", "--kind", "delivery"], {"delivery"}),
    ],
)
def test_a_list_holds_what_was_asked_for_and_nothing_else(record, words, kinds):
    by_number = {entry.seq: type(entry.event).__name__.lower() for entry in entries(record)}
    found = audit("list", *words)
    assert found.exit_code == 0
    assert {by_number[seq] for seq in numbers(found)} == kinds


def test_a_day_that_is_none_is_said_to_be_none(record):
    assert "tomorrow" in refused("list", "--since", "tomorrow")


def refused(*words):
    """Return what the operator is told."""
    done = audit(*words)
    assert isinstance(done.exception, BotError)
    return str(done.exception)


def test_a_receipt_and_its_leaf_prove_the_entry_to_whoever_has_the_public_key(record, folder):
    done = audit("receipt", 3, "--leaf", "three.leaf")

    key = read_public_key(folder / "cafe-socrate.db.key")
    leaf = (folder / "three.leaf").read_bytes()
    origin = done.stdout.split("\n\n")[1].splitlines()[0]
    index, checkpoint = proved(done.stdout, leaf, [Verifier(name=origin, kind=Kind.LOG, key=key)])
    assert (index, checkpoint.size) == (2, len(entries(record)))
    assert leaf_hash(leaf).hex() == entries(record)[2].seal


def test_a_receipt_of_no_entry_is_refused(record):
    done = audit("receipt", 99)
    assert done.exit_code == 1 and "99" in done.stderr and done.stdout == ""


def rows(*words):
    return [json.loads(line) for line in audit("export", *words).stdout.splitlines()]


def test_an_export_has_no_words_no_pseudonym_and_no_id(record):
    for form in ("jsonl", "csv"):
        out = audit("export", "--format", form).stdout
        assert out.count("\n") >= len(entries(record))
        for hidden in (WORD, "voitures", "ana", "ben", PLACE.id, "ana-2", "«"):
            assert hidden not in out, hidden


def test_an_export_tells_the_vetted_question_and_the_rules_in_force(record):
    row = next(r for r in rows() if r["said"] == "question")
    assert row["question"].endswith("?") and row["frame"].startswith(row["move"])
    assert row["policy"] == wiring.policy() and row["depth"] == 0


def test_an_export_names_the_debate_it_is_of(record):
    cafe = Cafe(name="bancs", state="open", places=(PLACE.address,))
    appended(record, cafe)
    assert {r["debate"] for r in rows("--kind", "turn")} == {"bancs"}


def test_words_are_exported_only_for_a_reason(record):
    assert audit("export", "--words").exit_code == 2
    assert not any(isinstance(e.event, Access) for e in entries(record))


def test_each_reading_of_words_is_on_record_before_they_are_out(record):
    exported = rows("--words", "--reason", "a complaint", "--reader", "eva", "--kind", "turn")

    assert any(WORD in row["written"] for row in exported)
    read = [e.event for e in entries(record) if isinstance(e.event, Access)]
    with_words = [r["seq"] for r in exported if r["written"] or r["answer"] or r["note"]]
    assert with_words and [access.turn for access in read] == with_words
    assert {(a.reader, a.reason) for a in read} == {("eva", "a complaint")}


def test_no_words_are_out_if_their_reading_cannot_be_recorded(record, folder):
    (folder / "cafe-socrate.db.key").unlink()
    assert "key" in refused("export", "--words", "--reason", "x", "--reader", "eva")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_an_export_is_a_formula(record, start):
    seq = question(record)
    appended(record, Review(turn=seq, moderator="eva", finding="neutral", note=f"{start}1+1"))
    out = audit("export", "--words", "--reason", "x", "--reader", "e", "--format", "csv").stdout

    found = list(csv.reader(io.StringIO(out, newline="")))
    cells = [cell for row in found for cell in row]
    assert f"'{start}1+1" in cells
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)


def test_the_whole_log_is_exported_as_tiles_that_fit_its_checkpoint(record, folder):
    done = audit("export", "--tiles", "log")

    count = len(entries(record))
    assert done.stdout == f"entries: {count}\n"
    hashes = (folder / f"log/tile/0/000.p/{count}").read_bytes()
    assert hashes.hex() == "".join(entry.seal for entry in entries(record))
    key = read_public_key(folder / "cafe-socrate.db.key")
    note = (folder / "log/checkpoint").read_text("utf-8")
    verifier = Verifier(name=note.splitlines()[0], kind=Kind.LOG, key=key)
    root = root_of(hashes[at : at + 32] for at in range(0, len(hashes), 32))
    assert opened(note, [verifier]).root == root
    assert not any(WORD.encode() in f.read_bytes() for f in folder.glob("log/**/*") if f.is_file())


def test_an_erased_entry_takes_with_it_all_that_quotes_it(record):
    seq = question(record)
    done = audit("erase", seq, "--reason", "a court says so", "--yes")

    assert done.exit_code == 0 and "rotate" in done.stdout
    left = entries(record)
    assert WORD not in str(left) and "voitures" in str(left)
    [erasure] = [e.event for e in left if isinstance(e.event, Erasure)]
    assert (erasure.cause, erasure.note) == ("operator", "a court says so")
    assert seq in erasure.erased
    assert audit("verify").exit_code == 0


def test_a_person_is_erased_and_nobody_else(record):
    audit("erase", "--person", "ana", "--debate", PLACE.id, "--reason", "by letter", "--yes")

    left = entries(record)
    assert WORD not in str(left) and "voitures" in str(left)
    assert all(isinstance(e.event, Erased) for e in left if e.seq in (1, 3))


def test_a_message_is_erased_by_its_id_on_the_platform(record):
    done = audit("erase", "--message", "fake", "ana-2", "--reason", "asked by mail", "--yes")
    assert done.exit_code == 0
    left = entries(record)
    assert WORD not in str(left) and not isinstance(left[0].event, Erased)


def test_a_message_that_was_answered_with_the_next_is_erased_by_its_own_id(folder):
    asyncio.run(_joined(folder / "cafe-socrate.db"))
    done = audit("erase", "--message", "fake", "ana-2", "--reason", "x", "--yes")
    assert done.exit_code == 0 and WORD not in str(entries(folder / "cafe-socrate.db"))


async def _joined(path):
    async with SqlRecord(path) as record:
        citizen = Citizen(service(record=record), room=PLACE)
        await citizen.says("j'accepte")
        first, second = citizen.message(OPENING), citizen.message("Surtout le matin.")
        for message in (first, second):
            await record.receive(message, message.id)
        await citizen.service.handle(second, citizen.platform, [first])


def test_nothing_is_erased_without_a_yes(record):
    before = entries(record)
    assert audit("erase", 3, "--reason", "x", given="n\n").exit_code == 1
    assert audit("erase", 3, "--reason", "x").exit_code == 1
    assert audit("erase", 3, "--yes").exit_code == 2
    assert entries(record) == before


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--person", "ana"],
        ["--debate", "d"],
        ["3", "--person", "ana", "--debate", "d"],
        ["3", "--message", "fake", "ana-2"],
    ],
)
def test_it_must_be_clear_what_is_to_be_erased(record, words):
    assert audit("erase", *words, "--reason", "x", "--yes").exit_code == 2


def test_who_read_and_who_erased_cannot_be_erased(record):
    [read] = appended(record, Access(turn=3, reader="eva", reason="x"))
    assert str(read.seq) in refused("erase", read.seq, "--reason", "x", "--yes")
    audit("erase", 3, "--reason", "x", "--yes")
    assert entries(record)[read.seq - 1].event == read.event


def test_what_is_not_there_is_not_erased(record):
    nobody = ["--person", "nobody", "--debate", PLACE.id]
    unknown = ["--message", "fake", "unknown"]
    for words in (nobody, unknown):
        done = audit("erase", *words, "--reason", "x", "--yes")
        assert done.exit_code == 1 and "Nothing" in done.stderr


def test_a_backup_from_before_an_erasure_stays_unreadable_after_a_rotation(record, folder):
    backup = folder / "backup.db"
    shutil.copy(record, backup)
    audit("erase", 3, "--reason", "x", "--yes")

    done = audit("rotate")

    assert done.exit_code == 0 and "take a new one" in done.stdout
    for name in ("key", "epochs"):
        shutil.copy(folder / f"{record.name}.{name}", folder / f"backup.db.{name}")
    shown = CliRunner().invoke(
        cli, ["audit", "show", "3"], env={"SOCRATE_RECORD__PATH": str(backup)}
    )
    assert shown.exception and WORD not in shown.output
    assert "voitures" in audit("show", question(record, "ben")).stdout


async def test_keys_are_rotated_when_they_are_old_enough_and_not_before(tmp_path, capsys):
    async with SqlRecord(tmp_path / "record.db") as record:
        keys = tmp_path / "record.db.epochs"
        first = keys.read_bytes()
        assert not await rotated(record, 30)
        old = time.time() - 31 * 86_400
        os.utime(keys, (old, old))

        assert await rotated(record, 30)

        assert keys.read_bytes() != first and "take a new one" in capsys.readouterr().err
        assert not await rotated(record, 30)


def test_statistics_count_and_hold_no_words(record):
    shown = audit("stats").stdout
    assert "language" in shown and "exchanges  " in shown and WORD not in shown
    counted = [line.split()[-2:] for line in shown.splitlines()]
    assert ["2", "granted"] in counted and ["1", "opened"] in counted
    assert audit("stats", "--debate", "elsewhere").stdout.split() == ["exchanges", "0"]


def test_erasing_changes_no_statistic_but_that_of_erasures(record):
    before = audit("stats", "--debate", PLACE.id).stdout
    audit("erase", 3, "--reason", "x", "--yes")
    assert audit("stats", "--debate", PLACE.id).stdout == before
    assert "operator" in audit("stats").stdout


def test_the_page_of_an_entry_tells_what_the_model_was_shown(folder):
    asyncio.run(_asked(folder / "cafe-socrate.db", ScriptedModel(["Qui s'assied en ville ?"])))
    shown = audit("show", 3, "--language", "en").stdout
    assert "Shown to the model" in shown and wiring.policy() in shown


async def _asked(path, model):
    async with SqlRecord(path) as record:
        citizen = Citizen(service(model, record, model={"strategy": "draft"}))
        await citizen.says("j'accepte")
        await citizen.says(BENCHES)


async def _replayed(server, tmp_path, *words):
    settings = Settings(model={"name": "ollama:tiny", "url": server.url, "seed": 5})
    path = tmp_path / "cafe-socrate.db"
    if not path.exists():
        await _asked(path, wiring.model(settings.model))
    chosen = tmp_path / "socrate.toml"
    chosen.write_text(f'[record]\npath = "{path}"\n[model]\nurl = "{server.url}"\n', "utf-8")
    command = ["--config", str(chosen), "audit", "replay", *words]
    return await asyncio.to_thread(CliRunner().invoke, cli, command)


async def test_a_replay_asks_the_same_of_the_same_model_with_the_same_parameters(tmp_path):
    async with OllamaServer(lambda _: "Qui s'assied en ville ?") as server:
        done = await _replayed(server, tmp_path, "3")

        assert done.exit_code == 0, done.output
        assert "entry 3, answer 1: same" in done.stdout and "1 of 1 compared" in done.stdout
        first, *_, again = server.chats
        assert again == first and again["options"]["seed"] == 5


async def test_a_replay_says_when_the_answer_differs(tmp_path):
    said = iter(["Qui s'assied en ville ?", "Quand ?"])
    async with OllamaServer(lambda _: next(said)) as server:
        done = await _replayed(server, tmp_path, "--last", "5")
    assert done.exit_code == 1
    assert "different" in done.stdout and "0 of 1 compared (0%)" in done.stdout


async def test_a_replay_by_other_weights_does_not_count(tmp_path):
    async with OllamaServer(lambda _: "Qui s'assied en ville ?") as server:
        await _replayed(server, tmp_path, "3")
        server.digest = "0" * 64
        done = await _replayed(server, tmp_path, "3")
    assert done.exit_code == 1
    assert "another model" in done.stdout and "0 of 0 compared" in done.stdout


async def test_a_replay_without_an_answer_does_not_count(tmp_path):
    async with OllamaServer(lambda _: "Qui s'assied en ville ?") as server:
        await _replayed(server, tmp_path, "3")
    done = await _replayed(server, tmp_path, "3")
    assert "no answer" in done.stdout and "0 of 0 compared" in done.stdout


def test_an_approval_and_its_note_can_be_taken_out(record):
    message = replace(
        Citizen(service()).message(""), room=PLACE, sender="ana", id="x", sent_at=NOON
    )
    sentence = Sentence(text="Des bancs.", turn=3, message="ana-2")
    appended(record, Approval(message=message, sentences=(sentence,), language="fr"))
    [row] = rows("--words", "--reason", "x", "--reader", "e", "--kind", "approval")
    assert row["written"] == "Des bancs."
