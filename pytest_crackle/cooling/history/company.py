"""What goes with the failures of a flaky test: the test before, the worker, the time it takes."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.numeric import mid_ranks
from pytest_crackle.cooling.tails import log_hypergeometric_tail, log_rank_sum_p

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Companion", "Context", "companions"]

_LEAST_FAILURES: Final = 3
_LEAST_PASSES: Final = 5


@dataclass(frozen=True, slots=True)
class Context:
    """The circumstances of one run of a test.

    Attributes
    ----------
    failed : bool
    before : str
        Test that ran before it in the same worker; empty for the first one.
    worker : str
        Empty without workers.
    position : float
        Place in the order of its worker.
    seconds : float
        What it took; NaN where unknown.
    """

    failed: bool
    before: str
    worker: str
    position: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Companion:
    """A circumstance that goes with the failures.

    Attributes
    ----------
    log_p : float
    text : str
        ``after tests/a.py::test_b in 8 of 8 failures and 3 of 50 passes``.
    """

    log_p: float
    text: str


def companions(contexts: Sequence[Context]) -> tuple[list[Companion], int]:
    """Test every circumstance against the outcome.

    Returns
    -------
    list of Companion
        The surest first; whether any is sure enough is for the caller, who knows how many tests
        there are.
    int
        How many hypotheses were tested.

    Notes
    -----
    Each test before and each worker by Fisher's exact test, one-sided; position and time by rank
    sums, both directions, in the normal approximation, which is conservative for few failures.

    References
    ----------
    R. A. Fisher, "On the interpretation of chi-square from contingency tables, and the calculation
    of P", Journal of the Royal Statistical Society 85 (1922) 87-94, doi:10.2307/2340521.
    """
    failures = sum(context.failed for context in contexts)
    if failures < _LEAST_FAILURES or len(contexts) - failures < _LEAST_PASSES:
        return [], 0
    names = [
        ("after {}", [context.before for context in contexts]),
        ("in worker {}", [context.worker for context in contexts]),
    ]
    found: list[Companion] = []
    tested = 0
    for phrase, values in names:
        some, count = _by_name(phrase, values, contexts, failures)
        found += some
        tested += count
    numbers = [
        ("late in its worker's run", "early in its worker's run", [c.position for c in contexts]),
        ("when it takes long", "when it takes little time", [c.seconds for c in contexts]),
    ]
    for high, low, measured in numbers:
        some, count = _by_rank(high, low, measured, contexts)
        found += some
        tested += count
    return sorted(found, key=lambda one: (one.log_p, one.text)), tested


def _by_name(
    phrase: str, values: Sequence[str], contexts: Sequence[Context], failures: int
) -> tuple[list[Companion], int]:
    n = len(values)
    marked = Counter(values)
    hits = Counter(value for value, context in zip(values, contexts, strict=True) if context.failed)
    names = [name for name in marked if name and 1 < marked[name] < n]
    found = []
    for name in names:
        hit, all_of_it = hits[name], marked[name]
        if hit * n > failures * all_of_it:
            log_p = log_hypergeometric_tail(n, all_of_it, failures, hit)
            passes = f"{all_of_it - hit} of {n - failures} passes"
            text = f"{phrase.format(name)} in {hit} of {failures} failures and {passes}"
            found.append(Companion(log_p, text))
    return found, len(names)


def _by_rank(
    high: str, low: str, values: Sequence[float], contexts: Sequence[Context]
) -> tuple[list[Companion], int]:
    known = [(v, c.failed) for v, c in zip(values, contexts, strict=True) if math.isfinite(v)]
    failures = sum(failed for _, failed in known)
    if failures < _LEAST_FAILURES or len({value for value, _ in known}) < 2:
        return [], 0
    n = len(known)
    ranks = mid_ranks([value for value, _ in known])
    total = math.fsum(rank for rank, (_, failed) in zip(ranks, known, strict=True) if failed)
    above = log_rank_sum_p(failures, total, n)
    below = log_rank_sum_p(failures, failures * (n + 1) - total, n)
    log_p, text = min((above, high), (below, low))
    return [Companion(min(0.0, log_p + math.log(2)), text)], 1
