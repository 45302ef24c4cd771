"""How many patterns a suite's own records show when they cannot mean anything."""

from __future__ import annotations

import copy
import math
import random
from array import array
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.cool import cool
from pytest_crackle.cooling.suite import Suite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pytest_crackle.cooling.detectors.base import Detector
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.model.table import MetricTable

__all__ = ["SelfCheck", "Survivor", "clopper_pearson", "false_in_shuffles", "selfcheck", "shuffled"]

_GAUGES: Final = ("pace", "background")
"""Levels that say how fast the process is and not what it holds: noise around one value."""
_DISTRIBUTIONS: Final = frozenset({"plateau", "regime"})
"""Sub-kinds about how values are distributed, which no shuffle changes."""


@dataclass(frozen=True, slots=True)
class Survivor:
    """A pattern of the real records that shuffles show as well, and in how many of them."""

    pattern: Pattern
    shuffles: int


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """What shuffles of the records showed.

    Attributes
    ----------
    shuffles : int
    counts : tuple of int, shape (shuffles,)
        False patterns in each shuffle.
    rate : float
        False patterns a shuffle.
    share : float
        Share of the shuffles with at least one.
    low, high : float
        Clopper-Pearson interval of `share` at 95 %.
    examples : tuple of Pattern
        The first false patterns, one of each id.
    survivors : tuple of Survivor
        Patterns of the real records that do not need what a shuffle destroys; no false alarms.
    faults : tuple of str
        Of all coolings, each once.
    """

    shuffles: int
    counts: tuple[int, ...]
    rate: float
    share: float
    low: float
    high: float
    examples: tuple[Pattern, ...] = ()
    survivors: tuple[Survivor, ...] = ()
    faults: tuple[str, ...] = ()


def selfcheck(
    table: MetricTable,
    profile: Profile | None = None,
    detectors: Sequence[Detector] | None = None,
    *,
    shuffles: int = 20,
    seed: int = 0,
) -> SelfCheck:
    """Shuffle a suite's records, cool each shuffle, and count the patterns found in them.

    Parameters
    ----------
    table : MetricTable
    profile, detectors
        As for `cool`.
    shuffles : int
        At least 1.
    seed : int

    Returns
    -------
    SelfCheck

    Raises
    ------
    ValueError
        If `shuffles` is less than 1.

    Notes
    -----
    What a shuffle destroys and what it leaves, and therefore what the rate is about: see
    `shuffled`. Not false are patterns that do not need what was destroyed: those with the id of one
    in the real records (survivors: a slow module stays slow when its tests swap their times), those
    whose tests are whole modules, and plateaus and regimes of metrics that have one in the real
    records, whoever they are named by (a fixed wait is as long whichever tests take it). Facts and
    levels are taken out before: an exact fact has no rate of false alarms.
    """
    if shuffles < 1:
        raise ValueError("at least one shuffle")
    real = {pattern.id: pattern for pattern in cool(table, profile, detectors).patterns}
    is_false = false_in_shuffles(table, list(real.values()))
    survived: Counter[str] = Counter()
    examples: dict[str, Pattern] = {}
    faults: dict[str, None] = {}
    counts = []
    for number in range(shuffles):
        cooling = cool(shuffled(table, seed=seed * shuffles + number), profile, detectors)
        faults.update(dict.fromkeys(cooling.faults))
        survived.update(pattern.id for pattern in cooling.patterns if pattern.id in real)
        false = {pattern.id: pattern for pattern in cooling.patterns if is_false(pattern)}
        counts.append(len(false))
        examples = false | examples
    survivors = [Survivor(pattern, survived[name]) for name, pattern in real.items()]
    return _summed_up(
        counts, examples, [survivor for survivor in survivors if survivor.shuffles], faults
    )


def _summed_up(
    counts: Sequence[int],
    examples: Mapping[str, Pattern],
    survivors: Sequence[Survivor],
    faults: Iterable[str],
) -> SelfCheck:
    shuffles, hit = len(counts), sum(count > 0 for count in counts)
    low, high = clopper_pearson(hit, shuffles)
    return SelfCheck(
        shuffles=shuffles,
        counts=tuple(counts),
        rate=sum(counts) / shuffles,
        share=hit / shuffles,
        low=low,
        high=high,
        examples=tuple(examples.values()),
        survivors=tuple(survivors),
        faults=tuple(faults),
    )


