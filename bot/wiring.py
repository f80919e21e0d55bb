"""The composition root: the only module that knows every package."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import cache, partial
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from random import random
from shutil import disk_usage
from time import monotonic, time
from typing import TYPE_CHECKING

import policies
import prompts
from adapters.languages import FastLanguageDetector
from adapters.lemmas import DictionaryLemmatiser
from bot.agent import Agent
from bot.breaker import Breaker
from bot.commands import Commands
from bot.domain import LANGUAGES, Answer
from bot.errors import ConfigError, NoteError, StorageError
from bot.languages import Languages
from bot.limits import Limits
from bot.measure_cases import folder_digest
from bot.moderation import Moderation
from bot.notices import Notices
from bot.ports import ChatModel, Log, Mailbox, Platform, PromptBook, Record, Tools
from bot.pseudonyms import Pseudonyms
from bot.service import Service
from bot.settings import JudgeSettings, ModelSettings, Settings
from policies import load_policies
from policies.learned import Forms
from policies.masking import Masking
from policies.second_look import SecondLook

if TYPE_CHECKING:
    from adapters.discord import Discord
    from adapters.langchain import LangChainModel
    from adapters.matrix import Matrix, Options, Standing
    from adapters.terminal import Terminal
    from storage.notes import Verifier
    from storage.sql import SqlRecord
    from storage.verify import Report
    from storage.witness import Seen
    from storage.witness import Witness as LocalWitness


ROOM_NEEDED = 200 << 20
"""Bytes of free disk below which `socrate check` complains."""


def service(
    settings: Settings,
    record: Record,
    model: ChatModel | None = None,
    judge: ChatModel | None = None,
    *,
    log: Log | None = None,
) -> Service:
    """Return the service that *settings* describe, over *record*, *model* and *judge*.

    *log* proves what is on the record, where it lasts.
    """
    words = book()
    forms = Forms()
    tools = Tools(
        book=words,
        lemmatiser=DictionaryLemmatiser(),
        detector=FastLanguageDetector(),
        classifier=forms,
    )
    notices = Notices(words, _facts(settings, model))
    commands = Commands(words, notices)
    return Service(
        agent=Agent(
            words,
            Breaker(model) if model else None,
            settings.model.strategy if model else "built-in",
        ),
        screens=load_policies(settings.bot.screens, tools),
        gates=load_policies(settings.bot.gates, tools),
        judge=SecondLook(words, forms, judge),
        record=record,
        log=log,
        policy=policy(),
        commands=commands,
        notices=notices,
        masker=Masking(words),
        moderation=Moderation(record, notices, commands, settings.bot.language),
        languages=Languages(tools.detector, words, settings.bot.language),
        attempts=settings.model.attempts,
    )


def limits(settings: Settings) -> Limits:
    """Return how much is answered on a platform."""
    return Limits(**settings.limits.model_dump(exclude={"pause"}))


def record(settings: Settings, *, read_only: bool = False) -> SqlRecord:
    """Return the record on disk, to be opened as an async context manager."""
    # Imported here since a lab without a record need not pay half a second for it.
    from storage.sql import SqlRecord  # noqa: PLC0415

    chosen = settings.record
    return SqlRecord(
        chosen.path,
        key=chosen.key,
        epochs=chosen.epochs,
        origin=chosen.origin,
        read_only=read_only,
    )


def pseudonyms(settings: Settings) -> Pseudonyms:
    """Return what names people on record, by the secret kept beside it."""
    from storage.files import secret  # noqa: PLC0415 - only platforms with accounts need it

    path = settings.record.path
    return Pseudonyms(secret(path.with_name(f"{path.name}.pseudonyms")))


def memory() -> Record:
    """Return a record that forgets, for the lab."""
    from storage.memory import MemoryRecord  # noqa: PLC0415 - only one record is used at a time

    return MemoryRecord()


def model(settings: ModelSettings) -> LangChainModel | None:
    """Return the language model that *settings* name, if they name one.

    Raises:
        ConfigError: The name is not ``provider:model``.
    """
    if not settings.name or settings.strategy == "built-in":
        return None
    if ":" not in settings.name:
        raise ConfigError(f"model.name: write provider:model, such as ollama:{settings.name}")
    from adapters.langchain import LangChainModel  # noqa: PLC0415 - two seconds, see above

    return LangChainModel(
        settings.name,
        base_url=settings.url or _ollama_host(settings.name),
        timeout_s=settings.timeout,
        num_ctx=settings.context,
        num_predict=settings.longest,
        temperature=settings.temperature,
        seed=settings.seed,
    )


_PARAMS = {
    "num_ctx": "context",
    "num_predict": "longest",
    "max_tokens": "longest",
    "temperature": "temperature",
    "seed": "seed",
}
"""What a parameter on record is called in the settings."""


def model_of(settings: Settings, answer: Answer | None) -> ChatModel:
    """Return the model that gave *answer*, with its parameters, where *settings* reach it.

    Raises:
        ConfigError: It cannot be asked again.
    """
    params = answer.params if answer else ()
    then = {_PARAMS[name]: value for name, value in params if name in _PARAMS}
    named = {"name": answer.model if answer else "", "strategy": "select"}
    found = model(ModelSettings.model_validate(settings.model.model_dump() | named | then))
    if found is None:
        raise ConfigError("The record does not name the model: it cannot be asked again.")
    return found


def _ollama_host(name: str) -> str:
    """Return where Ollama's own variable says it is, for a model of Ollama's."""
    return os.environ.get("OLLAMA_HOST", "") if name.startswith("ollama:") else ""


def judge(settings: JudgeSettings) -> LangChainModel | None:
    """Return the model that gives a second look, if *settings* name one."""
    return model(ModelSettings(name=settings.name, url=settings.url, timeout=settings.timeout))


def book() -> PromptBook:
    """Return the bot's words."""
    return prompts.load()


