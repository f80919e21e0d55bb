"""The language model: any that LangChain knows, Ollama's unless told otherwise."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from http import HTTPStatus
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlsplit

from bot.domain import Answer, Prompt
from bot.errors import ConfigError, ModelError

if TYPE_CHECKING:
    import httpx
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

OLLAMA_PORT = 11434
WIRE_FACTOR = 128
"""Bytes on the wire for one of text, at most: Ollama sends each token in a line of its own."""
CONTEXT_MARGIN = 8
"""A context this close to full, in tokens, counts as full: something may have been dropped."""
WHY_IT_ENDED = frozenset({"done_reason", "finish_reason", "stop_reason", "stopReason"})
"""Where providers say why an answer ended. One that does not say may be half an answer."""
CUT_SHORT = frozenset({"length", "max_tokens"})

_REFUSED = "{who} does not answer; start it with `ollama serve`."
_UNREACHABLE = "{who} cannot be reached, or broke off; check the network and base_url."
_LATE = "{who} did not finish within {timeout_s:g} s; raise the timeout or choose a smaller model."
_BROKEN_OFF = "{who} broke off in mid-answer; look at its log."
_GARBLED = "{who} sent something that is not its protocol; update it."
_CRASHED = "{who} stopped with an error ({what}); look at its log."
_REDIRECTS = "{who} redirects elsewhere; give the final address as base_url."
_DENIED = "{who} refuses our credentials; check the API key."
_BUSY = "{who} is asked too often; lower the pace or raise its limits."
_NOT_OLLAMA = "What answers as {who} does not speak its protocol; check base_url."
_NOT_PULLED = "{who} has no model {model}; run `ollama pull {model}`."
_NO_MODEL = "{who} knows no model {model}; check its name."
_NOTHING = "{model} answered with nothing; it may still have been loading: try again."
_TOO_LONG = "{model} wrote more than {max_bytes} bytes and was stopped; choose another model."
_CUT_SHORT = (
    "{model} did not finish within num_predict={num_predict} tokens; raise num_predict or "
    "choose a terser model."
)
_CROWDED = (
    "The prompt did not fit into num_ctx={num_ctx} tokens, so {model} may have read only a part "
    "of it; raise num_ctx."
)
_NO_PACKAGE = "{who} needs its LangChain package, usually called langchain-{dashed}; install it."
_NO_SETUP = (
    "LangChain cannot set up {name} ({what}); check the provider's name and its API key. "
    "An Ollama model is written ollama:MODEL."
)
_NO_ADDRESS = "Ollama's address (OLLAMA_HOST) must look like http://127.0.0.1:11434."

_KINDS = {
    "ConnectionError": _REFUSED,
    "ConnectError": _REFUSED,
    "APIConnectionError": _REFUSED,
    "TimeoutError": _LATE,
    "TimeoutException": _LATE,
    "APITimeoutError": _LATE,
    "ProtocolError": _BROKEN_OFF,
    "NetworkError": _BROKEN_OFF,
    "ValidationError": _GARBLED,
    "JSONDecodeError": _GARBLED,
    "UnicodeError": _GARBLED,
    "OutputParserException": _GARBLED,
    "LengthFinishReasonError": _CUT_SHORT,
    "ValueError": _NOTHING,  # what LangChain raises for a stream without a chunk
}
"""By class name, because each provider raises from a library of its own: httpx, httpx2, …"""


class LangChainModel:
    """A `ChatModel` behind ``provider:model``. Vendors are imported at the first call."""

    def __init__(
        self,
        model: str,
        *,
        base_url: str = "",
        timeout_s: float = 60.0,
        num_ctx: int = 4096,
        num_predict: int = 256,
        temperature: float = 0.0,
        seed: int = 1,
        max_bytes: int = 16_384,
        build: Callable[..., BaseChatModel] | None = None,
    ) -> None:
        """Take the operator's choices; connect to nothing.

        *base_url* follows the rules of ``OLLAMA_HOST`` for Ollama and is the provider's
        own default where empty. *timeout_s* bounds a whole call, *num_ctx* and
        *num_predict* are tokens, *max_bytes* is the longest answer in UTF-8. *build* is
        LangChain's ``init_chat_model`` unless given.

        Raises:
            ConfigError: The model or its address cannot be understood.
        """
        self._provider, _, self._model = model.partition(":")
        if not self._provider or not self._model:
            msg = f"Write the model as provider:model, such as ollama:gemma3:4b, not {model!r}."
            raise ConfigError(msg)
        self.name = model
        self._ollama = self._provider == "ollama"
        self._url, self._headers = address(base_url) if self._ollama else (base_url, {})
        self._timeout_s = timeout_s
        self._num_ctx = num_ctx
        self._num_predict = num_predict
        self._temperature = temperature
        self._seed = seed
        self._max_bytes = max_bytes
        self._build = build
        self._tls: ssl.SSLContext | None = None
        self._chat: BaseChatModel | None = None

    async def complete(self, prompt: Prompt) -> Answer:
        """Return the model's answer to the letter; with a schema it should be its JSON.

        Raises:
            ModelError: No whole answer in time. The text is one line that says what to
                do and quotes neither prompt nor answer.
        """
        with self._one_clear_line():
            await asyncio.to_thread(self._load)
            async with asyncio.timeout(self._timeout_s):
                ask = self._ask_ollama if self._ollama else self._ask_other
                return await ask(prompt)

    async def check(self) -> None:
        """Find out, without asking the model anything, whether it can be asked.

        Raises:
            ModelError: It cannot. The text is one line that says what to do.
        """
        with self._one_clear_line():
            await asyncio.to_thread(self._load)
            if not self._ollama:
                return
            async with asyncio.timeout(self._timeout_s), self._transport() as transport:
                if await self._digest(transport) is None:
                    raise ModelError(self._line(_NOT_PULLED))

    # Importing and building

    def _load(self) -> None:
        """Import the vendors and build what is kept between calls. Blocks for seconds once."""
        if self._build is None:
            from langchain.chat_models import init_chat_model  # noqa: PLC0415 - takes a second

            self._build = init_chat_model
        if self._ollama and self._tls is None:
            import langchain_ollama  # noqa: F401, PLC0415 - takes a second, here in a thread

            self._tls = ssl.create_default_context()
        if not self._ollama and self._chat is None:
            self._chat = self._build_other()

    def _build_other(self) -> BaseChatModel:
        """Build the chat model of a provider other than Ollama."""
        settings: dict[str, Any] = {
            "temperature": self._temperature,
            "max_tokens": self._num_predict,
            "timeout": self._timeout_s,
            "max_retries": 0,
        }
        if self._url:
            settings["base_url"] = self._url
        try:
            return self._built(**settings)
        except ImportError:
            line = self._line(_NO_PACKAGE)
        except Exception as exc:  # noqa: BLE001 - what a provider raises here is its own affair
            line = self._line(_NO_SETUP, what=type(exc).__name__)
        raise ModelError(line)

    def _build_ollama(self, transport: httpx.AsyncBaseTransport) -> BaseChatModel:
        """Build the chat model of Ollama upon *transport*, which the caller closes."""
        return self._built(
            base_url=self._url,
            num_ctx=self._num_ctx,
            num_predict=self._num_predict,
            temperature=self._temperature,
            seed=self._seed,
            # A model that thinks first would spend num_predict on it and be cut short.
            reasoning=False,
            client_kwargs=self._client_settings(),
            async_client_kwargs={"transport": transport},
        )

    def _built(self, **settings: Any) -> BaseChatModel:
        """Build through LangChain; `_load` has run."""
        assert self._build is not None  # noqa: S101 - for the type checker
        return self._build(self._model, model_provider=self._provider, **settings)

    def _client_settings(self) -> dict[str, Any]:
        """Return what every HTTP client of Ollama is made with.

        No proxy and no redirect may carry a citizen's words to another address.
        """
        return {
            "headers": {"accept-encoding": "identity", **self._headers},
            "timeout": self._timeout_s,
            "follow_redirects": False,
            "trust_env": False,
            "verify": self._tls,
        }

    @asynccontextmanager
    async def _transport(self) -> AsyncIterator[httpx.AsyncBaseTransport]:
        """Open the connections of one call; close them with it."""
        async with _bounded(self._max_bytes * WIRE_FACTOR, self._tls, self._too_long) as transport:
            yield transport

    # Asking

    async def _ask_ollama(self, prompt: Prompt) -> Answer:
        """Stream the answer, and read the digest of the weights that gave it."""
        async with self._transport() as transport:
            chat = self._build_ollama(transport)
            parts = chat.astream(_messages(prompt), format=prompt.schema)
            text, facts = await self._read(cast("AsyncGenerator[Any, None]", parts))
            self._require_room(facts)
            digest = await self._digest(transport)
        params = {"num_ctx": self._num_ctx, "num_predict": self._num_predict, "seed": self._seed}
        return self._answer(text, facts, digest or "", params)

    async def _ask_other(self, prompt: Prompt) -> Answer:
        """Stream the answer of another provider, with its own structured output."""
        assert self._chat is not None  # noqa: S101 - for the type checker
        chat: Any = self._chat
        if prompt.schema is not None:
            schema = {"title": "answer", "description": "The answer.", **prompt.schema}
            chat = chat.with_structured_output(schema, include_raw=True)
        text, facts = await self._read(chat.astream(_messages(prompt)))
        return self._answer(text, facts, "", {"max_tokens": self._num_predict})

    async def _read(self, parts: AsyncGenerator[Any, None]) -> tuple[str, dict[str, Any]]:
        """Gather the text and what the server said about it; stop at the bound."""
        from langsmith import tracing_context  # noqa: PLC0415 - only with a model

        words: list[str] = []
        size = 0
        facts: dict[str, Any] = {}
        # Tracing would send every prompt to a third party, at the wish of an
        # environment variable.
        with tracing_context(enabled=False):
            async with aclosing(parts) as stream:
                async for part in stream:
                    chunk = part.get("raw") if isinstance(part, dict) else part
                    if chunk is None:
                        continue
                    words.append(_words(chunk))
                    size += len(words[-1].encode(errors="replace"))
                    if size > self._max_bytes:
                        raise self._too_long()
                    facts |= chunk.response_metadata
        return _sendable("".join(words)), facts

    def _require_room(self, facts: Mapping[str, Any]) -> None:
        """Raise if the context was full: Ollama then drops its start, system prompt first."""
        tokens = (facts.get("prompt_eval_count") or 0) + (facts.get("eval_count") or 0)
        if tokens >= self._num_ctx - CONTEXT_MARGIN:
            raise ModelError(self._line(_CROWDED))

    def _answer(
        self, text: str, facts: Mapping[str, Any], digest: str, params: Mapping[str, object]
    ) -> Answer:
        """Return *text* as an answer, unless it was cut short or says nothing."""
        reasons = {str(why).lower() for key, why in facts.items() if key in WHY_IT_ENDED and why}
        if not reasons:
            raise ModelError(self._line(_BROKEN_OFF))
        if reasons & CUT_SHORT:
            raise ModelError(self._line(_CUT_SHORT))
        if not text.strip():
            raise ModelError(self._line(_NOTHING))
        sent = {"temperature": self._temperature, **params}
        return Answer(
            text=text,
            model=self.name,
            digest=digest,
            params=tuple((key, str(value)) for key, value in sorted(sent.items())),
        )

    async def _digest(self, transport: httpx.AsyncBaseTransport) -> str | None:
        """Return the digest of the weights, or None if Ollama lists no such model."""
        import ollama  # noqa: PLC0415 - only with a model

        client = ollama.AsyncClient(self._url, **self._client_settings(), transport=transport)
        names = {self._model, f"{self._model}:latest"}
        listed = (await client.list()).models
        return next((m.digest or "" for m in listed if m.model in names), None)

    # Failing

    @contextmanager
    def _one_clear_line(self) -> Iterator[None]:
        """Turn whatever a vendor raises into a `ModelError`.

        The vendor's exception is not kept as the cause: its text may quote the answer,
        and tracebacks are logged.
        """
        try:
            yield
        except ModelError:
            raise
        except Exception as exc:  # noqa: BLE001 - the port promises it: whatever the cause
            raise ModelError(self._explain(exc)) from None

    def _explain(self, exc: Exception) -> str:
        """Say in one line what happened and what to do, quoting nothing of *exc*."""
        status = getattr(exc, "status_code", None)
        if isinstance(status, int) and status > 0:
            return self._explain_status(status, exc)
        kinds = (_KINDS[c.__name__] for c in type(exc).__mro__ if c.__name__ in _KINDS)
        line = next(kinds, _CRASHED)
        if line is _REFUSED and not self._ollama:
            line = _UNREACHABLE
        return self._line(line, what=type(exc).__name__)

    def _explain_status(self, status: int, exc: Exception) -> str:
        """Say what an HTTP status means here."""
        if status == HTTPStatus.NOT_FOUND:
            return self._line(self._not_found(str(getattr(exc, "error", ""))))
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            return self._line(_REDIRECTS)
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            return self._line(_DENIED)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return self._line(_BUSY)
        return self._line(_CRASHED, what=f"HTTP {status}")

    def _not_found(self, said: str) -> str:
        """Tell an unknown model from a server that is not Ollama: both are a 404."""
        if not self._ollama:
            return _NO_MODEL
        return _NOT_PULLED if "model" in said else _NOT_OLLAMA

    def _line(self, template: str, *, what: str = "") -> str:
        """Fill in one of the lines above; credentials are in none of the fields."""
        return template.format(
            who=f"Ollama at {self._url}" if self._ollama else self._provider,
            dashed=self._provider.replace("_", "-"),
            model=self._model,
            name=self.name,
            timeout_s=self._timeout_s,
            num_ctx=self._num_ctx,
            num_predict=self._num_predict,
            max_bytes=self._max_bytes,
            what=what,
        )

    def _too_long(self) -> ModelError:
        return ModelError(self._line(_TOO_LONG))


def address(host: str) -> tuple[str, dict[str, str]]:
    """Return the URL and headers for *host*, written as in Ollama's ``OLLAMA_HOST``.

    Scheme, port and host may each be left out: ``http``, 11434 (but 80 and 443 after a
    scheme) and 127.0.0.1. A wildcard address means this machine. Credentials become a
    header, so that no message shows them.

    Raises:
        ConfigError: It is no address.
    """
    text = host.strip().strip("\"'")
    scheme, given, rest = text.rpartition("://")
    scheme = scheme.lower() or "http"
    try:
        parts = urlsplit(f"{scheme}://{_bracketed(rest)}")
        port = parts.port
    except ValueError:
        raise ConfigError(_NO_ADDRESS) from None
    if scheme not in {"http", "https"}:
        raise ConfigError(_NO_ADDRESS)
    if port is None:
        port = {"http": 80, "https": 443}[scheme] if given else OLLAMA_PORT
    name = {None: "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(  # noqa: S104 - replaced
        parts.hostname, parts.hostname or ""
    )
    url = f"{scheme}://{_bracketed(name)}:{port}{parts.path.rstrip('/')}"
    return url, _credentials(parts.username, parts.password)


def _bracketed(host: str) -> str:
    """Put a bare IPv6 address into the brackets that a URL needs."""
    try:
        return f"[{IPv6Address(host)}]"
    except ValueError:
        return host


def _credentials(username: str | None, password: str | None) -> dict[str, str]:
    """Return the header for the user and password of a URL."""
    if not username:
        return {}
    pair = f"{unquote(username)}:{unquote(password or '')}"
    return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _messages(prompt: Prompt) -> list[BaseMessage]:
    """Return the prompt as one message per role: a citizen's text is never in ``system``."""
    from langchain_core.messages import HumanMessage, SystemMessage  # noqa: PLC0415 - as above

    return [SystemMessage(_sendable(prompt.system)), HumanMessage(_sendable(prompt.user))]


