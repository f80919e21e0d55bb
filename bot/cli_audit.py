"""The auditor's commands: read the record, check it, take out of it, erase from it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from bot.cafes import checked_date
from bot.domain import (
    LANGUAGES,
    Access,
    Decision,
    Entry,
    Erased,
    Erasure,
    Event,
    Filter,
    Label,
    Line,
    Move,
    Room,
    Source,
    Tallies,
)
from bot.errors import ConfigError
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.extracts import Extract

# Each command imports what it needs: the first question must not wait for the others' libraries.
# ruff: noqa: PLC0415

_KINDS = sorted(kind.__name__.lower() for kind in get_args(Event) if kind is not Erased)
_MARKS = ("contested", "reviewed")
_STAYS = (
    "number, kind, minute and verdicts of each entry stay, so that the record can be checked. "
    "Backups made before can be read until `socrate audit rotate`; what the network itself keeps "
    "must be deleted there."
)
_ROTATED = (
    "Backups from before can no longer be read with these keys: take a new one now, keys included."
)
_NO_PROMISE = "A model may word the same answer otherwise: this is a measure, not a proof."


@click.group()
def audit() -> None:
    """Read the record, and check that nobody rewrote it."""


_SEQ = click.argument("seq", type=click.IntRange(min=1, max=2**53))


def _described(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say which entries are meant."""
    for option in reversed(
        (
            click.option("--debate", default="", help="Id of the room or channel it is held in."),
            click.option("--platform", default="", help="matrix, discord, terminal."),
            click.option("--language", default="", type=click.Choice(["", *LANGUAGES])),
            click.option("--kind", default="", type=click.Choice(["", *_KINDS])),
            click.option("--label", default="", type=click.Choice(["", *_values(Label)])),
            click.option("--move", default="", type=click.Choice(["", *_values(Move)])),
            click.option("--source", default="", type=click.Choice(["", *_values(Source)])),
            click.option("--decision", default="", type=click.Choice(["", *_decisions()])),
            click.option("--contested/--not-contested", default=None),
            click.option("--reviewed/--not-reviewed", default=None),
            click.option("--since", default="", help="First day, such as 2027-01-31."),
            click.option("--until", default="", help="Last day."),
            click.option("--before", default=0, type=click.IntRange(min=0), help="Number."),
        )
    ):
        command = option(command)
    return command


def _values(choices: Any) -> list[str]:
    return [choice.value for choice in choices]


def _decisions() -> list[str]:
    return [decision.name.lower() for decision in Decision]


def _filter(given: dict[str, Any]) -> Filter:
    """Take what describes entries out of *given*."""
    named = {name: given.pop(name) for name in Filter.__dataclass_fields__ if name in given}
    days = {day: checked_date(named[day]) for day in ("since", "until")}
    return Filter(**(named | days))


@audit.command("list")
@_described
@click.option("--limit", default=50, type=click.IntRange(min=1), help="Entries at most.")
@click.pass_obj
def list_(chosen: Any, /, limit: int, **given: Any) -> None:
    """One line for each entry, newest first, without what anybody wrote."""
    from bot.audit import listed

    found = asyncio.run(_lines(chosen.settings(), _filter(given), limit))
    for line in found:
        click.echo(listed(line))
    if len(found) == limit and found[-1].seq > 1:
        click.echo(f"older ones: the same with --before {found[-1].seq}", err=True)


async def _lines(settings: Settings, wanted: Filter, limit: int) -> list[Line]:
    from bot import wiring

    async with wiring.record(settings, read_only=True) as record:
        return list(await record.lines(wanted, limit=limit))


@audit.command("show")
@_SEQ
@click.option("--language", type=click.Choice(LANGUAGES), help="Of the labels.")
@click.pass_obj
def show(chosen: Any, seq: int, language: str | None) -> None:
    """Everything on record about entry SEQ: why this was asked."""
    settings = chosen.settings()
    sys.exit(asyncio.run(_show(settings, seq, language or settings.bot.language)))


async def _show(settings: Settings, seq: int, language: str) -> int:
    from bot import wiring
    from bot.audit import page

    async with wiring.record(settings, read_only=True) as record:
        entry = await record.entry(seq)
    if entry is None:
        return _missing(seq)
    click.echo(page(entry, wiring.book(), language))
    return 0


def _missing(seq: int) -> int:
    click.echo(f"There is no entry {seq} on record.", err=True)
    return 1


@audit.command("receipt")
@_SEQ
@click.option("--leaf", type=click.Path(path_type=Path), help="File for what is proved.")
@click.pass_obj
def receipt(chosen: Any, seq: int, leaf: Path | None) -> None:
    """Print the proof that entry SEQ is in the record (C2SP tlog-proof)."""
    sys.exit(asyncio.run(_receipt(chosen.settings(), seq, leaf)))


