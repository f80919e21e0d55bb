"""The moderators' console: serve it, and say who may log in."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from bot.errors import ConfigError
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.service import Service

# Each command imports what it needs: the first question must not wait for the others' libraries.
# ruff: noqa: PLC0415

LOOPBACK = ("127.0.0.1", "::1", "localhost")
LOCAL = "local"
"""The account of whoever starts the console on their own machine."""
_NOBODY = ": no account yet, add one with `socrate console account add NAME --role moderator`"
LINK_MINUTES = 60
"""How long a one-time link may be used."""


@click.group(invoke_without_command=True)
@click.pass_context
def console(context: click.Context) -> None:
    """Serve the moderators' console until stopped, or see to its accounts."""
    if context.invoked_subcommand is None:
        asyncio.run(_serve(context.obj.settings()))


@console.command("link")
@click.argument("name")
@click.pass_obj
def link(chosen: Any, name: str) -> None:
    """Print a link by which the account NAME can log in once, within an hour."""
    from bot import wiring_console

    settings = chosen.settings()
    with closing(wiring_console.accounts(settings)) as store:
        if store.account(name) is None:
            raise ConfigError(f"There is no account called {name}: see `socrate console account`.")
        click.echo(_link(wiring_console.options_of(settings), store, name))


@console.group()
def account() -> None:
    """Say who may log in, and as what."""


@account.command("add")
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, help="What they may do; several.")
@click.option("--debate", "debates", multiple=True, help="A moderator's debates; '*' for all.")
@click.option("--subject", default="", help="Who they are to the OpenID provider (sub).")
@click.pass_obj
def add(chosen: Any, /, name: str, **given: Any) -> None:
    """Keep an account called NAME, in the place of an older one; its password is asked for."""
    from bot import wiring_console

    with closing(wiring_console.accounts(chosen.settings())) as store:
        password = "" if given["subject"] else _password()
        wiring_console.add_account(store, name, password, **given)
        click.echo(f"{name}: {', '.join(given['roles'])}")
        if not password and not given["subject"]:
            click.echo(f"No password: they log in with `socrate console link {name}`.")


@account.command("list")
@click.pass_obj
def list_(chosen: Any) -> None:
    """One line for each account."""
    from bot import wiring_console

    with closing(wiring_console.accounts(chosen.settings())) as store:
        for found in store.accounts():
            debates = f"  {', '.join(found.debates)}" if found.debates else ""
            click.echo(f"{found.name}  {', '.join(found.roles)}{debates}")


@account.command("remove")
@click.argument("name")
@click.pass_obj
def remove(chosen: Any, name: str) -> None:
    """Forget the account NAME, and log it out."""
    from bot import wiring_console

    with closing(wiring_console.accounts(chosen.settings())) as store:
        if not store.remove(name):
            raise ConfigError(f"There is no account called {name}.")


@asynccontextmanager
async def beside(settings: Settings, record: Any, service: Service) -> AsyncIterator[None]:
    """Serve the console on this machine while something else runs; say by which link to enter.

    Where its port is taken, by another one perhaps, any free port will do.
    """
    from bot import wiring_console

    options = replace(wiring_console.options_of(settings), host="127.0.0.1", url="")
    try:
        where = wiring_console.bound(options.host, options.port)
    except ConfigError:
        where = wiring_console.bound(options.host, 0)
    options = replace(options, port=where.getsockname()[1])
    with closing(wiring_console.accounts(settings)) as store:
        wiring_console.add_account(store, LOCAL, "", roles=wiring_console.ALL_ROLES, debates=("*",))
        words = service.agent.book.text(settings.bot.language, "terminal.console")
        click.echo(words.replace("{url}", _link(options, store, LOCAL)), err=True)
        made = wiring_console.console(settings, record, service, store, options)
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(wiring_console.serve(made, where))
            yield
            serving.cancel()


async def _serve(settings: Settings) -> None:
    from bot import wiring, wiring_console

    options = wiring_console.options_of(settings)
    if options.host not in LOOPBACK and not options.url.startswith("https://"):
        raise ConfigError(
            "The console listens beyond this machine: set console.url to the https:// address "
            "of the proxy before it (docs/how-to/console.md)."
        )
    with closing(wiring_console.accounts(settings)) as store:
        where = wiring_console.bound(options.host, options.port)
        async with wiring.record(settings) as record:
            service = wiring.service(settings, record)
            made = wiring_console.console(settings, record, service, store, options)
            await asyncio.to_thread(made.remember_rules)
            known = bool(store.accounts())
            click.echo(f"{made.origin}{'' if known else _NOBODY}", err=True)
            await wiring_console.serve(made, where, signals=True)


def _link(options: Any, store: Any, name: str) -> str:
    own = options.url.rstrip("/") or f"http://{options.host}:{options.port}"
    return f"{own}/login/once?ticket={store.ticket({'account': name}, LINK_MINUTES)}"


def _password() -> str:
    """Return the password that is typed, twice in a terminal; or the first line that is piped."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\n")
