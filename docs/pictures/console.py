"""Take the pictures of the console's pages again: ``python -m docs.pictures.console``."""  # noqa: INP001 - docs are no package

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.sync_api import Page

from adapters.console import Checked
from storage.notes import Kind as NoteKind
from storage.notes import Signer, cosign
from storage.sql import SqlRecord
from storage.verify import verify
from tests.chromium import chromium, tab
from tests.console_world import CAFE, Clock, World, filled, site

FOLDER = Path(__file__).parent / "console"
ALL = ("moderator", "auditor", "privacy-officer", "operator")
WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


def main() -> None:
    """Take each picture into the folder named on the command line, or into `FOLDER`."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        _kept(Path(scratch) / "record.db") as world,
        site(world, Path(scratch), **_own(world), public=(CAFE.name,)) as console,
        chromium() as browser,
    ):
        from adapters.console import Account  # noqa: PLC0415 - after the record is there

        console.store.add(Account(name="camille", roles=ALL, debates=("*",)))
        console.remember_rules()
        for language in ("fr", "ar"):
            with tab(browser, console.origin, viewport=WIDE) as context:
                context.add_cookies(_cookies(console, language))
                _tour(context.new_page(), folder, language, world)
        for name, dark in (("sombre", True), ("telephone", False)):
            how = {"color_scheme": "dark", "viewport": WIDE} if dark else {"viewport": PHONE}
            with tab(browser, console.origin, **how) as context:
                context.add_cookies(_cookies(console, "fr"))
                page = context.new_page()
                for path, what in (("/", "apercu"), ("/exchanges", "echanges")):
                    page.goto(path)
                    _take(page, folder / f"{what}-{name}.jpg")


@contextmanager
def _kept(path: Path) -> Iterator[World]:
    """Keep a debate in a record at *path*, for which a witness has vouched."""
    clock = Clock()
    record = SqlRecord(path, clock=clock)
    record.open()
    world = World(clock=clock, record=record)
    witness = Signer(
        name="witness.example.org", kind=NoteKind.WITNESS, key=Ed25519PrivateKey.generate()
    )

    async def go() -> None:
        await filled(world)
        note = await record.checkpoint()
        await record.cosigned(note + cosign(note, witness, int(clock().timestamp())))

    try:
        asyncio.run(go())
        yield world
    finally:
        record.close()


def _own(world: World) -> dict[str, object]:
    """Return what a console takes from the record itself."""

    def checked(progress: Callable[[int], None]) -> Checked:
        report = verify(world.record.path, progress=progress)
        return Checked(sound=report.sound, entries=report.entries, head=report.head.value)

    return {"log": world.record, "verify": checked}


def _cookies(console: object, language: str) -> list[dict[str, str]]:
    origin = console.origin  # type: ignore[attr-defined] # a Console
    token = console.store.log_in("camille")  # type: ignore[attr-defined] # as above
    given = {console.cookie: token, "language": language}  # type: ignore[attr-defined] # as above
    return [{"name": name, "value": value, "url": origin} for name, value in given.items()]


def _tour(page: Page, folder: Path, language: str, world: World) -> None:
    def take(name: str, path: str = "") -> None:
        if path:
            page.goto(path)
        _take(page, folder / f"{name}-{language}.jpg")

    take("apercu", "/")
    take("echanges", "/exchanges")
    take("relecture", "/review")
    page.locator("form.queue button").first.click()
    take("contestation")
    page.goto("/exchanges?decision=withhold")
    page.locator("#lines tbody th a").first.click()
    page.select_option("select[name=reason]", "audit")
    page.locator(".gate button").click()
    take("echange")
    if language != "fr":
        return
    page.goto("/exchanges/4")
    take("echange-ferme")
    take("idees", "/ideas")
    take("regles", "/rules")
    take("questions", "/rules/questions")
    page.goto("/rules/try")
    page.fill("textarea[name=text]", "Ne pensez-vous pas que le maire refuse encore des bancs ?")
    page.get_by_text("Juger cette question").click()
    page.locator("form.card button.main").click()
    page.wait_for_selector("#result .card")
    take("essai")
    take("versions", "/rules/versions")
    page.goto("/record")
    page.locator("form[action='/record/verify'] button").click()
    page.wait_for_selector("#checking .good")
    take("registre")
    take("compte", "/account")
    page.context.clear_cookies(name="socrate")
    take("public", f"/public/{CAFE.name}")
    take("entree", "/login")


def _take(page: Page, path: Path) -> None:
    page.wait_for_load_state("load")
    page.evaluate("document.fonts.ready")
    tall = page.evaluate("document.documentElement.scrollHeight")
    clip = {"x": 0, "y": 0, "width": page.viewport_size["width"], "height": min(tall, 1400)}
    page.screenshot(path=path, type="jpeg", quality=55, clip=clip, full_page=True)


if __name__ == "__main__":
    main()
