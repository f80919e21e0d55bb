"""The operator's choices: a TOML file, and the environment over it."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from bot.errors import ConfigError

PREFIX = "SOCRATE_"
KNOWN = {
    "DISCORD_BOT_TOKEN": "discord.token",
    "MATRIX_HOMESERVER": "matrix.homeserver",
    "MATRIX_USER_ID": "matrix.user",
    "MATRIX_ACCESS_TOKEN": "matrix.token",
    "MATRIX_PASSWORD": "matrix.password",
    "MATRIX_DEVICE_ID": "matrix.device",
    "MATRIX_RECOVERY_KEY": "matrix.recovery_key",
}
"""Variables that operators know from other programs, and what they set."""
LISTS = {"screens", "gates", "rooms", "inviters", "guilds", "logs", "asked", "public"}
"""Keys whose values in the environment are parted by commas."""
MAY_BE_EMPTY = {"rooms", "inviters", "guilds", "logs", "asked", "public"}
FILE = Path("socrate.toml")
"""Read from the working directory where no other is named."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BotSettings(_Section):
    """Who speaks, and by which rules."""

    language: Literal["fr", "en", "de", "ar"] = "fr"
    """Language of the first greeting, before the person has written."""
    screens: tuple[str, ...] = (
        "empty",
        "distress",
        "traps",
        "overheard",
        "injection",
        "personal_data",
    )
    """Policies on what citizens write, in order."""
    gates: tuple[str, ...] = (
        "one_question",
        "length",
        "quoted",
        "own_words",
        "open_form",
        "deny",
        "readability",
        "repetition",
        "in_language",
        "learned",
    )
    """Policies on what the bot would say, in order."""


class ModelSettings(_Section):
    """The language model, if any."""

    name: str = ""
    """``provider:model`` as LangChain has it, such as ``ollama:mistral``; empty for none."""
    strategy: Literal["built-in", "select", "draft"] = "select"
    """How a model takes part. Without a model it is always ``built-in``."""
    url: str = ""
    """Where the model answers; empty for the provider's default."""
    timeout: float = Field(default=30.0, gt=0, le=600)
    """Seconds a call may take in all."""
    attempts: int = Field(default=2, ge=1, le=3)
    """Drafts asked for before a vetted question is taken."""
    context: int = Field(default=4096, ge=512)
    """Tokens of prompt and answer together (``num_ctx``)."""
    longest: int = Field(default=200, ge=16)
    """Tokens of an answer at most (``num_predict``)."""
    temperature: float = Field(default=0.0, ge=0, le=2)
    seed: int = 7


class JudgeSettings(_Section):
    """A second model for what a model wrote that is not clearly neutral; off by default."""

    name: str = ""
    """``provider:model``; empty for none."""
    url: str = ""
    timeout: float = Field(default=3.0, gt=0, le=60)
    """Seconds after which there is no verdict, and a vetted question is asked."""


class RecordSettings(_Section):
    """Where what is said is kept."""

    path: Path = Path("cafe-socrate.db")
    """SQLite file; its folder must exist."""
    key: Path | None = None
    """File of the key that signs the record; beside the database where not set."""
    epochs: Path | None = None
    """File of the keys that words are encrypted with; beside the database where not set."""
    origin: str = ""
    """What the log is called in its checkpoints; after its key where empty."""
    rotate: int = Field(default=30, ge=1)
    """Days after which words are encrypted under new keys, so that old backups forget."""
    days: int = Field(default=90, ge=1)
    """Days after a debate is closed until what people wrote in it is erased."""


class LimitsSettings(_Section):
    """How much is answered; what is beyond is on record as not answered, never lost."""

    pause: float = Field(default=1.0, ge=0, le=30)
    """Seconds to wait for more from the same person before answering; 0 to answer each message."""
    person_minute: int = Field(default=12, ge=1)
    room_minute: int = Field(default=60, ge=1)
    person_day: int = Field(default=200, ge=1)
    room_day: int = Field(default=5_000, ge=1)


class OrganiserSettings(_Section):
    """Who answers for the debate."""

    name: str = ""
    """Shown to people before they agree."""
    age: int = Field(default=16, ge=13, le=99)
    """Years a person says they have by agreeing."""
    contacts: str = "112"
    """Shown to a person who needs a human."""


class MatrixSettings(_Section):
    """Rooms on Matrix; none without a homeserver."""

    homeserver: str = ""
    """Its address, such as ``https://matrix.example.org``."""
    user: str = ""
    token: SecretStr = SecretStr("")
    """Access token; or a password, which keeps the login by itself."""
    password: SecretStr = SecretStr("")
    device: str = ""
    store: Path = Path("cafe-socrate-matrix")
    """Folder of the login and of the encryption keys."""
    recovery: Path | None = None
    """File of the key that vouches for the bot's devices; in the store where not set."""
    recovery_key: SecretStr = SecretStr("")
    """The same key itself, over the file."""
    encryption: Literal["off", "optional", "required"] = "optional"
    room_encryption: dict[str, Literal["off", "optional", "required"]] = {}
    """Other choices for single rooms, by room id."""
    rooms: tuple[str, ...] = ()
    """Ids or aliases of the rooms that the bot joins, whoever invites it."""
    inviters: tuple[str, ...] = ()
    """Who may invite it anywhere; ``*:example.org`` is everybody of a server."""
    moderators: str = ""
    """Id or alias of the room where cases are shown to moderators."""
    name: str = "Café Socrate"
    """Display name of the account; empty to leave it as it is."""
    avatar: Path | None = None
    """Picture of the account; not set to leave it as it is."""
    prefix: str = "!socrate"
    """Calls the bot without a mention."""
    buttons: int = Field(default=6, ge=0, le=12)
    """Reactions put under a message for people to press, at most."""
    gap: int = Field(default=5000, ge=100)
    """Events of one room that are fetched after an absence, at most."""


