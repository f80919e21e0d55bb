"""Serves the console over HTTP."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from bot.errors import ConfigError

CONNECTIONS = 256
"""At a time; others are told to come back."""


class _Quiet(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process: it may be a conversation in a terminal."""
        yield


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens on *host* and *port*.

    Raises:
        ConfigError: The port is taken, or the host is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
    except OSError as exc:
        found.close()
        raise ConfigError(
            f"The console cannot listen on {host}:{port}: {exc.strerror}. Set console.port."
        ) from exc
    return found


async def serve(app: Any, where: socket.socket, *, signals: bool = False) -> None:
    """Answer requests on the socket *where* until cancelled, or by a signal, with *signals*."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=2,
        lifespan="off",
        proxy_headers=False,
    )
    await (uvicorn.Server if signals else _Quiet)(config).serve(sockets=[where])
