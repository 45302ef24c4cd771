"""What each recorded number is: a measure that takes part in patterns, a name, an order."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import chain
from operator import gt, lt
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_crackle.cooling.suite import Suite

__all__ = [
    "LAW_COUNTS",
    "MEASURES",
    "Alias",
    "Role",
    "aliases_of",
    "custom_measures",
    "is_name",
    "law_measures",
    "roles_of",
]

Role = Literal["few", "const", "order", "nominal", "count", "value"]

MEASURES: Final = ("count", "value")
"""The roles that take part in patterns; the others only name tests or tell nothing."""

LAW_COUNTS: Final = ("sockets", "subprocesses", "warnings")
"""Built-in counts that take part in laws, and in nothing else here."""

# fewer values show nothing (detectors.md 2)
_FEW: Final = 8
# from so many different values on a count is as good as a measured value
_DISTINCT_VALUES: Final = 12
_DISTINCT_NAMES: Final = 8
_NAME_REPEATS: Final = 3
_NAME_TESTS: Final = 10
_ORDERED_TESTS: Final = 12
_ORDERED_STEPS: Final = 0.95
# fmt: off
_NAMES: Final = frozenset({
    "id", "ids", "uuid", "status", "code", "errno", "exit", "returncode", "version", "port",
    "seed", "flag", "enabled", "pid", "year", "timestamp", "ts", "started", "hash", "crc",
    "index", "mode",
})
# fmt: on
_WORD: Final = re.compile(r"[^\W\d_]+")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# equal up to rounding of the last digits
_SAME: Final = 1e-9
_SHARED: Final = 0.9
_SHARED_TESTS: Final = 20
# a common zero says nothing about the ratio of two metrics
_SHARED_NONZERO: Final = 8


@dataclass(frozen=True, slots=True)
class Alias:
    """A metric that is another one in a different unit.

    Attributes
    ----------
    metric, of : str
        The metric that takes no further part, and the one that stands for both.
    ratio : float
        `metric` = `ratio` x `of` in every test that has both.
    n_tests : int
        How many have both.
    """

    metric: str
    of: str
    ratio: float
    n_tests: int


def roles_of(suite: Suite) -> dict[str, Role]:
    """Tell what each custom metric is, and each built-in count that takes part in laws.

    Parameters
    ----------
    suite : Suite

    Returns
    -------
    dict of str to str
        By name, sorted: ``few`` (under 8 values), ``const`` (one value), ``order`` (more than half
        distinct and 95 % of the steps one way, in collection order or in run order: ids, times of
        day), ``nominal`` (names, flags, codes: by a word of the name or by few scattered values),
        ``count`` (under 12 different values) or ``value``. Only `MEASURES` take part in patterns.

    Notes
    -----
    O(tests) a metric, once for each suite. What is declared as a count, or counted by
    pytest-crackle, is no name.
    """
    return suite.once("roles", lambda: _roles_of(suite))


def _roles_of(suite: Suite) -> dict[str, Role]:
    names = {*suite.custom, *(name for name in LAW_COUNTS if name in suite.table.columns)}
    return {name: _role(suite, name) for name in sorted(names)}


def law_measures(suite: Suite) -> tuple[str, ...]:
    """Return the metrics that take part in laws, sorted; aliases are left out."""
    aliases = {alias.metric for alias in aliases_of(suite)}
    roles = roles_of(suite)
    return tuple(name for name in roles if roles[name] in MEASURES and name not in aliases)


def custom_measures(suite: Suite) -> tuple[str, ...]:
    """Return the custom metrics that take part in patterns, sorted; aliases are left out."""
    builtin = frozenset(LAW_COUNTS)
    return tuple(name for name in law_measures(suite) if name not in builtin)


def _role(suite: Suite, name: str) -> Role:
    column = suite.column(name)
    rows = suite.rows_with(name)
    values = list(map(column.__getitem__, rows))
    if len(values) < _FEW:
        return "few"
    n_distinct = len(set(values))
    if n_distinct == 1:
        return "const"
    if suite.table.info(name).kind != "count":
        if _is_order(suite, rows, values, n_distinct):
            return "order"
        if is_name(name) or _is_nominal(values, n_distinct):
            return "nominal"
    return "value" if n_distinct >= _DISTINCT_VALUES else "count"


def is_name(metric: str) -> bool:
    """Whether a word of its name says that a metric holds names, codes or times of day."""
    return bool(_words_of(metric) & _NAMES)


def _words_of(name: str) -> set[str]:
    return set(_WORD.findall(_CAMEL.sub("_", name).lower()))


def _is_order(suite: Suite, rows: Sequence[int], values: Sequence[float], n_distinct: int) -> bool:
    if len(values) < _ORDERED_TESTS or 2 * n_distinct <= len(values):
        return False
    if _goes_one_way(values, 1):
        return True
    if list(suite.run_orders.values()) == [list(range(suite.n_tests))]:
        return False  # the run order is the one just looked at
    known = dict(zip(rows, values, strict=True))
    runs = [[known[row] for row in run if row in known] for run in suite.run_orders.values()]
    return _goes_one_way(list(chain.from_iterable(runs)), sum(map(bool, runs)))


def _goes_one_way(values: Sequence[float], n_runs: int) -> bool:
    """Whether 95 % of the steps within runs rise, or fall."""
    up: int = sum(map(lt, values, values[1:]))
    down: int = sum(map(gt, values, values[1:]))
    return max(up, down) >= _ORDERED_STEPS * (len(values) - n_runs)


def _is_nominal(values: Sequence[float], n_distinct: int) -> bool:
    """Two values are a switch; a few that come often and are no row of integers are names."""
    if n_distinct <= 2:
        return True
    if n_distinct > _DISTINCT_NAMES or len(values) < _NAME_TESTS * n_distinct:
        return False
    counts = Counter(values)
    return min(counts.values()) >= _NAME_REPEATS and not _is_contiguous(counts)


def _is_contiguous(counts: Mapping[float, int]) -> bool:
    low, high = min(counts), max(counts)
    return high - low <= 2 * len(counts) and all(value.is_integer() for value in counts)


def aliases_of(suite: Suite) -> tuple[Alias, ...]:
    """Find metrics that are others in a different unit: one ratio in every test that has both.

    Parameters
    ----------
    suite : Suite

    Returns
    -------
    tuple of Alias
        Custom metrics stand for built-in counts, and the first by name for the others. At least
        20 tests and 90 % of those that have either must have both.

    Notes
    -----
    O(metrics^2) first looks, and O(tests) for each alias that there is; once for each suite.
    """
    return suite.once("aliases", lambda: _aliases_of(suite))


def _aliases_of(suite: Suite) -> tuple[Alias, ...]:
    roles = roles_of(suite)
    measures = [name for name in roles if roles[name] in MEASURES]
    measures.sort(key=lambda name: (suite.table.info(name).builtin, name))
    kept: list[str] = []
    found: list[Alias] = []
    for name in measures:
        alias = next((a for other in kept if (a := _alias(suite, name, other))), None)
        if alias is None:
            kept.append(name)
        else:
            found.append(alias)
    return tuple(sorted(found, key=lambda alias: alias.metric))


def _alias(suite: Suite, name: str, other: str) -> Alias | None:
    column, base = suite.column(name), suite.column(other)
    n_shared = n_nonzero = 0
    ratio = 0.0
    for row in suite.rows_with(name):
        x, y = base[row], column[row]
        if x != x:  # noqa: PLR0124 - NaN
            continue
        n_shared += 1
        if x == 0 or y == 0:
            if x != y:
                return None
            continue
        n_nonzero += 1
        ratio = ratio or y / x
        if not abs(y - ratio * x) <= _SAME * abs(y):
            return None
    most = max(len(suite.rows_with(name)), len(suite.rows_with(other)))
    enough = n_nonzero >= _SHARED_NONZERO and n_shared >= max(_SHARED_TESTS, _SHARED * most)
    return Alias(name, other, ratio, n_shared) if enough else None
