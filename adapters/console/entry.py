"""Coming in and going out: passwords, one-time links, an OpenID provider; one's own account."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from dataclasses import replace

from starlette.responses import PlainTextResponse, Response

from adapters.console.doors import ANYBODY, get, post
from adapters.console.oidc import RefusedError
from adapters.console.roles import Right
from adapters.console.visit import Visit
from bot.domain import LANGUAGES
from bot.errors import ConfigError

STATE_COOKIE = "socrate-oidc"
"""Ties an answer of the provider to the browser that asked."""
LOGIN_MINUTES = 10


async def login_page(visit: Visit) -> Response:
    return visit.page("login", failed="", provider=bool(visit.console.provider.options.issuer))


async def login(visit: Visit) -> Response:
    """Let in whoever knows the password; say nothing of which part was wrong."""
    client = address(visit)
    try:
        account = await visit.console.passwords.right(
            visit.asked("name"), visit.form.get("password", ""), client
        )
    except PermissionError:
        return _again(visit, 429, "too-often")
    if account is None:
        return _again(visit, 401, "wrong")
    return await let_in(visit, account.name)


async def login_once(visit: Visit) -> Response:
    """Let in whoever has a link that was not used yet."""
    kept = await asyncio.to_thread(visit.store.redeem, visit.asked("ticket"))
    name = (kept or {}).get("account", "")
    if not name or visit.store.account(name) is None:
        return _again(visit, 401, "used")
    return await let_in(visit, name)


async def oidc(visit: Visit) -> Response:
    """Send the browser to the OpenID provider."""
    provider = visit.console.provider
    if not provider.options.issuer:
        return visit.trouble(404, "no-page")
    verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    state = await asyncio.to_thread(
        visit.store.ticket, {"verifier": verifier, "nonce": nonce}, LOGIN_MINUTES
    )
    try:
        response = visit.to(await provider.address(state, nonce, verifier))
    except RefusedError:
        return _again(visit, 502, "provider")
    _keep(visit, response, STATE_COOKIE, state, LOGIN_MINUTES * 60)
    return response


async def oidc_back(visit: Visit) -> Response:
    """Let in whoever the provider vouches for, if there is an account for them."""
    state = visit.asked("state")
    own = visit.request.cookies.get(_cookie_name(visit, STATE_COOKIE), "")
    same = bool(state) and hmac.compare_digest(own.encode(), state.encode())
    kept = await asyncio.to_thread(visit.store.redeem, state) if same else None
    if not kept or "verifier" not in kept:
        return _again(visit, 401, "provider")
    try:
        subject = await visit.console.provider.subject(
            visit.asked("code"), kept["nonce"], kept["verifier"]
        )
    except RefusedError:
        return _again(visit, 401, "provider")
    account = visit.store.known_as(subject)
    return await let_in(visit, account.name) if account else _again(visit, 403, "unknown")


async def logout(visit: Visit) -> Response:
    await asyncio.to_thread(visit.store.log_out, _token(visit))
    response = visit.to("/login")
    response.delete_cookie(visit.console.cookie, path="/", secure=visit.console.secure)
    return response


async def speak(visit: Visit) -> Response:
    """Remember the language of this browser, and go back to where it was."""
    code, back = visit.asked("language"), visit.asked("back")
    # Only a path of our own: « //elsewhere » and « /\elsewhere » are other people's.
    ours = back.startswith("/") and back[1:2] not in {"/", "\\"}
    response = visit.to(back if ours and back.isprintable() else "/")
    if code in LANGUAGES:
        _keep(visit, response, "language", code, 31536000, plain=True)
    return response


async def account_page(visit: Visit) -> Response:
    return visit.page("account", said="")


async def change_password(visit: Visit) -> Response:
    """Put a new password in the place of the old one; every session of the account ends."""
    account = visit.session.account if visit.session else None
    if account is None or not account.hash:
        return visit.trouble(403, "no-right")
    new = visit.form.get("new", "")
    try:
        known = await visit.console.passwords.right(
            account.name, visit.form.get("password", ""), address(visit)
        )
        hashed = await asyncio.to_thread(visit.console.passwords.hashed, new)
    except (ConfigError, PermissionError) as exc:
        said = "too-often" if isinstance(exc, PermissionError) else "length"
        return visit.page("account", 400, said=said)
    if known is None:
        return visit.page("account", 401, said="wrong")
    await asyncio.to_thread(visit.store.add, replace(account, hash=hashed))
    return await let_in(visit, account.name)


async def healthy(visit: Visit) -> Response:
    """Tell a supervisor that requests are answered."""
    return PlainTextResponse("ok\n")


async def let_in(visit: Visit, name: str) -> Response:
    """Begin a session with a token that nobody could know before, and end the old one."""
    await asyncio.to_thread(visit.store.log_out, _token(visit))
    token = await asyncio.to_thread(visit.store.log_in, name)
    response = visit.to("/")
    response.set_cookie(
        visit.console.cookie,
        token,
        path="/",
        httponly=True,
        samesite="lax",
        secure=visit.console.secure,
        max_age=visit.hall.options.hours * 3600,
    )
    return response


def address(visit: Visit) -> str:
    """Return where the request comes from: what a trusted proxy says, or its own address."""
    client = visit.request.client
    direct = client.host if client else ""
    if direct and direct == visit.hall.options.proxy:
        # The last one is the proxy's own word; those before are the client's.
        return visit.request.headers.get("x-forwarded-for", direct).rpartition(",")[2].strip()
    return direct


def _again(visit: Visit, status: int, failed: str) -> Response:
    provider = bool(visit.console.provider.options.issuer)
    return visit.page("login", status, failed=failed, provider=provider)


def _token(visit: Visit) -> str:
    return visit.request.cookies.get(visit.console.cookie, "")


def _cookie_name(visit: Visit, name: str) -> str:
    return f"__Host-{name}" if visit.console.secure else name


def _keep(
    visit: Visit, response: Response, name: str, value: str, seconds: int, *, plain: bool = False
) -> None:
    response.set_cookie(
        name if plain else _cookie_name(visit, name),
        value,
        path="/",
        httponly=True,
        samesite="lax",
        secure=visit.console.secure,
        max_age=seconds,
    )


DOORS = (
    get("/login", ANYBODY, login_page),
    post("/login", ANYBODY, login, name="text", password="text"),  # noqa: S106 - a kind of value
    get("/login/once", ANYBODY, login_once, ticket="text"),
    get("/login/oidc", ANYBODY, oidc),
    get("/login/oidc/back", ANYBODY, oidc_back, state="text", code="text"),
    post("/language", ANYBODY, speak, language="text", back="text"),
    post("/logout", Right.ACCOUNT, logout),
    get("/account", Right.ACCOUNT, account_page),
    post("/account/password", Right.ACCOUNT, change_password, password="text", new="text"),  # noqa: S106 - as above
    get("/health", ANYBODY, healthy),
)
