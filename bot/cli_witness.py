"""Witnesses' commands: be one for others' records, and have others vouch for this one."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from typing import Any

import click

from bot.errors import BotError, ConfigError
from bot.settings import Settings

# Each command imports what it needs: the first question must not wait for the others' libraries.
# ruff: noqa: PLC0415


@click.group()
def witness() -> None:
    """Vouch for records, or have this one vouched for, so that no past can be rewritten unseen."""


@witness.command("serve")
@click.pass_obj
def serve(chosen: Any) -> None:
    """Vouch for the records named in the settings, until stopped."""
    asyncio.run(_serve(chosen.settings()))


@witness.command("ask")
@click.pass_obj
def ask(chosen: Any) -> None:
    """Have the witnesses of the settings vouch for this record; exit with 1 if one does not."""
    sys.exit(asyncio.run(_ask(chosen.settings())))


@witness.command("key")
@click.pass_obj
def key(chosen: Any) -> None:
    """Print the record's verifier key, which its witnesses need."""
    from bot import wiring

    click.echo(wiring.verifier_key(chosen.settings()))


async def _serve(settings: Settings) -> None:
    from bot import wiring

    witness, listen = wiring.witness(settings)
    await listen(lambda url: click.echo(f"{witness.verifier.text} {url}"))


async def _ask(settings: Settings) -> int:
    from bot import wiring

    if not settings.witness.asked:
        raise ConfigError("witness.asked names no witness: see docs/how-to/witness.md.")
    async with wiring.log(settings) as log:
        return await vouched(log, settings)


async def vouched(log: Any, settings: Settings) -> int:
    """Have each witness of *settings* vouch for *log*, and say how it went; 1 if one did not."""
    from bot import wiring

    failed = 0
    for name, asking in wiring.witnesses(settings):
        try:
            seen = await asking(log)
            at = datetime.fromtimestamp(seen.at, UTC)
            click.echo(f"ok   {name}: {seen.size} entries, {at:%Y-%m-%d %H:%M} UTC")
        except BotError as exc:
            failed = 1
            click.echo(f"FAIL {name}: {exc}")
    return failed
