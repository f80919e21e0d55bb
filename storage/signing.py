"""The key that signs the record: where it lies, and what the log is called by it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from bot.errors import ConfigError
from storage.files import write_once
from storage.notes import Kind, Signer, named
from storage.notes import origin as name_of

_NO_KEY = (
    "The key that signs the record cannot be read from {path}: restore it from a backup, "
    "or name its place in the settings."
)


def key_beside(path: Path) -> Path:
    """Return where the signing key of the record at *path* is, unless told otherwise."""
    return path.with_name(f"{path.name}.key")


def epochs_beside(path: Path) -> Path:
    """Return where the epoch keys of the record at *path* are, unless told otherwise."""
    return path.with_name(f"{path.name}.epochs")


def read_signer(path: Path, origin: str = "") -> Signer:
    """Return what signs for the log called *origin*, by the key kept at *path*.

    Raises:
        ConfigError: There is none, it cannot be read, or no log may be called so.
    """
    key = read_key(path)
    public = key.public_key().public_bytes_raw()
    name = origin or name_of(public)
    if not named(name):
        raise ConfigError(f"record.origin is {name!r}: it may hold no spaces and no plus signs.")
    return Signer(name=name, kind=Kind.LOG, key=key)


def read_public_key(path: Path) -> bytes | None:
    """Return the public half (32 bytes) of the key at *path*, itself private or public, if any."""
    with suppress(ConfigError):
        return read_key(path).public_key().public_bytes_raw()
    with suppress(OSError, ValueError, UnsupportedAlgorithm):
        key = load_pem_public_key(path.read_bytes())
        return key.public_bytes_raw() if isinstance(key, Ed25519PublicKey) else None
    return None


def make_key(path: Path) -> None:
    """See that there is a signing key at *path*, made for its owner's eyes if there is none.

    Raises:
        ConfigError: It can neither be read nor made.
    """
    if path.exists():
        read_key(path)
        return
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    try:
        write_once(path, pem)
    except OSError as exc:
        raise ConfigError(f"The signing key cannot be written to {path}: {exc.strerror}.") from exc


def read_key(path: Path) -> Ed25519PrivateKey:
    """Return the signing key kept at *path*.

    Raises:
        ConfigError: There is none, or it cannot be read.
    """
    key = None
    with suppress(OSError, ValueError, TypeError, UnsupportedAlgorithm):
        key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(_NO_KEY.format(path=path))
    return key