def _sendable(text: str) -> str:
    """Return *text* with a question mark for each half character, which UTF-8 cannot hold."""
    return text.encode(errors="replace").decode()


def _words(chunk: Any) -> str:
    """Return the text of *chunk*; some providers put structured output into a tool call."""
    calls = getattr(chunk, "tool_call_chunks", ())
    return str(chunk.text) + "".join(call["args"] or "" for call in calls)


def _bounded(
    limit: int, tls: ssl.SSLContext | None, too_long: Callable[[], ModelError]
) -> httpx.AsyncHTTPTransport:
    """Return an HTTP transport that stops reading a body after *limit* bytes.

    A line without an end, a stream without words and an error page of ten megabytes
    would otherwise be held in memory whole before LangChain sees them.
    """
    import httpx  # noqa: PLC0415 - only with a model

    class Body(httpx.AsyncByteStream):
        def __init__(self, body: Any) -> None:
            self._body = body

        async def __aiter__(self) -> AsyncIterator[bytes]:
            size = 0
            async for piece in self._body:
                size += len(piece)
                if size > limit:
                    raise too_long()
                yield piece

        async def aclose(self) -> None:
            await self._body.aclose()

    class Bounded(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            response.stream = Body(response.stream)
            # We asked for none: what is compressed could unfold beyond the bound.
            response.headers.pop("content-encoding", None)
            return response

    return Bounded(verify=tls if tls is not None else True)
