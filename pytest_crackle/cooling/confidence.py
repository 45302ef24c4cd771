"""Confidence: the chance that a rerun of the same suite reports a found pattern again.

Each pattern is tested again, on its own columns and by its own rule, in replicas of the session:
four in five of the tests, with the seconds jittered as a rerun would jitter them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import compress
from typing import TYPE_CHECKING, Final, overload

from pytest_crackle.cooling.replica import ReplicaRows

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_crackle.cooling.detectors.base import Column, Finding, Recheck
    from pytest_crackle.cooling.suite import Suite

__all__ = ["N_REPLICAS", "Replication", "noise_of", "replicate"]

N_REPLICAS: Final = 50
_LARGE: Final = 2_000
_ENOUGH: Final = 25
"""In suites of more than _LARGE tests so many replicas that all say the same are enough: the claim
is 26/27 instead of 51/52, and both are shown as 95 %."""
_SEED: Final = 20261123
# a byte below this keeps a test: 205/256 is 80.1 %
_KEPT_OF_256: Final = 205
_KEEP: Final = bytes(byte < _KEPT_OF_256 for byte in range(256))  # to marks: 1 keeps a test

# The noise law: scale of ln(seconds) between two runs of the same test on the same machine,
# without what moved all tests of the run. Calibrated on the CPU time of 36,000 tests of
# seven suites recorded twice (MAD / sqrt 2 by half decade): 25 % at 1-3 ms, 18 % at 10-30 ms,
# 10 % at 100 ms, 7 % at 1 s, 3 % above. Wall times get the same law: theirs was 20-57 % on that
# busy machine, which says more about it than about a rerun elsewhere.
_NOISE_FLOOR: Final = 0.05
_NOISE_OF_SHORT: Final = 0.20
_NOISE_SECONDS: Final = 0.030
# a test that truly waits repeats to some per mille
_WAIT_NOISE: Final = 0.003
_TRUE_WAIT: Final = 0.8
_WAIT_SECONDS: Final = 0.050

_TABLE_BITS: Final = 12
_GOLDEN: Final = 0x9E3779B1  # 2**32 over the golden ratio: neighbours fall far apart
_WORD: Final = 0xFFFFFFFF
_SHIFT: Final = 32 - _TABLE_BITS


@dataclass(frozen=True, slots=True)
class Replication:
    """How a finding did in the replicas.

    Attributes
    ----------
    confidence : float
        Between 0 and 1.
    hits : int or None
        Replicas that showed it; None where nothing was tested again.
    replicas : int
        Replicas that were asked.
    error : Exception or None
        What its recheck raised; such a finding counts as never seen again.
    """

    confidence: float
    hits: int | None = None
    replicas: int = 0
    error: Exception | None = None


def replicate(
    findings: Sequence[Finding],
    log_qs: Sequence[float],
    suite: Suite,
    log_limit: float,
    n_replicas: int = N_REPLICAS,
) -> list[Replication]:
    """Estimate for each finding the chance that a rerun reports it again.

    Parameters
    ----------
    findings : sequence of Finding
    log_qs : Sequence[float], shape (len(findings),)
        Natural logarithms of their q-values.
    suite : Suite
    log_limit : float
        Largest ln p that counts as found in this session.
    n_replicas : int

    Returns
    -------
    list of Replication
        ``(1 - q) (hits + 1) / (replicas + 2)``; a confidence that a finding fixes is kept; one that
        cannot be tested again gets ``1 - q``.

    Notes
    -----
    All findings see the same replicas. A replica keeps each test with probability 0.8 and always
    keeps the exceptions that the finding names. The seconds of a test are jittered when a recheck
    reads them and not before, by a Student t with 4 degrees of freedom from a table of its
    quantiles, so what a replica costs depends on the tests that the rechecks look at and not on
    the size of the table: O(n_replicas (n_tests + tests read)). Levels are not jittered. In suites
    of more than 2,000 tests a finding that 25 replicas showed all or none of is settled.
    Deterministic.
    """
    tallies = _ask(findings, suite, log_limit, n_replicas)
    out = []
    for index, (finding, log_q) in enumerate(zip(findings, log_qs, strict=True)):
        q = math.exp(log_q)
        if finding.confidence is not None:
            out.append(Replication(finding.confidence))
        elif finding.recheck is None:
            out.append(Replication(1 - q))
        else:
            tally = tallies[index]
            asked = tally.asked if tally.error is None else n_replicas
            confidence = (1 - q) * (tally.hits + 1) / (asked + 2)
            out.append(Replication(confidence, tally.hits, tally.asked, tally.error))
    return out


@dataclass
class _Tally:
    """How a finding is doing."""

    recheck: Recheck
    exceptions: tuple[int, ...]
    asked: int = 0
    hits: int = 0
    error: Exception | None = None

    def is_settled(self, enough: int) -> bool:
        """Whether enough replicas have said all the same."""
        return self.asked >= enough and self.hits in (0, self.asked)


def _ask(
    findings: Sequence[Finding], suite: Suite, log_limit: float, n_replicas: int
) -> dict[int, _Tally]:
    """Count the replicas that show each finding that can be asked, by its place."""
    tallies = {
        index: _Tally(finding.recheck, finding.exceptions)
        for index, finding in enumerate(findings)
        if finding.confidence is None and finding.recheck is not None
    }
    enough = _ENOUGH if len(suite.rows) > _LARGE else n_replicas
    rng = random.Random(_SEED)
    for _ in range(n_replicas):
        unsettled = [
            tally
            for tally in tallies.values()
            if tally.error is None and not tally.is_settled(enough)
        ]
        if not unsettled:
            break
        rows = _drawn(suite, rng)
        column = _jittered_columns(suite, rng.getrandbits(32))
        for tally in unsettled:
            _count(tally, column, rows, log_limit)
    return tallies


def _drawn(suite: Suite, rng: random.Random) -> ReplicaRows:
    """Draw the tests of a replica."""
    kept = rng.randbytes(len(suite.rows)).translate(_KEEP)
    rows = list(compress(suite.rows, kept))
    if len(suite.rows) == suite.n_tests:
        return ReplicaRows(rows, kept)
    marks = bytearray(suite.n_tests)
    for row in rows:
        marks[row] = 1
    return ReplicaRows(rows, marks)


def _count(tally: _Tally, column: Column, rows: ReplicaRows, log_limit: float) -> None:
    tally.asked += 1
    try:
        tally.hits += tally.recheck(column, rows.including(tally.exceptions)) <= log_limit
    except Exception as error:  # noqa: BLE001 - third parties write rechecks
        tally.hits, tally.error = 0, error


def noise_of(seconds: float) -> float:
    """Return the scale of ln(seconds) that a rerun of a test shows.

    Examples
    --------
    >>> [round(noise_of(seconds), 2) for seconds in (0.001, 0.03, 3.0)]
    [0.24, 0.15, 0.05]
    """
    return _NOISE_FLOOR + _NOISE_OF_SHORT / (1 + seconds / _NOISE_SECONDS)


def _jittered_columns(suite: Suite, key: int) -> Column:
    columns: dict[str, Sequence[float]] = {}

    def column(name: str) -> Sequence[float]:
        found = columns.get(name)
        if found is None:
            info = suite.table.info(name)
            found = suite.column(name)
            if info.unit == "s" and info.kind != "level":
                # names apart, so that the phases of a test jitter independently
                own = key ^ random.Random(name).getrandbits(32)
                found = _Jittered(found, _wait_of(suite, name), own)
            columns[name] = found
        return found

    return column


def _wait_of(suite: Suite, name: str) -> Callable[[int], float]:
    """Give the share of a time that a test waited: of its own phase where its CPU time is known."""
    if name.startswith("cpu"):
        return lambda _: 0.0
    whole = suite.wait
    phase_cpu = name.replace("duration.", "cpu.", 1)
    if phase_cpu == name or phase_cpu not in suite.table.columns:
        return whole.__getitem__
    wall, cpu, delay = suite.column(name), suite.column(phase_cpu), suite.column("delay")

    def wait(row: int) -> float:
        # the delay is known for the whole test only: all of it is the careful choice
        busy = cpu[row] + max(0.0, delay[row])
        return whole[row] if math.isnan(busy) else 1.0 - min(1.0, busy / wall[row])

    return wait


class _Jittered(Sequence[float]):
    """A column of seconds as a rerun might show it; each value is made when it is read."""

    __slots__ = ("_key", "_quantiles", "_seconds", "_wait")

    def __init__(self, seconds: Sequence[float], wait: Callable[[int], float], key: int) -> None:
        self._seconds = seconds
        self._wait = wait
        self._key = key
        self._quantiles = _student_quantiles()

    def __len__(self) -> int:
        return len(self._seconds)

    @overload
    def __getitem__(self, row: int) -> float: ...
    @overload
    def __getitem__(self, row: slice) -> list[float]: ...
    def __getitem__(self, row: int | slice) -> float | list[float]:
        if isinstance(row, slice):
            return [self[i] for i in range(*row.indices(len(self)))]
        seconds = self._seconds[row]
        if not seconds > 0:
            return seconds
        noise = _NOISE_FLOOR + _NOISE_OF_SHORT / (1 + seconds / _NOISE_SECONDS)
        if seconds >= _WAIT_SECONDS and self._wait(row) >= _TRUE_WAIT:
            noise = _WAIT_NOISE
        slot = ((row * _GOLDEN + self._key) & _WORD) >> _SHIFT
        return seconds * math.exp(noise * self._quantiles[slot])


@cache
def _student_quantiles() -> tuple[float, ...]:
    """Quantiles of Student's t with 4 degrees of freedom at equal steps, shuffled.

    With 4 degrees the quantile has a closed form: W. T. Shaw, "Sampling Student's T distribution",
    Journal of Computational Finance 9 (2006) 37-73, doi:10.21314/JCF.2006.150.
    """
    n = 1 << _TABLE_BITS
    out = []
    for i in range(n // 2):
        alpha = math.sqrt(4 * (i + 0.5) / n * (1 - (i + 0.5) / n))
        t = 2 * math.sqrt(math.cos(math.acos(alpha) / 3) / alpha - 1)
        out += [t, -t]
    random.Random(_SEED).shuffle(out)
    return tuple(out)
