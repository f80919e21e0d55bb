"""A Discord on the wire: a gateway and a REST server on loopback, with faults on demand.

It knows one server with one text channel, and what discord.py asks of it: sessions that can be
resumed, nonces, rate limits, threads, interactions. What people see is in `visible`.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import WSCloseCode, WSMsgType, web

EPOCH_MS = 1_420_070_400_000
GUILD, CHANNEL, MODERATORS, ME, APPLICATION = 11, 12, 13, 99, 98
TOKEN = "wire-token"  # noqa: S105 - it opens nothing
EPHEMERAL = 64
JSON = {"Content-Type": "application/json", "Via": "1.1 wire"}
NONCE_S = 300.0


@dataclass
class Fault:
    """What happens to requests that match, so many times."""

    method: str
    path: str
    status: int = 500
    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1
    stored: bool = False
    """Whether the request is carried out all the same, and only its answer is lost."""


@dataclass
class Session:
    """A bot's session on the gateway: it outlives its connection."""

    id: str
    intents: int
    events: list[tuple[str, Any]] = field(default_factory=list)
    socket: web.WebSocketResponse | None = None
    from_seq: int = 1


class DiscordServer:
    """Start it as an async context manager; `api` and `gateway` are its addresses."""

    def __init__(self) -> None:
        self.messages: dict[int, list[dict[str, Any]]] = defaultdict(list)
        self.threads: dict[int, dict[str, Any]] = {}
        self.whispers: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.direct: set[int] = set()
        self.files: list[tuple[str, str]] = []
        self.commands: list[dict[str, Any]] = []
        self.requests: list[tuple[str, str]] = []
        self.faults: list[Fault] = []
        self.watchers: list[Callable[[str, str, Any], Any]] = []
        self.sessions: dict[str, Session] = {}
        self.identified: list[float] = []
        self.resumed = 0
        self.resumable = True
        self.accepts = True
        self.remaining = 1000
        self.nonce_s = NONCE_S
        self.duplicates = 0
        self._nonces: dict[tuple[int, str], tuple[float, dict[str, Any]]] = {}
        self._last_id = 0
        self._moved: deque[Any] = deque()

    # -------------------------------------------------------------- running

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/gateway/", self._gateway)
        app.router.add_route("*", "/api/v10/{path:.*}", self._rest)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        self._site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await self._site.start()
        self.port = self._site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.drop(1001)
        await self._runner.cleanup()

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v10"

    @property
    def gateway(self) -> str:
        return f"ws://127.0.0.1:{self.port}/gateway/"

    # -------------------------------------------------------------- people

    def new_id(self) -> int:
        now = (int(time.time() * 1000) - EPOCH_MS) << 22
        self._last_id = max(self._last_id + 1, now)
        return self._last_id

    def says(
        self,
        text: str,
        *,
        user: int = 1001,
        channel: int = CHANNEL,
        reply_to: int | None = None,
        call: bool = True,
    ) -> int:
        """Let *user* write *text* in *channel*; return the message's id."""
        message = self._stored(channel, _user(user), f"<@{ME}> {text}" if call else text)
        if reply_to is not None:
            of = next(m for m in self.messages[channel] if int(m["id"]) == reply_to)
            message["referenced_message"] = of
            message["message_reference"] = {"message_id": str(reply_to), "channel_id": str(channel)}
            message["type"] = 19
        if call or reply_to is not None:
            message["mentions"] = [_user(ME)]
        member = {} if channel in self.direct else {"member": _member()}
        self.dispatch("MESSAGE_CREATE", {**message, **member})
        return int(message["id"])

    def direct_with(self, user: int) -> int:
        """Return the direct conversation with *user*."""
        self.direct.add(user + 1_000_000)
        return user + 1_000_000

    def deletes(self, message: int, channel: int) -> None:
        self.messages[channel] = [m for m in self.messages[channel] if int(m["id"]) != message]
        event = {"id": str(message), "channel_id": str(channel), "guild_id": str(GUILD)}
        self.dispatch("MESSAGE_DELETE", event)

    def acts(
        self, data: dict[str, Any], kind: int = 2, *, user: int = 1001, channel: int, **more: Any
    ) -> str:
        """Let *user* do what *data* says; return the token by which they are answered."""
        identifier = self.new_id()
        token = f"token-{identifier}"
        event = {
            "id": str(identifier),
            "application_id": str(APPLICATION),
            "type": kind,
            "token": token,
            "version": 1,
            "guild_id": str(GUILD),
            "channel_id": str(channel),
            "channel": self._channel(channel),
            "member": {**_member(), "user": _user(user), "permissions": "0"},
            "locale": "fr",
            "data": data,
            "entitlements": [],
            "attachment_size_limit": 10_000_000,
            "authorizing_integration_owners": {},
            "context": 0,
            **more,
        }
        self.dispatch("INTERACTION_CREATE", event)
        return token

    def presses(self, message: dict[str, Any], action: str, *, user: int = 1001) -> str:
        """Let *user* press the button of *action* under *message*."""
        marks = [c["custom_id"] for row in message["components"] for c in row["components"]]
        mark = next(m for m in marks if m.split(":")[1] == action)
        data = {"custom_id": mark, "component_type": 2}
        channel = int(message["channel_id"])
        return self.acts(data, 3, user=user, channel=channel, message=message)

    # -------------------------------------------------------------- seeing

    def visible(self, channel: int) -> list[dict[str, Any]]:
        """Return what the bot said in *channel*."""
        return [m for m in self.messages[channel] if m["author"]["id"] == str(ME)]

    async def until(self, seen: Callable[[], Any], *, within_s: float = 15.0) -> Any:
        """Wait until *seen* returns something; return it."""
        async with asyncio.timeout(within_s):
            while not (found := seen()):  # noqa: ASYNC110 - what is waited for is in another process
                await asyncio.sleep(0.01)
            return found

    # -------------------------------------------------------------- gateway

    def dispatch(self, event: str, data: Any) -> None:
        """Send *event* to every session, now or when it is resumed."""
        for session in self.sessions.values():
            session.events.append((event, data))
            if session.socket is not None and not session.socket.closed:
                asyncio.get_running_loop().create_task(self._send(session, len(session.events)))

    async def drop(self, code: int) -> None:
        """Close every connection with *code*; 1006 is a cut without a word."""
        for session in self.sessions.values():
            socket, session.socket = session.socket, None
            if socket is None:
                continue
            if code == WSCloseCode.ABNORMAL_CLOSURE:
                socket._req.transport.abort()  # type: ignore[union-attr]
            else:
                await socket.close(code=code)

    async def _gateway(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        if not self.accepts:
            await socket.close(code=4004)
            return socket
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 45_000}})
        async for frame in socket:
            if frame.type is WSMsgType.TEXT:
                await self._heard(socket, json.loads(frame.data))
        return socket

    async def _heard(self, socket: web.WebSocketResponse, said: dict[str, Any]) -> None:
        if said["op"] == 1:
            await socket.send_json({"op": 11})
        elif said["op"] == 2:
            await self._identify(socket, said["d"])
        elif said["op"] == 6:
            await self._resume(socket, said["d"])

    async def _identify(self, socket: web.WebSocketResponse, data: dict[str, Any]) -> None:
        self.identified.append(time.monotonic())
        self.remaining -= 1
        session = Session(f"session-{len(self.identified)}", data["intents"], socket=socket)
        self.sessions = {session.id: session}
        self.dispatch(
            "READY",
            {
                "v": 10,
                "user": _user(ME),
                "guilds": [{"id": str(GUILD), "unavailable": True}],
                "session_id": session.id,
                "resume_gateway_url": self.gateway,
                "application": {"id": str(APPLICATION), "flags": 0},
                "shard": data.get("shard", [0, 1]),
            },
        )
        self.dispatch("GUILD_CREATE", self._guild())

    async def _resume(self, socket: web.WebSocketResponse, data: dict[str, Any]) -> None:
        session = self.sessions.get(data["session_id"])
        if session is None or not self.resumable:
            self.sessions.clear()
            await socket.send_json({"op": 9, "d": False})
            return
        self.resumed += 1
        for number in range(data["seq"] + 1, len(session.events) + 1):
            await self._write(socket, session, number)
        session.socket = socket
        session.events.append(("RESUMED", {}))
        await self._send(session, len(session.events))

    async def _send(self, session: Session, number: int) -> None:
        if session.socket is not None:
            await self._write(session.socket, session, number)

    async def _write(self, socket: web.WebSocketResponse, session: Session, number: int) -> None:
        event, data = session.events[number - 1]
        try:
            await socket.send_str(json.dumps({"op": 0, "s": number, "t": event, "d": data}))
        except (ConnectionError, RuntimeError):
            return  # Gone: it comes again when the session is resumed.

    # -------------------------------------------------------------- REST

    async def _rest(self, request: web.Request) -> web.Response:
        method, path = request.method, "/" + request.match_info["path"]
        body, files = await _body(request)
        self.files += files
        self.requests.append((method, path))
        for watcher in list(self.watchers):
            watcher("before", f"{method} {path}", body)
        fault = self._fault(method, path)
        if fault and not fault.stored:
            return _answer(fault.status, fault.body, fault.headers)
        if request.headers.get("Authorization") != f"Bot {TOKEN}":
            return _answer(401, {"message": "401: Unauthorized", "code": 0})
        status, told = self._routed(method, path, body, request.query)
        for watcher in list(self.watchers):
            watcher("after", f"{method} {path}", told)
        if fault:
            return _answer(fault.status, fault.body, fault.headers)
        return _answer(status, told)

    def _fault(self, method: str, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.times and fault.method == method and re.fullmatch(fault.path, path):
                fault.times -= 1
                return fault
        return None

    def _routed(self, method: str, path: str, body: Any, query: Any) -> tuple[int, Any]:
        for verb, pattern, handler in _ROUTES:
            found = re.fullmatch(pattern, path) if verb == method else None
            if found:
                return handler(self, *found.groups(), body=body, query=query)
        return 404, {"message": f"no such route: {method} {path}", "code": 0}

    def _me(self, **_: Any) -> tuple[int, Any]:
        return 200, _user(ME)

    def _application(self, **_: Any) -> tuple[int, Any]:
        return 200, {
            "id": str(APPLICATION),
            "name": "wire",
            "description": "",
            "icon": None,
            "bot_public": False,
            "bot_require_code_grant": False,
            "verify_key": "",
            "flags": 0,
            "owner": _user(1),
            "team": None,
        }

    def _gateway_bot(self, **_: Any) -> tuple[int, Any]:
        limit = {
            "total": 1000,
            "remaining": self.remaining,
            "reset_after": 60_000,
            "max_concurrency": 1,
        }
        return 200, {"url": self.gateway, "shards": 1, "session_start_limit": limit}

    def _get_commands(self, _application: str, **_: Any) -> tuple[int, Any]:
        return 200, self.commands

    def _put_commands(self, _application: str, body: Any, **_: Any) -> tuple[int, Any]:
        self.commands = [{**c, "id": str(self.new_id())} for c in body]
        return 200, self.commands

    def _post(self, channel: str, body: Any, **_: Any) -> tuple[int, Any]:
        place = int(channel)
        if place not in self.threads and place not in {CHANNEL, MODERATORS, *self.direct}:
            return 404, {"message": "Unknown Channel", "code": 10003}
        if self.threads.get(place, {}).get("thread_metadata", {}).get("archived"):
            return 400, {"message": "Thread is archived", "code": 50083}
        nonce = body.get("nonce")
        if nonce and body.get("enforce_nonce"):
            at, known = self._nonces.get((place, nonce), (0.0, {}))
            if known and time.monotonic() - at < self.nonce_s:
                self.duplicates += 1
                return 200, known
        message = self._stored(place, _user(ME), body["content"], body)
        if nonce:
            self._nonces[place, nonce] = (time.monotonic(), message)
        self.dispatch("MESSAGE_CREATE", message)
        return 200, message

    def _history(self, channel: str, query: Any, **_: Any) -> tuple[int, Any]:
        after, before = int(query.get("after", 0)), int(query.get("before", 1 << 63))
        limit = int(query.get("limit", 50))
        found = [m for m in self.messages[int(channel)] if after < int(m["id"]) < before]
        page = found[:limit] if "after" in query else found[-limit:]
        return 200, page[::-1]

    def _one(self, channel: str, message: str, **_: Any) -> tuple[int, Any]:
        found = [m for m in self.messages[int(channel)] if m["id"] == message]
        return (200, found[0]) if found else (404, {"message": "Unknown", "code": 10008})

    def _get_channel(self, channel: str, **_: Any) -> tuple[int, Any]:
        if int(channel) not in {CHANNEL, MODERATORS, *self.threads}:
            return 404, {"message": "Unknown Channel", "code": 10003}
        return 200, self._channel(int(channel))

    def _patch_channel(self, channel: str, body: Any, **_: Any) -> tuple[int, Any]:
        self.threads[int(channel)]["thread_metadata"]["archived"] = body["archived"]
        return 200, self.threads[int(channel)]

    def _thread_of(self, channel: str, message: str, body: Any, **_: Any) -> tuple[int, Any]:
        if int(message) in self.threads:
            return 400, {"message": "A thread has already been created", "code": 160004}
        if message not in {m["id"] for m in self.messages[int(channel)]}:
            return 404, {"message": "Unknown Message", "code": 10008}
        return 201, self.thread(int(message), body["name"])

    def _new_thread(self, channel: str, body: Any, **_: Any) -> tuple[int, Any]:
        return 201, self.thread(self.new_id(), body["name"])

    def thread(self, identifier: int, name: str = "thread", owner: int = ME) -> dict[str, Any]:
        """Open a thread and tell of it."""
        made = {
            "id": str(identifier),
            "guild_id": str(GUILD),
            "parent_id": str(CHANNEL),
            "owner_id": str(owner),
            "name": name,
            "type": 11,
            "last_message_id": None,
            "message_count": 0,
            "member_count": 1,
            "rate_limit_per_user": 0,
            "flags": 0,
            "thread_metadata": {
                "archived": False,
                "locked": False,
                "auto_archive_duration": 1440,
                "archive_timestamp": _now(),
            },
        }
        self.threads[identifier] = made
        self.dispatch("THREAD_CREATE", {**made, "newly_created": True})
        return made

    def _archived(self, _channel: str, **_: Any) -> tuple[int, Any]:
        gone = [t for t in self.threads.values() if t["thread_metadata"]["archived"]]
        return 200, {"threads": gone, "members": [], "has_more": False}

    def _nothing(self, *_: Any, **__: Any) -> tuple[int, Any]:
        return 204, None

    def _open_direct(self, body: Any, **_: Any) -> tuple[int, Any]:
        channel = self.direct_with(int(body["recipient_id"]))
        return 200, {"id": str(channel), "type": 1, "recipients": [_user(body["recipient_id"])]}

    def _callback(self, _id: str, token: str, body: Any, **_: Any) -> tuple[int, Any]:
        if self.whispers[token]:
            return 400, {"message": "already acknowledged", "code": 40060}
        self.whispers[token].append(
            {"id": str(self.new_id()), "type": body["type"], **body["data"]}
        )
        return 204, None

    def _edit_original(self, _app: str, token: str, body: Any, **_: Any) -> tuple[int, Any]:
        if not self.whispers.get(token):
            return 404, {"message": "Unknown Webhook", "code": 10015}
        self.whispers[token][0].update(body)
        return 200, self.whispers[token][0]

    def _follow_up(self, _app: str, token: str, body: Any, **_: Any) -> tuple[int, Any]:
        self.whispers[token].append({"id": str(self.new_id()), **body})
        return 200, self.whispers[token][-1]

    def _delete_original(self, _app: str, token: str, **_: Any) -> tuple[int, Any]:
        self.whispers.pop(token, None)
        return 204, None

    # -------------------------------------------------------------- shapes

    def _stored(
        self, channel: int, author: Any, text: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        message = {
            "id": str(self.new_id()),
            "channel_id": str(channel),
            "guild_id": str(GUILD),
            "author": author,
            "content": text,
            "timestamp": _now(),
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "attachments": [],
            "embeds": [],
            "pinned": False,
            "type": 0,
            "components": (body or {}).get("components", []),
        }
        if channel in self.direct:
            del message["guild_id"]
        self.messages[channel].append(message)
        if channel in self.threads:
            self.threads[channel]["last_message_id"] = message["id"]
        return message

    def _channel(self, channel: int) -> dict[str, Any]:
        if channel in self.threads:
            return self.threads[channel]
        newest = self.messages[channel][-1]["id"] if self.messages[channel] else None
        return {
            "id": str(channel),
            "guild_id": str(GUILD),
            "type": 0,
            "name": "ideas",
            "position": 0,
            "permission_overwrites": [],
            "nsfw": False,
            "topic": None,
            "rate_limit_per_user": 0,
            "parent_id": None,
            "last_message_id": newest,
        }

    def _guild(self) -> dict[str, Any]:
        roles = [{**_role(), "id": str(GUILD), "name": "@everyone"}]
        active = [t for t in self.threads.values() if not t["thread_metadata"]["archived"]]
        return {
            "id": str(GUILD),
            "name": "Agora",
            "owner_id": "1",
            "roles": roles,
            "channels": [self._channel(CHANNEL), self._channel(MODERATORS)],
            "threads": active,
            "members": [{**_member(), "user": _user(ME)}],
            "member_count": 2,
            "unavailable": False,
            "large": False,
            "joined_at": "2026-01-01T00:00:00+00:00",
            "preferred_locale": "fr",
            "system_channel_flags": 0,
            **{key: [] for key in ("emojis", "stickers", "features", "voice_states", "presences")},
            **{key: [] for key in ("stage_instances", "guild_scheduled_events")},
            **dict.fromkeys(("verification_level", "mfa_level", "nsfw_level", "premium_tier"), 0),
            **dict.fromkeys(("default_message_notifications", "explicit_content_filter"), 0),
            **dict.fromkeys(("afk_timeout",), 300),
        }


_C = r"/channels/(\d+)"
_W = r"/webhooks/(\d+)/([^/]+)"
_ROUTES: list[tuple[str, str, Callable[..., tuple[int, Any]]]] = [
    ("POST", _C + "/messages", DiscordServer._post),
    ("GET", _C + "/messages", DiscordServer._history),
    ("GET", _C + r"/messages/(\d+)", DiscordServer._one),
    ("POST", r"/interactions/(\d+)/([^/]+)/callback", DiscordServer._callback),
    ("PATCH", _W + "/messages/@original", DiscordServer._edit_original),
    ("DELETE", _W + "/messages/@original", DiscordServer._delete_original),
    ("POST", _W, DiscordServer._follow_up),
    ("GET", _C, DiscordServer._get_channel),
    ("PATCH", _C, DiscordServer._patch_channel),
    ("POST", _C + r"/messages/(\d+)/threads", DiscordServer._thread_of),
    ("POST", _C + "/threads", DiscordServer._new_thread),
    ("PUT", _C + r"/thread-members/(\d+)", DiscordServer._nothing),
    ("GET", _C + "/threads/archived/public", DiscordServer._archived),
    ("POST", "/users/@me/channels", DiscordServer._open_direct),
    ("GET", "/users/@me", DiscordServer._me),
    ("GET", "/oauth2/applications/@me", DiscordServer._application),
    ("GET", "/applications/@me", DiscordServer._application),
    ("GET", "/gateway/bot", DiscordServer._gateway_bot),
    ("GET", r"/applications/(\d+)/commands", DiscordServer._get_commands),
    ("PUT", r"/applications/(\d+)/commands", DiscordServer._put_commands),
]


async def _body(request: web.Request) -> tuple[Any, list[tuple[str, str]]]:
    """Return what the request says, and the files that come with it, by name."""
    if not request.content_type.startswith("multipart"):
        return json.loads(await request.read() or b"null"), []
    form = await request.post()
    parts = [part for part in form.values() if isinstance(part, web.FileField)]
    files = [(part.filename, part.file.read().decode()) for part in parts]
    return json.loads(str(form["payload_json"])), files


def _answer(status: int, told: Any, headers: dict[str, str] | None = None) -> web.Response:
    if status == 204:
        return web.Response(status=204)
    sent = {**JSON, **(headers or {})}
    return web.Response(status=status, body=json.dumps(told).encode(), headers=sent)


def _user(identifier: int | str) -> dict[str, Any]:
    return {
        "id": str(identifier),
        "username": f"user{identifier}",
        "discriminator": "0",
        "global_name": None,
        "avatar": None,
        "bot": str(identifier) == str(ME),
    }


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())


def _member() -> dict[str, Any]:
    return {
        "roles": [],
        "joined_at": "2026-01-01T00:00:00+00:00",
        "deaf": False,
        "mute": False,
        "flags": 0,
    }


def _role() -> dict[str, Any]:
    return {
        "permissions": str((1 << 53) - 1),
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "position": 0,
        "managed": False,
        "mentionable": False,
        "flags": 0,
    }
