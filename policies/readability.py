"""A question can be read by people with little schooling.

French: Kandel & Moles (1958). English: Flesch (1948). German: Amstad (1978). Each gives about
100 for very easy and 0 for very hard. Arabic has no formula made for one sentence: the mean
length of a word stands in for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.domain import Decision, Dialogue, Draft, Finding, Label, Message, Verdict
from bot.ports import PromptBook, Tools
from bot.rules import outside_quotes
from bot.text import bare, without_placeholders, words

EASY = {"fr": 50, "en": 50, "de": 30, "ar": 50}
"""Score below which a text is held to be hard; German words are long by nature."""
ARABIC_LETTERS = 7.0
"""Mean length above which Arabic words are held to be hard."""
FORMULAS = {"fr": (207.0, 1.015, 73.6), "en": (206.835, 1.015, 84.6), "de": (180.0, 1.0, 58.5)}
_FEWEST = 6
"""Words below which a mean says nothing."""
_VOWELS = re.compile("[aeiouy]+")


def score(text: str, language: str) -> float:
    """Return how easy one sentence is to read, 100 being very easy."""
    found = [bare(w.text) for w in words(text)]
    if not found:
        return 100.0
    if language not in FORMULAS:
        mean = sum(map(len, found)) / len(found)
        return 100.0 if mean <= ARABIC_LETTERS else 0.0
    base, per_word, per_syllable = FORMULAS[language]
    syllables = sum(_syllables(word, language) for word in found)
    return base - per_word * len(found) - per_syllable * syllables / len(found)


def _syllables(word: str, language: str) -> int:
    silent = {"fr": ("e", "es", "ent"), "en": ("e", "es", "ed")}.get(language, ())
    groups = len(_VOWELS.findall(word))
    return max(1, groups - (groups > 1 and word.endswith(silent)))


@dataclass(frozen=True)
class Readability:
    """Judges the bot's own words, not those it takes up from the person."""

    book: PromptBook
    name: str = "readability"

    async def check(self, utterance: Message | Draft, dialogue: Dialogue) -> Verdict:
        """Ask for easier words."""
        language = dialogue.language or ""
        said = {bare(w.text) for text in dialogue.idea.texts for w in words(text)}
        rest = outside_quotes(without_placeholders(utterance.text, " "), dialogue.idea.texts)
        ours = " ".join(w.text for w in words(rest) if bare(w.text) not in said)
        if len(words(ours)) < _FEWEST or score(ours, language) >= EASY[language]:
            return Verdict(policy=self.name)
        found = Finding(
            rule=f"{self.name}.hard",
            label=Label.FORM,
            end=len(utterance.text),
            reason=self.book.text(language, "reason.hard-to-read"),
        )
        return Verdict(policy=self.name, decision=Decision.REVISE, findings=(found,))


def build(tools: Tools) -> Readability:
    """Return the policy."""
    return Readability(tools.book)
