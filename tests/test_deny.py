"""The gate of known ways of steering: ``policies/deny.py``."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from bot.domain import Decision, Draft, Label, Move
from bot.gate import judge, outcome
from bot.rules import RuleLists
from policies.deny import Deny
from tests.conftest import dialogue


@dataclass(frozen=True)
class Sure:
    """A classifier that holds every question for clearly neutral, or none."""

    is_clear: bool

    def steering(self, question, texts, language):
        return None

    def clear(self, question, texts, language):
        return self.is_clear


class Untaught(Sure):
    """A classifier that learned nothing of any language."""

    def clear(self, question, texts, language):
        raise OSError("no weights")


async def found(
    book, classifier, question, said="Je voudrais des bancs sur la place.", language="fr"
):
    gate = Deny(RuleLists(book, "deny", "rules", accents=True), classifier)
    draft = Draft(text=question, move=Move.CLARIFY)
    (verdict,) = await judge((gate,), draft, dialogue(said, language=language))
    return verdict


PRAISE = "Quelle excellente idée : où seraient les bancs ?"


async def test_a_known_way_of_steering_is_withheld_with_its_label_and_place(book):
    verdict = await found(book, Sure(is_clear=False), PRAISE)
    assert verdict.decision is Decision.WITHHOLD
    first = verdict.findings[0]
    assert first.label is Label.OPINION
    assert "excellente" in PRAISE[first.start : first.end] and first.reason


async def test_a_pattern_gives_way_where_the_form_is_clearly_neutral(book):
    question = "Pourquoi la mairie refuse-t-elle encore les bancs ?"
    verdict = await found(book, Sure(is_clear=False), question)
    assert {f.label for f in verdict.findings} == {Label.PRESUPPOSITION}
    verdict = await found(book, Sure(is_clear=True), question)
    assert (verdict.decision, verdict.findings) == (Decision.ALLOW, ())


@pytest.mark.parametrize(
    ("question", "label"),
    [
        ("Pour quel candidat voterez-vous si les bancs arrivent ?", Label.ELECTORAL),
        ("Quelle est votre religion ?", Label.IDENTITY),
        (PRAISE, Label.OPINION),
        ("Que diriez-vous aux assistés ?", Label.LOADED),
        ("Où seraient les bancs, et qui les paierait ?", Label.MULTIPLE),
    ],
)
async def test_what_words_alone_tell_never_gives_way(book, question, label):
    verdict = await found(book, Sure(is_clear=True), question)
    assert verdict.decision is not Decision.ALLOW
    assert label in {finding.label for finding in verdict.findings}


async def test_a_statement_has_no_form_of_a_question_to_give_way_to(book):
    told = await found(book, Sure(is_clear=True), "Il faudrait des bancs sur la place.")
    assert {finding.label for finding in told.findings} == {Label.ADVOCACY}
    asked = await found(book, Sure(is_clear=True), "Donc il faudrait des bancs, mais où ?")
    assert asked.findings == ()


async def test_without_weights_a_pattern_still_withholds(book):
    verdict = await found(book, Untaught(is_clear=True), PRAISE)
    assert outcome((verdict,)) is Decision.WITHHOLD


async def test_what_the_person_wrote_is_no_steering(book):
    said = "Quelle excellente idée, ces bancs."
    verdict = await found(book, Sure(is_clear=False), "« Quelle excellente idée » : où ?", said)
    assert verdict.decision is Decision.ALLOW


@pytest.mark.parametrize(
    ("language", "question"),
    [
        ("fr", "Que direz-vous à vos enfants quand les bancs seront partis ?"),
        ("en", "What will you tell your children if the benches go?"),
        ("de", "Was bleibt vom Platz, wenn die Bänke weg sind?"),
    ],
)
async def test_a_firm_rule_does_not_give_way(book, language, question):
    verdict = await found(book, Sure(is_clear=True), question, language=language)
    assert verdict.decision is Decision.WITHHOLD
