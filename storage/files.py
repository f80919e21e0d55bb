"""Small files that must be whole, private and lasting: keys."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from bot.errors import ConfigError

SECRET = 32
"""Bytes of a secret."""


def write_once(path: Path, content: bytes) -> None:
    """Put *content* at *path*, whole or not at all; a file already there stays."""
    draft = path.with_name(f"{path.name}.{token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was quicker: its key counts
            os.link(draft, path)
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # else a power cut could take the key and leave what it signed
    finally:
        os.close(folder)


def secret(path: Path) -> bytes:
    """Return the secret kept at *path*, made there if there is none, for its owner's eyes.

    Raises:
        ConfigError: It can neither be read nor made.
    """
    try:
        if not path.exists():
            write_once(path, token_hex(SECRET).encode())
        return bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError) as exc:
        raise ConfigError(f"{path} holds no secret that can be read: restore a backup.") from exc
