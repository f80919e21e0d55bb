"""The learned gate: what it lets through, what it cannot see, and that it can be made again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import product
from math import isfinite
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import lessons, train
from bench.judging import STEERING
from bench.training import WEIGHTS, digest
from bot.domain import LANGUAGES, Decision, Draft, Label, Move
from bot.gate import judge, outcome
from policies import learned
from tests.conftest import dialogue
from tests.test_prompts import SLOTS, frames

ROOT = Path(__file__).parents[1]
STEERS = {
    "fr": ("Excellente idée ! Ne pensez-vous pas que les élus s'en moquent ?", "les bancs"),
    "en": ("Great idea! Don't you think the council simply doesn't care?", "the benches"),
    "de": ("Tolle Idee! Finden Sie nicht auch, dass die Politik hier versagt?", "die Bänke"),
    "ar": ("فكرة رائعة! ألا تعتقد أن المسؤولين يتجاهلون الناس؟", "المقاعد"),
}


@pytest.fixture(scope="module")
def models() -> dict[str, learned.Model]:
    return {language: learned.load(language) for language in LANGUAGES}


async def verdict(book, question, *texts, language):
    gate = learned.Learned(book, learned.Forms())
    draft = Draft(text=question, move=Move.CLARIFY)
    return await gate.check(draft, dialogue(*texts, language=language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_vetted_question_gets_through(book, models, language):
    slots = (None, *SLOTS[language])
    offenders = [
        frame.fill(slot)
        for frame, slot in product(frames(book, language), slots)
        if models[language].judge(frame.fill(slot), (slot or "–",))
    ]
    assert offenders == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_vetted_question_gets_through_after_a_receipt(book, models, language):
    acks = book.lexicon(language, "notices")["notice"]["ack"]
    asked = [f"{ack} {f.plain}" for ack, f in product(acks, frames(book, language))]
    assert [text for text in asked if models[language].judge(text, ("–",))] == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_steering_question_is_withheld_with_a_label_and_a_reason(book, language):
    question, said = STEERS[language]
    made = await verdict(book, question, said, language=language)
    (found,) = made.findings
    assert made.decision is Decision.WITHHOLD
    assert found.rule == "learned.v1"
    assert question[found.start : found.end] == question
    assert found.label in STEERING
    assert found.reason == book.text(language, f"reason.{found.label.value}")


def test_the_steering_labels_are_the_twelve_of_the_rulebook():
    assert len(STEERING) == 12
    assert Label.TONE in STEERING and Label.FORM not in STEERING


@pytest.mark.parametrize(
    ("one", "other"),
    [("policiers", "migrants"), ("chasseurs", "loups"), ("[PARTY_1]", "[PARTY_2]")],
)
def test_the_subject_is_not_seen(models, one, other):
    question, said = "Ne faut-il pas enfin plus de {} ?", "Il faut plus de {} ici."
    seen = [
        learned.skeleton(question.format(word), (said.format(word),), models["fr"].words)
        for word in (one, other)
    ]
    assert seen[0] == seen[1]


def test_the_stance_is_not_seen(models):
    question = "Qui serait concerné par la légalisation du cannabis ?"
    sides = ("La légalisation du cannabis, oui.", "La légalisation du cannabis, jamais !")
    words = models["fr"].words
    assert len({learned.skeleton(question, (side,), words) for side in sides}) == 1


def test_own_words_quotes_numbers_and_names_are_tokens(models):
    question = "À Lyon, que veut dire « tout cela » pour les 300 bancs de Zoé ?"
    seen = learned.skeleton(question, ("tout cela, des bancs",), models["fr"].words)
    assert "NAME" in seen.tokens and "QUOTE" in seen.tokens and "NUMBER" in seen.tokens
    assert {"lyon", "bancs", "300", "zoe", "zoé"}.isdisjoint(seen.tokens + seen.spelt)


def test_invisible_characters_change_nothing(models):
    plain = "Ne pensez-vous pas que les élus mentent ?"
    hidden = plain.replace("pensez", "pen\u200bsez")
    words = models["fr"].words
    assert learned.skeleton(plain, (), words) == learned.skeleton(hidden, (), words)


@given(language=st.sampled_from(LANGUAGES), question=st.text(), said=st.text())
def test_any_text_gets_a_finite_score(models, language, question, said):
    model = models[language]
    values = learned.features(learned.skeleton(question, (said,), model.words))
    assert isfinite(model.steers.score(values))


def test_a_huge_question_is_read_to_a_bound(models):
    values = learned.features(learned.skeleton("x" * 1_000_000, (), models["fr"].words))
    assert len(values) < 1_000


async def test_a_language_without_weights_fails_closed(book):
    draft = Draft(text="¿Por qué?", move=Move.REASONS)
    verdicts = await judge(
        (learned.Learned(book, learned.Forms()),), draft, dialogue("Sí.", language="es")
    )
    assert outcome(verdicts) is Decision.WITHHOLD


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_weights_are_those_of_the_cases_in_the_tree(language):
    stored = json.loads((WEIGHTS / f"{language}.json").read_text("utf-8"))
    assert stored["format"] == train.FORMAT and stored["rule"] == learned.RULE
    assert stored["cases"] == digest(lessons.case_files(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_weights_are_small_and_no_case_of_a_measuring_author_taught_them(language):
    path = WEIGHTS / f"{language}.json"
    assert path.stat().st_size <= 400_000
    taught = json.loads(path.read_text("utf-8"))["cases"]
    assert taught and not [name for name in taught if not any(a in name for a in lessons.AUTHORS)]


def test_the_model_cards_failures_are_what_happens(models):
    card = (ROOT / "docs" / "reference" / "model-card.md").read_text("utf-8")
    lines = [line.strip("| ").split(" | ") for line in card.splitlines() if "| " in line]
    shown = [cells for cells in lines if cells[-1] in {"passes", "stopped"}]
    assert {cells[0] for cells in shown} == set(LANGUAGES)
    for language, said, question, label, gate in shown:
        judged = models[language].judge(question, (said,))
        assert (gate == "passes") == (judged is None), question
        assert (gate == "passes") == (label != "neutral"), "it shows failures"


TWICE = """
from bench import lessons
from policies import learned
words = learned.known(lessons.stored_words("ar"))
rows = lessons.rows(lessons.read_cases("ar")[:60], words, learned.GROUPS)
print(lessons.Lessons(rows).head("neutral".__ne__))
"""


def test_training_twice_gives_the_same_weights():
    made = {
        subprocess.run(
            [sys.executable, "-c", TWICE],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(made) == 1 and len(made.pop()) > 1_000


def test_the_regression_finds_the_best_weights():
    """Two mirrored rows: the optimum of w²/2 + 2·C·log(1 + e^-w) is where w·(1 + e^w) = 2·C."""
    rows = [
        lessons.Row({0: 1.0}, "tone", 1.0),
        lessons.Row({0: -1.0}, "neutral", 1.0),
    ]
    head = lessons.Lessons(rows).head("tone".__eq__, strength=1.0)
    assert head.weights[0] == pytest.approx(0.675, abs=0.001)
    assert head.bias == pytest.approx(0, abs=0.001)
