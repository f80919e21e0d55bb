"""The moderators' console: a web application for people who answer for what the bot asked."""

from __future__ import annotations

from adapters.console.app import DOORS, Console
from adapters.console.hall import Checked, Hall, Oidc, Options
from adapters.console.oidc import safe
from adapters.console.passwords import Passwords
from adapters.console.roles import EVERYWHERE, ROLES, Right
from adapters.console.server import bound, serve
from adapters.console.store import Account, Store

__all__ = [
    "DOORS",
    "EVERYWHERE",
    "ROLES",
    "Account",
    "Checked",
    "Console",
    "Hall",
    "Oidc",
    "Options",
    "Passwords",
    "Right",
    "Store",
    "bound",
    "safe",
    "serve",
]
