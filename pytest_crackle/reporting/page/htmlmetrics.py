"""All metrics at a glance: sums, quantiles and distributions, and how they go together."""

from __future__ import annotations

import math
from bisect import bisect_left
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.units import count_of
from pytest_crackle.reporting.page.svgchart import bar, clean, label, number, svg, text_width
from pytest_crackle.reporting.page.svgscale import scale_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.model.report import MetricSummary
    from pytest_crackle.reporting.page.chartdata import ChartData
    from pytest_crackle.reporting.page.svgscale import Scale

__all__ = ["heat_map", "metrics_table", "rank_correlation"]

_MOST_METRICS: Final = 100
_BINS: Final = 30
_HEADS: Final = (
    *("metric", "kind", "tests", "in total", "smallest", "median", "90 % up to", "largest"),
    "distribution",
)
_TEXT_COLUMNS: Final = (0, 1, 8)
_RIGHT: Final = ' class="n"'
_COUNTABLE: Final = 1e9
_SMALL_WIDTH: Final = 160
_SMALL_HEIGHT: Final = 28
_SUMMED: Final = frozenset({"time", "count"})
"""A sum of levels or of free values means nothing."""
_MOST_MAPPED: Final = 12
_FEWEST_TESTS: Final = 20
_MOST_RANKED: Final = 2000
_CELL: Final = 46
_CELL_HEIGHT: Final = 28
_ROW: Final = _CELL_HEIGHT + 2
_LONGEST: Final = 26
_STRENGTHS: Final = (0.2, 0.4, 0.6, 0.8)
_PALETTE: Final = {
    -4: "#08519c", -3: "#2b76b0", -2: "#9ecae1", -1: "#deebf7", 0: "#f6f8fa",
    1: "#fee6ce", 2: "#fdae6b", 3: "#f16913", 4: "#a63603",
}  # fmt: skip
"""Blue to orange (ColorBrewer): told apart in all common forms of colour blindness."""


def metrics_table(data: ChartData) -> str:
    """Write the table of metrics, a row each, with a small histogram."""
    summaries = data.report.metrics
    cells = "".join(
        f'<th scope="col"{"" if place in _TEXT_COLUMNS else _RIGHT}>{head}</th>'
        for place, head in enumerate(_HEADS)
    )
    rows = "".join(_row(data, summary) for summary in summaries[:_MOST_METRICS])
    more = ""
    if len(summaries) > _MOST_METRICS:
        more = f"<p>{len(summaries) - _MOST_METRICS:,} more metrics are in the JSON report.</p>"
    return (
        f'<div class="scroll"><table class="metrics"><thead><tr>{cells}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{more}"
        '<p class="dim">A bar is as high as the square root of its number of tests; axes of times, '
        "and of wide ranges, are logarithmic.</p>"
    )


