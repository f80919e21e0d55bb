"""The words for commands: enough of them, each for one command, and none that is an answer."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from bot.commands import MODERATORS
from bot.domain import LANGUAGES
from bot.text import plain

FEWEST = 12
"""Phrases of a command, in each language."""
MISTYPED = 6
"""Letters from which a phrase is recognised with one of them wrong."""
ONE_WORD = {
    "accept": {"j'approuve"},
    "forget": {"انسني", "انسوني", "انسيني", "نساوني", "nsawni"},
    "data": {"بياناتي", "معطياتي"},
    "receipt": {"وصلي", "إيصالي", "ايصالي"},
    "easier": {"falc"},
}
"""New commands of one word, each checked by hand: it speaks to the bot and answers no question."""
LONG_KNOWN = ("agree", "disagree", "help", "stop", "skip", "unsure", "why", "leading", "recap")
"""Commands whose lone words are as old as the bot: « stop » has to be one."""
SPOKEN = ("welcome", "research-on", "easier-on", "quiet-on", "language")
"""Notices that name a command by its words instead of a placeholder."""


def words(book, language):
    return {name: t["words"] for name, t in book.lexicon(language, "commands").items()}


def typed(word):
    """Tell a name typed with its slash from a word of the language."""
    return word if word.startswith("/") else plain(word)


def one_letter_apart(one, other):
    if abs(len(one) - len(other)) > 1 or one == other:
        return False
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    if start is None:
        return True
    left, right = one[start:], other[start:]
    swapped = left[1::-1] + left[2:] if len(left) > 1 else left
    return right in (swapped, left[1:]) or left == right[1:] or left[1:] == right[1:]


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("recap", "recapp", True),
        ("sotp", "stop", True),
        ("relire", "retire", True),
        ("stop", "stop", False),
        ("oublie", "oubliez moi", False),
        ("abcd", "acbe", False),
    ],
)
def test_one_letter_apart_is_what_it_says(one, other, apart):
    assert one_letter_apart(one, other) == one_letter_apart(other, one) == apart


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_many_ways_to_say_a_command(book, language):
    for name, said in words(book, language).items():
        assert len({plain(word) for word in said}) >= FEWEST, name


def test_no_phrase_stands_for_two_commands_in_any_two_languages(book):
    seen: dict[str, str] = {}
    for language in LANGUAGES:
        for name, said in words(book, language).items():
            for word in said:
                assert seen.setdefault(plain(word), name) == name, (language, word)


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_wrong_letter_makes_no_other_command(book, language):
    said = [
        (plain(word), name)
        for name, listed in words(book, language).items()
        for word in listed
        if not word.startswith("/") and len(plain(word)) >= MISTYPED
    ]
    near = [
        (one, other)
        for (one, name), (other, another) in combinations(said, 2)
        if name != another and one_letter_apart(one, other)
    ]
    assert near == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_new_command_is_a_lone_word_that_may_be_an_answer(book, language):
    for name, said in words(book, language).items():
        if name in LONG_KNOWN or name.startswith("speak-"):
            continue
        lone = {w for w in said if not w.startswith("/") and len(w.split()) == 1 and "-" not in w}
        assert lone <= ONE_WORD.get(name, set()), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_is_chosen_by_its_own_name_in_every_language(book, language):
    own = {"fr": "français", "en": "English", "de": "Deutsch", "ar": "العربية"}
    for code, name in own.items():
        assert words(book, language)[f"speak-{code}"][0] == name
        assert plain(book.text(language, f"action.speak-{code}")) == plain(name)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_command_has_a_button_whose_words_are_its_own_and_a_place_in_the_menu(book, language):
    menu = book.lexicon(language, "menu")
    assert set(menu) == {*words(book, language), *MODERATORS}
    for name, said in words(book, language).items():
        label = book.text(language, f"action.{name}")
        assert plain(label) in map(plain, said), name
        assert len(label) <= 40, name


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_name_in_the_menu_is_one_that_platforms_take(book, language):
    menu = book.lexicon(language, "menu")
    for command in menu.values():
        assert re.fullmatch(r"[^\W_]{1,32}", command["word"]), command
        assert command["word"] == command["word"].lower()
        assert 0 < len(command["about"]) <= 100, command
    assert len({command["word"] for command in menu.values()}) == len(menu)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("file", ["notices", "easy"])
def test_what_a_notice_tells_people_to_write_is_a_command(book, language, file):
    spoken = {
        plain(word) for code in LANGUAGES for said in words(book, code).values() for word in said
    }
    notices = book.lexicon(language, file)["notice"]
    told = [
        quoted.strip()
        for key in SPOKEN
        for quoted in re.findall("[«“„]([^«»“”„]+)[»“”]", notices[key])
        if "{" not in quoted and "سقراط" not in quoted
    ]
    assert len(told) >= len(SPOKEN)
    assert [phrase for phrase in told if plain(phrase) not in spoken] == []
