"""A question is in the person's language, and addresses them as they address the bot."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.domain import Decision, Dialogue, Draft, Finding, Label, Message, Verdict
from bot.ports import LanguageDetector, PromptBook, Tools
from bot.rules import compile_pattern, outside_quotes
from bot.text import bare, count_words, without_placeholders, words

SURE = 0.6
FUNCTION = 0.4
"""Share of function words that shows a language."""
FEWEST = 4
"""Words below which a detector is not asked."""
_ARABIC = re.compile("[\u0600-\u06ff]")


@dataclass(frozen=True)
class InLanguage:
    """Trusts vetted questions; detects the language of all others."""

    book: PromptBook
    detector: LanguageDetector
    name: str = "in_language"
    _function: dict[str, frozenset[str]] = field(default_factory=dict)

    async def check(self, utterance: Message | Draft, dialogue: Dialogue) -> Verdict:
        """Ask for another draft."""
        language = dialogue.language or ""
        if isinstance(utterance, Draft) and utterance.frame:
            return Verdict(policy=self.name)
        rest = outside_quotes(without_placeholders(utterance.text, " "), dialogue.idea.texts)
        if self._other(rest, dialogue.idea.texts, language):
            key = "wrong-language"
        elif self._register(rest, dialogue, language):
            key = "wrong-register"
        else:
            return Verdict(policy=self.name)
        found = Finding(
            rule=f"{self.name}.{key}",
            label=Label.FORM,
            end=len(utterance.text),
            reason=self.book.text(language, f"reason.{key}"),
        )
        return Verdict(policy=self.name, decision=Decision.REVISE, findings=(found,))

    def _other(self, text: str, texts: Iterable[str], language: str) -> bool:
        if (language == "ar") != bool(_ARABIC.search(text)):
            # Who writes Arabic in Latin letters may be asked in them: own words see to the rest.
            return language != "ar" or any(map(_ARABIC.search, texts))
        if language == "ar" or count_words(text) < FEWEST or self._sounds(text, language):
            return False
        scores = self.detector.detect(text)
        best = max(scores, key=lambda code: scores[code], default=language)
        return best != language and scores[best] >= SURE

    def _sounds(self, text: str, language: str) -> bool:
        """Return whether enough of *text* is the language's function words: a sure sign."""
        if language not in self._function:
            listed = self.book.lexicon(language, "vocabulary")["function"]
            self._function[language] = frozenset(bare(w.text) for f in listed for w in words(f))
        found = [bare(w.text) for w in words(text)]
        return sum(w in self._function[language] for w in found) >= FUNCTION * len(found)

    def _register(self, text: str, dialogue: Dialogue, language: str) -> bool:
        """Return whether one says « tu » and the other « vous »."""
        said = "\n".join(dialogue.idea.texts)
        person = (self._uses("familiar", said, language), self._uses("formal", said, language))
        if person not in {(True, False), (False, True)}:
            return False
        familiar = person[0]
        if familiar and self._uses("several", said, language):
            return False  # « vous » may be all of them
        other, same = ("formal", "familiar") if familiar else ("familiar", "formal")
        return self._uses(other, text, language) and not self._uses(same, text, language)

    def _uses(self, register: str, text: str, language: str) -> bool:
        cues = self.book.lexicon(language, "cues").get(register, ())
        if not cues:
            return False
        pattern = compile_pattern(rf"\b(?:{'|'.join(cues)})(?!\w)", accents=False)
        return bool(pattern.search(bare(text)))


def build(tools: Tools) -> InLanguage:
    """Return the policy."""
    return InLanguage(tools.book, tools.detector)
