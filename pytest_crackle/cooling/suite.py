"""The tests as every detector needs them: rows that count, clean times, waiting, steady cost."""

from __future__ import annotations

import math
from functools import cached_property
from itertools import compress
from operator import eq
from typing import TYPE_CHECKING, Final, TypeVar, cast

from pytest_crackle.cooling.attributes import Attribute, attributes_of, explain
from pytest_crackle.cooling.machines import Machine, evened, machines_of
from pytest_crackle.cooling.waiting import steady_of, waits_of
from pytest_crackle.model.metrics import PHASES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Sequence

    from pytest_crackle.model.past import Past
    from pytest_crackle.model.pattern import Explanation
    from pytest_crackle.model.table import FixtureSetup, MetricTable

__all__ = ["Suite", "is_timed"]

_T = TypeVar("_T")

NAN: Final = math.nan
DAY: Final = 86400.0
SPARSE: Final = 8
"""One row in so many: fewer are sorted, more are picked from the sorted table."""
LEFT_OUT: Final = frozenset({"skipped", "error"})


class Suite:
    """A table with what all detectors derive from it, computed once and on demand.

    Rows keep their numbers from the table. Skipped and errored tests do not count: their values
    are NaN in `column` (levels excepted, which are read after every test, whatever its outcome).

    Parameters
    ----------
    table : MetricTable
    past : Past, optional
        Past runs of the same suite, for the detector of that name.
    left_out : collection of int
        Rows that do not count, besides skipped and errored tests.

    Attributes
    ----------
    table : MetricTable
    past : Past or None
    n_tests : int
        Rows of the table.
    rows : tuple of int
        The rows that count.
    """

    def __init__(
        self, table: MetricTable, past: Past | None = None, left_out: Collection[int] = ()
    ) -> None:
        self.table = table
        self.past = past
        self.n_tests = table.n_tests
        self.rows = tuple(range(self.n_tests))
        if not LEFT_OUT.isdisjoint(table.outcomes):
            self.rows = tuple(row for row in self.rows if table.outcomes[row] not in LEFT_OUT)
        if left_out:
            self.rows = tuple(row for row in self.rows if row not in left_out)
        self._columns: dict[str, list[float]] = {}
        self._rows_with: dict[str, tuple[int, ...]] = {}
        self._ordered_with: dict[str, list[int]] = {}
        self._found: dict[Hashable, object] = {}

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of all metrics, sorted."""
        return tuple(sorted(self.table.columns))

    @property
    def custom(self) -> tuple[str, ...]:
        """Names of the metrics that tests recorded themselves, without levels, sorted."""
        infos = (self.table.info(name) for name in self.metrics)
        return tuple(info.name for info in infos if not info.builtin and info.kind != "level")

    @property
    def levels(self) -> tuple[str, ...]:
        """Names of levels that should come back after each test, sorted."""
        infos = (self.table.info(name) for name in self.metrics)
        gauges = {"pace", "background"}
        return tuple(
            info.name for info in infos if info.kind == "level" and info.name not in gauges
        )

    @property
    def phases(self) -> tuple[str, ...]:
        """The recorded ``duration.*`` of set-up, call and teardown, else ``duration``."""
        names = tuple(f"duration.{phase}" for phase in PHASES)
        found = tuple(name for name in names if name in self.table.columns)
        return found or tuple(name for name in ("duration",) if name in self.table.columns)

    def column(self, name: str) -> list[float]:
        """Return a metric over all rows, shape (n_tests,), NaN where missing or not counted.

        Times below 0 or above a day are missing (a patched clock). `duration`, `duration.setup`,
        `cpu` and `cpu.setup` are net of fixtures wider than a function, which are no test's own
        cost (detectors.md 10.4).
        """
        column = self._columns.get(name)
        if column is None:
            column = self._columns[name] = self._clean(name)
        return column

    def _clean(self, name: str) -> list[float]:
        clean = self.table.column(name).tolist()  # read again and again: an array makes new floats
        kind = self.table.info(name).kind
        if kind == "level":
            return clean
        if len(self.rows) < self.n_tests:
            raw, clean = clean, [NAN] * self.n_tests
            for row in self.rows:
                clean[row] = raw[row]
        if kind == "time":
            for row, (wall, cpu) in self.wide_setups.items():
                if name in ("duration", "duration.setup"):
                    clean[row] -= min(wall, clean[row])
                elif name in ("cpu", "cpu.setup"):
                    clean[row] -= min(cpu, clean[row])
            # NaN is never less and never more: least and most are right unless it comes first
            if clean and not (min(clean) >= 0 and max(clean) <= DAY):
                for row, value in enumerate(clean):
                    if value < 0 or value > DAY:
                        clean[row] = NAN
        return clean

    def rows_with(self, name: str) -> tuple[int, ...]:
        """Return the rows that have a value of a metric; `rows` itself if all of them have."""
        found = self._rows_with.get(name)
        if found is None:
            found = self._rows_with[name] = self._present(self.column(name))
        return found

    def _present(self, column: list[float]) -> tuple[int, ...]:
        if _is_whole(column):
            return self.rows
        values = list(map(column.__getitem__, self.rows))
        found = tuple(compress(self.rows, map(eq, values, values)))  # NaN is not equal
        return self.rows if len(found) == len(self.rows) else found

    def ordered_with(self, name: str) -> list[int]:
        """Return the rows that have a value of a metric by node id; do not change the list."""
        found = self._ordered_with.get(name)
        if found is None:
            found = self._ordered_with[name] = self.by_nodeid(self.rows_with(name))
        return found

    def sorted_with(self, name: str) -> list[float]:
        """Return the values of a metric, least first; do not change the list."""
        return self.once(
            ("sorted", name),
            lambda: sorted(map(self.column(name).__getitem__, self.rows_with(name))),
        )

    def by_nodeid(self, rows: Sequence[int]) -> list[int]:
        """Sort rows, all different, by node id: no sample may hang on the order of the tests."""
        if SPARSE * len(rows) < self.n_tests:
            return sorted(rows, key=self._places_by_nodeid.__getitem__)
        wanted = bytearray(self.n_tests)
        for row in rows:
            wanted[row] = 1
        return list(compress(self._by_nodeid, map(wanted.__getitem__, self._by_nodeid)))

    @cached_property
    def run_orders(self) -> dict[str, list[int]]:
        """The rows of each worker in the order in which it ran them; key "" without workers."""
        return self.table.run_orders()

    @cached_property
    def _by_nodeid(self) -> list[int]:
        return sorted(range(self.n_tests), key=self.table.nodeids.__getitem__)

    @cached_property
    def _places_by_nodeid(self) -> list[int]:
        places = [0] * self.n_tests
        for place, row in enumerate(self._by_nodeid):
            places[row] = place
        return places

    @cached_property
    def machines(self) -> tuple[Machine, ...]:
        """The machines that ran the tests; () if it was one."""
        return machines_of(self.table)

    @cached_property
    def even(self) -> Suite:
        """The tests with times as one machine would take; this suite if all are as fast.

        Tests of machines whose speed is not known do not count there.
        """
        if all(machine.ratio == 1 for machine in self.machines):
            return self
        unknown = (machine.rows for machine in self.machines if math.isnan(machine.ratio))
        left_out = frozenset(row for rows in unknown for row in rows)
        return Suite(evened(self.table, self.machines), self.past, left_out)

    def once(self, key: Hashable, find: Callable[[], _T]) -> _T:
        """Return what a search finds in this suite; it is made at the first call for the key.

        Several detectors build on the same roles, laws and equations, and detectors import no
        other. A key belongs to one search: what it finds is always of one type.
        """
        if key not in self._found:
            self._found[key] = find()
        return cast("_T", self._found[key])

    @cached_property
    def wide_setups(self) -> dict[int, tuple[float, float]]:
        """Wall and CPU seconds that a row spent on set-ups wider than a function."""
        spent: dict[int, tuple[float, float]] = {}
        for row, setups in self.table.setups.items():
            wide = [setup for setup in setups if setup.scope != "function" and is_timed(setup)]
            if wide:
                spent[row] = (sum(s.wall for s in wide), sum(s.cpu for s in wide))
        return spent

    @cached_property
    def duration(self) -> list[float]:
        """Net wall seconds of each test, the sum of its phases; 0 where missing."""
        phases = list(map(self.column, self.phases or ("duration",)))
        if all(map(_is_whole, phases)):
            return list(map(math.fsum, zip(*phases, strict=True)))
        present = (
            [value for value in values if not math.isnan(value)]
            for values in zip(*phases, strict=True)
        )
        return list(map(math.fsum, present))

    @cached_property
    def cpu(self) -> list[float]:
        """Net CPU seconds of each test with its children; `duration` where CPU time is missing."""
        cpu, children = self.column("cpu"), self.column("cpu.children")
        if _is_whole(cpu):
            pairs = zip(cpu, children, strict=True)
            return [value + (more if more > 0 else 0.0) for value, more in pairs]
        out = self.duration[:]
        for row, value in enumerate(cpu):
            if value == value:  # noqa: PLR0124 - NaN
                more = children[row]
                out[row] = value + (more if more > 0 else 0.0)
        return out

    @cached_property
    def seconds(self) -> float:
        """Wall seconds of all tests that count, with wide fixtures."""
        return math.fsum(self.duration) + math.fsum(wall for wall, _ in self.wide_setups.values())

    @cached_property
    def wait(self) -> list[float]:
        """Share of each test's time that it truly waited, 0..1; see `waits_of`."""
        return waits_of(self)

    @cached_property
    def steady(self) -> list[float]:
        """Steady cost of each test in seconds; see `steady_of`."""
        return steady_of(self)

    @cached_property
    def module_codes(self) -> list[int]:
        """A number for the module of each row."""
        return _codes(self.table.modules)

    @cached_property
    def function_codes(self) -> list[int]:
        """A number for the function of each row."""
        return _codes(self.table.functions)

    @cached_property
    def class_codes(self) -> list[int]:
        """A number for the class of each row, or for its module where it has none."""
        pairs = zip(self.table.classes, self.table.modules, strict=True)
        return _codes([name or module for name, module in pairs])

    def unit_codes(self, rows: Sequence[int], informative: Iterable[int]) -> list[int] | None:
        """Return the coarsest grouping in which the informative tests form three groups of three.

        Parameters
        ----------
        rows : sequence of int
        informative : iterable of int
            Rows among them that carry information (off the commonest value).

        Returns
        -------
        list of int, shape (len(rows),), or None
            Codes by module, else class, else function; None if none will do.
        """
        informative = list(informative)
        for codes in (self.module_codes, self.class_codes, self.function_codes):
            counts: dict[int, int] = {}
            for row in informative:
                counts[codes[row]] = counts.get(codes[row], 0) + 1
            if sum(count >= 3 for count in counts.values()) >= 3:
                return [codes[row] for row in rows]
        return None

    @cached_property
    def attributes(self) -> tuple[Attribute, ...]:
        """What two or more of the tests that count share; see `attributes_of`."""
        return attributes_of(self.table, self.rows)

    def explain(self, rows: Iterable[int]) -> Explanation | None:
        """Find the attribute that best names a set of rows; see `attributes.explain`."""
        return explain(rows, self.attributes, len(self.rows))


def is_timed(setup: FixtureSetup) -> bool:
    """Tell whether the times of a set-up are none of a patched clock."""
    return 0 <= setup.wall <= DAY and 0 <= setup.cpu <= DAY


def _is_whole(column: list[float]) -> bool:
    """Whether there is surely no NaN in a column: the sum of it would be one."""
    return not math.isnan(sum(column))


def _codes(names: Sequence[str]) -> list[int]:
    known = dict.fromkeys(names)
    return list(map(dict(zip(known, range(len(known)), strict=True)).__getitem__, names))
