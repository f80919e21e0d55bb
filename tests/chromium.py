"""Debian's Chromium, driven by Playwright: nothing is downloaded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser without a window; it ends with the block."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.fail("There is no Chromium: `apt-get install chromium`, as .ci/run does.")
    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield found
        found.close()


@contextmanager
def tab(browser: Browser, origin: str, **how: object) -> Iterator[BrowserContext]:
    """Open a fresh profile that reaches *origin* alone; whatever else is asked for fails."""
    context = browser.new_context(base_url=origin, **how)  # type: ignore[arg-type] # Playwright's own
    context.set_default_timeout(8_000)
    asked: list[str] = []

    def only_ours(route):  # type: ignore[no-untyped-def] # as above
        if route.request.url.startswith((origin, "data:")):
            route.continue_()
        else:
            asked.append(route.request.url)
            route.abort()

    context.route("**/*", only_ours)
    yield context
    context.close()
    assert asked == [], "the console asked somebody else"
