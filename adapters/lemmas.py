"""Dictionary forms by simplemma; stems by Snowball, for Arabic and for what it does not know."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

SNOWBALL = {"fr": "french", "en": "english", "de": "german", "ar": "arabic"}
SHORTEST = 3
_BEFORE = re.compile("^(?:[وف]?[بكلع]?(?:ه)?ال|[وف]?لل|[وفبلك](?=[\u0621-\u064a]{3}))")
"""And, so, by, like, for, on, this, the: written in one with the next word."""
_VERBAL = re.compile(
    "^[وف]?(?:س(?=[يتنا][\u0621-\u064a]{2}$)|(?:كا?|غا?|[بسح]|ه(?=[يتن]))?[يتنا](?=[\u0621-\u064a]{3}))"
)
"""Marks of person and time, of the standard language and of speech."""
_AFTER = re.compile(
    "(?:(?<=...)ل(?:كم|ي|نا|ك|هم|ها|و)|كما|هما|هن|كم|هم|ها|نا|ون|ين|ات|ان|وا|ته|تك|تي|ه|ك|ي|ة|ا|و|ش)$"
)
"""Mine, yours, theirs; plurals and feminines."""
_PARTICIPLE = re.compile("(?<=[a-z]{3})ée?s?$")
"""What was done, in French: the dictionary has it beside the verb, not under it."""
_DOING = re.compile("(?<=[a-zäöüß]{3})end(?:e[mnrs]?)?$")
"""What does something, in German: « fehlende » is of « fehlen »."""
DICTIONARIES = frozenset({"fr", "en", "de"})


@dataclass
class DictionaryLemmatiser:
    """Loads a language's dictionary when a word of it is first looked up."""

    _stemmers: dict[str, Any] = field(default_factory=dict, init=False)
    _known: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict, init=False)

    def lemmas(self, word: str, language: str) -> frozenset[str]:
        """Return the forms under which *word* counts as the same word, itself included."""
        key = (word, language)
        if key not in self._known:
            if len(self._known) > 50_000:  # noqa: PLR2004 - a bound on memory, a few MB
                self._known.clear()
            self._known[key] = self._look_up(word, language)
        return self._known[key]

    def knows(self, word: str, language: str) -> bool:
        """Return whether *word* is in the dictionary of *language*; True where there is none."""
        if language not in DICTIONARIES:
            return True
        from simplemma import is_known  # noqa: PLC0415 - as below

        return any(is_known(form, lang=language) for form in (word, word.capitalize()))

    def _look_up(self, word: str, language: str) -> frozenset[str]:
        if language not in DICTIONARIES:
            return frozenset(
                form for part in _detached(word) for form in (part, self._stem(part, language))
            )
        # Imported here since it takes a tenth of a second that vetted questions never need.
        from simplemma import lemmatize  # noqa: PLC0415

        # German nouns are found under their capital only.
        forms = (word, word.capitalize()) if language == "de" else (word,)
        found = {lemmatize(f, lang=language).casefold() for f in forms}
        if language == "fr":
            found |= {_PARTICIPLE.sub("er", form) for form in found}
        if language == "en":
            found |= _done(word)
        if language == "de" and _DOING.search(word):
            found.add(_DOING.sub("en", word))
        return frozenset({word, *found})

    def _stem(self, word: str, language: str) -> str:
        if language not in self._stemmers:
            from Stemmer import Stemmer  # noqa: PLC0415 - likewise

            self._stemmers[language] = Stemmer(SNOWBALL[language])
        stem: str = self._stemmers[language].stemWord(word)
        return stem


def _done(word: str) -> frozenset[str]:
    """Return the verbs that *word* may be of, in English: the dictionary has some as nouns only."""
    stem = word.removesuffix("ing")
    if stem == word or len(stem) < SHORTEST:
        return frozenset()
    doubled = {stem[:-1]} if stem[-1] == stem[-2] else set()
    return frozenset({stem, stem + "e", *doubled})


def _detached(word: str) -> frozenset[str]:
    """Return *word*, and without what Arabic writes in one with it, three letters at least."""
    bodies = {word, _BEFORE.sub("", word), _VERBAL.sub("", word)}
    forms = bodies | {_AFTER.sub("", body) for body in bodies}
    return frozenset(form for form in forms if len(form) >= SHORTEST) | {word}
