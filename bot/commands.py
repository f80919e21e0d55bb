"""What a participant may ask of the bot itself: a word, a button or a reaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from bot.domain import (
    LANGUAGES,
    Command,
    Consent,
    Contest,
    Dialogue,
    Event,
    Kind,
    Message,
    Reply,
    Turn,
)
from bot.notices import PROCESS, SYMBOLS, Notices
from bot.ports import PromptBook
from bot.text import plain

CONSENT = ("agree", "disagree")
"""Yes and no to being kept on record."""
MODERATORS = ("uphold", "reject")
"""What those who answer for the debate may say of a contest."""
NEXT = ("skip", "unsure")
"""Commands after which another question follows: they are not obeyed here (rule 7)."""


@dataclass(frozen=True)
class Commands:
    """Recognises commands, and obeys those that need no question."""

    book: PromptBook
    notices: Notices
    _words: dict[str, dict[str, str]] = field(default_factory=dict)

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
        """Return the command *message* is, pressed or written, and its language."""
        if message.command is None:
            return self.parse(message.text, dialogue)
        language = message.language or dialogue.language or LANGUAGES[0]
        known = message.command in _NAMES
        asked = message.command not in CONSENT or not dialogue.consented
        return (message.command, language) if known and asked else None

    def parse(self, text: str, dialogue: Dialogue) -> tuple[str, str] | None:
        """Return the command *text* is, and its language; None if it is a contribution.

        « yes » and « no » are commands only until the person has consented: later they
        may answer a question.
        """
        said = plain(text)
        if not said:
            return None
        for language in _first(dialogue.language, LANGUAGES):
            name = self._spoken(language).get(said)
            if name and (name in CONSENT) <= (not dialogue.consented):
                return name, language
        return None

    def obey(self, name: str, message: Message, dialogue: Dialogue, language: str) -> Event:
        """Return what is to be recorded and said for the command *name*."""
        return _OBEY[name](self, message, dialogue, language)

    def first_contact(self, message: Message, language: str) -> Turn:
        """Return the notice: nothing is kept of a message without consent."""
        text = self.notices.welcome(language, asked_in=message.language)
        reply = self.notices.reply(message, language, text, actions=("agree",), private=True)
        return Turn(message=message, language=language, reply=reply, why="no consent")

    def _agree(self, message: Message, dialogue: Dialogue, language: str) -> Event:
        return self._consent(message, language, granted=True)

    def _disagree(self, message: Message, dialogue: Dialogue, language: str) -> Event:
        return self._consent(message, language, granted=False)

    def _consent(self, message: Message, language: str, *, granted: bool) -> Event:
        reply = self.notices.notice(message, language, "agreed" if granted else "refused")
        return Consent(
            message=message,
            granted=granted,
            notice=self.notices.notice_ref(language),
            reply=reply,
        )

    def _help(self, message: Message, dialogue: Dialogue, language: str) -> Event:
        names = (*PROCESS, "recap")
        words = (f"– {action.label}" for action in self.notices.actions(language, names))
        text = "\n".join((self.notices.text(language, "help"), *words))
        reply = self.notices.reply(message, language, text, actions=names, private=True)
        return _turn("help", message, language, reply)

    def _stop(self, message: Message, dialogue: Dialogue, language: str) -> Event:
        text = self.notices.text(language, "stopped")
        reply = self.notices.reply(message, language, text, kind=Kind.GOODBYE)
        return replace(_turn("stop", message, language, reply), ends=True)

    def _why(self, message: Message, dialogue: Dialogue, language: str) -> Event:
        text = self.notices.why(dialogue, language)
        reply = self.notices.reply(message, language, text, actions=PROCESS[1:], private=True)
        return _turn("why", message, language, reply)

    def _leading(self, message: Message, dialogue: Dialogue, language: str) -> Event:
        if not dialogue.last_seq:
            return self._nothing_asked("leading", message, language)
        text = self.notices.text(language, "contested", seq=dialogue.last_seq)
        actions = ("skip", "stop")
        reply = self.notices.reply(message, language, text, actions=actions, private=True)
        return Contest(message=message, turn=dialogue.last_seq, reply=reply)

    def _recap(self, message: Message, dialogue: Dialogue, language: str) -> Event:
        if not dialogue.idea.texts:
            return self._nothing_asked("recap", message, language)
        text = self.notices.recap(dialogue, language)
        reply = self.notices.reply(message, language, text, kind=Kind.RECAP, actions=PROCESS[1:])
        return _turn("recap", message, language, reply)

    def _nothing_asked(self, name: str, message: Message, language: str) -> Event:
        return _turn(name, message, language, self.notices.notice(message, language, "no-question"))

    def _spoken(self, language: str) -> dict[str, str]:
        if language not in self._words:
            table = self.book.lexicon(language, "commands")
            self._words[language] = {
                plain(word): name for name in _NAMES for word in (name, *table[name]["words"])
            }
        return self._words[language]


_OBEY: dict[str, Callable[[Commands, Message, Dialogue, str], Event]] = {
    "agree": Commands._agree,  # noqa: SLF001 - the table is the class's own index
    "disagree": Commands._disagree,  # noqa: SLF001
    "help": Commands._help,  # noqa: SLF001
    "stop": Commands._stop,  # noqa: SLF001
    "why": Commands._why,  # noqa: SLF001
    "leading": Commands._leading,  # noqa: SLF001
    "recap": Commands._recap,  # noqa: SLF001
}
_NAMES = (*NEXT, *_OBEY)


def _turn(name: str, message: Message, language: str, reply: Reply) -> Turn:
    return Turn(message=message, language=language, command=name, reply=reply, why=name)


def _first(chosen: str | None, languages: Iterable[str]) -> tuple[str, ...]:
    """Return *languages* with the one *chosen* in front: « stop » is a word of all four."""
    return tuple(sorted(languages, key=lambda language: language != chosen))
