"""Commands on the conversation itself: never a ready answer to a question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bot.domain import LANGUAGES, Contest, Event, Kind, Turn
from bot.groups import anothers_words
from bot.ideas import own_sentences, pending
from bot.notices import PROCESS
from bot.requests import Request

DECIDE = ("accept", "change", "drop")
"""What may be done with a recap."""


def help_(request: Request) -> Event:
    names = (*PROCESS, "recap", "human", "data", "forget")
    labels = (action.label for action in request.notices.actions(request.language, names))
    text = "\n".join((request.text("help"), *(f"– {label}" for label in labels)))
    return request.turn(request.reply(text, actions=names))


def about(request: Request) -> Event:
    """Say again who the bot is, what is kept, and who reads it."""
    return request.told("welcome", actions=("help", "data", "human"))


def stop(request: Request) -> Event:
    reply = request.notices.reply(
        request.message, request.language, request.text("stopped"), kind=Kind.GOODBYE
    )
    return request.turn(reply, ends=True)


def why(request: Request) -> Event:
    text = request.notices.why(request.dialogue, request.language)
    return request.turn(request.reply(text, actions=PROCESS[1:]))


def leading(request: Request) -> Event:
    seq = request.dialogue.last_seq
    if not seq:
        return request.told("no-question")
    reply = request.reply(request.text("contested", seq=seq), actions=("skip", "stop"))
    return Contest(message=request.message, turn=seq, reply=reply)


def recap(request: Request) -> Event:
    idea = pending(request.theirs, request.message.room)
    if idea is None:
        return request.told("no-question")
    said = [sentence.text for sentence in idea.sentences]
    return recapped(request, said)


def recapped(request: Request, said: list[str], *opening: str) -> Turn:
    """Return the turn that shows *said* and asks what to do with it."""
    text = "\n".join(
        (
            *opening,
            request.notices.recap(said, request.language),
            request.notices.recap_ask(request.language),
        )
    )
    reply = request.notices.reply(
        request.message, request.language, text, kind=Kind.RECAP, actions=(*DECIDE, "stop")
    )
    return request.turn(reply)


def language(request: Request) -> Event:
    names = tuple(f"speak-{code}" for code in LANGUAGES)
    return request.told("language", actions=names)


def speak(request: Request) -> Event:
    """Go on in the language that the command names; `Request.language` is that one already."""
    return request.told("speaking")


def easier(request: Request) -> Event:
    return replace(request.told("easier-on"), easy=True)


def usual(request: Request) -> Event:
    return replace(request.told("easier-off"), easy=False)


def quiet(request: Request) -> Event:
    return request.told("quiet-on", actions=("talk",))


def talk(request: Request) -> Event:
    return request.told("quiet-off")


def others(request: Request) -> Event:
    """Show another person's words, for whoever asks for them: the bot never does by itself."""
    entry = anothers_words(request.recent, request.message)
    if entry is None or not isinstance(entry.event, Turn):
        return request.told("others-none")
    quote = " ".join(own_sentences([entry.event.message.text]))
    return replace(request.told("others", quote=quote, seq=entry.seq), turn=entry.seq)


PROCESS_COMMANDS: dict[str, Callable[[Request], Event]] = {
    "help": help_,
    "about": about,
    "stop": stop,
    "why": why,
    "leading": leading,
    "recap": recap,
    "language": language,
    **{f"speak-{code}": speak for code in LANGUAGES},
    "easier": easier,
    "usual": usual,
    "quiet": quiet,
    "talk": talk,
    "others": others,
}
