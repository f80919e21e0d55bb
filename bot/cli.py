"""The command line. Exit codes: 0 fine, 1 a finding, 2 wrong use or configuration."""

from __future__ import annotations

import asyncio
import gc
import os
import shlex
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from bot.cli_audit import audit, rotated
from bot.cli_cafe import cafe, clean, cleaned
from bot.cli_console import beside, console
from bot.cli_witness import vouched, witness
from bot.errors import BotError, ConfigError, ModelError

if TYPE_CHECKING:
    from bot.lab import Item, Lab
    from bot.settings import Settings

# Each command imports what it needs: the first question must not wait for the others' libraries.
# ruff: noqa: PLC0415

WRONG_USE = 2


@dataclass(frozen=True)
class Chosen:
    """What the command line says about settings."""

    config: Path | None

    def settings(self, **model: str | None) -> Settings:
        """Return the settings, with those of *model* that are given over them."""
        from bot.settings import load

        settings = load(self.config)
        given = {key: value for key, value in model.items() if value is not None}
        return settings.model_copy(
            update={"model": settings.model.model_copy(update=given)} if given else {}
        )


@click.group()
@click.option("--config", type=click.Path(path_type=Path), help="Settings file (socrate.toml).")
@click.version_option(package_name="cafe-socrate")
@click.pass_context
def cli(context: click.Context, config: Path | None) -> None:
    """Help citizens think without steering them."""
    context.obj = Chosen(config)


_MODEL = click.option("--model", help="A language model, such as ollama:mistral.")
_STRATEGY = click.option(
    "--strategy",
    type=click.Choice(["built-in", "select", "draft"]),
    help="How the model takes part.",
)
_FILE = click.argument("file", type=click.File("r", encoding="utf-8", errors="surrogateescape"))


@cli.command()
@_MODEL
@_STRATEGY
@click.option("--console", "watched", is_flag=True, help="Open the moderators' console beside it.")
@click.pass_obj
def chat(chosen: Chosen, model: str | None, strategy: str | None, *, watched: bool) -> None:
    """Talk to the bot in this terminal."""
    settings = chosen.settings(name=model, strategy=strategy)
    _run(_chat(settings, watched=watched and sys.stdin.isatty()))


async def _chat(settings: Settings, *, watched: bool = False) -> None:
    from bot import wiring
    from bot.runner import Runner

    model = wiring.model(settings.model)
    async with wiring.record(settings) as record:
        judge = wiring.judge(settings.judge)
        service = wiring.service(settings, record, model, judge, log=record)
        book = service.agent.book
        if model is not None:
            await _announce(model, book, settings)
        terminal = wiring.terminal(book, settings)
        _collect_garbage()
        async with beside(settings, record, service) if watched else nullcontext():
            await Runner(service=service, mailbox=record, platform=terminal).converse()


async def _announce(model: Any, book: Any, settings: Settings) -> None:
    """Say once how to start a model that does not answer; the conversation goes on."""
    try:
        await model.check()
    except ModelError as exc:
        notice = book.text(settings.bot.language, "terminal.model-unreachable")
        click.echo(notice.replace("{reason}", str(exc)), err=True)


@cli.command()
@_MODEL
@_STRATEGY
@click.pass_obj
def run(chosen: Chosen, model: str | None, strategy: str | None) -> None:
    """Serve the configured platforms until stopped."""
    _run(_serve(chosen.settings(name=model, strategy=strategy)))


async def _serve(settings: Settings) -> None:
    from bot import wiring
    from bot.runner import serve

    model = wiring.model(settings.model)
    async with wiring.record(settings) as record, AsyncExitStack() as doors:
        judge = wiring.judge(settings.judge)
        service = wiring.service(settings, record, model, judge, log=record)
        service = replace(service, limits=wiring.limits(settings))
        if model is not None:
            await _announce(model, service.agent.book, settings)
        platforms = wiring.platforms(settings, record, service.commands)
        if not platforms:
            raise ConfigError("No platform is configured: see docs/how-to, or try `socrate chat`.")
        _collect_garbage()
        entered = [await doors.enter_async_context(platform) for platform in platforms]
        async with asyncio.TaskGroup() as tasks:
            cleaning = tasks.create_task(_daily(record, settings))
            await serve(service, record, entered, settings.limits.pause)
            cleaning.cancel()


async def _daily(record: Any, settings: Settings) -> None:
    """Erase what is due, change keys that are due, and have the record vouched for."""
    while True:
        await cleaned(record, settings.record.days)
        await rotated(record, settings.record.rotate)
        await vouched(record, settings)
        await asyncio.sleep(86_400)