async def _receipt(settings: Settings, seq: int, file: Path | None) -> int:
    from bot import wiring

    async with wiring.record(settings, read_only=True) as record:
        leaf = await record.leaf(seq)
        if leaf is None:
            return _missing(seq)
        click.echo(await record.proof(seq), nl=False)
    if file:
        _write(file, leaf)
    return 0


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as exc:
        raise ConfigError(f"{file} cannot be written: {exc.strerror}.") from exc


@audit.command("verify")
@click.pass_obj
def verify(chosen: Any) -> None:
    """Check every entry and the signed head; exit with 1 if something is wrong."""
    from bot import wiring

    report = wiring.verify(chosen.settings())
    words = "checked" if report.words else "not checked, for their keys are not here"
    click.echo(f"entries: {report.entries}")
    click.echo(f"root: {report.root}")
    click.echo(f"checkpoint: {report.head.value}")
    click.echo(f"words: {words}")
    for fault in report.faults:
        click.echo(f"{fault.place}: {fault.what}")
    click.echo("sound" if report.sound else "NOT SOUND")
    sys.exit(0 if report.sound else 1)


@audit.command("stats")
@click.option("--debate", default="", help="Id of the room or channel it is held in.")
@click.option("--since", default="", help="First day, such as 2027-01-31.")
@click.option("--until", default="", help="Last day.")
@click.pass_obj
def stats(chosen: Any, debate: str, since: str, until: str) -> None:
    """How often what happened."""
    days = {"since": checked_date(since), "until": checked_date(until)}
    counts = asyncio.run(_tallies(chosen.settings(), debate, days))
    click.echo(f"exchanges  {sum(counts.get('day', {}).values()):>7}")
    for row in _table(counts):
        click.echo(row)


async def _tallies(settings: Settings, debate: str, days: dict[str, str]) -> Tallies:
    from bot import wiring

    async with wiring.record(settings, read_only=True) as record:
        return await record.tallies(debate=debate, **days)


def _table(counts: Tallies) -> Iterator[str]:
    """Yield a row for each value, those of one dimension together."""
    for dimension, values in sorted(counts.items()):
        name = dimension
        for value, count in sorted(values.items()):
            yield f"{name:<9}  {count:>7}  {value}"
            name = ""


@audit.command("export")
@_described
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl")
@click.option("--words", is_flag=True, help="With what was written: each reading is recorded.")
@click.option("--reason", default="", help="Why the words are read.")
@click.option("--reader", default="", help="Who reads them; the login name otherwise.")
@click.option("--tiles", type=click.Path(path_type=Path), help="Folder: the whole log instead.")
@click.pass_obj
def export(chosen: Any, /, tiles: Path | None, **given: Any) -> None:
    """Print entries for other programs, newest first: without words, unless asked for."""
    wanted = _filter(given)
    if tiles:
        count = asyncio.run(_tiled(chosen.settings(), tiles))
        click.echo(f"entries: {count}")
        return
    if given["words"] and not given["reason"].strip():
        raise click.UsageError("--words needs --reason: it goes on record.")
    asyncio.run(_export(chosen.settings(), wanted, **given))


async def _tiled(settings: Settings, folder: Path) -> int:
    from bot import wiring

    async with wiring.record(settings, read_only=True) as record:
        return await record.tiled(folder)


async def _export(
    settings: Settings, wanted: Filter, *, form: str, words: bool, reason: str, reader: str
) -> None:
    from bot import wiring
    from bot.extracts import COLUMNS, WORDS, Extract, as_csv, as_json, pages

    if form == "csv":
        _print(as_csv((*COLUMNS, *(WORDS if words else ()))))
    async with wiring.record(settings, read_only=not words) as record:
        extract = Extract(book=wiring.book(), cafes=await record.cafes())
        async for line in pages(record, wanted):
            row = await _row(record, line, extract)
            if words:
                row |= await _read(record, line, reader or _login(), reason)
            _print(as_csv(row.values()) if form == "csv" else as_json(row))


async def _row(record: Any, line: Line, extract: Extract) -> dict[str, Any]:
    return extract.row(line, await record.leaf(line.seq))


async def _read(record: Any, line: Line, reader: str, reason: str) -> dict[str, str]:
    """Return what was written in the entry, once it is on record that it is read."""
    from bot.extracts import words

    found = words((await record.entry(line.seq)).event)
    if any(found.values()):
        await record.append(Access(turn=line.seq, reader=reader, reason=reason))
    return found


def _login() -> str:
    try:
        return getuser()
    except (OSError, KeyError):  # a container without a list of users
        raise click.UsageError("Who reads? Say so with --reader.") from None


def _print(text: str) -> None:
    """Print *text*, whatever a citizen put into it."""
    click.echo(text.encode("utf-8", "replace").decode(), nl=False)


