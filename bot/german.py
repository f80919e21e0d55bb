"""Which German words are the same, one of them in the dialect of its speaker.

Dialects say other vowels and leave endings out: « Chunde » are « Kunden », « abgstellt » is
« abgestellt ». What is left is compared by consonants, hard and soft ones alike.
"""

from __future__ import annotations

import re
from functools import lru_cache

ROOT = 3
"""Consonants that must be left."""
_SOUNDS = {"sch": "s", "ch": "k", "ck": "k", "ph": "f", "tz": "z", "dt": "d"}
_SOUND = re.compile("|".join(_SOUNDS))
_ALIKE = str.maketrans(
    {**dict.fromkeys("aeiouyäöüàèéêôh"), **dict(zip("ptgcqvß", "bdkkkfs", strict=True))}
)
_DOUBLED = re.compile(r"(.)\1+")
_PARTICIPLE = re.compile("^k(?=...)")
_ENDING = re.compile("(?<=...)[ndrs]$")


@lru_cache(maxsize=4096)
def heard(word: str) -> frozenset[str]:
    """Return the consonants of *word* (folded), with and without what dialects leave out."""
    spoken = _SOUND.sub(lambda found: _SOUNDS[found.group()], word).translate(_ALIKE)
    whole = _DOUBLED.sub(r"\1", spoken)
    forms = {whole, _PARTICIPLE.sub("", whole)}
    forms |= {_ENDING.sub("", form) for form in forms}
    return frozenset(form for form in forms if len(form) >= ROOT)
