"""Arabic in Latin letters: which words are the same, where nobody spells alike.

« chnou », « chno » and « achnu » are one word; so are « katsennaw » and « kansennaw », two forms of
a verb. A digit before letters is a letter that Latin lacks: « 3lach ».
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from bot.arabic import ROOT, consonants_in_latin, spelt

_WORD = re.compile(r"(?!\d\d)(?=(?:\d*[a-z]){2})[a-z235-9]+|[a-z]")
_SOUNDS = {"kh": "5", "gh": "8", "ch": "x", "sh": "x", "th": "t", "dh": "d", "ph": "f", "ou": "u"}
_SOUND = re.compile("|".join(_SOUNDS))
_ALIKE = str.maketrans(
    {**dict.fromkeys("ae2"), **dict(zip("qgc9oywp", "kkkkuiub", strict=True)), "7": "h", "6": "t"}
)
_DOUBLED = re.compile(r"(.)\1+")
_BEFORE = re.compile("^(?:[bdfow]?l|[bdfow])(?=..)")
"""The article, or a word of one letter."""
_AFTER = re.compile("(?<=...)(?:li[knh]a?|likom|lina|h[ao]|hom|k[ou]?m|ek|k|ni|na|u|x|t)$")
"""To whom, whose, « not »: after a word."""
_OWNER = re.compile("(?<=...)(?:iya|ya|yya|e?k|ik|ou?|o|w|h|ha|hom|kou?m|na|i|e|a|t|at|et)$")
_PERSON = re.compile("(?:k[aei]?|b[aei]?|gh?a)?[ytn][aei]?(?=..)")
"""Who does it and when, before a verb."""
_ENDS = re.compile("(?<=..)[xk]$")


def is_latin(word: str) -> bool:
    """Tell whether *word*, folded, may be Arabic in Latin letters: « 3lach », not « 19h »."""
    return word.isascii() and _WORD.fullmatch(word) is not None


@lru_cache(maxsize=8192)
def spellings(word: str) -> frozenset[str]:
    """Return how *word* is compared with a list, as it is and without what is joined to it.

    Short vowels do not count, unless hardly anything else is left.
    """
    whole = {_sound(word), _sound(_BEFORE.sub("", word))}
    shorter = {_AFTER.sub("", one) for one in whole}
    letters = {word, _DOUBLED.sub(r"\1", word)}
    return frozenset(letters | {one for one in whole | shorter if len(one) >= ROOT})


def roots(word: str) -> frozenset[str]:
    """Return what *word* shares with other forms of it: consonants, a verb's stem, letters."""
    return frozenset(_roots(word))


def _roots(word: str) -> Iterator[str]:
    alone = _BEFORE.sub("", word)
    yield from ("=" + one for one in (word, alone))
    yield from ("-" + _OWNER.sub("", one) for one in (word, alone))
    yield from (root for root in spelt(word) if len(root) >= ROOT)
    verb = _PERSON.match(word)
    stem = _ENDS.sub("", consonants_in_latin(word[verb.end() :])) if verb else ""
    if len(stem) > 1:
        yield stem if len(stem) >= ROOT else f"~{stem}"  # so short, it is compared with verbs alone


def _sound(word: str) -> str:
    spoken = _SOUND.sub(lambda found: _SOUNDS[found.group()], word).translate(_ALIKE)
    return _DOUBLED.sub(r"\1", spoken)
