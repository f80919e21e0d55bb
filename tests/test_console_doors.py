"""The console's own security: passwords, sessions, forms of other sites, headers, files."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from contextlib import closing

import pytest

from adapters.console import Account, Passwords, Store
from adapters.console.passwords import TRIES
from bot.errors import ConfigError
from tests.console_world import PASSWORD, World, browser, console


@pytest.fixture
async def site(tmp_path) -> AsyncIterator:
    with console(World(), tmp_path) as made:
        yield made


async def enter(someone, password: str = PASSWORD, name: str = "viewer"):
    return await someone.post("/login", name=name, password=password)


async def test_the_right_password_lets_in_and_a_wrong_one_does_not(site):
    someone = browser(site)
    assert (await enter(someone, "not the password at all")).status_code == 401
    assert (await enter(someone, name="nobody")).status_code == 401
    assert (await someone.get("/")).status_code == 303

    assert (await enter(someone)).status_code == 303
    assert (await someone.get("/")).status_code == 200


async def test_guessing_is_stopped_before_anything_is_hashed(site):
    someone = browser(site)
    for _ in range(TRIES["pair"]):
        assert (await enter(someone, "guess after guess")).status_code == 401

    class Never:
        def verify(self, *_):
            raise AssertionError("hashed all the same")

    site.passwords._hasher = Never()
    assert (await enter(someone)).status_code == 429


async def test_guessing_from_one_place_keeps_nobody_else_out(site):
    someone = browser(site)
    for _ in range(TRIES["pair"]):
        await enter(someone, "guess after guess")
    assert (await enter(someone)).status_code == 429
    assert (await enter(browser(site, "10.0.0.8"))).status_code == 303


async def test_the_wait_ends(site):
    someone = browser(site)
    for _ in range(TRIES["pair"]):
        await enter(someone, "guess after guess")
    site.hall.clock.pass_(minutes=16)
    assert (await enter(someone)).status_code == 303


async def test_a_stranger_cannot_say_where_they_come_from(site):
    """Without a proxy that is named, a header about the address is the client's own word."""
    for n in range(TRIES["pair"]):
        someone = browser(site)
        someone.client.headers["x-forwarded-for"] = f"10.1.1.{n}"
        await enter(someone, "guess after guess")
    assert (await enter(browser(site))).status_code == 429


async def test_the_token_changes_at_login_whatever_the_browser_brought(site):
    someone = browser(site)
    chosen = {"cookie": f"{site.cookie}=chosen-by-somebody-else"}
    form, origin = {"name": "viewer", "password": PASSWORD}, {"origin": site.origin}
    answer = await someone.client.post("/login", data=form, headers={**chosen, **origin})
    token = someone.token
    assert answer.status_code == 303 and "chosen" not in token
    assert site.store.session("chosen-by-somebody-else") is None

    await enter(someone)
    assert someone.token != token
    assert site.store.session(token) is None


async def test_logging_out_ends_the_session_for_every_copy_of_the_token(site):
    someone = await browser(site).enter("viewer")
    token = someone.token
    await someone.post("/logout")
    assert site.store.session(token) is None


@pytest.mark.parametrize("time", [{"hours": 9}, {"minutes": 61}])
async def test_a_session_ends_by_itself(site, time):
    someone = await browser(site).enter("viewer")
    site.hall.clock.pass_(**time)
    assert (await someone.get("/")).status_code == 303


async def test_a_link_lets_in_once_and_not_for_long(site):
    first, late = (site.store.ticket({"account": "viewer"}, 60) for _ in range(2))
    someone = browser(site)
    assert (await someone.get(f"/login/once?ticket={first}")).status_code == 303
    assert (await browser(site).get(f"/login/once?ticket={first}")).status_code == 401
    site.hall.clock.pass_(minutes=61)
    assert (await browser(site).get(f"/login/once?ticket={late}")).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"origin": "https://evil.example", "sec-fetch-site": "same-origin"},
    ],
)
async def test_a_form_from_elsewhere_does_nothing(site, headers):
    someone = await browser(site).enter("viewer")
    answer = await someone.client.post("/logout", data={"csrf": someone.csrf}, headers=headers)
    assert answer.status_code == 403
    assert site.store.session(someone.token) is not None


@pytest.mark.parametrize("token", ["", "wrong", "é\udcff".encode("utf-8", "replace").decode()])
async def test_a_form_without_the_sessions_token_does_nothing(site, token):
    someone = await browser(site).enter("viewer")
    assert (await someone.post("/logout", csrf=token)).status_code == 403
    other = await browser(site).enter("viewer")
    assert (await someone.post("/logout", csrf=other.csrf)).status_code == 403


