"""How the bot's account and device look to others: for people who check them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adapters.matrix.door import new_client, sign_in
from adapters.matrix.options import Options
from adapters.matrix.signing import is_signed
from adapters.matrix.wire import V3, Wire

GROUP = 4
"""Letters of a fingerprint that are written together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the homeserver tells others of the bot."""

    user: str
    device: str
    fingerprint: str
    """The device's public key in groups of four, as clients show it; empty without one."""
    signed: bool
    """Whether the account vouches for the device."""


async def standing(
    options: Options, chance: Callable[[], float], clock: Callable[[], float]
) -> Standing:
    """Log in and return how the bot looks to others; a bot that is running is not disturbed.

    Raises:
        ConfigError: The homeserver does not accept the login, or does not answer.
    """
    wire = Wire(new_client(options), chance, clock)
    try:
        login = await sign_in(wire, options)
        told = await wire.insist("POST", f"{V3}/keys/query", {"device_keys": {login.user: []}})
    finally:
        await wire.client.close()
    keys = told.get("device_keys", {}).get(login.user, {}).get(login.device, {}).get("keys", {})
    key = keys.get(f"ed25519:{login.device}", "")
    return Standing(
        user=login.user,
        device=login.device,
        fingerprint=" ".join(key[n : n + GROUP] for n in range(0, len(key), GROUP)),
        signed=is_signed(told, login.user, login.device),
    )
