"""The console as an application: every door with the right it needs, and what guards them all."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from adapters.console import api, charts, entry, exchanges, ideas, overview, public, record, review
from adapters.console import rules as rulebook
from adapters.console.doors import ANYBODY, Door
from adapters.console.hall import Hall
from adapters.console.marks import marked
from adapters.console.oidc import Provider
from adapters.console.passwords import Passwords
from adapters.console.roles import allows
from adapters.console.store import Store
from adapters.console.visit import Visit
from adapters.console.words import Words, shown
from bot.domain import LANGUAGES
from bot.errors import StorageError

DOORS: tuple[Door, ...] = (
    *entry.DOORS,
    *overview.DOORS,
    *exchanges.DOORS,
    *review.DOORS,
    *ideas.DOORS,
    *rulebook.DOORS,
    *record.DOORS,
    *public.DOORS,
    *api.DOORS,
)
"""All there is: what is not here does not exist."""
LONGEST = 100_000
"""Bytes of a form at most."""
SAFE = ("GET", "HEAD")
_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "woff2": "font/woff2",
    "svg": "image/svg+xml",
}


class Console:
    """An ASGI application over what `Hall` holds."""

    def __init__(self, hall: Hall, store: Store) -> None:
        """Answer for *hall*; accounts and sessions are in *store*."""
        self.hall = hall
        self.store = store
        options = hall.options
        own = options.url or f"http://{options.host}:{options.port}"
        self.origin = own.rstrip("/")
        self.secure = self.origin.startswith("https://")
        # A browser keeps a `__Host-` cookie only over HTTPS: on loopback there is none.
        self.cookie = "__Host-socrate" if self.secure else "socrate"
        self.hosts = {urlsplit(self.origin).netloc}
        if not options.url:
            self.hosts |= {f"{name}:{options.port}" for name in ("localhost", "127.0.0.1", "[::1]")}
        self.origins = {f"{urlsplit(self.origin).scheme}://{host}" for host in self.hosts}
        self.passwords = Passwords(store)
        self.provider = Provider(options.oidc, f"{self.origin}/login/oidc/back")
        self.checking = record.Checking(hall.verify)
        self.static = {f.name: f.read_bytes() for f in _static()}
        self.description = api.described(DOORS)
        self.pages = _environment()
        self._doors = _by_path(DOORS)

    def remember_rules(self) -> None:
        """Keep words and rules as they are now, to be compared with later ones."""
        self.store.keep_version(*rulebook.version(self.hall.folders))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        response = await self._answered(request)
        await response(scope, receive, send)

    async def _answered(self, request: Request) -> Response:
        if request.headers.get("host", "") not in self.hosts:
            # Another name for this machine may be somebody else's: see DNS rebinding.
            return _guarded(PlainTextResponse("unknown host", 421), self.secure)
        name = request.scope["path"].removeprefix("/static/")
        if name in self.static and request.scope["path"].startswith("/static/"):
            return self._file(name, request)
        visit = await self._visit(request)
        try:
            response = await self._let_in(visit)
        except StorageError:
            response = visit.trouble(503, "no-record")
        if request.method == "HEAD":
            response.body = b""
        return _guarded(response, self.secure, visit.nonce)

    async def _visit(self, request: Request) -> Visit:
        token = request.cookies.get(self.cookie, "")
        session = await asyncio.to_thread(self.store.session, token) if token else None
        chosen = request.cookies.get("language", "")
        language = chosen if chosen in LANGUAGES else self.hall.options.language
        return Visit(
            request=request,
            hall=self.hall,
            store=self.store,
            pages=self.pages,
            session=session,
            words=Words(self.hall.book, language),
            console=self,
        )

    async def _let_in(self, visit: Visit) -> Response:
        """Find the door, and open it to whoever may go through."""
        request = visit.request
        found = self._match(request.scope["path"])
        if not found:
            return visit.trouble(404, "no-page")
        doors, values = found
        door = doors.get("GET" if request.method == "HEAD" else request.method)
        if door is None:
            response = visit.trouble(405, "no-page")
            response.headers["allow"] = ", ".join(doors)
            return response
        request.scope["path_params"] = values
        if request.method not in SAFE and not await self._ours(visit):
            return visit.trouble(403, "not-ours")
        return await self._through(door, visit)

    async def _through(self, door: Door, visit: Visit) -> Response:
        if door.right is not ANYBODY:
            if visit.session is None:
                return self._stranger(visit)
            if not allows(visit.roles, door.right):
                return visit.trouble(403, "no-right")
            if visit.request.method not in SAFE and not self._wanted(visit):
                return visit.trouble(403, "not-ours")
        return await door.answer(visit)

    def _stranger(self, visit: Visit) -> Response:
        if visit.request.method in SAFE and not visit.request.scope["path"].startswith("/api/"):
            return RedirectResponse("/login", 303)
        return visit.trouble(401, "no-login")

    async def _ours(self, visit: Visit) -> bool:
        """Tell whether a form was sent from one of our own pages; read it if so."""
        headers = visit.request.headers
        origin = headers.get("origin")
        site = headers.get("sec-fetch-site")
        if origin not in self.origins if origin is not None else site != "same-origin":
            return False
        body = b""
        async for chunk in visit.request.stream():
            body += chunk
            if len(body) > LONGEST:
                return False
        try:
            text = body.decode("utf-8", "replace")
            visit.form = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=100))
        except ValueError:
            return False
        return True

    def _wanted(self, visit: Visit) -> bool:
        """Tell whether the form holds the token of this session."""
        given = visit.form.get("csrf") or visit.request.headers.get("x-csrf-token", "")
        own = visit.session.csrf if visit.session else ""
        return bool(own) and hmac.compare_digest(given.encode(), own.encode())

    def _match(self, path: str) -> tuple[Mapping[str, Door], dict[str, str]] | None:
        parts = path.strip("/").split("/") if path != "/" else []
        for pattern, doors in self._doors.items():
            if len(pattern) == len(parts) and all(
                want == part or (want.startswith("{") and part)
                for want, part in zip(pattern, parts, strict=True)
            ):
                names = zip(pattern, parts, strict=True)
                return doors, {n[1:-1]: part for n, part in names if n.startswith("{")}
        return None

    def _file(self, name: str, request: Request) -> Response:
        if request.method not in SAFE:
            return _guarded(PlainTextResponse("", 405), self.secure)
        kind = _TYPES[name.rpartition(".")[2]]
        response = Response(self.static[name], media_type=kind)
        response = _guarded(response, self.secure)
        response.headers["cache-control"] = "max-age=3600"
        return response


def _guarded(response: Response, secure: bool, nonce: str = "") -> Response:
    """Return *response* with the headers that let a browser guard it."""
    own = f"'nonce-{nonce}'" if nonce else "'none'"
    rules = {
        "default-src": "'none'",
        "script-src": own,
        "style-src": own,
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    policy = "; ".join(f"{name} {value}" for name, value in rules.items())
    headers = {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        "cache-control": "no-store",
    }
    if secure:
        headers["strict-transport-security"] = "max-age=31536000"
    for name, value in headers.items():
        response.headers.setdefault(name, value)
    return response


def _by_path(doors: tuple[Door, ...]) -> dict[tuple[str, ...], dict[str, Door]]:
    """Return *doors* by the parts of their path: fixed names before what stands for anything."""
    found: dict[tuple[str, ...], dict[str, Door]] = {}
    for door in doors:
        parts = tuple(door.path.strip("/").split("/")) if door.path != "/" else ()
        found.setdefault(parts, {})[door.method] = door
    return dict(sorted(found.items(), key=lambda item: [p.startswith("{") for p in item[0]]))


@cache
def _environment() -> Environment:
    """Return what makes pages: the same for all consoles, since it holds nothing of any."""
    made = Environment(
        loader=PackageLoader("adapters.console"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"marked": marked, "chart": charts}
    return made


def _harmless(value: object) -> object:
    """Return *value* as a page may show it, wherever it comes from."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else shown(value)


def _static() -> list[Any]:
    folder = files("adapters.console") / "static"
    found = [*folder.iterdir(), *(folder / "fonts").iterdir()]
    return [file for file in found if file.is_file() and file.name.rpartition(".")[2] in _TYPES]
