"""Who may do what in the console: five roles, and nothing for whoever has none."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum


class Right(Enum):
    """What a page or an act of the console needs."""

    COUNT = "count"
    """See lists and counts, and rules: nothing that a person wrote."""
    READ = "read"
    """Read what people wrote, names hidden; each reading is put on record."""
    UNMASK = "unmask"
    """Read it as it is on record, names and pseudonyms included."""
    JUDGE = "judge"
    """Review questions, decide contests, say what came of proposals."""
    EXPORT = "export"
    """Take proposals and cases out of the console."""
    ERASE = "erase"
    """Erase what a person wrote in a debate."""
    CHECK = "check"
    """See to the record: verify it, take proofs from it."""
    ACCOUNT = "account"
    """See to one's own account: everybody who is logged in."""


ROLES: dict[str, frozenset[Right]] = {
    "viewer": frozenset({Right.COUNT}),
    "moderator": frozenset({Right.COUNT, Right.READ, Right.JUDGE, Right.EXPORT}),
    "auditor": frozenset({Right.COUNT, Right.READ, Right.EXPORT, Right.CHECK}),
    "privacy-officer": frozenset({Right.COUNT, Right.READ, Right.UNMASK, Right.ERASE}),
    "operator": frozenset({Right.COUNT, Right.CHECK}),
}
"""The rights of each role; `Right.ACCOUNT` goes with any."""
BOUND = "moderator"
"""The role whose rights beyond counting hold in the account's own debates only."""
EVERYWHERE = "*"
"""Instead of a debate's name: all of them."""


def allows(roles: Iterable[str], right: Right) -> bool:
    """Tell whether *roles* give *right* in some debate at least."""
    held = [ROLES[role] for role in roles if role in ROLES]
    return bool(held) if right is Right.ACCOUNT else any(right in rights for rights in held)


def allows_everywhere(roles: Iterable[str], right: Right) -> bool:
    """Tell whether *roles* give *right* whatever the debate."""
    unbound = [role for role in roles if role != BOUND or right is Right.COUNT]
    return allows(unbound, right)
