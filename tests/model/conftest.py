"""Keep the language model out of the default suite: its weights take minutes to build."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect this folder only for ``-m model``, whose requirements it needs to be imported."""
    return None if config.option.markexpr == "model" else True
