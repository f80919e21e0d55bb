"""The short cut of ``bot/rules.py``: no rule is passed over that would have matched."""

from __future__ import annotations

import re

import pytest

from bot.domain import LANGUAGES
from bot.rules import RuleLists, Way, fold_pattern, patterns, window
from bot.text import fold
from prompts import needs
from tests.conftest import CASES, rows


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_needs_on_file_are_those_of_the_rules(language):
    on_file = (needs.HERE / language / "needs.json").read_text("utf-8")
    assert on_file == needs.written(language), "run: python -m prompts.needs"


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"\bne (?:pensez|trouvez)-vous\b", [["pensez", "trouvez"], ["-vous"], ["ne "]]),
        (r"\b(?:bravo|super)\b", [["bravo", "super"]]),
        (r"\b(?:bravo|\w+)\b", []),
        (r"(?:encore)?\?", []),
        (r"(?:encore)+\?", [["encore"]]),
        (r"[ab]c", []),
        (r"été", [["été"]]),
    ],
)
def test_every_match_holds_one_of_the_needs(pattern, words):
    assert needs.needs(pattern, accents=True) == words


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_rule_matches_a_text_without_its_needs(book, language):
    texts = [
        case[key]
        for path in sorted(CASES.glob(f"*-{language}.jsonl"))
        for case in rows(path)[::20]
        for key in ("question", "text")
        if key in case
    ]
    assert texts
    known = book.lexicon(language, "needs")
    for file, table, accents in needs.TABLES:
        seen = [fold(text, accents=accents).text for text in texts]
        for rule in book.lexicon(language, file)[table]:
            for written, needed in zip(patterns(rule), known[rule["id"]], strict=True):
                pattern = re.compile(fold_pattern(written, accents=accents))
                without = [t for t in seen if not all(any(w in t for w in s) for s in needed)]
                assert not [t for t in without if pattern.search(t)], rule["id"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_rules_share_an_id(book, language):
    rules = [
        rule["id"]
        for file, table, _ in needs.TABLES
        for rule in book.lexicon(language, file)[table]
    ]
    assert len(rules) == len(set(rules))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_pattern_is_looked_at_whose_needs_a_text_holds(book, language):
    for file, table, accents in needs.TABLES:
        index = RuleLists(book, file, table, accents=accents).rules(language)
        for way in (way for rule in index.rules for way in rule.ways):
            seen, pieces = window(words_needed(way), accents=accents)
            possible = [way for _, some in index.possible(seen.text, pieces) for way in some]
            assert way in possible, way
            assert all(holds(seen.text, each) for each in possible), way


def words_needed(way: Way) -> str:
    """Return a text that holds the longest and the shortest word of each set."""
    return " ".join(f"{max(words, key=len)} {min(words, key=len)}" for words in way.needs)


def holds(text: str, way: Way) -> bool:
    return all(any(word in text for word in words) for words in way.needs)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_pattern_holds_a_sign_that_folds_to_a_wildcard(book, language):
    for file, table, _ in needs.TABLES:
        for rule in book.lexicon(language, file)[table]:
            outside = re.sub(r"\[[^\]]*\]", "", "|".join([*patterns(rule), rule.get("unless", "")]))
            assert "…" not in outside, rule["id"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_named_part_of_a_pattern_is_there_and_used(book, language):
    text = (needs.HERE / language / "screens.toml").read_text("utf-8")
    named = set(re.findall(r"\{([a-z][a-z-]*)\}", text.partition("[[")[2]))
    assert named == book.lexicon(language, "screens")["parts"].keys()
    assert named.isdisjoint(re.findall(r"\{([a-z-]+)\}", str(book.lexicon(language, "screens"))))
