"""Passwords: hashed slowly, and tried seldom."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from adapters.console.store import Account, Store
from bot.errors import ConfigError

LEAST = 12
"""Characters of a password (NIST SP 800-63B asks for 8, and for 15 where it stands alone)."""
MOST = 256
"""Characters of a password: hashing more is work for nothing."""
WINDOW = 15
"""Minutes in which tries are counted."""
TRIES = {"pair": 5, "address": 40, "account": 50}
"""Tries in that time: of an account from one address, from one address, of an account."""


@dataclass(slots=True)
class Passwords:
    """Checks passwords with argon2id at 19 MiB, two passes, one lane (OWASP, RFC 9106)."""

    store: Store
    _hasher: PasswordHasher = field(
        default_factory=lambda: PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
    )
    _hands: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    """Hashes at a time: more of them would be a lever to stop everything else."""
    _nobodys: str = ""

    def hashed(self, password: str) -> str:
        """Return what is kept of *password*.

        Raises:
            ConfigError: It is too short or too long.
        """
        if not LEAST <= len(password) <= MOST:
            raise ConfigError(f"A password has {LEAST} to {MOST} characters.")
        return self._hasher.hash(password)

    async def right(self, name: str, password: str, address: str) -> Account | None:
        """Return the account *name*, if *password* is its own; it takes as long if there is none.

        Raises:
            PermissionError: It was tried too often: nothing was hashed.
        """
        keys = {
            "pair": f"{name}\n{address}",
            "address": f"from\n{address}",
            "account": f"account\n{name}",
        }
        if any(self.store.attempts(keys[kind], WINDOW) >= most for kind, most in TRIES.items()):
            raise PermissionError
        self.store.tried(keys.values())
        account = self.store.account(name)
        kept = account.hash if account else ""
        async with self._hands:
            fits = await asyncio.to_thread(self._fits, kept or self._nobody(), password[:MOST])
        if not fits or not kept:
            return None
        for kind in ("pair", "account"):
            self.store.forgive(keys[kind])
        return account

    def _fits(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError, UnicodeError):
            return False

    def _nobody(self) -> str:
        """Return a hash that no password fits, to be compared with where there is no account."""
        self._nobodys = self._nobodys or self._hasher.hash("nobody's password")
        return self._nobodys
