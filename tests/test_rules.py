"""How a rule of a word list reads a text: ``bot/rules.py``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from bot.rules import RuleLists, Said

RULE = {
    "id": "en.beaten",
    "label": "distress",
    "pattern": ["he hit me", r"i was beaten"],
    "unless": r"in the film|years ago",
    "reason": "Somebody was beaten.",
}
NEEDS = {"en.beaten": [[["he hit me"]], [["i was beaten"]]]}


@dataclass(frozen=True)
class Book:
    """Word lists of one rule."""

    rule: dict[str, Any]

    def lexicon(self, language, name):
        return {
            "rules": {"rules": [self.rule]},
            "needs": NEEDS,
            "notices": {"reason": {}},
            "vocabulary": {"function": ["the a of"]},
        }[name]


def found(text, said="", **changed):
    lists = RuleLists(Book({**RULE, **changed}), "rules", "rules", accents=False)
    return [text[f.start : f.end] for f in lists.find(text, "en", said=said)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Then he hit me.", "he hit me"),
        ("I was beaten, and he hit me.", "I was beaten"),
        ("He hit me, I was beaten.", "He hit me"),
    ],
)
def test_whatever_way_comes_first_is_shown(text, words):
    assert found(text) == [words]


@pytest.mark.parametrize(
    "text",
    [
        "In the film he hit me.",
        "I was beaten. That was years ago.",
        "Years ago! He hit me.",
    ],
)
def test_an_excuse_in_the_same_sentence_or_beside_it_counts(text):
    assert found(text) == []


def test_an_excuse_elsewhere_in_the_message_excuses_nothing():
    text = "In the film all is well. We went home. It was late. Then he hit me."
    assert found(text) == ["he hit me"]


def test_one_excused_match_does_not_hide_the_next():
    text = "In the film he hit me. It was good. We went home. I was beaten."
    assert found(text) == ["I was beaten"]


def test_what_the_person_said_themselves_may_excuse():
    assert found("He hit me.", said="They hit me", **{"unless-said": True}) == []
    assert found("He hit me.", said="They came", **{"unless-said": True}) == ["He hit me"]


@pytest.mark.parametrize(
    ("said", "matched", "theirs"),
    [
        ("Das Handyverbot stört mich.", "Verbot", True),
        ("Das Handy stört mich.", "Verbot", False),
        ("حتى لـ8 شهور", "8", True),
        ("حتى لـ80 شهر", "8", False),
    ],
)
def test_the_last_part_of_a_word_and_a_number_with_a_prefix_were_said(said, matched, theirs):
    assert Said(said, frozenset()).holds(matched) is theirs


@pytest.mark.parametrize("before", [0, 1_790, 1_995, 2_000, 5_000])
def test_a_rule_is_found_wherever_it_stands_in_a_long_text(before):
    assert found("x" * before + " he hit me") == ["he hit me"]
