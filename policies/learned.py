"""A small classifier for the questions that steer in ways no list of words tells.

It sees the shape of a question, not its subject: the person's own words, verbatim quotes,
numbers and unknown names are each replaced by one token before anything is counted (rule 13).
How it was trained, how well it does and what it must not be used for: docs/reference/model-card.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from math import fsum, sqrt
from typing import Any
from zlib import crc32

from bot.domain import Decision, Dialogue, Draft, Finding, Label, Message, Verdict
from bot.ports import Classifier, PromptBook, Tools
from bot.rules import outside_quotes, quotations
from bot.text import bare, clean, folded, plain

RULE = "learned.v1"
SPACE = 1 << 14
"""Buckets that features are hashed to."""
READ = 600
"""Characters of a question that are read: the longest that other gates let through is shorter."""
LONGEST = 30
"""Letters of a word that are read."""
OWN, QUOTE, NUMBER, NAME, NEW = "OWN", "QUOTE", "NUMBER", "NAME", "NEW"
"""Tokens that stand for words; all others are in lower case."""
GROUPS = {"words": 1.0, "letters": 1.5, "places": 0.7, "counts": 0.3}
"""Groups of features and the weight of each."""
_TOKEN = re.compile(r" {3,}|[^\W_](?:[^\W_]|[\u0300-\u036f\u064b-\u065f])*|[?؟!,،;؛:.…—–]")
_STOPS = frozenset(".!?…:")
_SAME_SIGN = {"؟": "?", "،": ",", "؛": ";", "–": "—"}
_SHORTEST_STEM = 3
_LEVELS = {NEW: 4, NUMBER: 2, NAME: 2, OWN: 5, QUOTE: 1, ",": 2, ".": 2, "!": 1, ":": 1, "?": 2}
"""How many steps of each count are told apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What is known of a language's words, frozen at training."""

    function: frozenset[str]
    """Bare forms that always stay as they are."""
    neutral: frozenset[str]
    """Bare forms that stay unless the person used them."""
    stems: frozenset[str]
    """Stems of the neutral ones."""
    prefixes: tuple[str, ...] = ()
    """Affixes that do not make another word, longest first."""
    suffixes: tuple[str, ...] = ()
    cut: int = 0
    """Letters of a stem at most, or seven tenths if that is more; 0 for no limit."""
    capitals: bool = False
    """Whether a capital inside a sentence shows a name."""

    def stem(self, word: str) -> str:
        """Return what *word*, in bare form, shares with its inflections, roughly."""
        for prefix in self.prefixes:
            if word.startswith(prefix) and len(word) >= len(prefix) + _SHORTEST_STEM:
                word = word[len(prefix) :]
                break
        for suffix in self.suffixes if word.endswith(self.suffixes) else ():
            if word.endswith(suffix) and len(word) >= len(suffix) + _SHORTEST_STEM:
                word = word[: -len(suffix)]
                break
        return word[: max(self.cut, len(word) * 7 // 10)] if self.cut else word


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A question without its subject."""

    tokens: tuple[str, ...]
    """Words that stay, signs, and one token for each word that does not stay."""
    spelt: tuple[str, ...]
    """The words whose letters are looked at: those that stay, and the bot's new ones."""
    new: tuple[str, ...]
    """The new ones alone: neither the person's words nor neutral ones."""


def skeleton(question: str, texts: Iterable[str], words: Words) -> Skeleton:
    """Return the skeleton of *question*, put to a person who wrote *texts*."""
    texts = tuple(texts)
    rest = clean(question[:READ])
    if quotations(rest):
        rest = outside_quotes(rest, texts)
    said = frozenset(w for text in texts for w in plain(text).split())
    said_stems = {words.stem(w) for w in said if w not in words.function}
    tokens: list[str] = []
    spelt: list[str] = []
    new: list[str] = []
    for match in _TOKEN.finditer(rest):
        text = match.group()
        form = folded(text[:LONGEST])
        starts = not tokens or tokens[-1] in _STOPS
        token = _token(text, form, words, said, said_stems)
        if token == NEW:
            token = NAME if words.capitals and text[0].isupper() and not starts else NEW
        tokens.append(token)
        if token == NEW:
            new.append(form)
        if token == NEW or (token == form and form[0].isalpha()):
            spelt.append(form)
    return Skeleton(tuple(tokens), tuple(spelt), tuple(new))


def _token(text: str, form: str, words: Words, said: frozenset[str], said_stems: set[str]) -> str:
    if text[0] == " ":
        return QUOTE
    if not text[0].isalnum():
        return _SAME_SIGN.get(text, text)
    word = bare(form)
    if word in words.function:
        return form
    stem = words.stem(word)
    if word in said or (stem in said_stems and not word[0].isdigit()):
        return OWN
    if any(c.isdigit() for c in word):
        return NUMBER
    return form if word in words.neutral or stem in words.stems else NEW


def features(seen: Skeleton, groups: Iterable[str] = tuple(GROUPS)) -> dict[int, float]:
    """Return the buckets that *seen* falls in, with their values; each group has norm ≤ 1."""
    values: dict[int, float] = {}
    for group in groups:
        buckets = _MAKERS[group](seen)
        value = GROUPS[group] / (sqrt(len(buckets)) if buckets and group != "counts" else 1)
        for bucket in buckets:
            values[bucket] = values.get(bucket, 0.0) + value
    return values


def _buckets(found: Iterable[str]) -> set[int]:
    return {crc32(feature.encode()) % SPACE for feature in found}


def _words(seen: Skeleton) -> Iterator[str]:
    """Yield sequences of one to three tokens, and the new words."""
    run = ("^", *seen.tokens, "$")
    for size in (1, 2, 3):
        for start in range(len(run) - size + 1):
            yield "w" + " ".join(run[start : start + size])
    for word in seen.new:
        yield "w" + word


@lru_cache(maxsize=8192)
def _spelling(word: str) -> frozenset[int]:
    """Return the buckets of sequences of two to five letters within *word* and its two spaces.

    Kept, since most words come again; what is kept is never a word of the person's.
    """
    padded = f" {word} "
    spans = ((start, size) for size in (2, 3, 4, 5) for start in range(len(padded) - size + 1))
    return frozenset(_buckets("c" + padded[start : start + size] for start, size in spans))


def _letters(seen: Skeleton) -> set[int]:
    return set().union(*map(_spelling, seen.spelt))


def _places(seen: Skeleton) -> Iterator[str]:
    """Yield how the question begins and ends, and how its last sentence begins."""
    run = seen.tokens
    for size in (1, 2, 3, 4):
        yield "f" + " ".join(run[:size])
    for size in (2, 3, 4):
        yield "l" + " ".join(run[-size:])
    stops = [i for i, token in enumerate(run[:-1]) if token in _STOPS]
    if stops:
        for size in (1, 2, 3):
            yield "s" + " ".join(run[stops[-1] : stops[-1] + size + 1])


def _counts(seen: Skeleton) -> Iterator[str]:
    """Yield one feature for each step that a count reaches."""
    run = seen.tokens
    long = sum(token[0].isalnum() for token in run)
    counted = {token: run.count(token) for token in _LEVELS}
    counted[","] += run.count(";") + run.count("—")
    for token, most in _LEVELS.items():
        yield from (f"n{token}{step}" for step in range(1, min(most, counted[token]) + 1))
    kept = long - sum(counted[token] for token in (OWN, QUOTE, NUMBER, NAME, NEW))
    yield from (f"nlong{step}" for step in range(1, min(8, long // 3) + 1))
    yield from (f"nkept{step}" for step in range(1, min(8, kept // 2) + 1))
    yield from (f"nown{step}" for step in range(1, 5 * counted[OWN] // max(1, long) + 1))
    yield from (f"nnew{step}" for step in range(1, 6 * counted[NEW] // max(1, long) + 1))


_MAKERS: dict[str, Callable[[Skeleton], set[int]]] = {
    "words": lambda seen: _buckets(_words(seen)),
    "letters": _letters,
    "places": lambda seen: _buckets(_places(seen)),
    "counts": lambda seen: _buckets(_counts(seen)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A logistic regression: a number for each bucket, and one more."""

    bias: float
    weights: Mapping[int, float]

    def score(self, values: Mapping[int, float]) -> float:
        """Return the log-odds; the same to the bit in whatever order the values come."""
        weights = self.weights
        found = (weights[bucket] * value for bucket, value in values.items() if bucket in weights)
        return fsum((self.bias, *found))


@dataclass(frozen=True, slots=True)
class Ways:
    """One head for each way of steering, by bucket: many times faster than one by one."""

    labels: tuple[Label, ...]
    biases: tuple[float, ...]
    weights: Mapping[int, tuple[int, ...]]
    """For each bucket, its thousandths under each label."""

    @classmethod
    def of(cls, heads: Mapping[Label, Head]) -> Ways:
        """Return *heads* together."""
        buckets: set[int] = set().union(*(head.weights for head in heads.values()))
        rows = {
            bucket: tuple(round(1000 * head.weights.get(bucket, 0.0)) for head in heads.values())
            for bucket in buckets
        }
        return cls(tuple(heads), tuple(head.bias for head in heads.values()), rows)

    def best(self, values: Mapping[int, float]) -> Label:
        """Return the most probable label; the same in whatever order the values come."""
        alike: dict[float, list[tuple[int, ...]]] = {}
        for bucket, value in values.items():
            if row := self.weights.get(bucket):
                alike.setdefault(value, []).append(row)
        # Few values differ, and whole numbers are added up exactly, faster than anything else.
        terms = [
            [value * total / 1000 for total in map(sum, zip(*rows, strict=True))]
            for value, rows in alike.items()
        ]
        scores = [fsum(found) for found in zip(self.biases, *terms, strict=True)]
        return self.labels[scores.index(max(scores))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What was learned for one language."""

    words: Words
    threshold: float
    """Log-odds from which a question is withheld."""
    clear: float
    """Log-odds below which hardly any question steers."""
    steers: Head
    ways: Ways
    """How each way of steering differs from the others."""

    def judge(self, question: str, texts: Iterable[str], *, unsure: bool = False) -> Label | None:
        """Return the most probable way in which *question* steers, or None if it does not.

        *unsure* asks so of all that is not clear.
        """
        if self.odds(question, texts) < (self.clear if unsure else self.threshold):
            return None
        return self.ways.best(_seen(question, tuple(texts), self.words))

    def odds(self, question: str, texts: Iterable[str]) -> float:
        """Return the log-odds that *question* steers."""
        return self.steers.score(_seen(question, tuple(texts), self.words))


@lru_cache(maxsize=1)
def _seen(question: str, texts: tuple[str, ...], words: Words) -> Mapping[int, float]:
    """Return the features of *question*: kept until the next, since two gates ask for them."""
    return features(skeleton(question, texts, words))


@dataclass(frozen=True)
class Forms:
    """The classifier of every language, each read when first needed."""

    _models: dict[str, Model] = field(default_factory=dict)

    def steering(
        self, question: str, texts: Sequence[str], language: str, *, unsure: bool = False
    ) -> Label | None:
        """Return the most probable way in which *question* steers, or None if it does not."""
        return self._model(language).judge(question, texts, unsure=unsure)

    def clear(self, question: str, texts: Sequence[str], language: str) -> bool:
        """Return whether hardly any question that steers is formed like *question*."""
        model = self._model(language)
        return model.odds(question, texts) < model.clear

    def _model(self, language: str) -> Model:
        if language not in self._models:
            self._models[language] = load(language)
        return self._models[language]


@dataclass(frozen=True)
class Learned:
    """Withholds what resembles steering questions more than neutral ones."""

    book: PromptBook
    classifier: Classifier
    name: str = "learned"

    async def check(self, utterance: Message | Draft, dialogue: Dialogue) -> Verdict:
        """Withhold at or above the threshold, with the most probable label."""
        if isinstance(utterance, Draft) and utterance.frame:
            # Outside the quotes it is the frame itself, which the tests put to this gate.
            return Verdict(policy=self.name)
        language = dialogue.language or ""
        label = self.classifier.steering(utterance.text, dialogue.idea.texts, language)
        if label is None:
            return Verdict(policy=self.name)
        found = Finding(
            rule=RULE,
            label=label,
            end=len(utterance.text),
            reason=self.book.text(language, f"reason.{label.value}"),
        )
        return Verdict(policy=self.name, decision=Decision.WITHHOLD, findings=(found,))


def load(language: str) -> Model:
    """Return what was learned for *language*.

    Raises:
        OSError: Nothing was; the gate then fails closed.
    """
    path = resources.files(__package__).joinpath("weights", f"{language}.json")
    return read(json.loads(path.read_text("utf-8")))


def read(stored: Mapping[str, Any]) -> Model:
    """Return the model that ``bench/train.py`` wrote."""
    return Model(
        words=known(stored["words"]),
        threshold=stored["threshold"],
        clear=stored["clear"],
        steers=_head(stored["steers"]),
        ways=Ways.of({Label(name): _head(head) for name, head in stored["labels"].items()}),
    )


def known(stored: Mapping[str, Any]) -> Words:
    """Return the words of a language from their stored form."""
    return Words(
        function=frozenset(stored["function"].split()),
        neutral=frozenset(stored["neutral"].split()),
        stems=frozenset(stored["stems"].split()),
        prefixes=tuple(stored["prefixes"].split()),
        suffixes=tuple(stored["suffixes"].split()),
        cut=stored["cut"],
        capitals=stored["capitals"],
    )


def _head(stored: Mapping[str, Any]) -> Head:
    buckets = (int(b, 36) for b in stored["buckets"].split())
    weights = (int(w) / 1000 for w in stored["thousandths"].split())
    return Head(bias=stored["bias"], weights=dict(zip(buckets, weights, strict=True)))


def build(tools: Tools) -> Learned:
    """Return the policy."""
    return Learned(tools.book, tools.classifier)
