"""How texts look on Discord, what its messages mean, and what it is told of our menu."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.discord.cursor import DIRECT, Cursor, id_at, time_of
from adapters.discord.menu import Menu, custom_id, pressed, same
from adapters.discord.reading import plain
from adapters.discord.wording import LIMIT, awaits, buttons, escaped, payloads, split
from bot.domain import LANGUAGES, Action, Kind, Reply, Room
from prompts import load
from tests.conftest import service

WORDS = load().text
QUESTION = Reply(
    room=Room("discord", "1", "2"),
    to="3",
    text="Où ?",
    kind=Kind.QUESTION,
    language="fr",
    number=7,
    actions=(Action("why", "Pourquoi", "❓"),),
)
ANY = st.text(st.characters(codec=None), max_size=9000)


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("`x` *y* _z_ ~w~ |v|", r"\`x\` \*y\* \_z\_ \~w\~ \|v\|"),
        ("<@1> <@&2> <#3> <:a:4>", r"\<@1> \<@&2> \<#3> \<:a:4>"),
        ("[ici](https://x.org/a_b)", r"\[ici](https://x.org/a_b)"),
        ("# Titre\n- point\n-# petit", "\\# Titre\n\\- point\n\\-# petit"),
        ("a # b - c", "a # b - c"),
        (r"\*", r"\\\*"),
        ("> cité", "> cité"),
    ],
)
def test_signs_are_shown_instead_of_obeyed(written, shown):
    assert escaped(written) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mot " * 6_250,
        "🙂" * 4_000,
        "x" * 25_000,
        "\\" * 4_001,
        "a\u202eb\u200f" * 2_000,
        "é\u0301\u0302\u0303" * 2_000,
        "\x00a" * 3_000,
        "\ud800a\udfff" * 3_000,
    ],
)
def test_no_message_is_longer_than_discord_takes(text):
    made = payloads(replace(QUESTION, text=text), WORDS, hint=True)
    assert all(0 < units(m["content"]) <= LIMIT for m in made)
    assert len(made) <= 36, "there is a nonce for each"
    assert "components" in made[-1]
    assert all("components" not in m for m in made[:-1])
    json.dumps(made, ensure_ascii=False).encode()


@given(ANY)
def test_splitting_loses_nothing_but_spaces(text):
    said = "".join(split(text, 200))
    assert re.sub(r"\s|> ", "", said) == re.sub(r"\s|> ", "", text)


@given(ANY)
def test_no_sign_loses_its_escape_where_a_text_is_split(text):
    for part in split(escaped(text), 100):
        trail = re.search(r"\\*$", part)
        assert trail is None or len(trail[0]) % 2 == 0


def test_a_quote_that_is_cut_goes_on_as_a_quote():
    first, second = split("> " + "mot " * 400, 1000)
    assert first.startswith("> ") and second.startswith("> mot")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_says_that_a_machine_wrote_it_and_its_number(language):
    (made,) = payloads(replace(QUESTION, language=language), WORDS)
    last = made["content"].splitlines()[-1]
    assert last.startswith("-# ") and WORDS(language, "notice.ai-mark") in last and "7" in last


def test_nobody_is_called_whatever_is_said():
    for made in payloads(replace(QUESTION, text="@everyone <@1> " * 500), WORDS):
        assert made["allowed_mentions"] == {"parse": [], "replied_user": False}


def test_buttons_stand_in_rows_of_five_and_carry_their_action_and_number():
    actions = tuple(Action(f"a{n}", "x" * 100, "❓") for n in range(7))
    rows = buttons(replace(QUESTION, actions=actions), WORDS)
    assert [len(row["components"]) for row in rows] == [5, 3]
    parts = [part for row in rows for part in row["components"]]
    assert [pressed(part["custom_id"]) for part in parts][1] == ("a0", "7")
    assert all(len(part["label"]) <= 80 for part in parts)


def test_only_what_waits_for_words_has_a_button_for_writing():
    assert awaits(QUESTION) and awaits(replace(QUESTION, kind=Kind.CASE))
    assert awaits(replace(QUESTION, kind=Kind.NOTICE, actions=()))
    assert not awaits(replace(QUESTION, kind=Kind.NOTICE))
    assert not awaits(replace(QUESTION, kind=Kind.GOODBYE, actions=()))


@pytest.mark.parametrize("mark", ["", "socrate", "socrate:why", "other:why:7", "x" * 100])
def test_a_button_that_is_not_ours_is_not_ours(mark):
    assert pressed(mark) is None


def test_a_mark_is_read_as_it_was_written():
    assert pressed(custom_id("why", 12)) == ("why", "12")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("<@99> Il faut", "Il faut"),
        ("<@!99>Il faut <@99>", "Il faut"),
        ("avec <@123456> et <@&77> dans <#5>", "avec @… et @… dans #…"),
        ("<a:oui:12> <:non:13>", ":oui: :non:"),
        ("<@99>", ""),
    ],
)
def test_nobodys_id_is_left_in_a_text(written, read):
    assert plain(written, 99) == read


@given(ANY)
def test_any_text_can_be_read(text):
    assert "<@1>" not in plain(f"{text}<@1>", 99)


# --------------------------------------------------------------------- menu


def menu(language: str = "fr") -> Menu:
    commands = service().commands
    return Menu(commands={c: commands.menu(c) for c in LANGUAGES}, words=WORDS, language=language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_command_of_the_core_is_offered_within_discords_bounds(language):
    made = menu(language).payload()
    offered = service().commands.menu(language)
    assert len(made) == len(offered) + 2 and len({m["name"] for m in made}) == len(made)
    for command in made:
        names = [command["name"], *command["name_localizations"].values()]
        slash = command["type"] == 1
        assert all(1 <= len(name) <= 32 for name in names)
        assert all(
            re.fullmatch(r"[-_\w]+", name) and name == name.lower() for name in names if slash
        )
        told = [command.get("description", "–")]
        told += command.get("description_localizations", {}).values()
        assert all(1 <= len(text) <= 100 for text in told)
    for locale in ("fr", "en-US", "de"):
        said = [m["name_localizations"][locale] for m in made]
        assert len(set(said)) == len(said), "two commands of one name are refused"


def test_moderators_commands_are_hidden_from_others_and_only_on_servers():
    hidden = {m["name"] for m in menu().payload() if "default_member_permissions" in m}
    assert hidden == {c.word for c in service().commands.menu("fr") if c.moderator}
    assert all(m["contexts"] == [0] for m in menu().payload() if m["name"] in hidden)


def test_a_menu_is_the_same_though_discord_adds_to_it_and_another_when_a_word_changes():
    ours = menu().payload()
    theirs = [
        {**m, "id": "1", "version": "2", "nsfw": False, "options": m.get("options", [])}
        for m in ours
    ]
    assert same(ours, theirs[::-1])
    assert not same(ours, [{**theirs[0], "description": "x"}, *theirs[1:]])
    assert not same(ours, theirs[1:])


def test_people_are_spoken_to_in_their_language_where_discord_knows_it():
    assert [menu().language_of(x) for x in ("de", "en-GB", "pt-BR")] == ["de", "en", "fr"]
    assert menu("ar").language_of("en-US") == "ar"


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_the_words_of_discord_are_the_same_in_every_language(language):
    french, ours = (load().lexicon(code, "discord")["discord"] for code in ("fr", language))
    assert set(french) == set(ours)
    for key, text in ours.items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", french[key])), key
    assert all(len(ours[key]) <= 45 for key in ("form-title", "form-label", "write"))


# --------------------------------------------------------------------- cursor


def test_a_cursor_is_read_as_it_was_written():
    cursor = Cursor(since=12).spoke(5).opened("i9", id_at(discord.utils.utcnow()), "to:ken")
    assert Cursor.read(str(cursor)) == cursor
    assert cursor.token("i9") == "to:ken"
    assert Cursor.read(None) == Cursor.read("") == Cursor()


def test_a_cursor_never_goes_back_and_stays_small():
    cursor = Cursor(since=12).seen(5)
    assert cursor.since == 12
    for channel in range(3 * DIRECT):
        cursor = cursor.spoke(channel)
    assert len(cursor.direct) == DIRECT and cursor.direct[-1] == 3 * DIRECT - 1
    long_ago = id_at(datetime.now(UTC) - timedelta(hours=1))
    assert cursor.opened("i1", long_ago, "old").opened(
        "i2", id_at(datetime.now(UTC)), "t"
    ).open.keys() == {"i2"}


def test_an_id_tells_its_time():
    now = datetime.now(UTC).replace(microsecond=0)
    assert time_of(id_at(now)) == now
