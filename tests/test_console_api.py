"""Whatever a program sends, the console answers as it says it does, and never breaks."""

from __future__ import annotations

import asyncio

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings

from adapters.console.api import described
from adapters.console.app import DOORS
from tests.console_world import CAFE, World, browser, console

TRIED = 8
"""Requests of each kind: more tell little, and take long."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    world = World()
    asyncio.run(world.record.append(CAFE))
    asyncio.run(world.says("ana", "j'accepte", "Il faut des bancs en ville.", "question orientée"))
    with console(world, tmp_path_factory.mktemp("api"), public=(CAFE.name,)) as made:
        yield made


schema = schemathesis.openapi.from_dict(described(DOORS))


@schema.parametrize()
@settings(
    max_examples=TRIED,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_request_breaks_the_console(case, site):
    """Sent as somebody with every right but those that end the session or the words."""
    answer = asyncio.run(_sent(case, site))
    assert answer.status_code < 500 or answer.status_code == 502, answer.text
    declared = {int(code) for code in case.operation.definition.raw["responses"]}
    assert answer.status_code in declared


async def _sent(case, site):
    someone = browser(site)
    token = site.store.log_in("second")
    someone.client.cookies.set(site.cookie, token)
    given = case.as_transport_kwargs(base_url=site.origin)
    body = given.get("data") or {}
    form = {"csrf": someone.csrf, **body} if isinstance(body, dict) else body
    async with someone.client as client:
        return await client.request(
            given["method"],
            given["url"],
            params=given.get("params"),
            data=form if given["method"] == "POST" else None,
            headers={"origin": site.origin},
        )
