"""Every content word of a question is the person's own or a neutral one (rules 2 and 3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile

from bot.arabic import consonants, families, in_latin, number_alone, spelt
from bot.domain import Decision, Dialogue, Draft, Finding, Label, Message, Register, Verdict
from bot.german import heard
from bot.latin_arabic import is_latin, roots, spellings
from bot.ports import Lemmatiser, PromptBook, Tools
from bot.rules import outside_quotes
from bot.text import Word, bare, fold, folded, plain, within_one_edit, words

STEM = 5
"""Letters that words of one family share."""
DIALECT = 2
"""Words of a German dialect by which a text is held to be in one."""
PART = 4
"""Letters of a short stem, or of a part of a German compound."""
ENDING = 4
"""Letters by which they may differ at the end."""
_PLURAL = re.compile("(?:e[ns]?|[ns])$")
_ENDINGS = re.compile(
    "(?:e[nrsm]?|e?rn|n|s|e?t|st|te[nst]?|end\\w{,2}|ung(?:en)?|(?:lich|isch|ig|bar|los|haft)\\w{,2}"
    "|heit|keit|in(?:nen)?|chen|lein|l[ei]?|er(?:in|n|s)|schaft|nis|tum|ier\\w{,2})"
)
"""What German puts after a word to make another form of it."""
_LINKED = re.compile("(?:e?s|e?n|e)$")
"""What joins the parts of a German compound."""
_NOUN = re.compile("(?<=.{5})(?:i[cf]|is)?(?:ation|ition|ement|ament)s?$")
"""What French, English and German put after a verb to name the deed, longer than other endings."""
_TWICE = re.compile(r"(\w)\1")
_PIECE = re.compile(r"\d+|[^\W\d_]+")
_LINK = re.compile(r"https?://\S+|www\.\S+|\S+@\S+\.\w+")


_LABELS = {
    "new-number": Label.UNSOURCED_FACT,
    "presupposing": Label.PRESUPPOSITION,
    "new-name": Label.SUGGESTION,
    "new-word": Label.SUGGESTION,
}


@dataclass(frozen=True, slots=True)
class Numerals:
    """Numbers of several words: « vingt et un » holds neither « vingt » nor « un »."""

    pattern: re.Pattern[str] | None
    digits: Mapping[str, str]
    """By their words in bare form."""

    @classmethod
    def of(cls, listed: Iterable[str]) -> Numerals:
        """Return them from lines such as « 21 vingt et un »."""
        split = (plain(line).partition(" ") for line in listed)
        digits = {spelt: number for number, _, spelt in split}
        # The longest first: « quatre-vingt-dix » is no « quatre-vingt ».
        return cls(_any_of(sorted(digits, key=len, reverse=True)), digits)

    def in_digits(self, text: str) -> str:
        """Return *text* with each of them in digits, every other character in its place."""
        if self.pattern is None:
            return text
        seen = fold(text, accents=False)
        for match in self.pattern.finditer(seen.text):
            start, end = seen.span(*match.span())
            number = self.digits[plain(match.group())]
            text = text[:start] + number.ljust(end - start) + text[end:]
        return text


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of one language that the bot may use of its own, in bare form."""

    forms: frozenset[str]
    """Without the presupposing ones."""
    listed: frozenset[str]
    """Those of them whose every inflection may be used."""
    presupposing: frozenset[str]
    """Words that take something for granted, unless the person said it."""
    phrases: re.Pattern[str] | None
    """The same, of several words."""
    numbers: frozenset[str]
    """Numbers in words: « seven » is no form of « seventy »."""
    digits: Mapping[str, frozenset[str]]
    """What else a small number may be written as: « 6 », « six »."""
    numerals: Numerals
    latin: frozenset[str]
    """Arabic ones in Latin letters, as `bot.latin_arabic.spellings` compares them."""
    dialect: frozenset[str]
    """Words by which a text shows that it is in a dialect."""
    families: Mapping[str, int]
    """For each word whose family does not look like it, which one that is: « loss », « lose »."""
    standard: Mapping[str, frozenset[str]]
    """For what people say or write for short, its standard words: « boulot », « travail »."""

    def counts(self, text: str) -> bool:
        """Return whether *text* holds a number, in digits or in words: few questions do."""
        return any(form in self.digits or not form.isalpha() for form in plain(text).split())


