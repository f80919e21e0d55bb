"""One request: who makes it, what they may do, and how a page is made for them."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from jinja2 import Environment
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from adapters.console.hall import Hall
from adapters.console.roles import EVERYWHERE, Right, allows, allows_everywhere
from adapters.console.store import Session, Store
from adapters.console.words import Words
from bot.domain import LANGUAGES, Cafe

if TYPE_CHECKING:
    from adapters.console.app import Console

DIGITS = 15
"""Of a number in an address: what is longer is none of ours."""
SHORTEST_REASON = 3
"""Characters of a reason for reading: « audit » is one, a dot is none."""


@dataclass(slots=True)
class Visit:
    """A request and all that answers it."""

    request: Request
    hall: Hall
    store: Store
    pages: Environment
    session: Session | None
    words: Words
    console: Console
    form: Mapping[str, str] = field(default_factory=dict)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    @property
    def name(self) -> str:
        """The account's name; empty for a stranger."""
        return self.session.account.name if self.session else ""

    @property
    def roles(self) -> tuple[str, ...]:
        return self.session.account.roles if self.session else ()

    def asked(self, key: str) -> str:
        """Return what the address or the form says of *key*, without surrounding space."""
        return (self.form.get(key) or self.request.query_params.get(key, "")).strip()

    def number(self, key: str = "seq") -> int:
        """Return the number *key* of the path or the address; 0 for anything else."""
        given = str(self.request.path_params.get(key) or self.asked(key))
        return int(given) if given.isascii() and given.isdigit() and len(given) <= DIGITS else 0

    def may(self, right: Right, debate: str | None = None, cafes: Iterable[Cafe] = ()) -> bool:
        """Tell whether the account has *right*; in the place *debate*, if one is given.

        *cafes* tell which debate a place belongs to.
        """
        if debate is None or allows_everywhere(self.roles, right):
            return allows(self.roles, right)
        return allows(self.roles, right) and debate in self.own_places(cafes)

    def own_places(self, cafes: Iterable[Cafe]) -> set[str]:
        """Return the places that a moderator's debates are held in, names that are none too."""
        own = set(self.session.account.debates) if self.session else set()
        return own | {place for cafe in cafes if cafe.name in own for place in places_of(cafe)}

    async def within(self, right: Right) -> list[str]:
        """Return the places in which the account has *right*; [""] for everywhere."""
        own = self.session.account.debates if self.session else ()
        if allows_everywhere(self.roles, right) or EVERYWHERE in own:
            return [""]
        return sorted(self.own_places(await self.hall.record.cafes()) - {""})

    async def may_in(self, right: Right, debate: str) -> bool:
        """Tell whether the account has *right* in the place *debate*."""
        if not allows(self.roles, right):
            return False
        places = await self.within(right)
        return "" in places or debate in places

    def shows(self, seq: int) -> bool:
        """Tell whether the reading of entry *seq* by this account is on record."""
        return self.session is not None and self.store.may_show(self.session, seq)

    def page(self, name: str, status: int = 200, **values: Any) -> Response:
        """Return the template *name* filled with *values*."""
        body = self.pages.get_template(f"{name}.html").render(
            v=self,
            t=self.words,
            here=self.request.url.path,
            languages=LANGUAGES,
            right=Right,
            csrf=self.session.csrf if self.session else "",
            nonce=self.nonce,
            **values,
        )
        return HTMLResponse(body, status)

    def trouble(self, status: int, key: str) -> Response:
        """Return a page that says what went wrong, and what can be done."""
        return self.page("trouble", status, code=status, key=key)

    def to(self, path: str, **query: object) -> Response:
        """Send the browser on to *path*."""
        given = {key: value for key, value in query.items() if value}
        return RedirectResponse(f"{path}?{urlencode(given)}" if given else path, 303)

    def link(self, **changed: object) -> str:
        """Return this page's address with some of its questions *changed*; None leaves one out."""
        kept = {**dict(self.request.query_params), **changed}
        query = urlencode({key: value for key, value in kept.items() if value})
        return f"{self.request.url.path}?{query}" if query else self.request.url.path

    @property
    def swapping(self) -> bool:
        """Whether only a part of the page is asked for."""
        headers = self.request.headers
        back = headers.get("hx-history-restore-request") == "true"
        return headers.get("hx-request") == "true" and not back

    def field(self) -> Markup:
        """Return the hidden field that every form holds."""
        token = self.session.csrf if self.session else ""
        return Markup('<input type="hidden" name="csrf" value="{}">').format(token)


def places_of(cafe: Cafe) -> Sequence[str]:
    """Return the places of *cafe* as the record names a debate: without the platform."""
    return [address.partition(":")[2] for address in cafe.places]
