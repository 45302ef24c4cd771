"""The table of tests: the slowest as plain HTML, all of them as data for the script."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from pytest_crackle.model.units import count_of
from pytest_crackle.reporting.chartdata import short_name
from pytest_crackle.reporting.svgchart import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_crackle.reporting.chartdata import ChartData

__all__ = ["TestsTable", "tests_table"]

_STATIC_ROWS: Final = 25
_LONGEST_NAME: Final = 300
_PILOT: Final = 200
_FIRST: Final = ("cpu", "memory.rss")
_DENSE: Final = 0.6
"""Columns with fewer values than this share of the tests are written with their places."""
_MINUTES: Final = 599.0
"""Seconds from which on minutes are shown: three digits of seconds are then not enough."""
_KIB: Final = 1024.0
_TIB: Final = _KIB**4
_LARGEST_PLAIN: Final = 1e15
_LARGEST_FRACTION: Final = 999.5


_Values: TypeAlias = "list[float | int | None]"
_Column: TypeAlias = "_Values | dict[str, _Values | list[int]]"


@dataclass(frozen=True, slots=True)
class TestsTable:
    """The table as HTML, and its data as text that may stand in a script element."""

    __test__ = False

    html: str
    data: str


def tests_table(data: ChartData, room: int) -> TestsTable:
    """Write the table of tests.

    Parameters
    ----------
    data : ChartData
    room : int
        Bytes that the data may take, about.

    Returns
    -------
    TestsTable
        With what was left out named in a sentence below it.

    Notes
    -----
    O(tests x metrics shown).
    """
    table = data.table
    spent = table.column("duration")
    order = list(range(table.n_tests))
    slowest = sorted(order, key=lambda row: (-_or_zero(spent[row]), row))
    rows, names = _names_that_fit(data, slowest, room)
    room -= sum(map(_size_of, names))
    metrics, left_out = _metrics_that_fit(data, rows, room)
    payload = {
        "metrics": [[name, data.unit(name)] for name in metrics],
        "names": names,
        "sort": metrics.index("duration") if "duration" in metrics else -1,
        "values": [_encoded(data, name, rows) for name in metrics],
    }
    notes = []
    if left_out:
        notes.append(f"the metrics {', '.join(left_out[:20])}")
        if len(left_out) > 20:
            notes[-1] += f" and {len(left_out) - 20:,} more"
    if len(rows) < table.n_tests:
        notes.append(f"the {count_of(table.n_tests - len(rows), 'test')} that took the least time")
    html = _html(data, slowest[:_STATIC_ROWS], metrics, notes)
    return TestsTable(html, _script_text(payload))


def _or_zero(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def _script_text(payload: object) -> str:
    """Write JSON that no HTML parser sees markup in: ASCII, without <, > and &."""
    text = json.dumps(payload, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


# ---------------------------------------------------------------------- what fits


def _names_that_fit(
    data: ChartData, slowest: Sequence[int], room: int
) -> tuple[list[int], list[int | str]]:
    """Choose the tests, all if they fit, and write their names.

    Returns
    -------
    list of int
        Rows in the order of the table.
    list of int or str
        For each row the number of characters shared with the name before, and the rest.
    """
    rows = sorted(slowest)
    names = list(_front_coded(data, rows))
    while rows and (size := sum(map(_size_of, names))) > 0.8 * room:
        kept = min(len(rows) - 1, int(len(rows) * 0.75 * room / size))
        rows = sorted(slowest[:kept])
        names = list(_front_coded(data, rows))
    return rows, names


def _size_of(part: int | str) -> int:
    """Bytes of a part as escaped JSON, about."""
    return 3 if isinstance(part, int) else 3 + (len(part) if part.isascii() else 6 * len(part))


def _front_coded(data: ChartData, rows: Sequence[int]) -> Iterator[int | str]:
    before = ""
    nodeids = data.table.nodeids
    for row in rows:
        nodeid = nodeids[row]
        is_plain = nodeid.isascii() and nodeid.isprintable() and len(nodeid) <= _LONGEST_NAME
        name = nodeid if is_plain else short_name(nodeid, _LONGEST_NAME)
        # beyond ASCII the script may count characters differently
        shared = _shared(before, name) if name.isascii() else 0
        yield shared
        yield name[shared:]
        before = name if name.isascii() else ""


def _shared(one: str, other: str) -> int:
    """Return the length of the common beginning; halving beats characters one by one."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _metrics_that_fit(
    data: ChartData, rows: Sequence[int], room: int
) -> tuple[list[str], list[str]]:
    """Choose metrics in the order of interest while there is room; the first one always."""
    summaries = {summary.name: summary for summary in data.report.metrics}
    told = dict.fromkeys(name for pattern in data.report.patterns for name in pattern.metrics)
    rest = sorted(summaries, key=lambda n: (data.table.info(n).builtin, -summaries[n].tests, n))
    wanted = ["duration", *told, *_FIRST, *rest]
    names = [name for name in dict.fromkeys(wanted) if name in data.table.columns]
    step = max(1, len(rows) // _PILOT)
    pilot = rows[::step]
    kept: list[str] = []
    left_out: list[str] = []
    for name in names:
        size = len(json.dumps(_encoded(data, name, pilot), separators=(",", ":")))
        size = size * len(rows) // max(1, len(pilot))
        if kept and size > room:
            left_out.append(name)
        else:
            kept.append(name)
            room -= size
    return kept, left_out


# ---------------------------------------------------------------------- the data


def _encoded(data: ChartData, metric: str, rows: Sequence[int]) -> _Column:
    """Write values so that the script shows the same three digits as Python, in few bytes.

    Seconds become microseconds, bytes KiB, rounded as `format_value` rounds them. A column with
    many gaps becomes steps to the next value and the values.
    """
    column, unit = data.table.columns[metric], data.unit(metric)
    known = [place for place, row in enumerate(rows) if math.isfinite(column[row])]
    write = {"s": _microseconds, "B": _kibibytes}.get(unit, _plain)
    values = write([column[rows[place]] for place in known])
    if len(known) == len(rows):
        return values
    if len(known) < _DENSE * len(rows):
        steps = [place - before for before, place in zip([0, *known], known, strict=False)]
        return {"steps": steps, "values": values}
    out: list[float | int | None] = [None] * len(rows)
    for place, value in zip(known, values, strict=True):
        out[place] = value
    return out


def _microseconds(seconds: Sequence[float]) -> _Values:
    out: _Values = []
    for value in seconds:
        if abs(value) >= _MINUTES:
            scaled = float(f"{value:.5e}") * 1e6
            out.append(None if math.isinf(scaled) else scaled)  # 1e302 seconds are no time
            continue
        scaled = float(f"{value * 1e6:.2e}")
        # of three digits, none is left behind the point
        out.append(int(scaled) if abs(scaled) >= 100 or not scaled else scaled)
    return out


def _kibibytes(sizes: Sequence[float]) -> _Values:
    out: _Values = []
    for value in sizes:
        size, factor = abs(value), _KIB
        if size < _LARGEST_FRACTION:
            out.append(value / _KIB)
            continue
        while size >= _LARGEST_FRACTION * factor and factor < _TIB:
            factor *= _KIB
        scaled = float(f"{value / factor:.2e}") * (factor / _KIB)
        out.append(
            int(scaled) if scaled == int(scaled) and abs(scaled) < _LARGEST_PLAIN else scaled
        )
    return out


def _plain(numbers: Sequence[float]) -> _Values:
    out: _Values = []
    for value in numbers:
        if abs(value) >= _LARGEST_PLAIN:
            out.append(float(f"{value:.2e}"))
        elif value == int(value):
            out.append(int(value))
        elif abs(value) >= _LARGEST_FRACTION:
            out.append(int(f"{value:.0f}"))
        else:
            out.append(float(f"{value:.2e}"))
    return out


# ---------------------------------------------------------------------- the HTML


def _html(
    data: ChartData, rows: Sequence[int], metrics: Sequence[str], notes: Sequence[str]
) -> str:
    heads = "".join(f'<th scope="col" class="n">{clean(name)}</th>' for name in metrics)
    body = "".join(_row(data, row, metrics) for row in rows)
    n_tests = data.table.n_tests
    shown = f"The {len(rows):,} slowest of {count_of(n_tests, 'test')}."
    if n_tests <= len(rows):
        shown = f"{count_of(n_tests, 'test').capitalize()}, slowest first."
    left_out = ""
    if notes:
        left_out = (
            f"<p>Left out here to keep the page small: {clean(' and '.join(notes))}."
            " The JSON report has everything.</p>"
        )
    return (
        '<p id="find" hidden><label for="q">Search</label> '
        '<input id="q" type="search" placeholder="words of a test\'s name"></p>'
        f'<p id="count" role="status">{shown}</p>{left_out}'
        '<div class="scroll"><table id="tests"><thead><tr><th scope="col">test</th>'
        f"{heads}</tr></thead><tbody>{body}</tbody></table></div>"
        '<p><button id="more" type="button" hidden>Show 200 more</button></p>'
    )


def _row(data: ChartData, row: int, metrics: Sequence[str]) -> str:
    cells = []
    for name in metrics:
        value = data.table.columns[name][row]
        text = data.value_text(name, value) if math.isfinite(value) else ""
        cells.append(f'<td class="n">{clean(text)}</td>')
    name = short_name(data.table.nodeids[row], _LONGEST_NAME)
    return f'<tr><th scope="row"><code>{clean(name)}</code></th>{"".join(cells)}</tr>'
