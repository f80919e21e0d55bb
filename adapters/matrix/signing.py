"""Cross-signing: the bot's account vouches for its device, so that clients do not warn of it.

Follows the Matrix client-server specification, « Cross-signing ». Three keys: the master key signs
the other two; the self-signing key signs devices; the user-signing key would sign other people.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nio import Api

from adapters.matrix.login import private_file
from adapters.matrix.wire import V3, RefusedError, Wire
from bot.errors import ConfigError

SEED = 32
"""Bytes of a private key."""


@dataclass(frozen=True)
class Keys:
    """The three private keys of an account."""

    seeds: bytes

    @classmethod
    def new(cls) -> Keys:
        """Return keys that nobody has had before."""
        return cls(os.urandom(3 * SEED))

    @classmethod
    def read(cls, text: str) -> Keys:
        """Return the keys that a recovery file holds.

        Raises:
            ConfigError: It holds none.
        """
        try:
            seeds = b64decode(text.strip(), validate=True)
        except ValueError:
            seeds = b""
        if len(seeds) != 3 * SEED:
            raise ConfigError("matrix.recovery: this is not the bot's recovery key.")
        return cls(seeds)

    def written(self) -> str:
        """Return what goes into a recovery file."""
        return b64encode(self.seeds).decode()

    def public(self, number: int) -> str:
        """Return the public half: 0 is the master key, 1 signs devices, 2 people."""
        raw = self._private(number).public_key().public_bytes_raw()
        return _unpadded(raw)

    def signature(self, number: int, body: Mapping[str, Any]) -> str:
        """Return the signature over *body*, without what is not signed."""
        plain = {k: v for k, v in body.items() if k not in {"signatures", "unsigned"}}
        return _unpadded(self._private(number).sign(Api.to_canonical_json(plain).encode()))

    def _private(self, number: int) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seeds[number * SEED :][:SEED])


def recovery_keys(path: Path, given: str = "") -> Keys | None:
    """Return the keys that were *given*, or those in the file at *path*, if there are any.

    Raises:
        ConfigError: What is there is no recovery key.
    """
    if given:
        return Keys.read(given)
    return Keys.read(path.read_text("utf-8")) if path.is_file() else None


async def vouch(wire: Wire, known: Mapping[str, Any], path: Path, given: str = "") -> str:
    """Have the account vouch for this device; return what keeps it from doing so, if anything.

    *known* is the server's answer to a query for the account's keys.
    """
    user = wire.client.user_id
    master = known.get("master_keys", {}).get(user)
    keys = recovery_keys(path, given)
    if master is None:
        keys = keys or Keys.new()
        # The file comes first: keys that are lost can never be replaced without a person.
        private_file(path, keys.written())
        try:
            await wire.insist("POST", f"{V3}/keys/device_signing/upload", _signing(keys, user))
        except RefusedError as exc:
            return f"the homeserver will not have signing keys ({exc.code})"
    elif keys is None or keys.public(0) not in master["keys"].values():
        return (
            "the account already has signing keys, and the recovery file holds others: give the "
            "right one (MATRIX_RECOVERY_KEY), or verify the bot's device from another session"
        )
    return await _sign_device(wire, keys, known)


def is_signed(known: Mapping[str, Any], user: str, device: str) -> bool:
    """Return whether the account's self-signing key has signed *device*, by the server's word."""
    signing = known.get("self_signing_keys", {}).get(user, {}).get("keys", {})
    keys = known.get("device_keys", {}).get(user, {}).get(device, {})
    return bool(set(signing) & set(keys.get("signatures", {}).get(user, {})))


async def _sign_device(wire: Wire, keys: Keys, known: Mapping[str, Any]) -> str:
    user, device = wire.client.user_id, str(wire.client.device_id)
    if is_signed(known, user, device):
        return ""
    told = await wire.insist("POST", f"{V3}/keys/query", {"device_keys": {user: [device]}})
    body = dict(told["device_keys"][user][device])
    body.pop("unsigned", None)
    name = f"ed25519:{keys.public(1)}"
    body["signatures"] = {user: {name: keys.signature(1, body)}}
    answer = await wire.insist("POST", f"{V3}/keys/signatures/upload", {user: {device: body}})
    return "the homeserver refused the signature" if answer.get("failures") else ""


def _signing(keys: Keys, user: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for number, usage in enumerate(("master", "self_signing", "user_signing")):
        public = keys.public(number)
        body: dict[str, Any] = {
            "user_id": user,
            "usage": [usage],
            "keys": {f"ed25519:{public}": public},
        }
        if number:
            body["signatures"] = {user: {f"ed25519:{keys.public(0)}": keys.signature(0, body)}}
        made[f"{usage}_key"] = body
    return made


def _unpadded(raw: bytes) -> str:
    return b64encode(raw).decode().rstrip("=")
