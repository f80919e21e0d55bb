"""Which Arabic words are forms of one another, in Arabic script or in Latin letters.

Forms of one root share consonants and differ in vowels and in what is written in one with them:
« الفرز », « منفرز ». In Latin letters nobody spells alike, and ت and ط, س and ص, ه and ح cannot be
told apart: « lkhedma » is « الخدمة ».
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

ROOT = 3
"""Consonants of a root: so many must be left where something was taken off a word."""
_WEAK = ("ا", "او", "اي", "اوي")
"""Letters that come and go within the forms of one Arabic root; short vowels are not written."""
_ADDED = re.compile("^(?:ا?ست|[متنس])(?=[\u0621-\u064a]{3})")
"""Letters that Arabic puts before a root to make other words of it."""
_OWNER = re.compile("(?<=..)(?:كم|هم|ها|نا|ت|ك|ه|ي)$")
"""Whose it is, after a short Arabic word."""
_CASE = re.compile("(?<=..)[وي]ن$")
"""One ending, whose vowel follows the sentence."""
_DOER = re.compile("^[اتين](?=..$)")
"""Who does it, before a short Arabic verb."""
_KIN = re.compile("^(اب|اخ)[اوي]?(?:كم|هم|ها|نا|[كهي])?$")
"""Father and brother: two consonants, and a vowel that follows the sentence, « أبي », « أبوك »."""
_UNWRITTEN = str.maketrans("", "", "اويىئءؤأإآةٱ")
"""Letters that some forms of a root have and others not."""
_BEFORE_NUMBER = re.compile(r"^(?:[وفبلكد]?(?:ال|لل)?|هال)(?=\d)")
_ARTICLE = re.compile("^(?:[وفبلكد]?(?:ال|لل)|[وبفع]?هال|عال)")
_BEFORE = re.compile("^(?:من|مك|ك[تن]?|ب[تن]?|[لفدمتنسه])")
"""Written in one with a word before it: « with », « in », a tense, what makes a noun of a verb."""
_AFTER = re.compile("(?:هم|كم|هن|كن|نت|تك|ته|تش|[نهكتشم])$")
"""The same after it: whose it is, a plural, who does it, « not »."""

_DIGRAPHS = {"kh": "5", "gh": "8", "ch": "x", "sh": "x", "th": "t", "dh": "d", "ph": "f"}
_DIGRAPH = re.compile("|".join(_DIGRAPHS))
_LATIN = str.maketrans(
    {
        **dict.fromkeys("aeiouwy2'"),
        **dict.fromkeys("9qgc", "k"),
        **dict(zip("76pv", "htbf", strict=True)),
    }
)
_IN_LATIN = str.maketrans(
    {
        **dict.fromkeys("تطث", "t"),
        **dict.fromkeys("دضذظ", "d"),
        **dict.fromkeys("سص", "s"),
        **dict.fromkeys("هح", "h"),
        **dict.fromkeys("كقگڭڴ", "k"),
        **dict.fromkeys("بپ", "b"),
        **dict.fromkeys("فڤ", "f"),
        **dict(zip("عغخشجزلمنر", "385xjzlmnr", strict=True)),
    }
)
_BEFORE_IN_LATIN = re.compile("^(?:mk|k[tn]?|[lbfdmntw])")
_AFTER_IN_LATIN = re.compile("(?:hm|km|[nhktxm])$")
_DOUBLED = re.compile(r"(.)\1+")


def number_alone(word: str) -> str:
    """Return *word* without what Arabic writes in one with a number: « 40 » of « ال40 »."""
    return _BEFORE_NUMBER.sub("", word)


def families(lemmas: Iterable[str]) -> frozenset[str]:
    """Return what dictionary forms share with others of their root: « يعبر », « عبور »."""
    found = {family for lemma in lemmas for family in _family(lemma)}
    short = {
        "-" + _OWNER.sub("", lemma)
        for lemma in lemmas
        if _OWNER.search(lemma) and not _CASE.search(lemma)
    }
    plural = {"=" + _CASE.sub("", lemma) for lemma in lemmas if _CASE.search(lemma)}
    verbs = {"-" + _DOER.sub("", lemma) for lemma in lemmas if _DOER.match(lemma)}
    kin = {"+" + match.group(1) for match in map(_KIN.match, lemmas) if match}
    return frozenset(found | short | plural | verbs | kin)


@lru_cache(maxsize=4096)
def _family(lemma: str) -> frozenset[str]:
    """Return the consonants of *lemma*, with and without letters that may be none of the root."""
    return frozenset(_roots(lemma))


def _roots(lemma: str) -> Iterator[str]:
    for weak in _WEAK:
        root = "".join(letter for letter in lemma if letter not in weak)
        for bared in {root, _ADDED.sub("", root)}:
            if len(bared) >= ROOT:
                yield bared
                if len(bared) > ROOT and bared[1] == "ت":
                    yield bared[0] + bared[2:]


@lru_cache(maxsize=4096)
def consonants(word: str) -> frozenset[str]:
    """Return the consonants of the Arabic *word* (folded), with and without what is joined to it.

    Empty where there are fewer than two.
    """
    whole = _ARTICLE.sub("", word).translate(_UNWRITTEN)
    return _bared(whole, _BEFORE, _AFTER)


@lru_cache(maxsize=4096)
def spelt(word: str) -> frozenset[str]:
    """Return the same for *word* in Latin letters, as `in_latin` gives them."""
    return _bared(consonants_in_latin(word), _BEFORE_IN_LATIN, _AFTER_IN_LATIN)


def in_latin(word: str) -> frozenset[str]:
    """Return the consonants of the Arabic *word* as Latin letters would have them."""
    return frozenset(_DOUBLED.sub(r"\1", found.translate(_IN_LATIN)) for found in consonants(word))


def consonants_in_latin(word: str) -> str:
    """Return the consonants of *word*, Arabic in Latin letters, one letter for one sound."""
    one_each = _DIGRAPH.sub(lambda pair: _DIGRAPHS[pair.group()], word).translate(_LATIN)
    return _DOUBLED.sub(r"\1", one_each)


def _bared(whole: str, before: re.Pattern[str], after: re.Pattern[str]) -> frozenset[str]:
    whole = _DOUBLED.sub(r"\1", whole)
    shorter = {before.sub("", whole), after.sub("", whole)}
    shorter |= {after.sub("", one) for one in shorter}
    kept = {one for one in shorter if len(one) >= ROOT}
    return frozenset(kept | {whole}) if len(whole) > 1 else frozenset()
