"""Who the bot is on Matrix: one login on one device, kept between runs."""

from __future__ import annotations

import json
import logging
import os
import secrets
from dataclasses import asdict, dataclass, field
from mimetypes import guess_type
from pathlib import Path
from urllib.parse import quote

from adapters.matrix.options import Account
from adapters.matrix.wire import V3, RefusedError, UnreachableError, Wire
from bot.errors import ConfigError

LOG = logging.getLogger(__name__)

DEVICE_NAME = "Café Socrate"
TRIES = 4
"""A wrong address should not look like a slow start for long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A login that the homeserver knows."""

    homeserver: str
    user: str
    device: str
    token: str = field(repr=False)


async def log_in(wire: Wire, account: Account, folder: Path) -> Login:
    """Return the login of *account*: by its token, the one kept in *folder*, or its password.

    Raises:
        ConfigError: The homeserver accepts none of them, or does not answer.
    """
    kept = kept_login(folder, account)
    token = account.token or (kept.token if kept else "")
    try:
        if token:
            return await _known(wire, account, token)
        return await _new(wire, account, folder, account.device or (kept.device if kept else ""))
    except ConfigError:
        if account.token or not account.password:
            raise
        return await _new(wire, account, folder, kept.device if kept else account.device)
    except UnreachableError as exc:
        raise ConfigError(
            f"matrix.homeserver: {account.homeserver} does not answer; is the address right?"
        ) from exc
    except RefusedError as exc:
        raise ConfigError(f"matrix: the login failed: {exc}") from exc


def kept_login(folder: Path, account: Account) -> Login | None:
    """Return the login kept in *folder*, if it is one of *account*."""
    try:
        kept = Login(**json.loads((folder / "login.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    same_user = account.user in {"", kept.user, kept.user[1:].partition(":")[0]}
    return kept if same_user and kept.homeserver == account.homeserver else None


def private_file(path: Path, text: str) -> None:
    """Write *text* to *path*, readable by its owner alone, whole or not at all.

    Raises:
        ConfigError: It cannot be written.
    """
    draft = path.with_name(f"{path.name}.new")
    try:
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as exc:
        raise ConfigError(f"{path} cannot be written: {exc.strerror or exc}") from exc


def store_key(folder: Path) -> str:
    """Return the key that encrypts the store in *folder*; make it where there is none."""
    path = folder / "store.key"
    if not path.exists():
        private_file(path, secrets.token_hex(32))
    return path.read_text("utf-8").strip()


def open_folder(folder: Path) -> None:
    """Make *folder* for its owner alone.

    Raises:
        ConfigError: It cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(f"matrix.store: {folder} cannot be made: {exc.strerror}") from exc


async def introduce(wire: Wire, login: Login, name: str, avatar: Path | None) -> None:
    """Give the account its *name*, where it has another, and a picture, where it has none.

    Raises:
        ConfigError: The picture cannot be read.
    """
    path = f"{V3}/profile/{quote(login.user)}"
    try:
        shown = await wire.insist("GET", path)
        if name and shown.get("displayname") != name:
            await wire.insist("PUT", f"{path}/displayname", {"displayname": name})
        if avatar and not shown.get("avatar_url"):
            url = await wire.upload(_picture(avatar), guess_type(avatar)[0] or "image/png")
            await wire.insist("PUT", f"{path}/avatar_url", {"avatar_url": url})
    except RefusedError as exc:
        # Some homeservers keep names and pictures to themselves: the bot works without.
        LOG.warning("Matrix: the profile stays as it is: %s", exc)


def _picture(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise ConfigError(f"matrix.avatar: {path} cannot be read: {exc.strerror}") from exc


async def _known(wire: Wire, account: Account, token: str) -> Login:
    wire.client.access_token = token
    told = await wire.insist("GET", f"{V3}/account/whoami", most=TRIES)
    device = str(told.get("device_id") or account.device)
    if not device:
        raise ConfigError("matrix.token belongs to no device: log in with a password instead.")
    return Login(
        homeserver=account.homeserver, user=str(told["user_id"]), device=device, token=token
    )


async def _new(wire: Wire, account: Account, folder: Path, device: str) -> Login:
    if not account.password or not account.user:
        raise ConfigError(
            "matrix: set MATRIX_ACCESS_TOKEN, or MATRIX_USER_ID and MATRIX_PASSWORD, to log in."
        )
    wire.client.access_token = ""
    told = await wire.insist("POST", f"{V3}/login", _asking(account, device), most=TRIES)
    login = Login(
        homeserver=account.homeserver,
        user=str(told["user_id"]),
        device=str(told["device_id"]),
        token=str(told["access_token"]),
    )
    private_file(folder / "login.json", json.dumps(asdict(login)))
    wire.client.access_token = login.token
    return login


def _asking(account: Account, device: str) -> dict[str, object]:
    asking: dict[str, object] = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": account.user},
        "password": account.password,
        "initial_device_display_name": DEVICE_NAME,
    }
    if device:
        asking["device_id"] = device
    return asking