@dataclass(frozen=True)
class OwnWords:
    """Compares by dictionary form; numbers, names and links to the letter."""

    book: PromptBook
    lemmatiser: Lemmatiser
    name: str = "own_words"
    _vocabularies: dict[str, Vocabulary] = field(default_factory=dict)
    _stems: dict[str, frozenset[str]] = field(default_factory=dict)

    async def check(self, utterance: Message | Draft, dialogue: Dialogue) -> Verdict:
        """Ask for another draft where a word is new; withhold where one presupposes."""
        language = dialogue.language or ""
        found = tuple(self._new(utterance.text, dialogue.idea.texts, language))
        if not found:
            return Verdict(policy=self.name)
        graver = any(f.label is not Label.SUGGESTION for f in found)
        decision = Decision.WITHHOLD if graver else Decision.REVISE
        return Verdict(policy=self.name, decision=decision, findings=found)

    def _new(self, text: str, texts: tuple[str, ...], language: str) -> Iterable[Finding]:
        vocabulary = self._vocabulary(language)
        rest = outside_quotes(text, texts)
        if vocabulary.counts(rest):
            rest = vocabulary.numerals.in_digits(rest)
            texts = tuple(map(vocabulary.numerals.in_digits, texts))
        for match in _LINK.finditer(rest):
            if not any(match.group() in said for said in texts):
                yield self._finding("new-link", Label.UNSOURCED_FACT, language, match)
        said = _Said(texts, self.lemmatiser, language, vocabulary)
        yield from self._phrases(rest, vocabulary, said, language)
        for word in words(rest):
            form = bare(word.text)
            if form in said.forms or form in vocabulary.forms:
                continue
            if finding := self._judged(word, form, vocabulary, said, language):
                yield finding

    def _phrases(
        self, text: str, vocabulary: Vocabulary, said: _Said, language: str
    ) -> Iterable[Finding]:
        seen = fold(text, accents=False)
        for match in vocabulary.phrases.finditer(seen.text) if vocabulary.phrases else ():
            if not set(plain(match.group()).split()) <= said.forms:
                start, end = seen.span(*match.span())
                phrase = Word(text[start:end], start, end)
                yield self._finding("presupposing", Label.PRESUPPOSITION, language, phrase)

    def _judged(
        self, word: Word, form: str, vocabulary: Vocabulary, said: _Said, language: str
    ) -> Finding | None:
        if language == "ar" and is_latin(form):
            rule = None if _spelt(form, vocabulary, said) else "new-word"
        else:
            rule = self._fault(word, form, vocabulary, said, language)
        return self._finding(rule, _LABELS[rule], language, word) if rule else None

    def _fault(
        self, word: Word, form: str, vocabulary: Vocabulary, said: _Said, language: str
    ) -> str | None:
        """Return what is wrong with *word*, if anything is."""
        if any(c.isdigit() for c in form):
            pieces = _PIECE.findall(number_alone(form))
            return None if said.forms.issuperset(pieces) else "new-number"
        lemmas = {bare(x) for x in self.lemmatiser.lemmas(folded(word.text), language)}
        known = self._lemmas_of(vocabulary, language)
        presupposing = (lemmas | {form}) & vocabulary.presupposing
        # The neutral words first: to look up all that the person said takes longer.
        if not presupposing and lemmas & known:
            return None
        number = not lemmas.isdisjoint(vocabulary.numbers)
        if lemmas & said.lemmas or (not number and said.has_relative(form, lemmas)):
            return None
        if number or presupposing:
            return "new-number" if number else "presupposing"
        if language == "de" and _joined(lemmas, known | said.lemmas):
            return None
        name = language != "de" and word.start > 0 and word.text[0].isupper()
        return "new-name" if name else "new-word"

    def _finding(
        self, rule: str, label: Label, language: str, where: Word | re.Match[str]
    ) -> Finding:
        word, start, end = _place(where)
        key = rule if rule != "presupposing" else label.value
        reason = self.book.text(language, f"reason.{key}").replace("{word}", word)
        return Finding(rule=f"{self.name}.{rule}", label=label, start=start, end=end, reason=reason)

    def _lemmas_of(self, vocabulary: Vocabulary, language: str) -> frozenset[str]:
        """Return the listed words with the stems of Arabic ones; others are dictionary forms.

        Stemming takes half a second, and vetted questions never need it.
        """
        if language != "ar":
            return vocabulary.listed
        if language not in self._stems:
            forms = (self.lemmatiser.lemmas(word, language) for word in vocabulary.listed)
            self._stems[language] = frozenset(bare(form) for found in forms for form in found)
        return self._stems[language]

    def _vocabulary(self, language: str) -> Vocabulary:
        if language not in self._vocabularies:
            lists = self.book.lexicon(language, "vocabulary")
            frames = (f.plain for r in Register for f in self.book.frames(language, r))
            acks = (
                *self.book.lexicon(language, "notices")["notice"]["ack"],
                *self.book.lexicon(language, "gates")["receipts"],
            )
            listed = _forms((*lists["function"], *lists["neutral"]))
            presupposing = _forms(p for p in lists["presupposing"] if _is_word(p))
            self._vocabularies[language] = Vocabulary(
                forms=(listed | _forms((*frames, *acks))) - presupposing,
                listed=listed,
                presupposing=presupposing,
                phrases=_any_of(p for p in lists["presupposing"] if not _is_word(p)),
                numbers=_forms(lists["numbers"]),
                digits=_alike(lists["digits"]),
                numerals=Numerals.of(lists.get("numerals", ())),
                latin=_spelt_as(lists.get("latin", ())),
                dialect=frozenset(map(folded, lists.get("dialect", ()))),
                families=_families(lists.get("families", ())),
                standard=_standard(lists.get("plain", ())),
            )
        return self._vocabularies[language]


