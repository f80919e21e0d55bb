"""What a participant may ask of the bot itself: a word, a button or a reaction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from bot.domain import LANGUAGES, Command, Dialogue, Event, Message, Turn
from bot.notices import SYMBOLS, Notices
from bot.participation import PARTICIPATION
from bot.ports import PromptBook
from bot.process import PROCESS_COMMANDS
from bot.requests import Request
from bot.text import plain, within_one_edit

CONSENT = ("agree", "disagree", "minor")
"""What may be answered to the notice, and means nothing later."""
RIGHTS = ("forget", "forget-now", "data", "receipt", "status", "human")
WITHOUT_CONSENT = frozenset((*CONSENT, *RIGHTS))
"""What is obeyed for a person who has not agreed, or no longer does: their rights remain."""
WITH_WORDS = ("change", "correct")
"""Commands that take a sentence's number and new words."""
MODERATORS = ("uphold", "reject")
"""What those who answer for the debate may say of a contest."""
NEXT = ("skip", "unsure")
"""Commands after which another question follows: they are not obeyed here (rule 7)."""
ELSEWHERE = (*NEXT, "reword")
"""Commands that need more than what is on record."""
SPEAK = "speak-"
"""Begins the commands that choose a language."""
MARKS = ("/", "!")
"""Begin a message that names a command."""
MISTYPED = 6
"""Letters from which one of them may be wrong."""
LONGEST = 60
"""Characters of a command at most."""

_OBEY = {**PROCESS_COMMANDS, **PARTICIPATION}
_NAMES = tuple(dict.fromkeys((*CONSENT, *ELSEWHERE, *_OBEY)))
_NUMBER = re.compile(r"\d")


@dataclass(frozen=True)
class Commands:
    """Recognises commands, and obeys those that need no question."""

    book: PromptBook
    notices: Notices
    _words: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    _lengths: dict[str, dict[int, list[tuple[str, tuple[str, ...]]]]] = field(default_factory=dict)

    def menu(self, language: str) -> tuple[Command, ...]:
        """Return all that a platform may offer, in *language*."""
        table = self.book.lexicon(language, "menu")
        return tuple(
            Command(
                name=name,
                word=table[name]["word"],
                label=self.notices.label(language, name),
                about=table[name]["about"],
                symbol=SYMBOLS[name],
                moderator=name in MODERATORS,
            )
            for name in (*_NAMES, *MODERATORS)
        )

    def moderators(self, text: str, language: str) -> str | None:
        """Return which of `MODERATORS` *text* is, if one."""
        for code in _first(language, LANGUAGES):
            table = self.book.lexicon(code, "menu")
            for name in MODERATORS:
                if plain(text) in map(plain, (name, *table[name]["words"])):
                    return name
        return None

    def understood(self, message: Message, dialogue: Dialogue) -> tuple[str, str] | None:
        """Return the command *message* is, pressed or written, and the language to answer in."""
        if message.command is None:
            found = self.parse(message.text, dialogue)
        else:
            language = message.language or dialogue.language or LANGUAGES[0]
            known = message.command in _NAMES and _fits(message.command, dialogue)
            found = (message.command, language) if known else None
        if found and found[0].startswith(SPEAK):
            return found[0], found[0].removeprefix(SPEAK)
        return found

    def parse(self, text: str, dialogue: Dialogue) -> tuple[str, str] | None:
        """Return the command *text* is, and its language; None if it is a contribution.

        « yes » and « no » are commands only until the person has consented: later they
        may answer a question. One letter of a longer word may be wrong.
        """
        said = plain(text)
        if not said:
            return None
        languages = _first(dialogue.language, LANGUAGES)
        for name, language in (
            *self._exactly(_marked(text), languages),
            *self._exactly(said, languages),
            *self._numbered(text, languages),
            *self._mistyped(said, languages[0]),
        ):
            if _fits(name, dialogue):
                return name, language
        return None

    def obey(self, request: Request) -> Event:
        """Return what is to be recorded and said for *request*."""
        return _OBEY[request.name](request)

    def first_contact(self, message: Message, language: str, notices: Notices) -> Turn:
        """Return the notice: nothing is kept of a message without consent."""
        text = notices.welcome(language, asked_in=message.language)
        actions = ("agree", "disagree", "minor")
        reply = notices.reply(message, language, text, actions=actions, private=True)
        return Turn(
            message=replace(message, text=""), language=language, reply=reply, why="no-consent"
        )

    def _exactly(self, said: str, languages: Iterable[str]) -> Iterator[tuple[str, str]]:
        for language in languages:
            for name in self._spoken(language).get(said, ()):
                yield name, language

    def _numbered(self, text: str, languages: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield the command before a number: « changer 2 : près de l'école »."""
        number = _NUMBER.search(text)
        head = plain(text[: number.start()]) if number else ""
        yield from (found for found in self._exactly(head, languages) if found[0] in WITH_WORDS)

    def _mistyped(self, said: str, language: str) -> Iterator[tuple[str, str]]:
        """Yield the one command that *said* is but for a letter."""
        if not MISTYPED <= len(said) <= LONGEST:
            return
        near = {
            name
            for length in range(len(said) - 1, len(said) + 2)
            for phrase, names in self._long(language).get(length, ())
            if within_one_edit(said, phrase)
            for name in names
        }
        if len(near) == 1:
            yield near.pop(), language

    def _long(self, language: str) -> dict[int, list[tuple[str, tuple[str, ...]]]]:
        """Return the phrases in which a letter may be wrong, by their length."""
        if language not in self._lengths:
            found = self._lengths[language] = {}
            for phrase, names in self._spoken(language).items():
                if len(phrase) >= MISTYPED and not phrase.startswith(MARKS):
                    found.setdefault(len(phrase), []).append((phrase, names))
        return self._lengths[language]

    def _spoken(self, language: str) -> dict[str, tuple[str, ...]]:
        """Return what each phrase may mean: « I accept » is one thing before consent, one after."""
        if language not in self._words:
            table = self.book.lexicon(language, "commands")
            meant: dict[str, tuple[str, ...]] = {}
            for name in _NAMES:
                words = table[name]["words"]
                for phrase in {_marked(word) or plain(word) for word in (f"/{name}", *words)}:
                    meant[phrase] = (*meant.get(phrase, ()), name)
            self._words[language] = meant
        return self._words[language]


def _marked(text: str) -> str:
    """Return what *text* is looked up as if it names a command as programs do: « /forget ».

    Without the mark, such a word may answer a question.
    """
    return f"/{plain(text)}" if text.strip().startswith(MARKS) else ""


def _fits(name: str, dialogue: Dialogue) -> bool:
    return (name in CONSENT) <= (not dialogue.consented)


def _first(chosen: str | None, languages: Iterable[str]) -> tuple[str, ...]:
    """Return *languages* with the one *chosen* in front: « stop » is a word of all four."""
    return tuple(sorted(languages, key=lambda language: language != chosen))