async def test_a_form_that_is_too_long_does_nothing(site):
    someone = await browser(site).enter("viewer")
    assert (await someone.post("/rules/try", text="x" * 200_000)).status_code == 403
    many = {f"f{n}": "1" for n in range(200)}
    assert (await someone.post("/logout", **many)).status_code == 403


async def test_another_name_for_this_machine_is_not_answered(site):
    answer = await browser(site).get("/login", headers={"host": "evil.example:8140"})
    assert answer.status_code == 421


@pytest.mark.parametrize(
    ("back", "to"),
    [
        ("/rules?a=b", "/rules?a=b"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\r\nset-cookie: a=b", "/"),
        ("", "/"),
    ],
)
async def test_a_change_of_language_leads_nowhere_else(site, back, to):
    answer = await browser(site).post("/language", language="ar", back=back)
    assert answer.headers["location"] == to


@pytest.mark.parametrize("path", ["/", "/login", "/nowhere", "/static/console.css", "/health"])
async def test_every_answer_tells_the_browser_to_trust_nothing(site, path):
    headers = (await browser(site).get(path)).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"


async def test_no_two_pages_share_a_nonce(site):
    someone = browser(site)
    first, second = [(await someone.get("/login")).headers for _ in range(2)]
    assert first["content-security-policy"] != second["content-security-policy"]


@pytest.mark.parametrize(
    ("url", "name", "secure"),
    [("", "socrate", False), ("https://console.example.org", "__Host-socrate", True)],
)
async def test_the_cookie_is_as_strict_as_the_address_allows(tmp_path, url, name, secure):
    with console(World(), tmp_path, url=url) as made:
        answer = await enter(browser(made))
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(f"{name}=")
        assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie
        assert ("Secure" in cookie) is secure
        assert ("strict-transport-security" in answer.headers) is secure


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/fonts/LICENSES.txt",
        "/static/..%2f..%2f..%2fetc%2fpasswd",
        "/exchanges/..%2f..%2fetc",
        "/exchanges/0x1",
        "/exchanges/١",
        "/exchanges/99999999999999999999",
    ],
)
async def test_no_path_leads_out_of_the_console(site, path):
    someone = await browser(site).enter("auditor")
    assert (await someone.get(path)).status_code == 404


async def test_a_password_can_be_changed_and_ends_the_other_sessions(site):
    here, there = browser(site), browser(site)
    await enter(here)
    await enter(there)
    short = await here.post("/account/password", password=PASSWORD, new="short")
    wrong = await here.post(
        "/account/password", password="not this one", new="a new password, long"
    )
    right = await here.post("/account/password", password=PASSWORD, new="a new password, long")
    assert (short.status_code, wrong.status_code, right.status_code) == (400, 401, 303)
    assert (await there.get("/")).status_code == 303
    assert (await enter(browser(site), "a new password, long")).status_code == 303


# The store


def test_accounts_are_readable_by_their_owner_alone_and_hold_no_secret(tmp_path):
    path = tmp_path / "console.db"
    with closing(Store(path, World().clock)) as store:
        hashed = Passwords(store).hashed(PASSWORD)
        store.add(Account(name="ana", roles=("viewer",), hash=hashed))
        token = store.log_in("ana")
        ticket = store.ticket({"account": "ana"}, 5)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert not any(secret.encode() in kept for secret in (PASSWORD, token, ticket))


def test_an_account_has_a_role_that_exists(tmp_path):
    with closing(Store(tmp_path / "console.db", World().clock)) as store:
        for roles in ((), ("root",), ("viewer", "root")):
            with pytest.raises(ConfigError):
                store.add(Account(name="ana", roles=roles))


def test_an_account_that_is_removed_is_logged_out(tmp_path):
    with closing(Store(tmp_path / "console.db", World().clock)) as store:
        store.add(Account(name="ana", roles=("viewer",)))
        token = store.log_in("ana")
        assert store.remove("ana")
        assert store.session(token) is None
        assert not store.remove("ana")


def test_two_consoles_share_their_accounts_and_sessions(tmp_path):
    clock, path = World().clock, tmp_path / "console.db"
    with closing(Store(path, clock)) as one, closing(Store(path, clock)) as two:
        one.add(Account(name="ana", roles=("viewer",)))
        token = one.log_in("ana")
        assert two.session(token) == one.session(token)
        two.log_out(token)
        assert one.session(token) is None


@pytest.mark.parametrize("password", ["", "short", "x" * 257])
def test_a_password_has_a_length_that_makes_sense(tmp_path, password):
    with (
        closing(Store(tmp_path / "console.db", World().clock)) as store,
        pytest.raises(ConfigError, match="12 to 256"),
    ):
        Passwords(store).hashed(password)