class _Said:
    """The person's words; dictionary forms are looked up only if a question needs them."""

    def __init__(
        self,
        texts: Iterable[str],
        lemmatiser: Lemmatiser,
        language: str,
        vocabulary: Vocabulary,
    ) -> None:
        self._words = {folded(w.text) for text in texts for w in words(text)}
        self._lemmatiser = lemmatiser
        self._language = language
        self._vocabulary = vocabulary
        self._lemmas: frozenset[str] | None = None
        forms = frozenset(map(bare, self._words))
        # A number and its unit may be written in one or apart: « 19h40 », « 19 h 40 ».
        numbers = (form for form in forms if any(map(str.isdigit, form)))
        pieces = (_PIECE.findall(n) for n in numbers if language != "ar" or not is_latin(n))
        forms = forms.union(*pieces)
        digits = vocabulary.digits
        self.forms = forms.union(*(digits[form] for form in forms & digits.keys()))

    def has_relative(self, form: str, lemmas: Iterable[str]) -> bool:
        """Return whether one of the family of *form* was said: « fermeture », « fermer »."""
        related = _inflected if self._language == "de" else _related
        return (
            any(related(lemma, said) for lemma in lemmas for said in self.lemmas)
            or not self._standard.isdisjoint({form, *lemmas})
            or not self._kin.isdisjoint(_kin(lemmas, self._vocabulary))
            or self._has_otherwise(form, lemmas)
        )

    def _has_otherwise(self, form: str, lemmas: Iterable[str]) -> bool:
        """Return the same of what a language writes, or people misspell, in ways of its own."""
        if self._language == "ar":
            told = not consonants(form).isdisjoint(self._consonants)
            spelt_out = not in_latin(form).isdisjoint(self._spelt)
            return told or spelt_out or not self._families.isdisjoint(families(lemmas))
        if any(within_one_edit(form, said) for said in self._misspelt):
            return True
        related = _inflected if self._language == "de" else _related
        if any(related(_undoubled(lemma), said) for lemma in lemmas for said in self._undoubled):
            return True
        return self._language == "de" and (
            any(_compounded(lemma, self.lemmas) for lemma in lemmas)
            or not self._heard.isdisjoint(heard(form))
        )

    @cached_property
    def _undoubled(self) -> frozenset[str]:
        return frozenset(_undoubled(word) for word in self.lemmas if len(word) > STEM)

    @cached_property
    def _misspelt(self) -> frozenset[str]:
        """Long words no dictionary has: « goverment » can be read as nothing but « government »."""
        long = (word for word in self._words if len(word) > STEM and word.isalpha())
        return frozenset(
            bare(word) for word in long if not self._lemmatiser.knows(word, self._language)
        )

    @cached_property
    def _standard(self) -> frozenset[str]:
        """The standard words for what was said; never the other way round."""
        standard = self._vocabulary.standard
        return frozenset().union(*(standard[word] for word in self.lemmas & standard.keys()))

    @cached_property
    def _kin(self) -> frozenset[int]:
        return _kin(self.lemmas, self._vocabulary)

    @cached_property
    def _heard(self) -> frozenset[str]:
        """What was said by its sound, if it was said in a dialect."""
        if len(self._words & self._vocabulary.dialect) < DIALECT:
            return frozenset()
        return frozenset().union(*map(heard, self._words))

    def has_spelt(self, form: str) -> bool:
        """Return whether *form*, Arabic in Latin letters, was said, in whichever letters."""
        return not roots(form).isdisjoint(self._roots | self._in_latin)

    @cached_property
    def _roots(self) -> frozenset[str]:
        return frozenset().union(*(roots(w) for w in self._words if is_latin(w)))

    @cached_property
    def _in_latin(self) -> frozenset[str]:
        return frozenset().union(*(in_latin(w) for w in self._words if not w.isascii()))

    @cached_property
    def _consonants(self) -> frozenset[str]:
        return frozenset().union(*(consonants(w) for w in self._words if not w.isascii()))

    @cached_property
    def _spelt(self) -> frozenset[str]:
        return frozenset().union(*(spelt(w) for w in self._words if w.isascii()))

    @cached_property
    def _families(self) -> frozenset[str]:
        return families(self.lemmas)

    @property
    def lemmas(self) -> frozenset[str]:
        if self._lemmas is None:
            self._lemmas = frozenset(
                bare(lemma)
                for word in self._words
                for lemma in self._lemmatiser.lemmas(word, self._language)
            )
        return self._lemmas


