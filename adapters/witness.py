"""The door to witnesses: their requests and answers over HTTP, both ways (C2SP tlog-witness)."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from io import BytesIO

from aiohttp import ClientError, ClientSession, web

from bot.errors import ConfigError, StorageError, WitnessError
from bot.ports import Statement, Witness

PATH = "/add-checkpoint"

LONGEST = 1 << 20
"""Bytes of a request or an answer at most."""

PATIENCE = 10.0
"""Seconds that a request may take to come in."""


class RemoteWitness:
    """A witness at a URL."""

    def __init__(self, url: str, timeout_s: float) -> None:
        """Ask at *url*, its submission prefix, for *timeout_s* seconds at most."""
        self._url = url.rstrip("/")
        self._timeout = timeout_s

    async def add(self, request: bytes) -> Statement:
        """Send *request* there.

        Raises:
            WitnessError: It cannot be reached, does not answer in time, or says too much.
        """
        try:
            async with asyncio.timeout(self._timeout), ClientSession() as session:
                return await self._posted(session, request)
        except TimeoutError as exc:
            raise WitnessError(f"{self._url} did not answer in {self._timeout:g} s.") from exc
        except (ClientError, OSError, ValueError) as exc:
            raise WitnessError(f"{self._url} cannot be reached: {exc}") from exc

    async def _posted(self, session: ClientSession, request: bytes) -> Statement:
        async with session.post(
            self._url + PATH, data=BytesIO(request), allow_redirects=False
        ) as response:
            body = bytearray()
            async for part in response.content.iter_any():
                body += part
                if len(body) > LONGEST:
                    raise WitnessError(f"{self._url} answered more than any witness has to say.")
            text = body.decode("utf-8", "replace")
            return Statement(status=response.status, text=text, kind=response.content_type)


@asynccontextmanager
async def opened(witness: Witness, host: str, port: int) -> AsyncIterator[str]:
    """Answer for *witness* at *host* and *port* (0: any that is free) while inside; yield the URL.

    Raises:
        ConfigError: Nothing can listen there.
    """
    application = web.Application(client_max_size=LONGEST)
    application.router.add_post(PATH, partial(_answered, witness))
    runner = web.AppRunner(
        application, access_log=None, handler_cancellation=True, shutdown_timeout=PATIENCE
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound = runner.addresses[0]
        yield f"http://{bound[0]}:{bound[1]}"
    except OSError as exc:
        raise ConfigError(f"{host}:{port} cannot be listened on: {exc.strerror}") from exc
    finally:
        await runner.cleanup()


async def serve(witness: Witness, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Answer for *witness* until a signal asks to stop; call *ready* with the URL first.

    Raises:
        ConfigError: Nothing can listen there.
    """
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    for asked in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(asked, stopped.set)
    async with opened(witness, host, port) as url:
        ready(url)
        await stopped.wait()


async def _answered(witness: Witness, request: web.Request) -> web.Response:
    try:
        async with asyncio.timeout(PATIENCE):
            body = await request.read()
        answer = await witness.add(body)
    except TimeoutError:
        return web.Response(status=web.HTTPRequestTimeout.status_code)
    except StorageError as exc:
        # Whoever asks learns that there is no answer now, not what is wrong on this machine.
        request.app.logger.error("nothing is vouched for: %s", exc)  # noqa: TRY400 - its text says all
        return web.Response(status=web.HTTPServiceUnavailable.status_code)
    return web.Response(status=answer.status, text=answer.text, content_type=answer.kind)
