"""Hold a real conversation in a terminal and draw its screen: ``python -m docs.pictures.render``.

Needs tmux. Writes ``terminal-fr.svg`` beside this file.
"""  # noqa: INP001 - docs are no package

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from html import escape
from pathlib import Path

SAID = (
    "j'accepte",
    "Il faudrait plus de bancs en ville pour les anciens.",
    "Surtout entre la gare et le marché.",
    "pourquoi cette question",
    "Ma mère doit s'asseoir tous les cent mètres.",
    "voir mon idée",
)
WIDTH, HEIGHT = 114, 70
PATIENCE = 20.0
"""Seconds to wait for an answer."""
PICTURE = Path(__file__).with_name("terminal-fr.svg")

ADVANCE, LEADING, MARGIN, BAR = 7.83, 19, 18, 34
"""In pixels, for letters of 13 pixels."""
DIM = "\x1b[2m"
STYLE = (
    "text{font:13px 'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:#e6e3da;white-space:pre}"
    ".dim{fill:#9a978c}.said{fill:#f2c14e;font-weight:bold}.bar{fill:#9a978c}"
)


class Pane:
    """A terminal of its own, on a tmux server of its own."""

    def __init__(self, folder: str) -> None:
        """Start ``socrate chat`` in *folder*."""
        self._server = ("tmux", "-L", f"cafe-socrate-{os.getpid()}", "-f", os.devnull)
        chat = f"{Path(sys.executable).with_name('socrate')} chat"
        size = ("-x", str(WIDTH), "-y", str(HEIGHT))
        self._tmux("-u", "new-session", "-d", *size, "-c", folder, chat)

    def screen(self) -> list[str]:
        """Return the lines on the screen, colours included, empty ones at the end left out."""
        return self._tmux("capture-pane", "-p", "-e").rstrip().split("\n")

    def prompted(self, times: int) -> None:
        """Wait until the person has been asked to write *times* times."""
        end = time.monotonic() + PATIENCE
        while sum(_bare(line).startswith(">") for line in self.screen()) < times:
            if time.monotonic() > end:
                raise TimeoutError("\n".join(self.screen()))
            time.sleep(0.1)

    def types(self, text: str) -> None:
        """Type *text* and press Enter."""
        self._tmux("send-keys", "-l", text)
        self._tmux("send-keys", "Enter")

    def close(self) -> None:
        """End this terminal, if it has not ended by itself."""
        with suppress(subprocess.CalledProcessError):
            self._tmux("kill-server")

    def _tmux(self, *words: str) -> str:
        done = subprocess.run([*self._server, *words], check=True, capture_output=True)  # noqa: S603 - our own words
        return done.stdout.decode()


def conversation() -> list[str]:
    """Return the screen once everything has been said."""
    with tempfile.TemporaryDirectory() as folder:
        pane = Pane(folder)
        try:
            for number, text in enumerate(SAID, 1):
                pane.prompted(number)
                pane.types(text)
            pane.prompted(len(SAID) + 1)
            return pane.screen()[:-1]
        finally:
            pane.close()


def drawn(lines: list[str]) -> str:
    """Return *lines* as a window in SVG."""
    width = round(WIDTH * ADVANCE + 2 * MARGIN)
    height = BAR + LEADING * len(lines) + MARGIN
    rows = "\n".join(_row(number, line) for number, line in enumerate(lines) if line.strip())
    dots = "".join(f'<circle cx="{20 + 20 * n}" cy="17" r="6" fill="#5a574e"/>' for n in range(3))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img">\n'
        "<title>Une conversation avec Café Socrate dans un terminal</title>\n"
        f"<style>{STYLE}</style>\n"
        f'<rect width="{width}" height="{height}" rx="9" fill="#23221e"/>\n'
        f'{dots}<text class="bar" x="{width // 2}" y="22" text-anchor="middle">make run</text>\n'
        f"{rows}\n</svg>\n"
    )


def _row(number: int, line: str) -> str:
    bare = _bare(line).rstrip()
    kind = "dim" if DIM in line else "said" if bare.startswith(">") else "plain"
    text = escape(bare, quote=False)
    y = BAR + LEADING * (number + 1) - 5
    return f'<text class="{kind}" x="{MARGIN}" y="{y}" xml:space="preserve">{text}</text>'


def _bare(line: str) -> str:
    """Return *line* without what colours it."""
    first, *rest = line.split("\x1b[")
    return first + "".join(part.partition("m")[2] for part in rest)


if __name__ == "__main__":
    PICTURE.write_text(drawn(conversation()), "utf-8")
