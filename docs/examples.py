"""Run the examples of a page and put what they print in their place: ``python -m docs.examples``.

An example is a ``console`` block: lines that begin with ``$`` are commands, those that begin with
``>`` are typed by a person, the rest is printed. The examples of a page share one folder.
"""  # noqa: INP001 - docs are no package

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "README.fr.md", "docs/tutorial.md", "docs/tutorial.fr.md")
SECONDS = 30
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FAILED = re.compile(r'^(?:socrate: |Traceback|.*"label": "failure").*', re.MULTILINE)
_STYLE = re.compile(r"\x1b\[\d*m")
_VARIES = re.compile(
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d\.\d+\+00:00)?"  # when
    r"|\b[0-9a-f]{64}\b"  # seals
    r"|(?<!@)\b[0-9a-f]{12}\b"  # the room of a run
    r'|(?<="ms": )[\d.]+'
)


def refreshed(page: str, folder: Path) -> str:
    """Return *page* with what its examples print now, or as it is if only dates differ."""
    set_up(folder)
    now = _BLOCK.sub(lambda match: f"```console\n{_run(match.group(1), folder)}```", page)
    return page if steady(now) == steady(page) else now


def _run(block: str, folder: Path) -> str:
    """Return *block* as it would read if it were run now."""
    commands = [line[2:] for line in block.splitlines() if line.startswith("$ ")]
    lines = [line[2:] for line in block.splitlines() if line.startswith("> ")]
    return "".join(f"$ {command}\n{_output(command, lines, folder)}" for command in commands)


def steady(text: str) -> str:
    """Return *text* without what differs from one run to the next."""
    return _VARIES.sub("*", text)


def _output(command: str, lines: Sequence[str], folder: Path) -> str:
    shown = typed(command, lines, folder) if lines else _piped(command, folder)
    return "".join(f"{line.rstrip()}\n" for line in shown.splitlines())


def _piped(command: str, folder: Path) -> str:
    done = subprocess.run(  # noqa: S602 - our own pages
        command,
        shell=True,
        cwd=folder,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SECONDS,
        check=False,
    )
    return done.stdout.decode()


def typed(command: str, lines: Sequence[str], folder: Path) -> str:
    """Return what a terminal shows when a person types *lines*, each after a prompt."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(  # noqa: S602 - our own pages
        command,
        shell=True,
        cwd=folder,
        env=_environment(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown, left = b"", list(lines)
        while chunk := _read(ours):
            shown += chunk
            if shown.endswith(b"\n> "):
                if not left:
                    break
                os.write(ours, f"{left.pop(0)}\n".encode())
        os.close(ours)
        process.wait(SECONDS)
    if left:
        raise RuntimeError(f"{command} did not wait for {left}: {shown.decode()}")
    return _STYLE.sub("", shown.decode()).replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    """Return what *terminal* shows next; nothing once the program is gone."""
    ready, _, _ = select.select([terminal], [], [], SECONDS)
    try:
        return os.read(terminal, 4096) if ready else b""
    except OSError:  # how Linux says that the other end is closed
        return b""


def set_up(folder: Path) -> None:
    """Make *folder* look like a checkout whose ``make`` has nothing left to set up."""
    (folder / ".venv").mkdir()
    (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (folder / "Makefile").write_text("run:\n\t@.venv/bin/socrate chat\n", "utf-8")


def _environment() -> dict[str, str]:
    """Return the environment, without what a ``make`` around us would tell the one within."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "SOCRATE_"))}


def main() -> None:
    """Bring every page up to date."""
    for name in PAGES:
        with tempfile.TemporaryDirectory() as folder:
            page = ROOT / name
            now = refreshed(page.read_text("utf-8"), Path(folder))
        if failed := _FAILED.search(now):
            sys.exit(f"{name} stays as it is: {failed.group()}")
        page.write_text(now, "utf-8")


if __name__ == "__main__":
    main()
