"""What the papers on privacy and security say is compared with the program."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.cli import cli
from bot.domain import LANGUAGES, Message
from bot.ports import PromptBook
from tests.conftest import ROOM, dialogue, service

ROOT = Path(__file__).parents[1]
ENGLISH = (
    "PRIVACY.md",
    "SECURITY.md",
    "docs/explanation/participant.md",
    *sorted(p.relative_to(ROOT).as_posix() for p in ROOT.glob("docs/templates/*[!r].md")),
)
TEMPLATES = {"breach-runbook", "dpia", "privacy-notice", "record-of-processing"} | {
    "statement-of-reasons"
}
MARK = {"md": r"\*\(not\s+yet\)\*", "fr": r"\*\(pas\s+encore\)\*"}
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^(#+) ", re.MULTILINE)
ROW = re.compile(r"^\|(?!-)(.*)\|$", re.MULTILINE)
FILL_IN = re.compile(r"\[[^\]]*\](?!\()")
CODE = re.compile(r"`([^`\n]+)`")


def french(page: str) -> str:
    return page.removesuffix(".md") + ".fr.md"


PAPERS = [twin for page in ENGLISH for twin in (page, french(page))]


def text(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def marked(page: str) -> dict[str, set[bool]]:
    """Return what the page names as code, and whether it says « not yet » right after it."""
    mark = MARK["fr" if page.endswith(".fr.md") else "md"]
    found: dict[str, set[bool]] = {}
    for name, not_yet in re.findall(rf"`([^`\n]+)`(\s{mark})?", text(page)):
        found.setdefault(name, set()).add(bool(not_yet))
    return found


def rights(page: str) -> list[str]:
    """Return the commands that PRIVACY promises, in the order of its table."""
    return re.findall(r"^\| `([a-z-]+)`", text(page), re.MULTILINE)


@pytest.fixture(scope="module")
def obeyed(book: PromptBook) -> dict[str, bool]:
    """Say of each command that has words whether the program obeys it."""
    commands = service().commands
    names = set(book.lexicon("fr", "commands"))

    def known(name: str) -> bool:
        pressed = Message(
            id="1", room=ROOM, sender="ana", text="", sent_at=datetime.now(UTC), command=name
        )
        return any(commands.understood(pressed, dialogue(consented=c)) for c in (False, True))

    return {name: known(name) for name in names}


def test_every_template_is_there():
    assert {Path(page).stem for page in ENGLISH if "templates" in page} == TEMPLATES


@pytest.mark.parametrize("page", ENGLISH)
def test_every_paper_has_a_french_twin_of_the_same_shape(page):
    one, other = text(page), text(french(page))
    assert f"({Path(french(page)).name})" in one and f"({Path(page).name})" in other
    for shape in (HEADING, FILL_IN):
        assert len(shape.findall(one)) == len(shape.findall(other)), shape.pattern
    assert [row.count("|") for row in ROW.findall(one)] == [
        row.count("|") for row in ROW.findall(other)
    ]
    assert {c for c in CODE.findall(one) if c.isascii() and " " not in c} == {
        c for c in CODE.findall(other) if c.isascii() and " " not in c
    }


@pytest.mark.parametrize("page", PAPERS)
def test_no_name_is_broken_over_two_lines(page):
    """Else the tests below would not see it."""
    assert [
        line for line in text(page).splitlines() if line.count("`") % 2 and "```" not in line
    ] == []


@pytest.mark.parametrize("page", PAPERS)
def test_every_link_of_a_paper_leads_somewhere(page):
    here = (ROOT / page).parent
    for link in LINK.findall(text(page)):
        file, _, anchor = link.partition("#")
        target = here / file if file else ROOT / page
        assert target.is_file(), link
        if anchor:
            titles = re.findall(r"^#+ (.+)$", target.read_text("utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", t.lower()).replace(" ", "-") for t in titles}
            assert anchor in anchors, link


@pytest.mark.parametrize("page", PAPERS)
def test_a_paper_leads_on_in_its_own_language(page):
    other, *links = (link.partition("#")[0] for link in LINK.findall(text(page)))
    assert other.endswith(".fr.md") is not page.endswith(".fr.md")
    for link in filter(None, links):
        target = (ROOT / page).parent / link
        translated = target.with_name(french(target.name)).is_file()
        assert not (page.endswith(".fr.md") and translated), link
        assert page.endswith(".fr.md") or not link.endswith(".fr.md"), link


@pytest.mark.parametrize("page", ["PRIVACY.md", "PRIVACY.fr.md"])
def test_every_right_has_a_word_in_every_language(page, book):
    promised = rights(page)
    assert {"stop", "data", "correct", "forget", "receipt", "withdraw", "human"} <= set(promised)
    for language in LANGUAGES:
        assert set(promised) <= set(book.lexicon(language, "commands")), language


@pytest.mark.parametrize("page", PAPERS)
def test_a_paper_says_not_yet_of_just_what_the_bot_does_not_obey(page, obeyed):
    """Where this fails: take away, or put, the mark after the command's name."""
    said = {name: marks for name, marks in marked(page).items() if name in obeyed}
    assert said == {name: {not obeyed[name]} for name in said}


@pytest.mark.parametrize("page", PAPERS)
def test_a_paper_says_not_yet_of_just_the_command_lines_that_are_not_there(page):
    said = {
        name: marks for name, marks in marked(page).items() if re.match(r"socrate [a-z]+", name)
    }
    there = {name: name.split()[1] in cli.commands for name in said}
    assert said == {name: {not there[name]} for name in said}


@pytest.mark.parametrize(
    ("page", "none"), [("SECURITY.md", "none yet"), ("SECURITY.fr.md", "rien encore")]
)
def test_every_threat_names_a_test_that_exists_or_says_that_there_is_none(page, none):
    table = text(page).split("\n## ")[4]
    rows = [row.split(" | ") for row in ROW.findall(table)[1:]]
    assert len(rows) > 15
    for *_, checked in rows:
        files = CODE.findall(checked)
        assert bool(files) != (none in checked), checked
        assert all((ROOT / file).is_file() for file in files), checked