@cli.command()
@click.pass_obj
def check(chosen: Chosen) -> None:
    """Tell whether everything is in place; exit with 1 if something is not."""
    sys.exit(_run(_check(chosen.settings())))


async def _check(settings: Settings) -> int:
    from bot import wiring

    failed = 0
    for name, probe in wiring.checks(settings).items():
        try:
            click.echo(f"ok   {name}: {await probe()}")
        except BotError as exc:
            failed = 1
            click.echo(f"FAIL {name}: {exc}")
    return failed


cli.add_command(audit)
cli.add_command(cafe)
cli.add_command(clean)
cli.add_command(witness)
cli.add_command(console)


@cli.command()
@click.argument("seq", type=click.IntRange(min=1, max=2**53))
@click.option("--language", type=click.Choice(["fr", "en", "de", "ar"]), help="Of the answer.")
@click.pass_obj
def diagnose(chosen: Chosen, seq: int, language: str | None) -> None:
    """Say why no question was asked in entry SEQ, naming the exact rule."""
    settings = chosen.settings()
    sys.exit(_run(_diagnose(settings, seq, language or settings.bot.language)))


async def _diagnose(settings: Settings, seq: int, language: str) -> int:
    from bot import wiring
    from bot.audit import diagnosis

    async with wiring.record(settings, read_only=True) as record:
        entry = await record.entry(seq)
    click.echo(diagnosis(entry, wiring.book(), language))
    return 0 if entry else 1


@cli.group()
def db() -> None:
    """See to the record's tables."""


@db.command("upgrade")
@click.pass_obj
def db_upgrade(chosen: Chosen) -> None:
    """Bring a record made by an older version up to date."""
    click.echo(_run(_upgraded(chosen.settings())) or "up to date")


async def _upgraded(settings: Settings) -> None:
    from bot import wiring

    async with wiring.record(settings):
        pass  # opening it for writing is what brings it up to date


@cli.group()
def matrix() -> None:
    """Look after the bot's account on Matrix."""


@matrix.command("verify")
@click.pass_obj
def matrix_verify(chosen: Chosen) -> None:
    """Show what a person compares to be sure of the bot; exit with 1 if it is not signed."""
    sys.exit(_run(_matrix_verify(chosen.settings())))


async def _matrix_verify(settings: Settings) -> int:
    from bot import wiring

    found = await wiring.matrix_standing(settings)
    click.echo(f"account: {found.user}")
    click.echo(f"device: {found.device}")
    click.echo(f"key: {found.fingerprint or 'none: the bot has not run with encryption yet'}")
    click.echo(f"signed by the account: {'yes' if found.signed else 'no'}")
    return int(not found.signed)


@cli.group()
def lab() -> None:
    """Run the same rules on JSON Lines, without a platform or a record."""


@lab.command("judge")
@_FILE
@click.pass_obj
def lab_judge(chosen: Chosen, file: IO[str]) -> None:
    """Judge questions: {id, lang, contribution, question}."""
    sys.exit(_run(_lab(chosen.settings(name=""), file, lambda lab: lab.judge)))


@lab.command("screen")
@_FILE
@click.pass_obj
def lab_screen(chosen: Chosen, file: IO[str]) -> None:
    """Screen what citizens write: {id, lang?, text}."""
    sys.exit(_run(_lab(chosen.settings(name=""), file, lambda lab: lab.screen)))


@lab.command("ask")
@_MODEL
@_STRATEGY
@_FILE
@click.pass_obj
def lab_ask(chosen: Chosen, file: IO[str], model: str | None, strategy: str | None) -> None:
    """Ask one question about each contribution: {id, lang?, text}."""
    settings = chosen.settings(name=model, strategy=strategy)
    sys.exit(_run(_lab(settings, file, lambda lab: lab.ask)))


_CASES = ("questions", "contributions", "pairs", "variants", "screens", "personal")


