"""The table of tests: the slowest as plain HTML, all of them as data for the script."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.units import count_of
from pytest_crackle.reporting.page.chartdata import short_name
from pytest_crackle.reporting.page.svgchart import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_crackle.reporting.page.chartdata import ChartData

__all__ = ["TestsTable", "tests_table"]

_STATIC_ROWS: Final = 25
_LONGEST_NAME: Final = 300
_PILOT: Final = 200
_FIRST: Final = ("duration", "cpu")
_DENSE: Final = 0.6
"""Columns with fewer values than this share of the tests are written with their places."""
_MINUTES: Final = 599.0
"""Seconds from which on minutes are shown: three digits of seconds are not enough then."""
_KIB: Final = 1024.0
_LARGEST_FRACTION: Final = 999.5


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
    slowest = _slowest(data)
    rows, names = _names_that_fit(data, slowest, room)
    room -= sum(map(_size_of, names))
    metrics, left_out = _metrics_that_fit(data, rows, room)
    head = {
        "metrics": [[name, data.unit(name)] for name in metrics],
        "names": names,
        "sort": metrics.index("duration") if "duration" in metrics else -1,
    }
    columns = ",".join(_encoded(data, name, rows) for name in metrics)
    notes = []
    if left_out:
        notes.append(f"the metrics {', '.join(left_out[:20])}")
        if len(left_out) > 20:
            notes[-1] += f" and {len(left_out) - 20:,} more"
    if len(rows) < table.n_tests:
        notes.append(f"the {count_of(table.n_tests - len(rows), 'test')} that took the least time")
    html = _html(data, slowest[:_STATIC_ROWS], metrics, notes)
    return TestsTable(html, f'{_script_text(head)[:-1]},"values":[{columns}]}}')


def _slowest(data: ChartData) -> list[int]:
    """Return all rows by duration as it is shown: the script sorts those numbers the same way."""
    rows = list(range(data.table.n_tests))
    column = data.columns.get("duration")
    if column is None:
        return rows
    known = [row for row in rows if math.isfinite(column[row])]
    shown = dict(zip(known, _milliseconds([column[row] for row in known]), strict=True))
    seconds = {row: float(text) for row, text in shown.items() if text != "null"}
    return sorted(rows, key=lambda row: (row not in seconds, -seconds.get(row, 0.0), row))


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
    wanted = [*_FIRST, *told, *rest]
    names = [name for name in dict.fromkeys(wanted) if name in data.columns]
    step = max(1, len(rows) // _PILOT)
    pilot = rows[::step]
    kept: list[str] = []
    left_out: list[str] = []
    for name in names:
        size = len(_encoded(data, name, pilot))
        size = size * len(rows) // max(1, len(pilot))
        if kept and size > room:
            left_out.append(name)
        else:
            kept.append(name)
            room -= size
    return kept, left_out


# ---------------------------------------------------------------------- the data


def _encoded(data: ChartData, metric: str, rows: Sequence[int]) -> str:
    """Write a column as JSON: what the script needs to show the same three digits as Python.

    Seconds become milliseconds and bytes KiB. A column with many gaps becomes an object of the
    steps to the next value and the values. Finished text, as numbers are most of the page.
    """
    column = data.columns[metric]
    known = [place for place, row in enumerate(rows) if math.isfinite(column[row])]
    values = [column[rows[place]] for place in known]
    texts = _WRITERS.get(data.unit(metric), _plain)(values)
    if len(known) == len(rows):
        return f"[{','.join(texts)}]"
    if len(known) < _DENSE * len(rows):
        steps = [str(place - before) for before, place in pairwise([0, *known])]
        return f'{{"steps":[{",".join(steps)}],"values":[{",".join(texts)}]}}'
    full = ["null"] * len(rows)
    for place, text in zip(known, texts, strict=True):
        full[place] = text
    return f"[{','.join(full)}]"


def _milliseconds(seconds: Sequence[float]) -> list[str]:
    # minutes are shown of another 3 digits than seconds; beyond 1e300 it is no time
    digits = "%.3g" if max(map(abs, seconds), default=0.0) < _MINUTES else "%.7g"
    texts = [digits % (value * 1e3) for value in seconds]
    return ["null" if text.endswith("inf") else text for text in texts]


def _kibibytes(sizes: Sequence[float]) -> list[str]:
    return ["%.7g" % (value / _KIB) for value in sizes]


def _plain(numbers: Sequence[float]) -> list[str]:
    """Write integers in full, and of others the digits that are shown."""
    return [
        ("%.15g" if value.is_integer() or abs(value) >= _LARGEST_FRACTION else "%.3g") % value
        for value in numbers
    ]


_WRITERS: Final = {"s": _milliseconds, "B": _kibibytes}


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
        value = data.columns[name][row]
        text = data.value_text(name, value) if math.isfinite(value) else ""
        cells.append(f'<td class="n">{clean(text)}</td>')
    name = short_name(data.table.nodeids[row], _LONGEST_NAME)
    return f'<tr><th scope="row"><code>{clean(name)}</code></th>{"".join(cells)}</tr>'