def _undoubled(word: str) -> str:
    """Return *word* with no letter twice in a row: « trotinette » is a « trottinette »."""
    return _TWICE.sub(r"\1", word)


def _kin(lemmas: Iterable[str], vocabulary: Vocabulary) -> frozenset[int]:
    """Return the listed families of *lemmas*."""
    families = vocabulary.families
    return frozenset(families[lemma] for lemma in lemmas if lemma in families)


def _spelt(form: str, vocabulary: Vocabulary, said: _Said) -> bool:
    """Return whether *form*, Arabic in Latin letters, is neutral or was said."""
    return not vocabulary.latin.isdisjoint(spellings(form)) or said.has_spelt(form)


def _related(one: str, other: str) -> bool:
    """Return whether two words share a stem and differ by an ending."""
    if one[:PART] != other[:PART]:
        return False
    return _alike_but_for_endings(one, other) or _alike_but_for_endings(
        *(_NOUN.sub("", word) for word in (one, other))
    )


def _alike_but_for_endings(one: str, other: str) -> bool:
    pairs = zip(one, other, strict=False)
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    differ = max(len(one), len(other)) - shared
    if shared >= STEM + 2:  # « interdire », « interdiction »
        return differ <= ENDING + 1
    return (shared >= STEM and differ <= ENDING) or (shared >= PART and differ <= ENDING // 2)


def _inflected(one: str, other: str) -> bool:
    """Return the same for German, where what follows may be a word: « Böller », « Böllerwahn »."""
    if not _related(one, other):
        return False
    long, short = sorted((one, other), key=len, reverse=True)
    return not long.startswith(short) or _ENDINGS.fullmatch(long[len(short) :]) is not None


def _compounded(word: str, known: frozenset[str]) -> bool:
    """Return whether a German word is part of a compound that was said, or made of such words."""
    stem = _PLURAL.sub("", word) if len(word) > STEM else word
    if len(stem) >= PART and any(_has_part(said, stem) for said in known):
        return True
    stems = {said[:length] for said in known for length in range(3, len(said) + 1)}
    if any({word[:cut], word[cut:]} <= known for cut in range(2, len(word) - 2)):
        return True  # said in two words: « sperrt … ab », « absperren »
    return any(
        word[:cut] in stems and word[cut:].removeprefix("s") in known
        for cut in range(3, len(word) - 2)
    )


def _joined(lemmas: Iterable[str], known: frozenset[str]) -> bool:
    """Return whether a German word is two known ones in one: « Speiseplan », « Mietvertrag »."""
    return any(
        lemma[cut:] in known
        and not known.isdisjoint({lemma[:cut], lemma[:cut] + "e", _LINKED.sub("", lemma[:cut])})
        for lemma in lemmas
        for cut in range(PART, len(lemma) - PART + 1)
    )


def _has_part(compound: str, stem: str) -> bool:
    at = compound.find(stem)
    return at == 0 or (at > 0 and len(compound) - at - len(stem) <= ENDING - 1)


def _alike(digits: Mapping[str, Iterable[str]]) -> Mapping[str, frozenset[str]]:
    """Return for each number its words, and for each of its words the number."""
    found = {digit: frozenset(map(bare, spelt)) for digit, spelt in digits.items()}
    return found | {word: frozenset({digit}) for digit, spelt in found.items() for word in spelt}


def _families(listed: Iterable[str]) -> Mapping[str, int]:
    """Return for each member of the *listed* families which one it is of."""
    return {word: which for which, family in enumerate(listed) for word in plain(family).split()}


def _standard(listed: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """Return the standard words for each colloquial one; a line has them left and right of ":"."""
    found: dict[str, frozenset[str]] = {}
    for standard, _, said in (line.partition(":") for line in listed):
        for word in plain(said).split():
            found[word] = found.get(word, frozenset()).union(plain(standard).split())
    return found


def _forms(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(bare(w.text) for text in texts for w in words(text))


def _spelt_as(listed: Iterable[str]) -> frozenset[str]:
    """Return how the *listed* words, whole, are compared with others in Latin letters."""
    return frozenset().union(*map(spellings, listed))


def _is_word(listed: str) -> bool:
    return len(words(listed)) == 1


def _any_of(phrases: Iterable[str]) -> re.Pattern[str] | None:
    patterns = [r"\W+".join(re.escape(w) for w in plain(phrase).split()) for phrase in phrases]
    return re.compile(rf"\b(?:{'|'.join(patterns)})\b") if patterns else None


def _place(where: Word | re.Match[str]) -> tuple[str, int, int]:
    if isinstance(where, Word):
        return where.text, where.start, where.end
    return where.group(), where.start(), where.end()


def build(tools: Tools) -> OwnWords:
    """Return the policy."""
    return OwnWords(tools.book, tools.lemmatiser)