class _Several(click.Command):
    """A command whose files may stand one after another: ``--pairs A B`` is two of them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        options, given = {f"--{kind}" for kind in _CASES}, ""
        spelt: list[str] = []
        for word in args:
            more = given in options and not word.startswith("-") and spelt[-1] != given
            spelt += [given, word] if more else [word]
            given = word if word.startswith("-") else given
        return super().parse_args(ctx, spelt)


_PATH = click.Path(path_type=Path)


def _files(command: Callable[..., None]) -> Callable[..., None]:
    for kind in reversed(_CASES):
        command = click.option(f"--{kind}", type=_PATH, multiple=True, metavar="FILE…")(command)
    return command


@cli.command(cls=_Several)
@_files
@_MODEL
@_STRATEGY
@click.option("--out", type=_PATH, required=True, help="Folder for the report.")
@click.option("--language", type=click.Choice(["fr", "en", "de", "ar"]), help="Of the report.")
@click.option("--sample", type=click.IntRange(min=0), default=30, help="Questions for a person.")
@click.option("--limit", type=click.IntRange(min=1), help="Cases of a kind at most.")
@click.option("--seed", type=int, default=7, help="Of everything drawn at random.")
@click.option("--gate", type=_PATH, help="Thresholds (TOML); exit with 1 if one is missed.")
@click.pass_obj
def measure(chosen: Chosen, /, model: str | None, strategy: str | None, **given: Any) -> None:
    """Measure neutrality on JSON Lines, and write a report anyone can reproduce."""
    sys.exit(_run(_measure(chosen.settings(name=model, strategy=strategy), given)))


async def _measure(settings: Settings, given: dict[str, Any]) -> int:
    from bot import wiring
    from bot.measure import Bench, Report, measure
    from bot.measure_cases import Loader
    from bot.measure_checks import thresholds
    from bot.measure_progress import Progress
    from bot.measure_report import Words

    required = thresholds(given["gate"]) if given["gate"] else {}
    bench = Bench(**_measured(settings), seed=given["seed"])
    languages = bench.built_in.languages
    loader = Loader(
        detect=lambda text: languages.of(text) or languages.default,
        limit=given["limit"],
        seed=given["seed"],
    )
    cases = loader.load({kind: given[kind] for kind in _CASES})
    report = Report(
        words=Words(wiring.book(), given["language"] or settings.bot.language),
        template=wiring.folders()["prompts"].joinpath("report.html").read_text("utf-8"),
        command=shlex.join(["socrate", *sys.argv[1:]]),
        date=datetime.now(UTC),
        folders=wiring.folders(),
        sample=given["sample"],
    )
    measured = await measure(bench, cases, Progress(sys.stderr))
    checks = report.write(given["out"], bench, cases, measured, required)
    for check in checks:
        if not check.held:
            click.echo(f"missed: {check.path} is {check.shown}, not {check.limit}", err=True)
    return int(not all(check.held for check in checks))


def _measured(settings: Settings) -> dict[str, Any]:
    """Return the services to be measured: without a model and, where one is named, with it."""
    from bot import wiring
    from bot.measure_exchanges import Counted

    found = wiring.model(settings.model)
    services = {"built_in": wiring.service(settings, wiring.memory())}
    if found is None:
        return services
    model, judge = Counted(found), wiring.judge(settings.judge)
    layer = wiring.service(settings, wiring.memory(), model, judge)
    return {**services, "layer": layer, "model": model}


async def _lab(
    settings: Settings,
    file: IO[str],
    work: Callable[[Lab], Callable[[Item], Coroutine[Any, Any, dict[str, Any]]]],
) -> int:
    from bot import wiring
    from bot.lab import Lab, run

    model, judge = wiring.model(settings.model), wiring.judge(settings.judge)
    _collect_garbage()
    lab = Lab(wiring.service(settings, wiring.memory(), model, judge))
    return await run(work(lab), file, sys.stdout, sys.stderr, warm=model is None)


def main() -> None:
    """Run the command line; errors made on purpose end it in one clear line."""
    # A tenth of the time to the first question would go into looking for garbage among modules.
    gc.disable()
    with _one_clear_line():
        cli(standalone_mode=True)


def _collect_garbage() -> None:
    """Begin to, sparing what was loaded: it stays, and looking through it takes long."""
    gc.freeze()
    gc.enable()


def _run(work: Coroutine[Any, Any, int | None]) -> int:
    return asyncio.run(work) or 0


@contextmanager
def _one_clear_line() -> Iterator[None]:
    try:
        yield
    except BotError as exc:
        click.echo(f"socrate: {exc}", err=True)
        sys.exit(WRONG_USE)
    except ExceptionGroup as group:
        wrong, others = group.split(BotError)
        if wrong is None or others is not None:
            raise
        for each in _leaves(wrong):
            click.echo(f"socrate: {each}", err=True)
        sys.exit(WRONG_USE)
    except BrokenPipeError:
        # Whoever read our output has gone: nothing more can be said, least of all about that.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(WRONG_USE)
    except KeyboardInterrupt:
        sys.exit(130)


def _leaves(group: BaseExceptionGroup[BotError]) -> Iterator[BotError]:
    for exc in group.exceptions:
        if isinstance(exc, BaseExceptionGroup):
            yield from _leaves(exc)
        else:
            yield exc
