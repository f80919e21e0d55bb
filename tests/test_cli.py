"""The command line as a person meets it: a process, its output, its exit code."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import BENCHES

SOCRATE = Path(sys.executable).with_name("socrate")


def socrate(*words: str, given: str | bytes = "", folder: Path, **environment: str):
    return subprocess.run(
        [SOCRATE, *words],
        input=given.encode() if isinstance(given, str) else given,
        capture_output=True,
        cwd=folder,
        env={**os.environ, **environment},
        timeout=60,
        check=False,
    )


def test_a_piped_line_is_answered_by_one_question(tmp_path):
    done = socrate("chat", given=BENCHES + "\n", folder=tmp_path)
    assert done.returncode == 0
    lines = done.stdout.decode().splitlines()
    assert len(lines) == 1 and lines[0].endswith("?") and "bancs en ville" in lines[0]
    assert len(done.stderr.decode().splitlines()) == 1  # whose consent it was


def test_each_piped_line_is_a_message(tmp_path):
    given = f"{BENCHES}\nprès du marché\nje ne sais pas\nle dimanche\n"
    done = socrate("chat", given=given, folder=tmp_path)
    assert done.returncode == 0
    assert done.stdout.decode().count("?") == 3
    for sentence in (BENCHES, "près du marché", "le dimanche"):
        assert f". {sentence}\n" in done.stdout.decode()


@pytest.mark.parametrize(
    "given", [b"", b"\n", b"\xff\xfe\x00\n", b"x" * 25_000 + b"\n", b"\x1b[2J\x07\n", b"sans fin"]
)
def test_no_input_brings_the_chat_down(tmp_path, given):
    done = socrate("chat", given=given, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "We need more benches in town for older people."),
        ("de", "Wir brauchen mehr Bänke in der Stadt für ältere Leute."),
        ("ar", "نحتاج إلى مزيد من المقاعد في المدينة لكبار السن."),
    ],
)
def test_the_answer_is_in_the_language_of_the_idea(tmp_path, language, text):
    socrate("chat", given=text + "\n", folder=tmp_path)
    shown = socrate("audit", "show", "3", "--language", "en", folder=tmp_path).stdout.decode()
    assert re.search(rf"Language +{language}\n", shown)


def test_the_record_tells_why_it_asked_what_it_asked(tmp_path):
    said = socrate("chat", given=BENCHES + "\n", folder=tmp_path).stdout.decode().strip()
    listed = socrate("audit", "list", folder=tmp_path).stdout.decode()
    assert "question" in listed
    shown = socrate("audit", "show", "3", "--language", "en", folder=tmp_path).stdout.decode()
    for part in (BENCHES, said, "own_words: allow", "frame", "Kind of question", "ladder"):
        assert part in shown
    checked = socrate("audit", "verify", folder=tmp_path)
    assert checked.returncode == 0 and b"sound" in checked.stdout


def test_a_changed_record_is_found(tmp_path):
    socrate("chat", given=BENCHES + "\n", folder=tmp_path)
    with sqlite3.connect(tmp_path / "cafe-socrate.db") as database:
        database.execute(
            "UPDATE entry SET leaf = CAST(replace(CAST(leaf AS TEXT), 'turn', 'case') AS BLOB) WHERE seq = 3"
        )
    database.close()
    checked = socrate("audit", "verify", folder=tmp_path)
    assert checked.returncode == 1
    assert b"entry 3: leaf" in checked.stdout


def test_an_entry_that_is_not_there_is_said_so(tmp_path):
    socrate("chat", given=BENCHES + "\n", folder=tmp_path)
    done = socrate("audit", "show", "99", folder=tmp_path)
    assert done.returncode == 1 and b"99" in done.stderr


@pytest.mark.parametrize("words", [("audit", "list"), ("audit", "verify"), ("audit", "show", "1")])
def test_reading_a_record_that_is_not_there_makes_none(tmp_path, words):
    done = socrate(*words, folder=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.decode().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_record_says_nothing_and_tells_what_to_do(tmp_path):
    missing = str(tmp_path / "not" / "there.db")
    done = socrate("chat", given=BENCHES, folder=tmp_path, SOCRATE_RECORD__PATH=missing)
    assert done.returncode == 2
    assert done.stdout == b""
    assert str(tmp_path / "not") in done.stderr.decode() and b"Traceback" not in done.stderr


def test_a_file_that_is_no_record_is_left_alone(tmp_path):
    (tmp_path / "cafe-socrate.db").write_bytes(b"not a database, but mine\n" * 100)
    done = socrate("chat", given=BENCHES, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert (tmp_path / "cafe-socrate.db").read_bytes().startswith(b"not a database")


def test_a_wrong_setting_ends_in_one_line_that_names_it(tmp_path):
    (tmp_path / "socrate.toml").write_text("[model]\nnmae = 'x'\n", "utf-8")
    done = socrate("chat", given=BENCHES, folder=tmp_path)
    assert done.returncode == 2
    assert b"model.nmae" in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "words", [("chat", "--nonsense"), ("nonsense",), ("lab", "ask", "none.jsonl")]
)
def test_wrong_use_exits_with_2(tmp_path, words):
    assert socrate(*words, folder=tmp_path).returncode == 2


def test_the_lab_reads_standard_input_and_names_a_broken_line(tmp_path):
    good = json.dumps({"id": "a", "text": BENCHES})
    done = socrate("lab", "ask", "-", given=f"{good}\n{{\n{good}\n", folder=tmp_path)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr.startswith(b"line 2: ")
    assert list(tmp_path.iterdir()) == []


def test_a_lab_file_with_bytes_that_are_no_text_is_worked_on(tmp_path):
    (tmp_path / "in.jsonl").write_bytes(
        b'{"id": 1, "text": "\xff bancs"}\n{"id": 2, "text": "\\ud800"}\n'
    )
    done = socrate("lab", "ask", "in.jsonl", folder=tmp_path)
    assert b"Traceback" not in done.stderr
    assert len(done.stdout.splitlines()) + len(done.stderr.splitlines()) == 2


def test_a_model_that_does_not_answer_costs_one_line_and_no_question(tmp_path):
    done = socrate(
        "chat", "--model", "ollama:none", given=BENCHES, folder=tmp_path,
        SOCRATE_MODEL__URL="http://127.0.0.1:9",
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout.decode().strip().endswith("?")
    errors = done.stderr.decode().splitlines()
    assert len(errors) == 2 and any("ollama serve" in line for line in errors)


def test_ollamas_own_variable_says_where_it_is(tmp_path):
    done = socrate(
        "chat", "--model", "ollama:none", given=BENCHES, folder=tmp_path,
        OLLAMA_HOST="127.0.0.1:9",
    )  # fmt: skip
    assert done.returncode == 0
    assert b"127.0.0.1:9" in done.stderr


def test_a_person_at_a_terminal_is_greeted_and_asked_for_consent(tmp_path):
    """A real terminal: greeting, consent by an act, a question, process words, a way out."""
    with Screen(tmp_path) as screen:
        greeting = screen.until("> ")
        assert "IA" in greeting and "stop" in greeting
        for consent in ("d'accord", "I agree", "einverstanden", "أوافق"):
            assert consent.lower() in greeting.lower()
        screen.type(BENCHES)
        assert "bancs" not in screen.until("> ").replace(BENCHES, "")  # not before consent
        screen.type("j'accepte")
        screen.until("> ")
        screen.type(BENCHES)
        asked = screen.until("> ")
        assert "« bancs en ville" in asked.replace("\u00a0", " ")
        assert "Passer" in asked
        screen.type("stop")
        screen.ends()


class Screen:
    """A pseudo-terminal with `socrate chat` in it."""

    def __init__(self, folder: Path) -> None:
        self._leader, follower = pty.openpty()
        self._process = subprocess.Popen(
            [SOCRATE, "chat"], cwd=folder, stdin=follower, stdout=follower, stderr=follower
        )
        os.close(follower)

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._leader)

    def type(self, line: str) -> None:
        os.write(self._leader, f"{line}\n".encode())

    def until(self, mark: str) -> str:
        seen, deadline = b"", time.monotonic() + 20
        while not seen.decode(errors="replace").endswith(mark):
            ready, _, _ = select.select([self._leader], [], [], deadline - time.monotonic())
            assert ready, seen.decode(errors="replace")
            seen += os.read(self._leader, 4096)
        return seen.decode()

    def ends(self) -> None:
        while True:
            try:
                if not os.read(self._leader, 4096):
                    break
            except OSError:
                break
        assert self._process.wait(timeout=20) == 0
