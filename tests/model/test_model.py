"""What reaches a person when a real model writes badly. Run by ``make test-model``."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from statistics import median

import pytest

from adapters.langchain import LangChainModel
from bot.domain import Decision, Prompt
from tests.ollama_server import OllamaServer

from . import ask, judge
from .serve import NAME, Weights

pytestmark = pytest.mark.model

LIMIT = int(os.environ.get("SOCRATE_MODEL_LIMIT", "100"))
CASES = Path(__file__).parents[1] / "cases" / "contributions-fr.jsonl"
SCHEMA = {
    "type": "object",
    "properties": {
        "move": {"type": "string", "enum": ["clarify", "example"]},
        "slot": {"type": "string"},
    },
    "required": ["move", "slot"],
}


@pytest.fixture(scope="module")
def weights() -> Iterator[Weights]:
    loaded = Weights()
    yield loaded
    loaded.close()


@pytest.fixture
async def model(weights: Weights) -> AsyncIterator[LangChainModel]:
    async with OllamaServer(weights, model=NAME) as server:
        yield LangChainModel(f"ollama:{NAME}", base_url=server.url, timeout_s=120, num_predict=96)


@pytest.fixture
def report(pytestconfig):
    """Return what writes a line of figures for the person who runs this."""
    return pytestconfig.pluginmanager.get_plugin("terminalreporter").write_line


def contributions() -> list[dict[str, str]]:
    lines = CASES.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines[:LIMIT]]


def test_there_are_as_many_contributions_as_asked_for():
    assert len(contributions()) >= min(LIMIT, 100)


async def test_a_schema_holds_real_weights_to_its_shape(model):
    prompt = Prompt(system="Answer in JSON.", user="No bus on Sunday.", ref="r", schema=SCHEMA)

    answer = json.loads((await model.complete(prompt)).text)

    assert answer["move"] in {"clarify", "example"} and len(answer["slot"]) <= 200


async def test_the_same_seed_gives_the_same_answer(model):
    prompt = Prompt(system="Ask one question.", user="No bus on Sunday.", ref="r")

    assert await model.complete(prompt) == await model.complete(prompt)


@pytest.mark.parametrize("strategy", ["select", "draft"])
async def test_all_that_is_said_passes_every_gate(model, report, strategy):
    refused, sources, drafts, seconds = [], Counter(), [], []
    for case in contributions():
        began = time.perf_counter()
        question, source, attempts = await ask([case["text"]], case["lang"], model, strategy)
        seconds.append(time.perf_counter() - began)
        sources[source] += 1
        drafts.append(attempts)
        if not question or await judge([case["text"]], case["lang"], question) != Decision.ALLOW:
            refused.append(case["id"])

    total = len(seconds)
    report(
        f"\n{strategy}: of {total} questions, the model's own {sources[strategy]} "
        f"({sources[strategy] / total:.0%}), vetted {total - sources[strategy]}; "
        f"{sum(drafts) / total:.1f} drafts and {median(seconds):.1f} s a question"
    )
    assert refused == []
