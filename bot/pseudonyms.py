"""Names that say nothing of the person, and not the same in any two debates."""

from __future__ import annotations

import hmac
from base64 import b32encode
from dataclasses import dataclass, field
from hashlib import sha256

LENGTH = 16
"""Characters: 80 bits, so that no two people share one."""


@dataclass(frozen=True)
class Pseudonyms:
    """Makes them; whoever has not the *secret* can neither make nor undo one."""

    secret: bytes = field(repr=False)

    def __call__(self, debate: str, person: str) -> str:
        """Return the name that the platform's *person* bears in *debate*."""
        told = f"{len(debate)}\n{debate}\n{person}".encode(errors="surrogatepass")
        digest = hmac.digest(self.secret, told, sha256)
        return b32encode(digest).decode().lower()[:LENGTH]
