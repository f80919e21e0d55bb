"""The console in a real browser: a contest found, read and answered; no page keeps anybody out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import pytest
from playwright.sync_api import Browser, Page

from adapters.console import Account, Console
from bot.domain import Contest, Review
from tests.chromium import chromium, tab
from tests.console_world import CAFE, PASSWORD, World, site

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
ALL = ("moderator", "auditor", "privacy-officer", "operator")
PAGES = (
    "/",
    "/exchanges",
    "/review",
    "/ideas",
    "/rules",
    "/rules/questions",
    "/rules/versions",
    "/rules/try",
    "/record",
    "/account",
    f"/public/{CAFE.name}",
    "/nowhere",
)
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def world() -> World:
    return asyncio.run(_filled())


async def _filled() -> World:
    made = World()
    await made.record.append(CAFE)
    for name, yes, text, contest in (
        ("ana", "j'accepte", "Il faudrait plus de bancs pour les anciens.", "question orientée"),
        ("salma", "أوافق", "أريد مقاعد أكثر في ساحة السوق لكبار السن.", "سؤال موجه"),
    ):
        await made.says(name, yes, text, contest)
    await made.says("zoe", "j'accepte", "Il faut des arbres.", "récapituler", "je valide")
    return made


@pytest.fixture(scope="module")
def console(world, tmp_path_factory) -> Iterator[Console]:
    with site(world, tmp_path_factory.mktemp("site"), public=(CAFE.name,)) as made:
        made.remember_rules()
        hashed = made.store.account("viewer").hash
        made.store.add(Account(name="camille", roles=ALL, debates=("*",), hash=hashed))
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


def now(work):
    """Return what *work* comes to: Playwright has the loop of this thread."""
    with ThreadPoolExecutor(1) as hands:
        return hands.submit(asyncio.run, work).result()


def enter(page: Page) -> None:
    page.goto("/login")
    page.fill("[name=name]", "camille")
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/")


NOTES = {"fr": "Elle laisse entendre une réponse.", "ar": "السؤال يوحي بجواب."}


@pytest.mark.parametrize("language", NOTES)
def test_a_contest_is_found_read_upheld_and_taken_out(console, browser, world, language):
    """By the keyboard alone, once logged in."""
    before = len(now(_reviews(world)))
    with tab(browser, console.origin, locale=language) as context:
        context.add_cookies([{"name": "language", "value": language, "url": console.origin}])
        page = context.new_page()
        enter(page)
        page.goto("/review")
        assert page.locator("html").get_attribute("dir") == ("rtl" if language == "ar" else "ltr")
        page.keyboard.press("1")
        page.wait_for_url("**/exchanges/*")
        assert page.locator(".person p").inner_text() and page.locator(".draft").count()

        page.keyboard.press("u")
        page.keyboard.press("Tab")
        page.keyboard.type(NOTES[language])
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector("a[href$='/case']")

        with page.expect_download() as taken:
            page.click("a[href$='/case']")
        case = json.loads(taken.value.path().read_text("utf-8"))
    assert case["label"] == "leading"
    reviews = now(_reviews(world))
    assert len(reviews) == before + 1
    assert NOTES[language] in reviews[-1].reply.text


async def _reviews(world: World) -> list[Review]:
    return [e.event async for e in world.record.entries() if isinstance(e.event, Review)]


@pytest.mark.parametrize(
    ("language", "how"),
    [
        ("fr", {}),
        ("ar", {"color_scheme": "dark"}),
        ("fr", {"viewport": PHONE}),
    ],
    ids=["fr", "ar-dark", "fr-phone"],
)
def test_axe_finds_nothing_on_any_page(console, browser, world, language, how):
    contest = now(world.last(Contest))
    found = {}
    with tab(browser, console.origin, bypass_csp=True, **how) as context:
        token = console.store.log_in("camille")
        given = {console.cookie: token, "language": language}
        context.add_cookies(
            [{"name": n, "value": v, "url": console.origin} for n, v in given.items()]
        )
        console.store.shown(console.store.session(token), [contest])
        page = context.new_page()
        for path in (*PAGES, f"/exchanges/{contest}", "/exchanges/3"):
            page.goto(path)
            if "viewport" in how:
                wide = page.evaluate("document.documentElement.scrollWidth")
                assert wide <= PHONE["width"], f"{path} is wider than a phone"
                continue
            page.evaluate(AXE)
            results = page.evaluate("axe.run({resultTypes: ['violations']})")
            if results["violations"]:
                found[path] = [
                    (v["id"], v["nodes"][0]["html"][:120]) for v in results["violations"]
                ]
    assert found == {}


def test_a_list_is_filtered_without_loading_the_page_again(console, browser):
    with tab(browser, console.origin) as context:
        token = console.store.log_in("camille")
        context.add_cookies([{"name": console.cookie, "value": token, "url": console.origin}])
        page = context.new_page()
        errors = []
        page.on("pageerror", lambda e: errors.append(str(e)))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.goto("/exchanges")
        page.evaluate("window.same = true")
        page.select_option("select[name=language]", "ar")
        french = page.locator("#lines td", has_text="français").first
        french.wait_for(state="detached")
        assert page.evaluate("window.same") is True
        assert "language=ar" in page.url
    assert errors == []
