"""How far reviewers who do not see each other's judgements agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence


def alpha(units: Iterable[Sequence[Hashable]]) -> float | None:
    """Return Krippendorff's alpha for nominal judgements; *units* holds those of each entry.

    alpha = 1 - (n - 1) (n - sum o_cc) / (n² - sum n_c²), where o_cc is the diagonal of the
    coincidence matrix, in which each of a unit's m judgements counts with 1 / (m - 1), and n_c
    how many of the n pairable judgements are c (K. Krippendorff, Computing Krippendorff's
    Alpha-Reliability, 2011, https://repository.upenn.edu/asc_papers/43, part C). 1 is full
    agreement, 0 what chance gives. Units with fewer than two judgements do not count.

    None where it is not defined: nobody judged twice, or everybody said the same of everything.
    """
    pairable = [Counter(unit) for unit in units if len(unit) > 1]
    judged = sum(pairable, Counter[Hashable]())
    n = judged.total()
    apart = n * n - sum(count * count for count in judged.values())
    if not apart:
        return None
    agreed = sum(
        count * (count - 1) / (unit.total() - 1) for unit in pairable for count in unit.values()
    )
    return 1 - (n - 1) * (n - agreed) / apart
