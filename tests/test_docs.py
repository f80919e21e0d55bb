"""The documentation is compared with the code, and its examples are run."""

from __future__ import annotations

import inspect
import json
import re
from html import unescape
from pathlib import Path

import click
import pytest

from bot import domain, ports
from bot.cli import cli
from bot.commands import _NAMES as COMMANDS
from bot.domain import LANGUAGES, Label
from bot.settings import PREFIX, Settings
from docs import examples, questions
from docs.pictures import render

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) ", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def blocks(name: str, kind: str) -> list[str]:
    return [body for found, body in BLOCK.findall(text(name)) if found == kind]


def words_of(name: str) -> set[str]:
    """Return what stands first in a row of a table of the page, as code."""
    return set(re.findall(r"^\| `([^`]+)` \|", text(name), re.MULTILINE))


def nouns(module) -> set[str]:
    return {
        name
        for name, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__
    }


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md", "docs/tutorial.fr.md"])
def test_every_example_prints_what_the_page_says(page, tmp_path):
    """Where this fails, run ``python -m docs.examples`` and read what changed."""
    now = examples.refreshed(text(page), tmp_path)
    assert examples.steady(now) == examples.steady(text(page))


@pytest.mark.parametrize("page", ["README.md", "README.fr.md"])
def test_the_first_commands_are_two_and_make_has_them(page):
    first = blocks(page, "sh")[0].splitlines()
    assert first == ["make run", "make test"]
    assert all(re.search(rf"^{c.split()[1]}:", text("Makefile"), re.MULTILINE) for c in first)


@pytest.mark.parametrize("page", [p.relative_to(ROOT).as_posix() for p in PAGES])
def test_every_make_target_a_page_names_is_one(page):
    targets = set(re.findall(r"^([\w-]+):", text("Makefile"), re.MULTILINE))
    named = set(re.findall(r"`make ([\w-]+)", text(page)))
    assert named <= targets


@pytest.mark.parametrize(
    ("english", "french"),
    [
        ("README.md", "README.fr.md"),
        ("docs/tutorial.md", "docs/tutorial.fr.md"),
        ("docs/how-to/matrix.md", "docs/how-to/matrix.fr.md"),
        ("docs/how-to/discord.md", "docs/how-to/discord.fr.md"),
        ("docs/how-to/witness.md", "docs/how-to/witness.fr.md"),
        ("docs/explanation/record.md", "docs/explanation/record.fr.md"),
        ("docs/how-to/backup.md", "docs/how-to/backup.fr.md"),
        ("docs/how-to/console.md", "docs/how-to/console.fr.md"),
    ],
)
def test_the_twins_have_the_same_parts(english, french):
    assert HEADING.findall(text(english)) == HEADING.findall(text(french))
    assert len(BLOCK.findall(text(english))) == len(BLOCK.findall(text(french)))


def test_the_two_readmes_have_the_same_commands_and_the_same_tests():
    for kind in ("sh", "console"):
        english, french = (blocks(name, kind) for name in ("README.md", "README.fr.md"))
        assert list(map(examples.steady, english)) == list(map(examples.steady, french))
    names = [re.findall(r"`(test_\w+)`", text(name)) for name in ("README.md", "README.fr.md")]
    assert names[0] == names[1]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page):
    broken = []
    for link in LINK.findall(page.read_text("utf-8")):
        if re.match(r"https?://|#", link):
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / file
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_test_and_file_a_page_names_exists(page):
    said = page.read_text("utf-8")
    tests = "".join(p.read_text("utf-8") for p in (ROOT / "tests").glob("*.py"))
    named = set(re.findall(r"`(test_\w+)`", said))
    assert {name for name in named if f"def {name}(" not in tests} == set()
    files = set(re.findall(r"`((?:bot|adapters|policies|storage|tests|prompts)/[\w/.]+)`", said))
    assert {name for name in files if not (ROOT / name).exists()} == set()


def test_each_promise_is_held_by_a_test():
    rows = re.findall(r"^\| (\d)\. .* \| (.*) \|$", text("README.md"), re.MULTILINE)
    assert [number for number, _ in rows] == list("12345678")
    assert all("`test_" in held for _, held in rows)


def test_the_glossary_has_every_noun_and_every_port():
    spoken = nouns(domain) | nouns(ports) | {"Event", "LANGUAGES", "Tallies"}
    assert words_of("docs/glossary.md") == spoken


def test_the_settings_page_has_every_key_with_its_default():
    shown = text("docs/reference/settings.md")
    for section, values in Settings().model_dump(mode="json").items():
        assert f"## [{section}]" in shown
        for key, value in values.items():
            default = "not set" if value is None else f"`{json.dumps(value, ensure_ascii=False)}`"
            name = f"{PREFIX}{section}__{key}".upper()
            assert f"| `{key}` | {default} | `{name}` |" in shown


def test_the_settings_page_has_no_other_key():
    keys = {key for values in Settings().model_dump().values() for key in values}
    assert words_of("docs/reference/settings.md") == keys


def test_the_rules_page_has_every_label_every_rule_and_every_policy():
    shown = text("docs/reference/rules.md")
    assert {label.value for label in Label} - {"failure"} == words_of("docs/reference/rules.md")
    assert "`failure`" in shown
    numbered = re.findall(r"^(\d+)\. ", shown, re.MULTILINE)
    assert numbered == [str(n) for n in range(1, 15)]
    policies = {p.name for p in (ROOT / "policies").glob("[a-z]*.py")}
    assert {name for name in policies if f"`policies/{name}`" not in shown} == set()


def test_the_commands_page_shows_the_first_word_of_each_command(book):
    shown = text("docs/reference/commands.md")
    for name in COMMANDS:
        said = (book.lexicon(code, "commands")[name]["words"][0] for code in LANGUAGES)
        assert f"| `{name}` | {' | '.join(said)} |" in shown


def test_the_commands_page_has_the_whole_command_line():
    shown = text("docs/reference/commands.md")
    for path, command in lines(cli, "socrate"):
        assert f"`{path}" in shown, path
        for option in command.params:
            if isinstance(option, click.Option):
                assert f"`{option.opts[0]}" in shown or f" {option.opts[0]} " in shown, option.opts


def lines(group: click.Group, path: str):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from lines(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def test_the_page_of_questions_is_what_its_script_prints(book):
    """Where this fails: ``python -m docs.questions > docs/reference/questions.md``."""
    assert text("docs/reference/questions.md") == questions.page(book)


def test_the_page_of_questions_has_every_question(book):
    shown = text("docs/reference/questions.md")
    for language in LANGUAGES:
        for register in domain.Register:
            for frame in book.frames(language, register):
                assert frame.plain in shown and frame.slotted in shown


def test_the_picture_shows_what_is_said_today(tmp_path):
    """Where this fails: ``python -m docs.pictures.render``."""
    drawn = re.findall(r"<text[^>]*>(.*)</text>", render.PICTURE.read_text("utf-8"))
    screen = _letters(unescape("".join(drawn)))
    examples.set_up(tmp_path)
    shown = examples.typed(".venv/bin/socrate chat", [*render.SAID, "stop"], tmp_path)
    said = shown.partition("\n> stop")[0].splitlines()
    assert [line for line in said if _letters(line) not in screen] == []


def _letters(line: str) -> str:
    return "".join(line.split())