def folders() -> dict[str, Traversable]:
    """Return where words and rules are, by name."""
    return {package.__name__: files(package) for package in (prompts, policies)}


@cache
def policy() -> str:
    """Return ``policies@digest`` of the rules and words in force: `folder_digest` of each folder.

    The digest is the SHA-256 of a line for each folder: its digest, two spaces, its name.
    """
    lines = sorted(f"{folder_digest(folder)}  {name}" for name, folder in folders().items())
    return f"policies@{sha256(chr(10).join(lines).encode()).hexdigest()}"


def verifier_key(settings: Settings) -> str:
    """Return the key that the record's checkpoints are checked with, as operators exchange it.

    Raises:
        ConfigError: The record has no key yet.
    """
    from storage.notes import Kind, Verifier, origin  # noqa: PLC0415 - as above
    from storage.signing import key_beside, read_public_key  # noqa: PLC0415 - as above

    path = settings.record.key or key_beside(settings.record.path)
    public = read_public_key(path)
    if public is None:
        raise ConfigError(f"There is no key at {path}: it is made with the record.")
    name = settings.record.origin or origin(public)
    return Verifier(name=name, kind=Kind.LOG, key=public).text


def log(settings: Settings) -> AbstractAsyncContextManager[Log]:
    """Return the record on disk as a log, to be opened as an async context manager."""
    return record(settings)


def witness(
    settings: Settings,
) -> tuple[LocalWitness, Callable[[Callable[[str], None]], Awaitable[None]]]:
    """Return the witness that this machine is, and what listens for it until it is stopped.

    Raises:
        ConfigError: The settings do not name it, its files cannot be used, or a key is none.
    """
    from adapters.witness import serve  # noqa: PLC0415 - only witnesses need it
    from storage.witness import Witness as LocalWitness  # noqa: PLC0415 - as above
    from storage.witness import signer  # noqa: PLC0415 - as above

    chosen = settings.witness
    found = LocalWitness(
        signer=signer(chosen.name, chosen.key, chosen.memory),
        logs=[_verifier("witness.logs", text) for text in chosen.logs],
        memory=chosen.memory,
        clock=time,
    )
    return found, lambda ready: serve(found, chosen.host, chosen.port, ready)