@audit.command("erase")
@click.argument("seqs", metavar="[SEQ]...", type=click.IntRange(min=1, max=2**53), nargs=-1)
@click.option("--person", default="", help="Pseudonym: all of theirs, in --debate.")
@click.option("--debate", default="", help="Id of the room or channel it is held in.")
@click.option("--message", nargs=2, metavar="PLATFORM ID", help="Id on the platform.")
@click.option("--reason", required=True, help="Why: it goes on record.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def erase(chosen: Any, /, reason: str, *, yes: bool, **given: Any) -> None:
    """Erase what was written, for good, with all that quotes it."""
    meant = (bool(given["seqs"]), bool(given["person"]), bool(given["message"]))
    if sum(meant) != 1 or bool(given["person"]) != bool(given["debate"]):
        raise click.UsageError("Name entries, or --person with --debate, or --message.")
    sys.exit(asyncio.run(_erase(chosen.settings(), reason, yes=yes, **given)))


async def _erase(settings: Settings, reason: str, *, yes: bool, **given: Any) -> int:
    from bot import wiring
    from bot.erasing import OPERATOR

    async with wiring.record(settings) as record:
        erased = await _meant(record, **given)
        if not erased:
            click.echo("Nothing is on record that could be erased.", err=True)
            return 1
        click.echo(f"entries: {', '.join(map(str, erased))}")
        if not yes:
            click.confirm("Erase what is written in them, for good?", abort=True)
        entry = await record.append(Erasure(erased=erased, cause=OPERATOR, note=reason))
    click.echo(f"erased, as entry {entry.seq} says: {_STAYS}")
    return 0


async def _meant(
    record: Any, *, seqs: tuple[int, ...], person: str, debate: str, message: tuple[str, str] | None
) -> tuple[int, ...]:
    """Return the numbers of the entries to erase."""
    from bot.erasing import of_entries, of_person

    if person:
        listed = await record.lines(Filter(debate=debate), limit=1)
        room = Room(listed[0].platform if listed else "", debate)
        return await of_person(record, room, person)
    if message:
        found = await record.answering(*message)
        return await of_entries(record, [found] if found else [])
    entries = [await record.entry(seq) for seq in seqs]
    for seq, entry in zip(seqs, entries, strict=True):
        if entry is None:
            raise ConfigError(f"There is no entry {seq} on record.")
    return await of_entries(record, entries)


@audit.command("rotate")
@click.pass_obj
def rotate(chosen: Any) -> None:
    """Encrypt all words under new keys, so that old backups forget what was erased."""
    asyncio.run(_rotate(chosen.settings()))
    click.echo(f"New keys. {_ROTATED}")


async def _rotate(settings: Settings) -> None:
    from bot import wiring

    async with wiring.record(settings) as record:
        await record.rotate()


async def rotated(record: Any, days: int) -> bool:
    """Rotate the keys of *record* if the newest is *days* old; say so, and return whether."""
    since: datetime = await record.keys_since()
    due = datetime.now(UTC) - since >= timedelta(days=days)
    if due:
        await record.rotate()
        click.echo(f"The record has new keys. {_ROTATED}", err=True)
    return due


@audit.command("replay")
@click.argument("seq", required=False, type=click.IntRange(min=1, max=2**53))
@click.option("--last", type=click.IntRange(min=1), help="The last so many a model answered.")
@click.pass_obj
def replay(chosen: Any, seq: int | None, last: int | None) -> None:
    """Ask the model again what it was asked in entry SEQ; exit with 1 if it differs."""
    if (seq is None) == (last is None):
        raise click.UsageError("Name one entry, or --last with a number.")
    sys.exit(asyncio.run(_replay(chosen.settings(), seq, last or 1)))


async def _replay(settings: Settings, seq: int | None, last: int) -> int:
    from bot import wiring
    from bot.replay import rate, replays

    done = []
    async with wiring.record(settings, read_only=True) as record:
        async for entry in _answered_by_models(record, seq, last):
            again = await replays(entry.event, lambda d: wiring.model_of(settings, d.answer))
            for number, each in enumerate(again, 1):
                detail = f" ({each.detail})" if each.detail else ""
                click.echo(f"entry {entry.seq}, answer {number}: {each.match.value}{detail}")
            done += again
    if not done:
        where = "on record" if seq is None else f"in entry {seq}"
        click.echo(f"There is no answer of a model {where}.", err=True)
        return 1
    same, compared = rate(done)
    percent = f" ({same / compared:.0%})" if compared else ""
    click.echo(f"the same: {same} of {compared} compared{percent}. {_NO_PROMISE}")
    return 0 if compared and same == compared else 1


async def _answered_by_models(record: Any, seq: int | None, last: int) -> AsyncIterator[Entry]:
    """Yield the entry *seq*, or the *last*, in which a model answered."""
    from bot.replay import replayable

    async for entry in _turns(record, seq):
        if replayable(entry.event):
            yield entry
            last -= 1
        if not last:
            return


async def _turns(record: Any, seq: int | None) -> AsyncIterator[Entry]:
    """Yield the entry *seq*, if it is named and there, or else every exchange, newest first."""
    from bot.extracts import pages

    if seq is None:
        async for line in pages(record, Filter(kind="turn")):
            yield await record.entry(line.seq)
    elif entry := await record.entry(seq):
        yield entry