def _row(data: ChartData, summary: MetricSummary) -> str:
    column = data.columns.get(summary.name, ())
    values = sorted(filter(math.isfinite, column))
    name = summary.name
    total = data.value_text(name, summary.total) if summary.kind in _SUMMED else "-"
    high = (
        data.value_text(name, values[min(len(values) - 1, len(values) * 9 // 10)])
        if values
        else "-"
    )
    least, largest = (data.value_text(name, values[i]) if values else "-" for i in (0, -1))
    median = data.value_text(name, summary.median)
    numbers = (f"{summary.tests:,}", total, least, median, high, largest)
    cells = "".join(f'<td class="n">{clean(text)}</td>' for text in numbers)
    return (
        f'<tr><th scope="row"><code>{clean(name)}</code></th><td>{clean(summary.kind)}</td>'
        f"{cells}<td>{_histogram(data, name, values)}</td></tr>"
    )


def _histogram(data: ChartData, name: str, values: Sequence[float]) -> str:
    """Draw how often values occur, bars of equal width along a logarithmic or linear axis."""
    if not values:
        return ""
    if values[0] == values[-1]:
        return f"always {clean(data.value_text(name, values[0]))}"
    log = 10.0 if data.table.info(name).kind == "time" else 100.0
    x = scale_of((values[0], values[-1]), 0, _SMALL_WIDTH, data.unit(name), log_from=log)
    if not x.is_log and data.table.info(name).kind == "time":
        x = scale_of(values, 0, _SMALL_WIDTH, data.unit(name), log_from=log)
    counts = _binned(values, _edges(values, x))
    top = max(counts)
    wide = _SMALL_WIDTH / len(counts)
    bars = []
    for i, count in enumerate(counts):
        if count:
            height = max(2.0, (_SMALL_HEIGHT - 2) * math.sqrt(count / top))
            bars.append(bar(i * wide, _SMALL_HEIGHT - height, wide - 1, height, "m"))
    ends = f"{data.value_text(name, values[0])} to {data.value_text(name, values[-1])}"
    how = "logarithmic" if x.is_log else "linear"
    about = f"{name} in {count_of(len(values), 'test')}: {ends}, {how} axis"
    return svg(_SMALL_WIDTH, _SMALL_HEIGHT, about, bars)


def _inverse(low: float, high: float, share: float, is_log: bool) -> float:  # noqa: FBT001 - of a scale
    if is_log:
        return float(low * (high / low) ** share)
    return low * (1 - share) + high * share


def _edges(ordered: Sequence[float], x: Scale) -> list[float]:
    """Return the edges between bins; those of whole numbers hold equally many of them."""
    low, high = ordered[0], ordered[-1]
    if not x.is_log and high - low < _COUNTABLE and all(map(float.is_integer, ordered)):
        width = math.ceil((high - low + 1) / _BINS)
        n_bins = math.ceil((high - low + 1) / width)
        return [low - 0.5 + i * width for i in range(1, n_bins)]
    return [_inverse(x.low, x.high, i / _BINS, x.is_log) for i in range(1, _BINS)]


def _binned(ordered: Sequence[float], edges: Sequence[float]) -> list[int]:
    places = [0, *(bisect_left(ordered, edge) for edge in edges), len(ordered)]
    return [stop - start for start, stop in pairwise(places)]


# ---------------------------------------------------------------------- correlations


def heat_map(data: ChartData) -> str:
    """Draw the rank correlations of all metrics with each other.

    Parameters
    ----------
    data : ChartData

    Returns
    -------
    str
        An SVG element; empty with fewer than two metrics that vary in 20 tests or more.

    Notes
    -----
    Parts of ``duration`` and ``cpu`` are left out, which go with the whole by nature. Of more than
    2,000 tests every k-th is taken. O(metrics^2 x 2,000).
    """
    names = _mapped(data)
    if len(names) < 2:
        return ""
    step = max(1, -(-data.table.n_tests // _MOST_RANKED))
    columns = {name: data.columns[name][::step] for name in names}
    shown = [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in names]
    left = 12 + max(text_width(name) for name in shown)
    parts: list[str] = []
    strongest = (0.0, "", "")
    for i, name in enumerate(shown[1:]):
        parts.append(label(left - 8, 8 + i * _ROW + 18, name, "end"))
    for (i, one), (j, other) in combinations(enumerate(names), 2):
        rho = rank_correlation(columns[one], columns[other])
        parts.append(_cell(left + i * (_CELL + 2), 8 + (j - 1) * _ROW, rho))
        if rho is not None and abs(rho) > abs(strongest[0]):
            strongest = (rho, one, other)
    bottom = 8 + (len(names) - 1) * _ROW
    for i, name in enumerate(shown[:-1]):
        parts.append(_slanted(left + i * (_CELL + 2) + _CELL / 2 + 6, bottom + 12, name))
    about = f"Rank correlations of {len(names)} metrics"
    if strongest[1]:
        about += f"; strongest {strongest[0]:+.2f} of {strongest[1]} and {strongest[2]}"
    longest = max(text_width(name) for name in shown[:-1])
    left_over = 0.71 * longest - left  # the slanted names may begin left of the first cell
    width = left + (len(names) - 1) * (_CELL + 2) + 8
    height = bottom + 20 + 0.71 * longest
    shift = max(0.0, left_over)
    moved = f'<g transform="translate({number(shift)} 0)">{"".join(parts)}</g>' if shift else ""
    return svg(width + shift, height, f"{about}.", [moved] if moved else parts)


def _slanted(x: float, y: float, text: str) -> str:
    turn = f'transform="translate({number(x)} {number(y)}) rotate(-45)"'
    return f'<text {turn} text-anchor="end" class="a" fill="#57606a">{clean(text)}</text>'


def _cell(x: float, y: float, rho: float | None) -> str:
    strength = 0 if rho is None else sum(abs(rho) >= limit for limit in _STRENGTHS)
    colour = strength if rho is None or rho >= 0 else -strength
    text = "-" if rho is None else "0.00" if abs(rho) < 0.005 else f"{rho:+.2f}"
    ink = "#fff" if strength == 4 or colour == -3 else "#1f2328"
    size = f'width="{_CELL}" height="{_CELL_HEIGHT}"'
    place = f'x="{number(x)}" y="{number(y)}"'
    kind = f"q{strength}" if colour >= 0 else f"p{strength}"
    return (
        f'<rect {place} {size} class="{kind}" fill="{_PALETTE[colour]}"/>'
        f'<text x="{number(x + _CELL / 2)}" y="{number(y + 18)}" text-anchor="middle"'
        f' class="{kind}t" fill="{ink}">{text}</text>'
    )


def _mapped(data: ChartData) -> list[str]:
    """Choose the metrics: own ones of the suite first, as they were recorded on purpose."""
    names = []
    for summary in data.report.metrics:
        column = data.columns.get(summary.name)
        if column is None or summary.name.startswith(("duration.", "cpu.")):
            continue
        finite = list(filter(math.isfinite, column))
        if len(finite) >= _FEWEST_TESTS and min(finite) < max(finite):
            names.append(summary.name)
    own = [name for name in names if not data.table.info(name).builtin]
    chosen = set([*own, *(name for name in names if name not in own)][:_MOST_MAPPED])
    return [name for name in names if name in chosen]


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Return Spearman's rank correlation over the places where both are finite.

    Returns
    -------
    float or None
        None for fewer than 20 places, or if one of them does not vary there.
    """
    both = [(a, b) for a, b in zip(x, y, strict=True) if math.isfinite(a) and math.isfinite(b)]
    if len(both) < _FEWEST_TESTS:
        return None
    ranks_x, ranks_y = _ranks([a for a, _ in both]), _ranks([b for _, b in both])
    middle = (len(both) - 1) / 2
    dx, dy = [r - middle for r in ranks_x], [r - middle for r in ranks_y]
    sxx, syy = math.fsum(d * d for d in dx), math.fsum(d * d for d in dy)
    if not sxx or not syy:
        return None
    return math.fsum(a * b for a, b in zip(dx, dy, strict=True)) / math.sqrt(sxx * syy)


def _ranks(values: Sequence[float]) -> list[float]:
    """Return ranks from 0 on, ties sharing their mean rank."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        stop = start
        while stop + 1 < len(order) and values[order[stop + 1]] == values[order[start]]:
            stop += 1
        for place in range(start, stop + 1):
            ranks[order[place]] = (start + stop) / 2
        start = stop + 1
    return ranks
