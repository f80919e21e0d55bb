"""Rules about what may be answered (screens) and what may be said (gates). One rule per file."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import cast

from bot.errors import ConfigError
from bot.ports import Policy, Tools


def load_policies(names: Iterable[str], tools: Tools) -> tuple[Policy, ...]:
    """Return the policies called *names*, in that order.

    Raises:
        ConfigError: There is no module of one of the names.
    """
    return tuple(_load(name, tools) for name in names)


def _load(name: str, tools: Tools) -> Policy:
    if not name.isidentifier():
        raise ConfigError(f"{name!r} is not the name of a policy")
    try:
        module = import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as exc:
        raise ConfigError(f"there is no policy called {name!r} in policies/") from exc
    return cast("Policy", module.build(tools))
