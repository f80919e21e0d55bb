"""What the page on roles says is what the console does."""

from __future__ import annotations

import re
from pathlib import Path

from adapters.console import ROLES, Right
from adapters.console.roles import BOUND

PAGE = Path(__file__).parents[1] / "docs/reference/roles.md"
COLUMNS = ("count", "read", "unmask", "judge", "export", "erase", "check")


def test_the_page_on_roles_is_the_table_that_the_console_obeys():
    rows = re.findall(r"^\| `([\w-]+)` \|(.*)\|$", PAGE.read_text("utf-8"), re.MULTILINE)
    said = {role: [cell.strip() for cell in cells.split("|")] for role, cells in rows}
    assert said == {role: [_cell(role, Right(name)) for name in COLUMNS] for role in ROLES}
    assert {*COLUMNS, "account"} == {right.value for right in Right}


def _cell(role: str, right: Right) -> str:
    if right not in ROLES[role]:
        return ""
    return "own" if role == BOUND and right is not Right.COUNT else "yes"