class DiscordSettings(_Section):
    """Servers on Discord; none without a token."""

    token: SecretStr = SecretStr("")
    """Of the bot, from the Developer Portal."""
    guilds: tuple[str, ...] = ()
    """Ids of the servers that are served; empty for every one it was added to."""
    moderators: str = ""
    """Id of the channel in which cases are shown to moderators."""
    moderator_role: str = ""
    """Id of the role whose members may answer cases anywhere."""
    message_content: bool = False
    """Whether all of its threads is read; needs the Message Content intent."""
    shards: int = Field(default=1, ge=0)
    """Connections to share the servers among; 0 for as many as Discord advises."""
    api: str = "https://discord.com/api/v10"
    gateway: str = "wss://gateway.discord.gg/"
    """Where Discord answers; another place is for tests."""


class WitnessSettings(_Section):
    """Who vouches that the record was not rewritten, and whose records this machine vouches for."""

    asked: tuple[str, ...] = ()
    """Witnesses of this record: each a verifier key, a space, and the address it answers at."""
    timeout: float = Field(default=10.0, gt=0, le=600)
    """Seconds one of them may take."""
    name: str = ""
    """What this machine is called as a witness, such as ``example.org/witness``."""
    logs: tuple[str, ...] = ()
    """Verifier keys of the records it vouches for."""
    key: Path = Path("cafe-socrate-witness.key")
    """File of the key it vouches with, made with the memory."""
    memory: Path = Path("cafe-socrate-witness.db")
    """SQLite file: how far each record had come."""
    host: str = "127.0.0.1"
    """Where it listens; a proxy in front of it sees to TLS."""
    port: int = Field(default=8765, ge=0, le=65535)
    """0 for any that is free."""


class ConsoleSettings(_Section):
    """The moderators' console: `socrate console`."""

    host: str = "127.0.0.1"
    """Address to listen on; elsewhere than on this machine, put a proxy with HTTPS before it."""
    port: int = Field(default=8140, ge=1, le=65535)
    url: str = ""
    """Address under which people open it; empty for ``http://host:port``."""
    proxy: str = ""
    """Address of the proxy whose word on where requests come from is believed."""
    accounts: Path | None = None
    """SQLite file of accounts and sessions; beside the record where not set."""
    hours: int = Field(default=8, ge=1, le=72)
    """Hours after which one has to log in again."""
    public: tuple[str, ...] = ()
    """Names of the debates that have a page for everybody."""
    oidc_issuer: str = ""
    """Address of an OpenID provider; empty for accounts of the console's own only."""
    oidc_client: str = ""
    oidc_secret: SecretStr = SecretStr("")


class Settings(_Section):
    """Everything an operator may choose."""

    bot: BotSettings = BotSettings()
    model: ModelSettings = ModelSettings()
    judge: JudgeSettings = JudgeSettings()
    record: RecordSettings = RecordSettings()
    organiser: OrganiserSettings = OrganiserSettings()
    limits: LimitsSettings = LimitsSettings()
    matrix: MatrixSettings = MatrixSettings()
    discord: DiscordSettings = DiscordSettings()
    witness: WitnessSettings = WitnessSettings()
    console: ConsoleSettings = ConsoleSettings()


def load(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of the file at *path*, with the environment over them.

    ``SOCRATE_MODEL__NAME=ollama:mistral`` sets ``[model] name``, and the variables of `KNOWN`
    set theirs; ``…_FILE`` names a file that holds the value. A file that is named must exist;
    ``socrate.toml`` is read where there is one.

    Raises:
        ConfigError: A key is unknown or a value wrong; the message names its path.
    """
    source = path or (FILE if FILE.is_file() else None)
    values = _from_file(source) if source else {}
    for name, value in (os.environ if environment is None else environment).items():
        key, from_file = _meant(name)
        if key:
            _set(values, name, key, _read(name, value) if from_file else value)
    try:
        return Settings.model_validate(values)
    except ValidationError as exc:
        raise ConfigError(_explained(exc, source)) from None


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror or exc}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path} is not TOML: {exc}") from exc


def _meant(name: str) -> tuple[str, bool]:
    """Return the ``section.key`` that the variable *name* sets, and whether it names a file."""
    bare = name.removesuffix("_FILE")
    if bare in KNOWN:
        return KNOWN[bare], bare != name
    if not name.startswith(PREFIX):
        return "", False
    return bare.removeprefix(PREFIX).lower().replace("__", ".", 1), bare != name


def _read(name: str, path: str) -> str:
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{name}: {path} cannot be read: {exc}") from exc


def _set(values: dict[str, Any], name: str, path: str, value: str) -> None:
    section, _, key = path.partition(".")
    if not key:
        raise ConfigError(f"{name} is not a setting: write {PREFIX}<SECTION>__<KEY>")
    table = values.setdefault(section, {})
    if not isinstance(table, dict):
        raise ConfigError(f"{section} is a section: {name} cannot set a key of it")
    # No rule may be switched off by a variable that happens to be empty.
    empty = not value and key in MAY_BE_EMPTY
    table[key] = () if empty else tuple(value.split(",")) if key in LISTS else value


def _explained(error: ValidationError, source: Path | None) -> str:
    lines = []
    for problem in error.errors():
        where = ".".join(map(str, problem["loc"]))
        unknown = problem["type"] == "extra_forbidden"
        what = "is not a setting" if unknown else problem["msg"]
        lines.append(f"{where}: {what}")
    return f"{source or 'environment'}: " + "; ".join(lines)
