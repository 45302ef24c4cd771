"""The tests as every detector needs them: rows that count, clean times, waiting, steady cost."""

from __future__ import annotations

import math
from array import array
from functools import cached_property
from itertools import compress
from operator import eq
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.attributes import Attribute, attributes_of, explain
from pytest_crackle.cooling.correlations.rank_pilot import RankPilot
from pytest_crackle.cooling.laws.equations import Equations, find_equations
from pytest_crackle.cooling.roles import Alias, Role, aliases_of, roles_of
from pytest_crackle.model.metrics import PHASES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pytest_crackle.cooling.detectors.base import Detection
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.model.pattern import Explanation
    from pytest_crackle.model.table import MetricTable

__all__ = ["Suite"]

NAN: Final = math.nan
FLOOR: Final = 0.010
"""Seconds; below this a duration is cheap, and CPU over wall time is noise (detectors.md 1)."""
DAY: Final = 86400.0
TRUE_WAIT: Final = 0.8
TRUE_WAIT_SECONDS: Final = 0.050
KAPPA_TESTS: Final = 10
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

    Attributes
    ----------
    table : MetricTable
    n_tests : int
        Rows of the table.
    rows : tuple of int
        The rows that count.
    """

    def __init__(self, table: MetricTable) -> None:
        self.table = table
        self.n_tests = table.n_tests
        outcomes = table.outcomes
        self.rows = tuple(row for row in range(self.n_tests) if outcomes[row] not in LEFT_OUT)
        self._columns: dict[str, array[float]] = {}
        self._rows_with: dict[str, tuple[int, ...]] = {}
        self._ordered_with: dict[str, list[int]] = {}
        self._detections: dict[tuple[str, Profile], Detection] = {}

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

    def column(self, name: str) -> array[float]:
        """Return a metric over all rows, shape (n_tests,), NaN where missing or not counted.

        Times below 0 or above a day are missing (a patched clock). `duration`, `duration.setup`,
        `cpu` and `cpu.setup` are net of fixtures wider than a function, which are no test's own
        cost (detectors.md 10.4).
        """
        column = self._columns.get(name)
        if column is None:
            column = self._columns[name] = self._clean(name)
        return column

    def _clean(self, name: str) -> array[float]:
        raw = self.table.column(name)
        kind = self.table.info(name).kind
        if kind == "level":
            return raw
        if len(self.rows) == self.n_tests:
            clean = raw[:]
        else:
            clean = array("d", [NAN]) * self.n_tests
            for row in self.rows:
                clean[row] = raw[row]
        if kind == "time":
            for row, (wall, cpu) in self.wide_setups.items():
                if name in ("duration", "duration.setup"):
                    clean[row] -= min(wall, clean[row])
                elif name in ("cpu", "cpu.setup"):
                    clean[row] -= min(cpu, clean[row])
            for row, value in enumerate(clean):
                if value < 0 or value > DAY:
                    clean[row] = NAN
        return clean

    def rows_with(self, name: str) -> tuple[int, ...]:
        """Return the rows that have a value of a metric; `rows` itself if all of them have."""
        found = self._rows_with.get(name)
        if found is None:
            values = list(map(self.column(name).__getitem__, self.rows))
            found = tuple(compress(self.rows, map(eq, values, values)))  # NaN is not equal
            found = self._rows_with[name] = self.rows if len(found) == len(self.rows) else found
        return found

    def ordered_with(self, name: str) -> list[int]:
        """Return the rows that have a value of a metric by node id; do not change the list."""
        found = self._ordered_with.get(name)
        if found is None:
            found = self._ordered_with[name] = self.by_nodeid(self.rows_with(name))
        return found

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

    def once(self, search: str, profile: Profile, find: Callable[[], Detection]) -> Detection:
        """Return what a search finds in this suite; searched at the first call for the profile.

        Several detectors build on the told laws and relations, and detectors import no other.
        """
        found = self._detections.get((search, profile))
        if found is None:
            found = self._detections[search, profile] = find()
        return found

    @cached_property
    def roles(self) -> dict[str, Role]:
        """What each custom metric is; see `roles_of`."""
        return roles_of(self)

    @cached_property
    def aliases(self) -> tuple[Alias, ...]:
        """Custom metrics that are others in a different unit; see `aliases_of`."""
        return aliases_of(self, self.roles)

    @cached_property
    def rank_pilot(self) -> RankPilot:
        """A first look at all pairs of custom metrics."""
        return RankPilot(self)

    @cached_property
    def equations(self) -> Equations:
        """Equations between custom metrics; see `find_equations`."""
        return find_equations(self)

    @cached_property
    def wide_setups(self) -> dict[int, tuple[float, float]]:
        """Wall and CPU seconds that a row spent on set-ups wider than a function."""
        spent: dict[int, tuple[float, float]] = {}
        for row, setups in self.table.setups.items():
            wide = [
                setup
                for setup in setups
                if setup.scope != "function"
                and 0 <= setup.wall <= DAY  # not of a patched clock
                and 0 <= setup.cpu <= DAY
            ]
            if wide:
                spent[row] = (sum(s.wall for s in wide), sum(s.cpu for s in wide))
        return spent

    @cached_property
    def duration(self) -> array[float]:
        """Net wall seconds of each test, the sum of its phases; 0 where missing."""
        phases = [self.column(f"duration.{phase}") for phase in PHASES]
        if not any(f"duration.{phase}" in self.table.columns for phase in PHASES):
            phases = [self.column("duration")]
        present = (
            [value for value in values if not math.isnan(value)]
            for values in zip(*phases, strict=True)
        )
        return array("d", map(math.fsum, present))

    @cached_property
    def cpu(self) -> array[float]:
        """Net CPU seconds of each test with its children; `duration` where CPU time is missing."""
        cpu, children = self.column("cpu"), self.column("cpu.children")
        out = array("d", self.duration)
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
    def wait(self) -> array[float]:
        """Share of each test's time that it truly waited, 0..1; 0 below 10 ms.

        ``1 - min(1, (cpu + delay) / wall)`` where the run-queue delay is known, else
        ``1 - min(1, cpu / wall / kappa)`` with the worker's own kappa, the 75 % quantile of
        ``cpu / wall`` over its tests with at least 10 ms of CPU (1 if fewer than 10 such).
        """
        delay, cpu, wall = self.column("delay"), self.cpu, self.duration
        measured = self.column("cpu")
        kappas = self._kappas() if any(math.isnan(delay[row]) for row in self.rows) else {}
        out = array("d", bytes(8 * self.n_tests))
        for row in self.rows:
            if wall[row] < FLOOR or math.isnan(measured[row]):
                continue
            if not math.isnan(delay[row]):
                busy = (cpu[row] + delay[row]) / wall[row]
            else:
                busy = cpu[row] / wall[row] / kappas.get(self.table.workers[row], 1.0)
            out[row] = 1.0 - min(1.0, busy)
        return out

    def _kappas(self) -> dict[str | None, float]:
        ratios: dict[str | None, list[float]] = {}
        for row in self.rows:
            if self.cpu[row] >= FLOOR:
                ratio = self.cpu[row] / max(self.duration[row], 1e-9)
                ratios.setdefault(self.table.workers[row], []).append(ratio)
        everything = [ratio for some in ratios.values() for ratio in some]
        whole = _kappa(everything)
        return {
            worker: _kappa(some) if len(some) >= KAPPA_TESTS else whole
            for worker, some in ratios.items()
        }

    @cached_property
    def steady(self) -> array[float]:
        """Steady cost in seconds: wall time of a test that truly waits, else CPU time, if less.

        It hardly moves with what else the machine does.
        """
        out = array("d", bytes(8 * self.n_tests))
        for row in self.rows:
            wall, cpu = self.duration[row], self.cpu[row]
            waits = self.wait[row] >= TRUE_WAIT and wall - cpu >= TRUE_WAIT_SECONDS
            out[row] = wall if waits else min(cpu, wall)
        return out

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


def _kappa(ratios: list[float]) -> float:
    if len(ratios) < KAPPA_TESTS:
        return 1.0
    ratios = sorted(ratios)
    return min(1.0, max(0.2, ratios[int(0.75 * (len(ratios) - 1))]))


def _codes(names: Sequence[str]) -> list[int]:
    known: dict[str, int] = {}
    return [known.setdefault(name, len(known)) for name in names]
