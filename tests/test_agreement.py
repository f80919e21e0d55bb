"""Agreement is computed as published; the examples are Krippendorff's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.agreement import alpha

# Computing Krippendorff's Alpha-Reliability (2011), parts A to C, one string for an observer.
BINARY = ("0100000010", "1110010000")
NOMINAL = ("aabbdcccedda", "babbbccceddd")
# https://en.wikipedia.org/wiki/Krippendorff's_alpha, "A computational example".
THREE = ("*****34121133*3", "1*213343*******", "**21344*21133*4")
# Content Analysis, 4th edition (2019), chapter 12: four observers, eleven units.
FOUR = ("123321412**", "1233224125*", "*3332342251", "12332441251")


def units(observers):
    return [[said for said in unit if said != "*"] for unit in zip(*observers, strict=True)]


@pytest.mark.parametrize(
    ("observers", "published"), [(BINARY, 0.095), (NOMINAL, 0.692), (THREE, 0.691), (FOUR, 0.743)]
)
def test_agreement_is_what_was_published(observers, published):
    assert alpha(units(observers)) == pytest.approx(published, abs=0.0005)


def test_agreement_is_not_defined_where_nothing_could_differ():
    assert alpha([]) is None
    assert alpha([["a"], ["b"]]) is None
    assert alpha([["a", "a"], ["a", "a"]]) is None


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=2, max_size=4), min_size=1))
def test_full_agreement_is_one_and_nothing_is_more(judged):
    same = alpha([[unit[0]] * len(unit) for unit in judged])
    found = alpha(judged)
    assert same is None or same == pytest.approx(1)
    assert found is None or found <= 1 + 1e-9
