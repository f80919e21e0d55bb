"""Words of one sense, found whatever their form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import LANGUAGES
from bot.senses import ASKS, Senses, together
from policies.masking import Masking
from policies.overheard import senses_of

STEMS = {"end": ["fin", "put out "], "night": ["ليل"], "call": ["112 "]}


@pytest.fixture(scope="module")
def known(book) -> dict[str, Senses]:
    return {language: senses_of(language, book) for language in LANGUAGES}


def test_a_stem_is_found_at_the_start_of_a_word_alone():
    senses = Senses(STEMS)
    assert senses.of("Finally.") == {"end"}
    assert senses.of("A muffin") == set()


def test_a_space_after_a_stem_ends_the_word():
    senses = Senses(STEMS)
    assert senses.of("It was put out") == {"end"}
    assert senses.of("put outside") == set()


def test_numbers_signs_and_accents_are_read_as_people_type_them():
    senses = Senses(STEMS)
    assert senses.of("FÍN: 112?") == {"end", "call", ASKS}
    assert senses.of("1123") == set()


def test_arabic_words_are_found_behind_what_is_written_in_one_with_them():
    assert Senses(STEMS, attached=True).of("وبالليل") == {"night"}
    assert Senses(STEMS).of("وبالليل") == set()


def test_each_two_senses_are_counted_once_in_whatever_order():
    assert list(together({"b", "a"})) == ["a", "b", "a b"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_senses(book, language):
    listed = {code: book.lexicon(code, "senses") for code in LANGUAGES}
    assert listed[language].keys() == listed["en"].keys()
    assert all(stem.strip() for stems in listed[language].values() for stem in stems)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_party_and_no_group_of_people_has_a_sense_of_its_own(book, language):
    """Else one side would be heard otherwise than the other (rule 13)."""
    listed, masking = book.lexicon(language, "senses"), Masking(book)
    stems = [stem.strip() for sense in ("party", "group") for stem in listed[sense]]
    written = [form for stem in stems for form in (stem, stem.capitalize())]
    assert [form for form in written if "[" in masking.mask([form], language).texts[0]] == []


@given(text=st.text(max_size=200), language=st.sampled_from(LANGUAGES))
def test_any_text_has_known_senses_only(known, text, language):
    senses = known[language]
    assert senses.of(text) <= {ASKS, *senses.stems}