def witnesses(settings: Settings) -> list[tuple[str, Callable[[Log], Awaitable[Seen]]]]:
    """Return who vouches for the record, by name, and how each is asked to.

    Raises:
        ConfigError: One is not a verifier key and an address.
    """
    from adapters.witness import RemoteWitness  # noqa: PLC0415 - only who asks needs it
    from storage.witness import ask  # noqa: PLC0415 - as above

    found: list[tuple[str, Callable[[Log], Awaitable[Seen]]]] = []
    for line in settings.witness.asked:
        text, _, url = line.partition(" ")
        if not url.startswith(("https://", "http://")):
            raise ConfigError(f"witness.asked: after the key write its address: {line}")
        key, remote = _verifier("witness.asked", text), RemoteWitness(url, settings.witness.timeout)
        found.append((key.name, partial(ask, witness=remote, key=key)))
    return found


def _verifier(setting: str, text: str) -> Verifier:
    from storage.notes import verifier  # noqa: PLC0415 - as above

    try:
        return verifier(text)
    except NoteError as exc:
        raise ConfigError(f"{setting}: {exc}: {text}") from exc


def verify(settings: Settings, progress: Callable[[int], None] = lambda _: None) -> Report:
    """Check the record on disk, whatever its bytes; *progress* is told how many were read."""
    from storage.verify import verify as check  # noqa: PLC0415 - as above

    chosen = settings.record
    return check(chosen.path, chosen.key, chosen.epochs, progress)


def terminal(words: PromptBook, settings: Settings) -> Terminal:
    """Return the door to this terminal."""
    from adapters.terminal import Terminal  # noqa: PLC0415 - only one door is open at a time

    return Terminal(words=words.text, language=settings.bot.language)


def platforms(
    settings: Settings, mailbox: Mailbox, commands: Commands
) -> list[AbstractAsyncContextManager[Platform]]:
    """Return the doors that *settings* open, each to be entered."""
    opened: list[AbstractAsyncContextManager[Platform]] = []
    if settings.matrix.homeserver:
        opened.append(matrix(settings, mailbox))
    if settings.discord.token.get_secret_value():
        opened.append(discord(settings, mailbox, commands))
    return opened


def matrix(settings: Settings, mailbox: Mailbox) -> Matrix:
    """Return the door to Matrix."""
    # As above; and who has no rooms on Matrix need not pay for its library.
    from adapters.matrix import Matrix  # noqa: PLC0415

    return Matrix(
        _matrix_options(settings),
        mailbox=mailbox,
        pseudonym=pseudonyms(settings),
        words=book().text,
        language=settings.bot.language,
        chance=random,
        clock=monotonic,
    )


async def matrix_standing(settings: Settings) -> Standing:
    """Return how the bot's account and device look to others on Matrix.

    Raises:
        ConfigError: There is no homeserver, or it does not accept the login.
    """
    from adapters.matrix import standing  # noqa: PLC0415 - as above

    if not settings.matrix.homeserver:
        raise ConfigError("matrix.homeserver is not set: see docs/how-to/matrix.md.")
    return await standing(_matrix_options(settings), random, monotonic)


