"""What Discord offers: slash commands, a context menu and buttons, from the core's menu."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain import Command

LOCALES = {"fr": ("fr",), "en": ("en-US", "en-GB"), "de": ("de",)}
"""Discord's names of our languages; it has no Arabic."""
SLASH, ON_MESSAGE = 1, 3
"""Types of commands: https://discord.com/developers/docs/interactions/application-commands."""
TEXT, INTEGER = 3, 4
"""Types of options."""
EVERYWHERE, SERVERS = [0, 1], [0]
"""Contexts: servers and direct messages, servers alone."""
MANAGE_MESSAGES = str(1 << 13)
"""Who sees moderators' commands, until a server says otherwise."""
LONGEST = 4000
PREFIX = "socrate"
COMPARED = (
    "name",
    "type",
    "description",
    "options",
    "contexts",
    "default_member_permissions",
    "name_localizations",
    "description_localizations",
)

Words = Callable[[str, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """The commands in every language; names on the wire are those of the default language."""

    commands: Mapping[str, tuple[Command, ...]]
    words: Words
    language: str

    @property
    def idea(self) -> str:
        """Name of the slash command that starts an exchange."""
        return self.words(self.language, "discord.idea-word")

    @property
    def enrich(self) -> str:
        """Name of the context menu's command."""
        return self.words(self.language, "discord.enrich")

    def command(self, word: str) -> Command | None:
        """Return the command called *word* on the wire."""
        return next((c for c in self.commands[self.language] if c.word == word), None)

    def named(self, name: str) -> Command | None:
        """Return the command that the core calls *name*."""
        return next((c for c in self.commands[self.language] if c.name == name), None)

    def language_of(self, locale: str) -> str:
        """Return our language for Discord's *locale*; the default where we have none.

        Where the default is one that Discord has not, people's locale says nothing.
        """
        code = locale.partition("-")[0]
        told = self.language in LOCALES and code in self.commands
        return code if told else self.language

    def payload(self) -> list[dict[str, Any]]:
        """Return all commands as Discord is told of them."""
        enrich = {"type": ON_MESSAGE, "contexts": SERVERS, **self._named("discord.enrich")}
        return [self._idea(), enrich, *map(self._slash, self.commands[self.language])]

    def _idea(self) -> dict[str, Any]:
        return {
            "type": SLASH,
            "contexts": EVERYWHERE,
            **self._named("discord.idea-word"),
            **self._described("discord.idea-about"),
            "options": [self._option("text", TEXT, max_length=LONGEST)],
        }

    def _slash(self, command: Command) -> dict[str, Any]:
        others = {
            code: next(c for c in menu if c.name == command.name)
            for code, menu in self.commands.items()
        }
        made: dict[str, Any] = {
            "type": SLASH,
            "contexts": SERVERS if command.moderator else EVERYWHERE,
            "name": command.word,
            "name_localizations": _localised({code: c.word for code, c in others.items()}),
            "description": command.about,
            "description_localizations": _localised({k: c.about for k, c in others.items()}),
        }
        if command.moderator:
            made["default_member_permissions"] = MANAGE_MESSAGES
            reason = self._option("reason", TEXT, max_length=LONGEST)
            made["options"] = [self._option("number", INTEGER, min_value=1), reason]
        return made

    def _option(self, name: str, kind: int, **limits: int) -> dict[str, Any]:
        named = self._named(f"discord.{name}-word")
        return {"type": kind, **named, **self._described(f"discord.{name}-about"), **limits}

    def _named(self, key: str) -> dict[str, Any]:
        said = {code: self.words(code, key) for code in self.commands}
        return {"name": said[self.language], "name_localizations": _localised(said)}

    def _described(self, key: str) -> dict[str, Any]:
        said = {code: self.words(code, key) for code in self.commands}
        return {"description": said[self.language], "description_localizations": _localised(said)}


def same(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> bool:
    """Return whether *theirs*, as Discord gives them back, are the commands *ours*."""
    return sorted(map(_essence, ours)) == sorted(map(_essence, theirs))


def _essence(command: Mapping[str, Any]) -> str:
    return repr([_settled(command.get(key)) for key in COMPARED])


def _settled(value: Any) -> Any:
    """Return *value* without what Discord adds to it or leaves out: order, nulls, defaults."""
    if isinstance(value, Mapping):
        kept = ((k, _settled(v)) for k, v in value.items() if v not in (None, False, [], {}))
        return sorted(kept)
    if isinstance(value, list):
        return [_settled(item) for item in value] or None
    return None if value in ("", False) else value


def _localised(said: Mapping[str, str]) -> dict[str, str]:
    return {where: said[code] for code in said for where in LOCALES.get(code, ())}


def custom_id(action: str, number: int | str) -> str:
    """Return the mark of a button or a form; without an *action* it is for writing."""
    return f"{PREFIX}:{action}:{number}"


def pressed(mark: str) -> tuple[str, str] | None:
    """Return the action and the number that *mark* carries; None where it is not ours."""
    prefix, _, rest = mark.partition(":")
    action, parted, number = rest.rpartition(":")
    return (action, number) if prefix == PREFIX and parted else None
