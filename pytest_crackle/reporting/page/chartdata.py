"""What the charts of one report read: rows by name, series in run order, costs by attribute."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.metrics import PHASES
from pytest_crackle.model.units import format_value
from pytest_crackle.reporting.escape import printable
from pytest_crackle.reporting.layout import shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.model.report import Report

__all__ = ["ChartData", "Cost", "RunSeries", "short_name", "spread_out"]

_LONGEST_NAME: Final = 120
_STEADY: Final = frozenset({"cases", "step", "slope", "drift"})
"""Shifts of time are found in the lesser of CPU and wall time, so that is what is drawn."""
_SAME: Final = 1e-6
_MOST: Final = 0.9
_WAIT: Final = 0.8
_WAIT_SECONDS: Final = 0.05
_ALIKE: Final = 0.02


@dataclass(frozen=True, slots=True)
class Cost:
    """A column, what it is called, its unit and its kind."""

    name: str
    column: Sequence[float]
    unit: str
    kind: str


@dataclass(frozen=True, slots=True)
class RunSeries:
    """A series in the run order of one process.

    Attributes
    ----------
    rows : list of int
    values : list of float
        NaN where missing.
    unit, name : str
        What the values are.
    where : str
        Whose run order it is, as a clause: "", " of gw1", " of the cases of test_x".
    proven : bool
        Whether the medians in the evidence are medians of this very series.
    """

    rows: list[int]
    values: list[float]
    unit: str
    name: str
    where: str
    proven: bool


def short_name(nodeid: str, width: int = _LONGEST_NAME) -> str:
    """Make a node id printable and not longer than a line, with the test's name kept."""
    if len(nodeid) > width and "/" in nodeid and "::" not in nodeid and nodeid.isprintable():
        return f"…{nodeid[1 - width :]}"  # a path: its end tells more than its beginning
    if len(nodeid) > 4 * width:
        nodeid = f"{nodeid[: 2 * width]}…{nodeid[-width:]}"  # 100 kB of escapes help nobody
    return shorten(printable(nodeid), width, "…")


