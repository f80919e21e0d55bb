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
    try:
        _write(draft, content)
        with suppress(FileExistsError):  # another process was quicker: its key counts
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    _settle(path.parent)


def replace_file(path: Path, content: bytes) -> None:
    """Put *content* at *path* in place of what is there, wholly or not at all."""
    draft = path.with_name(f"{path.name}.{token_hex(4)}")
    try:
        _write(draft, content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _settle(path.parent)


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


def _write(path: Path, content: bytes) -> None:
    """Write a new file at *path* for its owner's eyes, lastingly."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _settle(folder: Path) -> None:
    """Have the names in *folder* outlast a power cut: else a key could go, and its work stay."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
