"""The disk fails, the process is killed in the middle of a write: nothing acknowledged is lost.

The kernel's answers are made up by strace, which a bare machine is given by `.ci/run`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from storage.sql import SqlRecord
from storage.verify import verify
from tests.test_record import on_record

ROOT = Path(__file__).parent.parent

APPENDING = """
import asyncio, json, os, sys
from bot.errors import BotError
from tests.test_record import message, turn
from storage.sql import SqlRecord

def tell(**what):
    os.write(1, (json.dumps(what) + "\\n").encode())

async def main(path):
    async with SqlRecord(path) as record:
        tell(ready=True)
        for number in range(12):
            try:
                await record.receive(message(f"${number}"), f"s{number}")
                entry = await record.append(turn(f"${number}"))
            except BotError as exc:
                tell(failed=number, why=str(exc))
            else:
                tell(kept=entry.seq, name=f"${number}")

asyncio.run(main(sys.argv[1]))
"""
FAULTS = [
    f"{call}:{what}:when={when}"
    for call in ("fdatasync", "pwrite64")
    for what in ("error=EIO", "error=ENOSPC", "signal=KILL")
    for when in ((1, 3, 8) if call == "fdatasync" else (3, 20, 47))
]


def strace() -> str:
    found = shutil.which("strace")
    assert found, "strace is not installed: apt-get install strace"
    return found


def told(folder: Path, fault: str) -> list[dict]:
    """Have a process append under *fault*; return what it said."""
    call = fault.partition(":")[0]
    log = folder / "calls"
    watched = ("-f", "-qq", "-o", str(log), "-e", f"trace={call}", "-e", f"inject={fault}")
    done = subprocess.run(  # our own words
        [strace(), *watched, sys.executable, "-c", APPENDING, str(folder / "record.db")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "(INJECTED)" in log.read_text() or done.returncode == -9, "the fault did not strike"
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("fault", FAULTS)
async def test_no_fault_of_the_disk_loses_what_was_acknowledged(empty, tmp_path, fault):
    folder = shutil.copytree(empty, tmp_path / "record")

    said = told(folder, fault)

    kept = {line["kept"]: line["name"] for line in said if "kept" in line}
    failed = [line for line in said if "failed" in line]
    assert all("Café" not in line["why"] and "trees" not in line["why"] for line in failed)
    report = verify(folder / "record.db")
    assert report.sound, report
    async with SqlRecord(folder / "record.db") as record:
        entries = await on_record(record)
        there = {entry.seq: entry.event.message.id for entry in entries}
        assert kept.items() <= there.items()
        assert len(set(there.values())) == len(there)
        for message in await record.waiting("matrix"):
            assert message.id not in there.values()
