"""Which of the four languages to answer in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from bot.domain import LANGUAGES, Dialogue, Message
from bot.ports import LanguageDetector, PromptBook
from bot.text import clean, count_words, folded, plain

CLOSE_TO = {
    "als": "de", "bar": "de", "gsw": "de", "ksh": "de", "lb": "de", "nds": "de", "pfl": "de",
    "ary": "ar", "arz": "ar", "apc": "ar", "fa": "ar", "ckb": "ar", "ur": "ar",
    "sco": "en", "frp": "fr", "oc": "fr", "wa": "fr", "pcd": "fr", "gcr": "fr",
}  # fmt: skip
"""Dialects, and neighbours a detector takes short texts for."""
FEW = 3
"""Below this many words a text does not change the language of a thread."""
SURE = 0.5
UNSURE = 0.12
MANY = 8
"""Words from which a text that is in no language we know is not taken for the thread's."""
FOREIGN = 0.7
"""Score from which a text is in none of the four languages, whatever the thread."""
LATIN_ARABIC = 2
"""Words of Arabic in Latin letters that are enough to tell it, if they are a fifth of all."""
_LATIN_ARABIC = re.compile(r"(?:[a-z]*[2379]+[a-z]+|[a-z]+[379]+)[a-z2379]*")
_ALONE = frozenset("bfow")
_ARABIC = re.compile("[\u0600-\u06ff]")
_FOREIGN = re.compile("[^\\W\\d_a-z\u00df-\u024f\u0600-\u06ff]")
_WORDS = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_LETTERS = re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class Languages:
    """Chooses a language for each message."""

    detector: LanguageDetector
    book: PromptBook
    default: str = "fr"
    """Where nothing tells."""

    def choose(self, message: Message, dialogue: Dialogue) -> str | None:
        """Return the language to answer *message* in, or None if it is none of the four."""
        if message.language in LANGUAGES:
            return message.language
        return self.of(message.text, dialogue.language)

    def of(self, text: str, thread: str | None = None) -> str | None:
        """Return the language of *text*, that of the *thread* where it does not tell."""
        text = clean(text)
        letters = _LETTERS.findall(text)
        if len(_ARABIC.findall(text)) * 2 > len(letters):
            return "ar"
        if self._is_latin_arabic(text):
            return "ar"
        if not letters:
            return thread or self.default
        if len(_FOREIGN.findall(folded(text))) * 2 > len(letters):
            return None
        if thread and count_words(text) < FEW:
            return thread
        told = self._scored(" ".join(_WORDS.findall(folded(text))), thread)
        return told if thread else self._greeted(text, told)

    def _greeted(self, text: str, told: str | None) -> str | None:
        """Return the language of *text* if it is a greeting, otherwise what was *told* of it."""
        greeted = [
            code for code in LANGUAGES if self._greetings[code].issuperset(plain(text).split())
        ]
        if not greeted or told in greeted:
            return told
        return self.default if self.default in greeted else greeted[0]

    def which(self) -> str:
        """Return the question which language the person prefers, in all four."""
        return "\n".join(self.book.text(code, "notice.unknown-language") for code in LANGUAGES)

    def _is_latin_arabic(self, text: str) -> bool:
        found = plain(text).split()
        hits = [w for w in found if w in self._latin or _LATIN_ARABIC.fullmatch(w)]
        # « in », « and »: they stand alone in other languages, too, but rarely.
        alone = [w for w in found if w in _ALONE]
        return len(hits) >= LATIN_ARABIC and (len(hits) + len(alone)) * 5 >= len(found)

    @cached_property
    def _latin(self) -> frozenset[str]:
        """Return the Arabic words that are known in Latin letters."""
        return frozenset(self.book.lexicon("ar", "latin")["words"])

    @cached_property
    def _greetings(self) -> Mapping[str, frozenset[str]]:
        """The words of a greeting, which a detector knows little of: « Hallo », « slt »."""
        listed = {code: self.book.lexicon(code, "cues")["greeting"] for code in LANGUAGES}
        return {code: frozenset(map(plain, words)) for code, words in listed.items()}

    def _scored(self, text: str, thread: str | None) -> str | None:
        scores, foreign = dict.fromkeys(LANGUAGES, 0.0), 0.0
        for code, score in self.detector.detect(text).items():
            ours = CLOSE_TO.get(code, code)
            if ours in scores:
                scores[ours] += score
            else:
                foreign = max(foreign, score)
        best = max(scores, key=lambda code: (scores[code], code == thread))
        if foreign >= FOREIGN and count_words(text) > FEW:
            return None
        if thread and scores[best] < SURE and (scores[best] >= UNSURE or count_words(text) < MANY):
            return thread
        if scores[best] >= UNSURE or count_words(text) < FEW:
            return best if scores[best] > 0 else thread or self.default
        return None
