"""How the console is put together: the other module that knows both sides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from random import SystemRandom
from typing import Any

from adapters.console import (
    Account,
    Checked,
    Console,
    Hall,
    Oidc,
    Options,
    Passwords,
    Store,
    bound,
    safe,
    serve,
)
from bot.agent import Agent
from bot.domain import Event
from bot.errors import ConfigError
from bot.lab import Lab
from bot.proposals import STATES, as_csv, as_markdown
from bot.replay import replays
from bot.reviewing import NEUTRAL, STEERING, Reviewing, steering
from bot.service import Service
from bot.settings import Settings
from bot.wiring import folders, memory, model_of, verify
from storage.sql import SqlRecord

ALL_ROLES = ("moderator", "auditor", "privacy-officer", "operator")
"""Of whoever runs everything on their own machine."""


def accounts(settings: Settings) -> Store:
    """Return who may log in to the console, to be closed after use."""
    options = options_of(settings)
    return Store(options.accounts, lambda: datetime.now(UTC), hours=options.hours)


def console(
    settings: Settings, record: SqlRecord, service: Service, store: Store, options: Options
) -> Console:
    """Return the console over *record*, which judges by the rules of *service*."""
    words = service.agent.book
    # What is tried out costs no call of a model.
    trying = replace(service, agent=Agent(words, None, "built-in"), judge=None, record=memory())
    hall = Hall(
        record=record,
        archive=record,
        acts=Reviewing(
            record=record, archive=record, moderation=service.moderation, chance=SystemRandom()
        ),
        trials=Lab(trying),
        book=words,
        masker=service.masker,
        verify=lambda progress: _checked(settings, progress),
        steering=steering,
        as_csv=as_csv,
        as_markdown=as_markdown,
        findings=(NEUTRAL, *STEERING),
        states=STATES,
        folders=folders(),
        options=options,
        log=record,
        replay=lambda event: _replayed(settings, event),
    )
    return Console(hall, store)


async def _replayed(settings: Settings, event: Event) -> list[str]:
    again = await replays(event, lambda draft: model_of(settings, draft.answer))
    return [each.match.value for each in again]


def add_account(store: Store, name: str, password: str, **given: Any) -> None:
    """Keep an account in *store*; without *password* where they log in elsewhere.

    Raises:
        ConfigError: The name is empty, a role does not exist, or the password is too short.
    """
    if not name.strip():
        raise ConfigError("An account needs a name.")
    hashed = Passwords(store).hashed(password) if password else ""
    store.add(Account(name=name, hash=hashed, **given))


def options_of(settings: Settings) -> Options:
    """Return the operator's choices for the console.

    Raises:
        ConfigError: The OpenID provider would be asked over a line that others can read.
    """
    chosen, path = settings.console, settings.record.path
    if chosen.oidc_issuer and not safe(chosen.oidc_issuer):
        raise ConfigError(f"console.oidc_issuer: write an https:// address: {chosen.oidc_issuer}")
    return Options(
        accounts=chosen.accounts or path.with_name(f"{path.name}.console"),
        host=chosen.host,
        port=chosen.port,
        url=chosen.url,
        proxy=chosen.proxy,
        language=settings.bot.language,
        hours=chosen.hours,
        public=chosen.public,
        oidc=Oidc(
            issuer=chosen.oidc_issuer,
            client=chosen.oidc_client,
            secret=chosen.oidc_secret.get_secret_value(),
        ),
    )


def _checked(settings: Settings, progress: Callable[[int], None]) -> Checked:
    report = verify(settings, progress)
    return Checked(
        sound=report.sound,
        entries=report.entries,
        broken=report.faults[0].place if report.faults else "",
        head=report.head.value,
    )


__all__ = [
    "ALL_ROLES",
    "accounts",
    "add_account",
    "bound",
    "console",
    "options_of",
    "serve",
]
