"""What both classifiers are trained with: where cases lie, a regression, shares with intervals."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from hashlib import sha256
from math import sqrt
from pathlib import Path
from typing import Generic, TypeVar

from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

ROOT = Path(__file__).parents[1]
CASES = ROOT / "tests" / "cases"
WEIGHTS = ROOT / "policies" / "weights"
PRECISE = 1e-6
"""How near to the best the regression goes: far below what rounding keeps."""

Feature = TypeVar("Feature", bound=Hashable)


class Table(Generic[Feature]):
    """Rows of features, each feature in a column of its own."""

    def __init__(self, rows: Sequence[Mapping[Feature, float]]) -> None:
        """Number the features of *rows*."""
        numbered = DictVectorizer()
        self._seen = numbered.fit_transform(rows)
        # liblinear counts in 32 bits, the vectorizer in 64.
        self._seen.indices = self._seen.indices.astype("int32")
        self._seen.indptr = self._seen.indptr.astype("int32")
        self._features: list[Feature] = numbered.feature_names_

    def regress(
        self, positive: Sequence[bool], costs: Sequence[float]
    ) -> tuple[float, dict[Feature, float]]:
        """Return the constant and the weight of each feature that best tell the *positive* rows.

        Logistic regression with an L2 penalty, on the constant too; *costs* says how much a
        mistake in each row counts against it. No randomness: Newton's method in a trust region
        (liblinear).
        """
        fitted = LogisticRegression(solver="liblinear", tol=PRECISE, max_iter=1_000)
        fitted.fit(self._seen, positive, sample_weight=costs)
        weights = map(float, fitted.coef_[0])
        return float(fitted.intercept_[0]), dict(zip(self._features, weights, strict=True))


def base36(number: int) -> str:
    """Return *number* as ``int(…, 36)`` reads it."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    text = ""
    while number or not text:
        number, digit = divmod(number, 36)
        text = digits[digit] + text
    return text


def digest(paths: Iterable[Path]) -> dict[str, str]:
    """Return the SHA-256 of each file, by name from the root."""
    return {p.relative_to(ROOT).as_posix(): sha256(p.read_bytes()).hexdigest() for p in paths}


def interval(hits: int, n: int) -> str:
    """Return a share with its 95 % interval (Wilson) and n."""
    if not n:
        return "–"
    z, p = 1.96, hits / n
    middle, half = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = (100 * (middle + sign * half) / (1 + z * z / n) for sign in (-1, 1))
    return f"{100 * p:.0f} % [{low:.0f}–{high:.0f}], n = {n}"
