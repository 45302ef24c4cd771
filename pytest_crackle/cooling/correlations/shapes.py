"""Shapes: a custom metric that follows another one without rising or falling with it throughout."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.correlations.rank_pilot import rank_pilot_of, whole_modules
from pytest_crackle.cooling.detectors.base import Finding
from pytest_crackle.cooling.numeric import mid_ranks
from pytest_crackle.cooling.replica import Members
from pytest_crackle.cooling.roles import roles_of
from pytest_crackle.cooling.tails import log_normal_sf
from pytest_crackle.cooling.within import centred
from pytest_crackle.model.pattern import PatternKind
from pytest_crackle.model.units import count_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.detectors.base import Column, Recheck
    from pytest_crackle.cooling.suite import Suite

__all__ = ["find_shapes"]

LEAST_FUNCTIONS: Final = 40
MOST_FUNCTIONS: Final = 400
LEAST_PER_MODULE: Final = 3
MOST_AT_MODE: Final = 0.1
LEAST_XI: Final = 0.3


@dataclass(frozen=True, slots=True)
class _Shape:
    """How far `y` is a function of `x`; one test a function."""

    x: str
    y: str
    rows: tuple[int, ...]
    xi: float
    log_p: float


def find_shapes(suite: Suite, told: frozenset[frozenset[str]]) -> tuple[tuple[Finding, ...], int]:
    """Find pairs of metrics of which one depends on the other in any form.

    Parameters
    ----------
    suite : Suite
    told : frozenset of frozenset of str
        Pairs that are told otherwise.

    Returns
    -------
    tuple of Finding
        Kind correlation, sub-kind shape, the better direction of each pair. `evidence`:
        `correlation` (Chatterjee's xi), `functions`.
    int
        Hypotheses.

    Notes
    -----
    One test of each function, at most 400 functions of whole modules: sorting by x and comparing
    neighbours assumes independent tests. O(metrics^2 x 400).

    References
    ----------
    S. Chatterjee, "A new coefficient of correlation", JASA 116 (2021) 2009-2022,
    doi:10.1080/01621459.2020.1758115: xi sqrt(n) is normal with variance 2/5 under independence.
    """
    chosen = _one_a_function(suite)
    names = [name for name in rank_pilot_of(suite).metrics if _is_spread(suite, name, chosen)]
    best: dict[frozenset[str], _Shape] = {}
    hypotheses = 0
    for x in names:
        for y in names:
            pair = frozenset((x, y))
            if x == y or pair in told:
                continue
            rows = _in_modules(suite, x, y, chosen)
            if len(rows) < LEAST_FUNCTIONS:
                continue
            hypotheses += 1
            shape = _measure(suite, x, y, rows, suite.column)
            if shape.xi >= LEAST_XI and (pair not in best or shape.xi > best[pair].xi):
                best[pair] = shape
    return tuple(_finding(suite, shape) for shape in best.values()), hypotheses


def _one_a_function(suite: Suite) -> list[int]:
    """The middle test of each function, of about 400 functions in whole modules."""
    cases: dict[int, list[int]] = {}
    for row in suite.by_nodeid(suite.rows):
        cases.setdefault(suite.function_codes[row], []).append(row)
    middle = [rows[len(rows) // 2] for rows in cases.values()]
    return list(whole_modules(suite, middle, MOST_FUNCTIONS))


def _is_spread(suite: Suite, name: str, rows: Sequence[int]) -> bool:
    """Ties make neighbours equal by nature."""
    if roles_of(suite)[name] != "value":
        return False
    column = suite.column(name)
    values = [column[row] for row in rows if not math.isnan(column[row])]
    return bool(values) and max(Counter(values).values()) <= MOST_AT_MODE * len(values)


def _in_modules(suite: Suite, x: str, y: str, rows: Sequence[int]) -> list[int]:
    one, other, codes = suite.column(x), suite.column(y), suite.module_codes
    both = [row for row in rows if not (math.isnan(one[row]) or math.isnan(other[row]))]
    sizes = Counter(codes[row] for row in both)
    return [row for row in both if sizes[codes[row]] >= LEAST_PER_MODULE]


def _measure(suite: Suite, x: str, y: str, rows: Sequence[int], column: Column) -> _Shape:
    by_x, source = column(x), column(y)
    ordered = sorted(rows, key=lambda row: (by_x[row], suite.table.nodeids[row]))
    modules = [suite.module_codes[row] for row in ordered]
    ranks = mid_ranks(centred(mid_ranks([source[row] for row in ordered]), modules))
    n = len(ranks)
    xi = 1 - 3 * sum(abs(a - b) for a, b in pairwise(ranks)) / (n * n - 1)
    return _Shape(x, y, tuple(sorted(rows)), xi, log_normal_sf(xi * math.sqrt(n / 0.4)))


def _finding(suite: Suite, shape: _Shape) -> Finding:
    n = len(shape.rows)
    return Finding(
        kind=PatternKind.CORRELATION,
        subkind="shape",
        summary=(
            f"{shape.y} follows {shape.x} over {count_of(n, 'test')}, one of each function, but"
            f" neither rises nor falls with it throughout (xi {shape.xi:.2f})."
        ),
        metrics=(shape.x, shape.y),
        rows=shape.rows,
        anchor="",  # which of the two follows may change from run to run
        log_p=shape.log_p,
        evidence={"correlation": shape.xi, "functions": float(n)},
        recheck=_recheck(suite, shape),
        score=shape.xi,
        gateable=False,
    )


def _recheck(suite: Suite, shape: _Shape) -> Recheck:
    members = Members(shape.rows)

    def again(column: Column, rows: Sequence[int]) -> float:
        some = members.among(rows)
        share = len(rows) / max(1, len(suite.rows))
        if len(some) < max(3.0, share * LEAST_FUNCTIONS):
            return 0.0
        found = _measure(suite, shape.x, shape.y, some, column)
        return found.log_p if found.xi >= LEAST_XI else 0.0

    return again
