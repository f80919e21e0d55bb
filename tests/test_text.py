from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import text as letters
from bot.text import (
    bare,
    clean,
    count_words,
    fold,
    folded,
    plain,
    sentences,
    within_one_edit,
    words,
)


@pytest.mark.parametrize(
    ("seen", "read"),
    [
        ("STOP", "stop"),
        ("ѕtор", "stop"),  # Cyrillic look-alikes
        ("s\u200bt\u200do\u2060p", "stop"),  # zero-width
        ("\u202estop\u202c", "stop"),  # bidirectional control
        ("ｓｔｏｐ", "stop"),  # full width
        ("sto\u00adp", "stop"),  # soft hyphen
        ("s\U000e0074top", "stop"),  # tag character
        ("stop\ufe0f", "stop"),  # variation selector
        ("d’accord", "d'accord"),
        ("ﬁn", "fin"),
        ("كـــفى", "كفي"),
        ("كَفَى", "كفي"),
        ("Straße", "strasse"),
    ],
)
def test_one_word_is_one_word_however_it_is_disguised(seen, read):
    assert folded(seen) == read


def test_a_span_of_folded_text_leads_back_to_what_was_written():
    text = "Est-ce d’après l’É\u200bcole ?"
    seen = fold(text)
    start = seen.text.index("école")
    assert text[slice(*seen.span(start, start + 5))] == "É\u200bcole"


def test_letters_that_fold_to_several_lead_back_too():
    for text in ("가 bancs", "ŒUVRE bancs", "ß bancs"):
        seen = fold(text, accents=False)
        start = seen.text.index("bancs")
        assert text[slice(*seen.span(start, start + 5))] == "bancs"


@given(st.text())
def test_every_span_of_folded_text_lies_in_the_original(text):
    seen = fold(text)
    for index in range(len(seen.text)):
        start, end = seen.span(index, index + 1)
        assert 0 <= start <= end <= len(text)


@given(st.text())
def test_a_word_is_folded_as_the_text_round_it_is(word):
    for _ in range(2):  # the second time it is looked up
        assert folded(word) == fold(word).text
        assert bare(word) == fold(word, accents=False).text


def test_nothing_longer_than_a_word_is_kept_in_mind():
    caches = (letters._bare_word, letters._folded_word)
    before = [cache.cache_info().currsize for cache in caches]
    said = "Il faudrait plus de bancs."
    assert bare(said) and folded(said) and plain(said)
    assert [cache.cache_info().currsize for cache in caches] == before


@given(st.text("abc"), st.integers(0, 9), st.sampled_from("abcd"))
def test_one_letter_added_changed_left_out_or_swapped_is_one_edit(word, at, letter):
    at = min(at, len(word))
    head, tail = word[:at], word[at:]
    others = (head + letter + tail, head + letter + tail[1:], head + tail[1:],
              head + tail[1::-1] + tail[2:])  # fmt: skip
    assert all(within_one_edit(word, o) and within_one_edit(o, word) for o in others)


@given(st.text("ab", max_size=9), st.text("ab", max_size=9))
def test_only_one_edit_is_one_edit(one, other):
    letters = range(len(one) + 1)
    near = {
        one,
        *(one[:i] + c + one[i + n :] for i in letters for c in ("", *"ab") for n in (0, 1)),
    }
    near |= {one[:i] + one[i : i + 2][::-1] + one[i + 2 :] for i in letters}
    assert within_one_edit(one, other) == (other in near)


@given(st.text())
def test_cleaning_twice_is_cleaning_once(text):
    assert clean(clean(text)) == clean(text)


@given(st.text())
def test_no_control_character_or_lone_surrogate_is_left(text):
    left = {unicodedata.category(char) for char in clean(text).replace("\n", "")}
    assert left.isdisjoint({"Cc", "Cs"})


def test_piled_up_marks_are_cut_to_three():
    assert clean("e" + "\u0301" * 40) == "e" + "\u0301" * 3


def test_words_are_cut_at_apostrophes_and_hyphens():
    assert [w.text for w in words("l'hôpital, avez-vous 3 km ?")] == [
        "l", "hôpital", "avez", "vous", "3", "km",
    ]  # fmt: skip


def test_words_with_arabic_vowels_stay_whole():
    assert [w.text for w in words("كَتَبْتُ رسالة")] == ["كَتَبْتُ", "رسالة"]


def test_a_reader_counts_what_spaces_separate():
    assert count_words("Qu'est-ce que « l'hôpital » ?") == 3


def test_an_hour_before_noon_does_not_end_a_sentence():
    assert sentences("What happens at 7 a.m. on your street?") == (
        "What happens at 7 a.m. on your street?",
    )
    assert sentences("He came at 5 p.m. We left.") == ("He came at 5 p.m.", "We left.")


@pytest.mark.parametrize(
    "text",
    ["Que disait Mme R. vous invitant ?", "Seit Dr. Weber weg ist, z.B. nachts.", "At St. Mark's."],
)
def test_an_abbreviation_does_not_end_a_sentence(text):
    assert sentences(text) == (text,)
    assert sentences(f"{text} Plan B. Then what?")[1:] == ("Plan B.", "Then what?")


def test_a_decimal_number_does_not_end_a_sentence():
    assert sentences("C'est 3.5 % non ? Oui.\nVoilà") == ("C'est 3.5 % non ?", "Oui.", "Voilà")


def test_plain_words_have_neither_accent_nor_sign():
    assert plain("Ça suffit !!") == "ca suffit"
    assert bare("Où, à l'École ?") == "ou, a l'ecole ?"
