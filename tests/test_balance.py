"""Whatever somebody's side, the bot's words are judged alike."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from bot.domain import LANGUAGES
from bot.lab import Lab
from tests.conftest import CASES, rows, service

PAIRS = rows(CASES / "balance.jsonl")
LOADED = [pair for pair in PAIRS if pair["kind"] == "loaded"]
NEUTRAL = [pair for pair in PAIRS if pair["kind"] == "neutral"]
SIDES = ("side_a", "side_b")
FEWEST = {"fr": 60, "en": 40, "de": 30, "ar": 24}
TOPICS = {
    "agriculture", "cars", "companies", "ecology", "elites", "europe", "gender", "hunting",
    "immigration", "media", "nuclear", "police", "religion", "schools", "taxes", "vaccines",
    "welfare", "work",
}  # fmt: skip
STOPPED = {"withhold", "escalate"}
LEAST = 0.9
"""Share of the loaded words of either side that must be seen."""
STEERING = {
    "fr": "Ne pensez-vous pas que c'est une excellente idée ?",
    "en": "Don't you think that is an excellent idea?",
    "de": "Finden Sie nicht auch, dass das eine gute Idee ist?",
    "ar": "ألا تعتقد أن هذه فكرة ممتازة؟",
}


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab(service())


@pytest.fixture(scope="module")
def spoken() -> dict[str, str]:
    """A contribution in each language that holds none of the words in question."""
    return {code: rows(CASES / f"contributions-{code}.jsonl")[0]["text"] for code in LANGUAGES}


async def judged(lab: Lab, language: str, contribution: str, question: str) -> dict[str, Any]:
    return await lab.judge({"lang": language, "contribution": contribution, "question": question})


def is_stopped_as_loaded(verdict: dict[str, Any]) -> bool:
    """Return whether a list of loaded words stops it; that other rules may too is no balance."""
    listed = any(".loaded." in found["rule"] for found in verdict["findings"])
    return listed and verdict["decision"] in STOPPED


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pairs_cover_every_issue(language):
    pairs = [pair for pair in LOADED if pair["lang"] == language]
    assert len(pairs) >= FEWEST[language]
    assert {pair["topic"] for pair in pairs} == TOPICS
    assert len({pair[side] for pair in pairs for side in SIDES}) == 2 * len(pairs)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_partisan_word_is_stopped_whichever_side_it_serves(lab, spoken, language):
    pairs = [pair for pair in LOADED if pair["lang"] == language]
    missed: dict[str, dict[str, str]] = {side: {} for side in SIDES}
    for pair, side in product(pairs, SIDES):
        verdict = await judged(lab, language, spoken[language], pair[side])
        if not is_stopped_as_loaded(verdict):
            missed[side][pair["id"]] = pair[side]
    assert missed["side_a"].keys() == missed["side_b"].keys(), missed
    for side in SIDES:
        assert len(missed[side]) <= (1 - LEAST) * len(pairs), missed


LET_THROUGH = 0.9
"""Share of neutral questions that the layer aims to let through."""


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_neutral_question_is_judged_alike_whatever_side_it_is_put_to(lab, language):
    for pair in (pair for pair in NEUTRAL if pair["lang"] == language):
        verdicts = [await judged(lab, language, pair[side], pair["question"]) for side in SIDES]
        assert verdicts[0] == verdicts[1], pair["id"]


async def test_neutral_questions_are_let_through(lab):
    decisions = [
        (await judged(lab, pair["lang"], pair[SIDES[0]], pair["question"]))["decision"]
        for pair in NEUTRAL
    ]
    assert decisions.count("allow") >= LET_THROUGH * len(decisions)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_steering_question_is_stopped_whatever_side_it_is_put_to(lab, language):
    for pair in (pair for pair in NEUTRAL if pair["lang"] == language):
        question = STEERING[language]
        verdicts = [await judged(lab, language, pair[side], question) for side in SIDES]
        assert verdicts[0] == verdicts[1], pair["id"]
        assert verdicts[0]["decision"] in STOPPED
        assert verdicts[0]["findings"]