def _matrix_options(settings: Settings) -> Options:
    from adapters.matrix import Account, Options  # noqa: PLC0415 - as above

    chosen = settings.matrix
    account = Account(
        homeserver=chosen.homeserver,
        user=chosen.user,
        token=chosen.token.get_secret_value(),
        password=chosen.password.get_secret_value(),
        device=chosen.device,
    )
    return Options(
        account=account,
        store=chosen.store,
        recovery=chosen.recovery or chosen.store / "recovery.key",
        recovery_key=chosen.recovery_key.get_secret_value(),
        encryption=chosen.encryption,
        room_encryption=chosen.room_encryption,
        rooms=chosen.rooms,
        inviters=chosen.inviters,
        moderators=chosen.moderators,
        name=chosen.name,
        avatar=chosen.avatar,
        prefix=chosen.prefix,
        buttons=chosen.buttons,
        longest_gap=chosen.gap,
    )


def discord(settings: Settings, mailbox: Mailbox, commands: Commands) -> Discord:
    """Return the door to Discord."""
    # As above; and who has no server on Discord need not pay for its library.
    from adapters.discord import Discord, Options  # noqa: PLC0415

    chosen = settings.discord
    options = Options(
        guilds=chosen.guilds,
        moderators=chosen.moderators,
        role=chosen.moderator_role,
        message_content=chosen.message_content,
        shards=chosen.shards,
        api=chosen.api,
        gateway=chosen.gateway,
    )
    return Discord(
        token=chosen.token.get_secret_value(),
        mailbox=mailbox,
        menu={code: commands.menu(code) for code in LANGUAGES},
        words=book().text,
        pseudonym=pseudonyms(settings),
        language=settings.bot.language,
        options=options,
    )


def checks(settings: Settings) -> dict[str, Callable[[], Awaitable[str]]]:
    """Return what `socrate check` looks at, by name; each says what it found.

    Each raises `BotError`, saying what to do, where something is not in place.
    """
    found: dict[str, Callable[[], Awaitable[str]]] = {
        "record": lambda: _record_is_sound(settings),
        "disk": lambda: _disk_has_room(settings),
    }
    if settings.model.name and settings.model.strategy != "built-in":
        found["model"] = lambda: _model_answers(settings)
    if settings.matrix.homeserver:
        found["matrix"] = lambda: _matrix_knows_us(settings)
    if settings.discord.token.get_secret_value():
        found["discord"] = lambda: _discord_is_set_up(settings)
    return found


async def _record_is_sound(settings: Settings) -> str:
    async with record(settings):
        report = verify(settings)
    if not report.sound:
        raise StorageError("it is not as it was written: run `socrate audit verify`.")
    return f"{report.entries} entries, sound"


async def _disk_has_room(settings: Settings) -> str:
    free = disk_usage(settings.record.path.absolute().parent).free
    if free < ROOM_NEEDED:
        raise StorageError(f"{free >> 20} MB are left: make room before starting.")
    return f"{free >> 20} MB free"


async def _matrix_knows_us(settings: Settings) -> str:
    found = await matrix_standing(settings)
    if settings.matrix.encryption != "off" and found.fingerprint and not found.signed:
        raise ConfigError(
            f"the account does not vouch for device {found.device}, and clients warn of it: set "
            "MATRIX_RECOVERY_KEY, or verify the device from another session of the account."
        )
    return f"{found.user} on device {found.device}"


async def _model_answers(settings: Settings) -> str:
    found = model(settings.model)
    if found is None:
        return "none"
    await found.check()
    return found.name


async def _discord_is_set_up(settings: Settings) -> str:
    from adapters.discord import check  # noqa: PLC0415 - as above

    chosen = settings.discord
    return await check(
        chosen.token.get_secret_value(),
        message_content=chosen.message_content,
        moderators=chosen.moderators,
        api=chosen.api,
    )


def _facts(settings: Settings, model: ChatModel | None) -> dict[str, str]:
    return {
        "keeps": settings.record.path.name,
        "model": model.name if model else "",
        "contacts": settings.organiser.contacts,
        "organiser": settings.organiser.name,
        "age": str(settings.organiser.age),
        "days": str(settings.record.days),
        "where": settings.model.url if model else "",
    }
