"""What a measurement found, as a page that stands by itself: no script, nothing loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from bot.measure_checks import Check
from bot.measure_figures import MISSING, Figures
from bot.measure_report import LISTED, Line, Words, lines, listed, provenance
from bot.measure_statistics import Number, Rate

BAR, HEIGHT = 100.0, 12
RIGHT_TO_LEFT = frozenset({"ar"})
_COLUMNS = '<colgroup><col class="what"><col><col class="value"><col class="n"></colgroup>'


def html(
    template: str, figures: Figures, run: Mapping[str, Any], checks: Sequence[Check], words: Words
) -> str:
    """Return the page: no script, nothing loaded from elsewhere."""
    body = "\n".join(_body(figures, run, checks, words))
    side = "rtl" if words.language in RIGHT_TO_LEFT else "ltr"
    facts = {"lang": words.language, "dir": side, "title": escape(words["title"]), "body": body}
    for key, value in facts.items():
        template = template.replace(f"{{{key}}}", value)
    return template


def _body(
    figures: Figures, run: Mapping[str, Any], checks: Sequence[Check], words: Words
) -> Iterator[str]:
    yield f"<h1>{escape(words['title'])}</h1>\n<p>{escape(words['lead'])}</p>"
    yield from _checks(checks, words)
    for key, section in figures.items():
        said = words.section(key)
        yield f'<h2 id="{key}">{escape(said["title"])}</h2>'
        yield f'<p class="soft">{escape(said["about"])}</p>'
        for metric, value in section.items():
            yield from _figure(metric, value, words) if value != {} else ()
    yield f'<h2 id="made">{escape(words["made"])}</h2>'
    for name, value in provenance(run, words):
        yield f'<p>{escape(name)}: <code><bdi dir="ltr">{escape(value)}</bdi></code></p>'


def _figure(metric: str, value: Any, words: Words) -> Iterator[str]:
    if metric == MISSING:
        yield f"<p><em>{escape(words.missing(value))}</em></p>"
        return
    said, rows = words.chart(metric), list(lines(value, words))
    yield f"<figure><figcaption>{escape(said['caption'])}</figcaption>"
    if "about" in said:
        yield f'<p class="soft">{escape(said["about"])}</p>'
    if rows:
        yield _table(rows, words)
    else:
        yield _list(listed(value, words), words)
    yield "</figure>"


def _table(rows: Sequence[Line], words: Words) -> str:
    ends = [end for row in rows for end in (row.leaf.value, *(row.leaf.interval or ()))]
    known = [end for end in ends if end is not None]
    shared = all(isinstance(row.leaf, Rate) for row in rows)
    scale = 1.0 if shared else max(known, default=0.0) or 1.0
    drawn = min(known, default=-1.0) >= 0
    heads = ("what", "", "value", "n")
    head = "".join(f'<th scope="col">{escape(words[h]) if h else ""}</th>' for h in heads)
    body = "\n".join(_row(row, scale if drawn else None, words) for row in rows)
    return f"<table>{_COLUMNS}<thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"


def _row(row: Line, scale: float | None, words: Words) -> str:
    bar = _bar(row.leaf, scale) if scale else ""
    interval = row.interval(words)
    small = f'<small><bdi dir="ltr">{escape(interval)}</bdi></small>' if interval else ""
    return (
        f'<tr><th scope="row"><bdi>{escape(row.name)}</bdi></th><td class="bar">{bar}</td>'
        f'<td class="value"><bdi dir="ltr">{escape(row.value(words))}</bdi>{small}</td>'
        f'<td class="n">{row.leaf.n}</td></tr>'
    )


def _bar(leaf: Rate | Number, scale: float) -> str:
    """Return a bar with its interval; the number stands beside it, so it is hidden from readers."""
    if leaf.value is None:
        return ""
    low, high = (BAR * end / scale for end in leaf.interval or (leaf.value, leaf.value))
    whisker = f"M{low:.2f} 6H{high:.2f}M{low:.2f} 3V9M{high:.2f} 3V9" if leaf.interval else ""
    return (
        f'<svg viewBox="0 0 {BAR:.0f} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="track" width="{BAR:.0f}" height="{HEIGHT}"/>'
        f'<rect class="fill" width="{BAR * leaf.value / scale:.2f}" height="{HEIGHT}"/>'
        f'<path class="whisker" d="{whisker}"/></svg>'
    )


def _list(items: Sequence[str], words: Words) -> str:
    if not items:
        return f"<p>{escape(words['none'])}</p>"
    shown = "".join(f'<li dir="auto">{escape(item)}</li>' for item in items[:LISTED])
    return f"<ul>{shown}</ul>{_more(items, words)}"


def _more(items: Sequence[str], words: Words) -> str:
    rest = len(items) - LISTED
    return f"<p>{escape(words['more'].replace('{n}', str(rest)))}</p>" if rest > 0 else ""


def _checks(checks: Sequence[Check], words: Words) -> Iterator[str]:
    if not checks:
        return
    yield f"<h2>{escape(words['checks'])}</h2><p class='soft'>{escape(words['checks-about'])}</p>"
    heads = "".join(f"<th>{escape(words[h])}</th>" for h in ("check", "value", "limit"))
    rows = "".join(_check(check, words) for check in checks)
    yield (
        '<table><colgroup><col class="check"></colgroup>'
        f"<thead><tr>{heads}<th></th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _check(check: Check, words: Words) -> str:
    verdict = "held" if check.held else "missed"
    cells = (check.path, check.shown, check.limit)
    return (
        "<tr>"
        + "".join(f'<td><bdi dir="ltr">{escape(cell)}</bdi></td>' for cell in cells)
        + f'<td class="{verdict}">{escape(words[verdict])}</td></tr>'
    )