def spread_out(rows: Sequence[int], most: int, first: Iterable[int] = ()) -> list[int]:
    """Choose at most `most` places: those of `first`, then others at even steps."""
    chosen = dict.fromkeys(list(first)[:most])
    step = max(1, -(-len(rows) // max(1, most - len(chosen))))
    for place in range(0, len(rows), step):
        if len(chosen) >= most:
            break
        chosen.setdefault(rows[place])
    return list(chosen)


class ChartData:
    """A report with the indexes that its charts need, made once.

    Parameters
    ----------
    report : Report
    names_per_chart : int
        Most points of a chart that name themselves.
    """

    def __init__(self, report: Report, names_per_chart: int = 300) -> None:
        self.report = report
        self.table = report.table
        self.names_per_chart = names_per_chart

    @cached_property
    def columns(self) -> Mapping[str, Sequence[float]]:
        """The columns of the table; ``duration`` is the sum of its phases if only these are there.

        Other tools may write only some of them.
        """
        columns = self.table.columns
        phases = [columns[f"duration.{name}"] for name in PHASES if f"duration.{name}" in columns]
        if "duration" in columns or not phases:
            return columns
        whole = [
            math.fsum(known) if (known := [v for v in values if math.isfinite(v)]) else math.nan
            for values in zip(*phases, strict=True)
        ]
        return {**columns, "duration": whole}

    @cached_property
    def rows_by_name(self) -> dict[str, list[int]]:
        """Rows of each node id; several where each worker ran all tests."""
        out: dict[str, list[int]] = {}
        for row, nodeid in enumerate(self.table.nodeids):
            out.setdefault(nodeid, []).append(row)
        return out

    @cached_property
    def orders(self) -> dict[str, list[int]]:
        """Rows of each worker in run order."""
        return self.table.run_orders()

    def rows_of(self, nodeids: Iterable[str]) -> list[int]:
        """Return the rows of some tests; names that are not in the table are left out."""
        found = self.rows_by_name
        return [row for nodeid in nodeids for row in found.get(nodeid, ())]

    def unit(self, metric: str) -> str:
        """Return the unit of a metric."""
        return self.table.info(metric).unit

    def value_text(self, metric: str, value: float) -> str:
        """Write a value in the unit of its metric."""
        return printable(format_value(value, self.unit(metric)))

    def named(self, row: int, text: str) -> str:
        """Return what a point says of itself."""
        return f"{short_name(self.table.nodeids[row])}: {text}"

    def counts(self, row: int) -> bool:
        """Tell whether a test counts for costs: skipped and broken ones are left out."""
        return self.table.outcomes[row] not in ("skipped", "error")

    def cost_of(self, pattern: Pattern) -> Cost | None:
        """Return the values that the sentence of a pattern is about.

        Returns
        -------
        Cost or None
            The first metric of the pattern. For a hot spot its steady cost, if that adds up to
            what the pattern says; None if the metric was not recorded.
        """
        metric = pattern.metrics[0]
        said = pattern.cost_seconds
        if pattern.subkind == "hot" and said and {"duration", "cpu"} <= self.columns.keys():
            mine = self.rows_of(pattern.tests)
            found = math.fsum(v for row in mine if math.isfinite(v := self._steady[row]))
            if abs(found - said) <= _ALIKE * said:
                return Cost("CPU time, or wall time of tests that wait", self._steady, "s", "time")
        column = self.columns.get(metric)
        if column is None:
            return None
        name = "duration (wall time)" if metric == "duration" else metric
        return Cost(name, column, self.unit(metric), self.table.info(metric).kind)

    @cached_property
    def _steady(self) -> list[float]:
        """Seconds as hot spots count them: wall time of a test that waits, else CPU time."""
        wall, cpu = self.columns["duration"], self.columns["cpu"]
        delay = self.columns.get("delay", cpu)
        has_delay = "delay" in self.columns
        out = []
        for row, (whole, own) in enumerate(zip(wall, cpu, strict=True)):
            busy = own + delay[row] if has_delay and math.isfinite(delay[row]) else own
            waits = whole - own >= _WAIT_SECONDS and busy <= (1 - _WAIT) * whole
            out.append(whole if waits else min(own, whole))
        return out

    def run_series(self, pattern: Pattern, metric: str) -> RunSeries | None:
        """Find the series along the run order that a pattern is about.

        Returns
        -------
        RunSeries or None
            Of the process in which it begins; None if the metric was not recorded.
        """
        start = self.rows_of([pattern.at] if pattern.at else pattern.tests[:1])
        worker = self.table.workers[start[0]] or "" if start else next(iter(self.orders), "")
        rows = self.orders.get(worker, [])
        where = f" of {worker}" if len(self.orders) > 1 else ""
        if pattern.subkind == "fixture" and start:
            fixture = self._fixture_series(pattern, rows, where)
            if fixture is not None:
                return fixture
        if pattern.subkind == "cases" and start:
            function = self.table.functions[start[0]]
            rows = [row for row in rows if self.table.functions[row] == function]
            where = f" of {function.rpartition('::')[2]}{where}"
        column = self.columns.get(metric)
        if column is None:
            return None
        values, name = [column[row] for row in rows], metric
        proven = pattern.subkind != "fixture"
        if pattern.subkind in _STEADY and metric == "duration" and "cpu" in self.columns:
            cpu = self.columns["cpu"]
            values = [min(value, cpu[row]) for row, value in zip(rows, values, strict=True)]
            name = "lesser of CPU and wall time"
        return RunSeries(rows, values, self.unit(metric), name, where, proven)

    def _fixture_series(self, pattern: Pattern, rows: list[int], where: str) -> RunSeries | None:
        """Find the fixture whose set-ups have the median that the evidence names."""
        known = pattern.evidence.get("after_median")
        mine = self.rows_of(pattern.tests)
        if known is None or not mine:
            return None
        for setup in self.table.setups.get(mine[0], ()):
            seconds = {
                row: min(one.wall, one.cpu)
                for row in rows
                for one in self.table.setups.get(row, ())
                if one.name == setup.name and one.scope == setup.scope
            }
            after = [seconds[row] for row in mine if row in seconds]
            if after and abs(median(after) - known) <= _SAME * abs(known):
                values = list(seconds.values())
                name = f"CPU of fixture {setup.name}"
                return RunSeries(list(seconds), values, "s", name, where, proven=True)
        return None

    def cost_by(self, kind: str, column: Sequence[float]) -> dict[str, tuple[float, int]]:
        """Return the sum of a column and the number of tests of each attribute of a type.

        Parameters
        ----------
        kind : str
            "fixture", "marker", "module", "class", "function" or "directory".
        column : sequence of float, shape (n_tests,)

        Returns
        -------
        dict of str to (float, int)
            Without attributes of more than nine tests in ten, which tell nothing. Empty for other
            types. O(tests).
        """
        names_of = self._attribute(kind)
        if names_of is None:
            return {}
        sums: dict[str, list[float]] = {}
        n_tests = 0
        for row, value in enumerate(column):
            if math.isfinite(value) and self.counts(row):
                n_tests += 1
                for name in names_of(row):
                    sums.setdefault(name, []).append(value)
        telling = {name: values for name, values in sums.items() if len(values) <= _MOST * n_tests}
        return {name: (math.fsum(values), len(values)) for name, values in telling.items()}

    def setup_cost(self) -> dict[str, tuple[float, int]]:
        """Return the seconds and the number of set-ups of each fixture."""
        sums: dict[str, list[float]] = {}
        for setups in self.table.setups.values():
            for setup in setups:
                sums.setdefault(setup.name, []).append(setup.wall)
        return {name: (math.fsum(values), len(values)) for name, values in sums.items()}

    def _attribute(self, kind: str) -> Callable[[int], Iterator[str] | Sequence[str]] | None:
        table = self.table
        readers: dict[str, Callable[[int], Iterator[str] | Sequence[str]]] = {
            "fixture": lambda row: dict.fromkeys(table.fixtures[row]).__iter__(),
            "marker": lambda row: dict.fromkeys(table.markers[row]).__iter__(),
            "module": lambda row: (table.modules[row],),
            "class": lambda row: (table.classes[row] or "",) if table.classes[row] else (),
            "function": lambda row: (table.functions[row],),
            "directory": lambda row: (
                (table.modules[row].rpartition("/")[0],) if "/" in table.modules[row] else ()
            ),
        }
        return readers.get(kind)
