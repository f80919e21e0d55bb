"""Logging in with the organisation's account: only whom the provider vouches for, and we know."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from adapters.console import Account
from tests.console_world import World, browser, console, provider
from tests.oidc_server import OidcServer, oidc_server


@pytest.fixture(scope="module")
def server() -> Iterator[OidcServer]:
    with oidc_server() as made:
        yield made


@pytest.fixture
def idp(server) -> OidcServer:
    server.claims, server.subject, server.algorithm = {}, "sub-of-camille", "RS256"
    server.elsewhere = ""
    return server


@pytest.fixture
def site(idp, tmp_path):
    with console(World(), tmp_path, oidc=provider(idp.issuer)) as made:
        made.store.add(Account(name="camille", roles=("viewer",), subject="sub-of-camille"))
        yield made


async def asked(someone) -> dict[str, str]:
    """Go to the provider; return what it is asked."""
    answer = await someone.get("/login/oidc")
    address = answer.headers["location"]
    return {"address": address, **{k: v[0] for k, v in parse_qs(urlsplit(address).query).items()}}


async def back(someone, idp, *, state: str = "", code: str = ""):
    question = await asked(someone)
    given = idp.authorise(question["address"])
    return await someone.get(
        "/login/oidc/back", params={"code": code or given, "state": state or question["state"]}
    )


async def test_whom_the_provider_vouches_for_comes_in(site, idp):
    someone = browser(site)
    assert (await back(someone, idp)).headers["location"] == "/"
    assert "camille" in (await someone.get("/")).text


async def test_the_provider_is_asked_with_pkce_state_and_nonce(site, idp):
    someone = browser(site)
    first, second = await asked(someone), await asked(someone)
    assert first["code_challenge_method"] == "S256" and first["response_type"] == "code"
    assert first["redirect_uri"] == f"{site.origin}/login/oidc/back"
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) > 20 and first[name] != second[name]


async def test_who_has_no_account_here_does_not_come_in(site, idp):
    idp.subject = "somebody-else"
    assert (await back(browser(site), idp)).status_code == 403


@pytest.mark.parametrize(
    "lie",
    [
        {"iss": "https://evil.example"},
        {"aud": "another-client"},
        {"nonce": "of-another-login"},
        {"exp": 1},
        {"sub": ""},
    ],
    ids=lambda lie: next(iter(lie)),
)
async def test_a_token_that_was_not_made_for_this_login_is_not_believed(site, idp, lie):
    idp.claims = lie
    assert (await back(browser(site), idp)).status_code in {401, 403}


async def test_a_token_signed_with_a_shared_secret_is_not_believed(site, idp):
    idp.algorithm = "HS256"
    assert (await back(browser(site), idp)).status_code == 401


async def test_a_wrong_code_or_state_does_not_come_in(site, idp):
    assert (await back(browser(site), idp, code="guessed")).status_code == 401
    assert (await back(browser(site), idp, state="guessed")).status_code == 401


async def test_an_answer_begun_in_another_browser_does_not_come_in(site, idp):
    """Else somebody could log another person into their own account."""
    question = await asked(browser(site))
    code = idp.authorise(question["address"])
    answer = await browser(site).get(
        "/login/oidc/back", params={"code": code, "state": question["state"]}
    )
    assert answer.status_code == 401


async def test_an_answer_is_used_once(site, idp):
    someone = browser(site)
    question = await asked(someone)
    given = {"code": idp.authorise(question["address"]), "state": question["state"]}
    assert (await someone.get("/login/oidc/back", params=given)).status_code == 303
    assert (await someone.get("/login/oidc/back", params=given)).status_code == 401


async def test_a_provider_that_points_elsewhere_without_https_is_not_asked(site, idp):
    idp.elsewhere = "http://169.254.169.254/token"
    assert (await browser(site).get("/login/oidc")).status_code == 502


async def test_a_provider_that_is_away_keeps_nobody_waiting(tmp_path):
    with console(World(), tmp_path, oidc=provider("http://127.0.0.1:9")) as made:
        assert (await browser(made).get("/login/oidc")).status_code == 502