def false_in_shuffles(table: MetricTable, real: Sequence[Pattern]) -> Callable[[Pattern], bool]:
    """Return what tells whether a pattern of a shuffle is a false alarm; see `selfcheck`.

    Parameters
    ----------
    table : MetricTable
        The real records.
    real : sequence of Pattern
        What they show.
    """
    ids = {pattern.id for pattern in real}
    distributions = {_about(pattern) for pattern in real if pattern.subkind in _DISTRIBUTIONS}
    modules = dict(zip(table.nodeids, table.modules, strict=True))
    counted: dict[str, set[str]] = {}
    for row in Suite(table).rows:
        counted.setdefault(table.modules[row], set()).add(table.nodeids[row])

    def is_false(pattern: Pattern) -> bool:
        if pattern.id in ids or _about(pattern) in distributions:
            return False
        tests = set(pattern.tests)
        touched = {modules[nodeid] for nodeid in pattern.tests}
        return not all(counted.get(module, set()) <= tests for module in touched)

    return is_false


def _about(pattern: Pattern) -> tuple[str, str, tuple[str, ...]]:
    return pattern.kind, pattern.subkind, pattern.metrics


def shuffled(table: MetricTable, *, seed: int) -> MetricTable:
    """Deal the measurements of each module's tests out again at random.

    Parameters
    ----------
    table : MetricTable
    seed : int

    Returns
    -------
    MetricTable
        The same tests with their names, fixtures, markers and outcomes.

    Notes
    -----
    What pytest-crackle measures itself moves together, so that a test's phases, CPU time and counts
    still belong to each other; each metric that tests recorded is dealt on its own.

    Destroyed: which test, function, class, fixture or marker of a module has which values; the
    order of the tests within a module; how recorded metrics hang together with each other and with
    time, beyond what the module makes of them.

    Left: how the values of each metric are distributed, and how modules differ. Hence a plateau, a
    slow module or a law of a whole module may survive.

    Taken out: the levels (memory, descriptors, threads), whose meaning lies in their order, with
    everything known by identity, and changes of interpreter state. Pace and background are dealt
    out over all tests of their worker. Skipped and errored tests keep what they have.
    """
    rng = random.Random(seed)
    suite = Suite(table)
    out = copy.copy(table)
    modules: dict[int, list[int]] = {}
    for row in suite.rows:
        modules.setdefault(suite.module_codes[row], []).append(row)
    groups = list(modules.values())
    together = _dealt(groups, table.n_tests, rng)
    out.columns = {}
    for name in sorted(table.columns):
        info = table.info(name)
        if name in _GAUGES:
            read = [
                [row for row in rows if not math.isnan(table.columns[name][row])]
                for rows in table.run_orders().values()
            ]
            sources = _dealt(read, table.n_tests, rng)
        elif info.kind == "level":
            continue
        else:
            sources = together if info.builtin else _dealt(groups, table.n_tests, rng)
        column = table.columns[name]
        out.columns[name] = array("d", [column[source] for source in sources])
    places = {source: row for row, source in enumerate(together)}
    moved = sorted((places[row], setups) for row, setups in table.setups.items())
    out.setups = dict(moved)
    out.states, out.opened, out.closed, out.ends = {}, {}, {}, {}
    out.module_growth, out.blocks = {}, {}
    return out


def _dealt(groups: Sequence[Sequence[int]], n_rows: int, rng: random.Random) -> list[int]:
    """For each row the row whose values it gets: another one of its group, or its own."""
    sources = list(range(n_rows))
    for rows in groups:
        dealt = list(rows)
        rng.shuffle(dealt)
        for row, source in zip(rows, dealt, strict=True):
            sources[row] = source
    return sources


def clopper_pearson(hits: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact two-sided confidence interval of a share.

    Parameters
    ----------
    hits, trials : int
        0 <= hits <= trials, and at least one trial.
    level : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If the numbers are not so.

    Notes
    -----
    By bisection on exact binomial tails, O(trials) each.

    References
    ----------
    C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case
    of the binomial", Biometrika 26 (1934) 404-413, doi:10.1093/biomet/26.4.404.

    Examples
    --------
    >>> [round(limit, 4) for limit in clopper_pearson(0, 20)]
    [0.0, 0.1684]
    """
    if not 0 <= hits <= trials or trials < 1 or not 0 < level < 1:
        raise ValueError(f"{hits} of {trials} at level {level} has no interval")
    tail = (1 - level) / 2
    low = _solve(lambda p: _at_least(hits, trials, p) < tail) if hits else 0.0
    high = _solve(lambda p: _at_least(hits + 1, trials, p) < 1 - tail) if hits < trials else 1.0
    return low, high


def _solve(is_below: Callable[[float], bool]) -> float:
    """Return the share up to which `is_below` holds, to the last bit or so."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if is_below(middle):
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _at_least(hits: int, trials: int, share: float) -> float:
    """P(X >= hits) of a binomial variable with 0 < share < 1."""
    log_yes, log_no = math.log(share), math.log1p(-share)
    return math.fsum(
        math.exp(_log_choose(trials, j) + j * log_yes + (trials - j) * log_no)
        for j in range(hits, trials + 1)
    )


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
