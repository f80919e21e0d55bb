"""The organiser's commands: debates, what comes of proposals, and cleaning up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import click

from bot.cafes import checked, checked_date
from bot.domain import LANGUAGES, Approval, Cafe, Erasure, Event, Outcome
from bot.errors import ConfigError
from bot.proposals import STATES, as_csv, as_json, as_markdown, lessons, outlived, proposals
from bot.settings import Settings

# Each command imports what it needs: the first question must not wait for the others' libraries.
# ruff: noqa: PLC0415


@click.group()
def cafe() -> None:
    """Hold a debate: create it, open and close it, say what came of it."""


@cafe.command("create")
@click.argument("name")
@click.option("--topic", default="", help="What it is about.")
@click.option("--organiser", default="", help="Who answers for it.")
@click.option("--contacts", default="", help="Shown to a person who needs a human.")
@click.option("--language", "languages", multiple=True, type=click.Choice(LANGUAGES))
@click.option(
    "--place", "places", multiple=True, help="Where: matrix:!room:server, discord:channel."
)
@click.option("--opens", default="", help="First day, such as 2027-01-31.")
@click.option("--closes", default="", help="Last day.")
@click.pass_obj
def create(chosen: Any, /, name: str, **given: Any) -> None:
    """Create the debate NAME; it is open at once, or from its first day on."""
    given |= {day: checked_date(given[day]) for day in ("opens", "closes")}
    asyncio.run(_create(chosen.settings(), Cafe(name=name, state="open", **given)))


@cafe.command("open")
@click.argument("name")
@click.pass_obj
def open_(chosen: Any, name: str) -> None:
    """Open the debate NAME again."""
    _set_state(chosen.settings(), name, "open")


@cafe.command("close")
@click.argument("name")
@click.pass_obj
def close(chosen: Any, name: str) -> None:
    """Close the debate NAME: nothing more is asked or kept in it."""
    _set_state(chosen.settings(), name, "closed")


@cafe.command("list")
@click.pass_obj
def list_(chosen: Any) -> None:
    """One line for each debate."""
    for found in asyncio.run(_cafes(chosen.settings())):
        dates = f"{found.opens or '…'}–{found.closes or '…'}"
        click.echo(f"{found.name}  {found.state}  {dates}  {found.topic}  {' '.join(found.places)}")


@cafe.command("status")
@click.argument("seq", type=click.IntRange(min=1))
@click.argument("state", type=click.Choice(STATES))
@click.option("--note", default="", help="Why: the person is shown it.")
@click.pass_obj
def status(chosen: Any, seq: int, state: str, note: str) -> None:
    """Say what came of proposal SEQ: its author can ask for it at any time."""
    asyncio.run(_status(chosen.settings(), Outcome(turn=seq, state=state, note=note)))


@cafe.command("export")
@click.argument("name")
@click.option("--format", "form", type=click.Choice(["json", "csv", "md"]), default="json")
@click.pass_obj
def export(chosen: Any, name: str, form: str) -> None:
    """Print the approved proposals of the debate NAME, without their authors."""
    rows = asyncio.run(_export(chosen.settings(), name))
    click.echo({"json": as_json, "csv": as_csv, "md": as_markdown}[form](rows), nl=False)


@cafe.command("lessons")
@click.pass_obj
def lessons_(chosen: Any) -> None:
    """Print the questions found leading as cases for the rules, where people agreed to that."""
    click.echo(as_json(asyncio.run(_lessons(chosen.settings()))), nl=False)


@click.command()
@click.pass_obj
def clean(chosen: Any) -> None:
    """Erase what people wrote in debates that were closed long enough ago."""
    click.echo(f"entries erased: {asyncio.run(_clean(chosen.settings()))}")


async def cleaned(record: Any, days: int) -> int:
    """Erase from *record* what has outlived its debate by *days*; return how many entries."""
    entries = [entry async for entry in record.entries()]
    due = outlived(entries, await record.cafes(), datetime.now(UTC).date(), days)
    if due:
        await record.append(Erasure(erased=due, cause="retention"))
    return len(due)


def _add(settings: Settings, event: Event) -> None:
    asyncio.run(_append(settings, event))


def _set_state(settings: Settings, name: str, state: str) -> None:
    found = asyncio.run(_found(settings, name))
    _add(settings, replace(found, state=state))


async def _create(settings: Settings, cafe: Cafe) -> None:
    from bot import wiring

    async with wiring.record(settings) as record:
        await record.append(checked(cafe, await record.cafes()))


async def _append(settings: Settings, event: Event) -> None:
    from bot import wiring

    async with wiring.record(settings) as record:
        await record.append(event)


async def _cafes(settings: Settings) -> list[Cafe]:
    from bot import wiring

    async with wiring.record(settings, read_only=True) as record:
        return list(await record.cafes())


async def _found(settings: Settings, name: str) -> Cafe:
    for found in await _cafes(settings):
        if found.name == name:
            return found
    raise ConfigError(f"There is no debate called {name}: `socrate cafe list` names them.")


async def _status(settings: Settings, outcome: Outcome) -> None:
    from bot import wiring

    async with wiring.record(settings) as record:
        entry = await record.entry(outcome.turn)
        if entry is None or not isinstance(entry.event, Approval):
            raise ConfigError(f"Entry {outcome.turn} is no approved proposal: see `cafe export`.")
        await record.append(outcome)


async def _export(settings: Settings, name: str) -> list[dict[str, Any]]:
    from bot import wiring

    found = await _found(settings, name)
    async with wiring.record(settings, read_only=True) as record:
        return proposals([entry async for entry in record.entries()], found)


async def _lessons(settings: Settings) -> list[dict[str, Any]]:
    from bot import wiring

    async with wiring.record(settings, read_only=True) as record:
        return lessons([entry async for entry in record.entries()])


async def _clean(settings: Settings) -> int:
    from bot import wiring

    async with wiring.record(settings) as record:
        return await cleaned(record, settings.record.days)
