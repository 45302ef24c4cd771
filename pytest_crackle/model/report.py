"""The finished report: the one object that every writer reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pytest_crackle.model.units import count_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.model.table import MetricTable

__all__ = [
    "BudgetBreach",
    "CoolingInfo",
    "Gate",
    "MetricSummary",
    "NotTested",
    "Report",
    "SessionInfo",
    "Verdict",
    "WorkerInfo",
]

Verdict = Literal["none", "pass", "fail", "inconclusive"]


@dataclass(frozen=True, slots=True)
class NotTested:
    """Something that was not looked at, and why."""

    detector: str
    metric: str
    reason: str


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """One process that ran tests; `machine` names the machine of a shard, else `host` does."""

    id: str
    pid: int | None = None
    host: str | None = None
    python: str | None = None
    tests: int = 0
    crashed: bool = False
    machine: str | None = None


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """The session that was fired.

    Attributes
    ----------
    started : str or None
        UTC, ISO 8601 with a trailing Z.
    duration : float
        Seconds from start to finish.
    exitstatus : int
        The one that the process will end with.
    complete : bool
        False when a collected test has no final report, a worker died or the run stopped early.
    incomplete_because : str or None
        The reason in words.
    partial_because : str or None
        Why only a part of the suite was selected ("-k", "--lf"), or None.
    dist : str
        "no" or the mode of pytest-xdist.
    collected : int or None
        Tests that were selected to run.
    environment : str or None
        Python, system and processor in one key, as a history knows them.
    commit, branch : str or None
        Version of the code, where it was asked for and anybody knows.
    dirty : bool
        Whether files under version control differed from the commit.
    """

    started: str | None = None
    duration: float = 0.0
    exitstatus: int = 0
    complete: bool = True
    incomplete_because: str | None = None
    partial_because: str | None = None
    python: str | None = None
    pytest: str | None = None
    platform: str | None = None
    dist: str = "no"
    collected: int | None = None
    environment: str | None = None
    commit: str | None = None
    branch: str | None = None
    dirty: bool = False
    workers: tuple[WorkerInfo, ...] = ()

    def machines(self) -> dict[str, str]:
        """Return the machine of each worker; {} if all of them ran on one."""
        named = {worker.id: worker.machine or worker.host for worker in self.workers}
        known = [name for name in named.values() if name]
        if len(set(known)) < 2:
            return {}
        return {worker: name or known[0] for worker, name in named.items()}

    def shared_by(self) -> str:
        """Say who shared the tests: ``4 workers (dist load)``, ``3 machines``; "" if nobody did."""
        n_workers, n_machines = len(self.workers), len(set(self.machines().values()))
        parts = [count_of(n_workers, "worker")] if n_workers and n_workers != n_machines else []
        parts += [count_of(n_machines, "machine")] if n_machines else []
        how = f" (dist {self.dist})" if parts and self.dist != "no" else ""
        return f"{' on '.join(parts)}{how}"


@dataclass(frozen=True, slots=True)
class CoolingInfo:
    """How the session was cooled."""

    rate: str = "normal"
    detectors: tuple[str, ...] = ()
    hypotheses: int = 0
    seconds: float = 0.0
    not_tested: tuple[NotTested, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """One metric over all tests that have it; base units."""

    name: str
    unit: str
    kind: str
    tests: int
    total: float
    median: float


@dataclass(frozen=True, slots=True)
class BudgetBreach:
    """One test or group over a budget: what was spent and what was allowed, in base units."""

    budget: str
    subject: str
    metric: str
    unit: str
    value: float
    limit: float


@dataclass(frozen=True, slots=True)
class Gate:
    """What the gate says.

    Attributes
    ----------
    rules, budgets : tuple of str
        As configured.
    verdict : {"none", "pass", "fail", "inconclusive"}
        "none" without rules and budgets.
    failed : tuple of str
        Ids of the patterns that fail it.
    breaches : tuple of BudgetBreach
        Worst first.
    reason : str or None
        One sentence: why it fails, or why it could not be evaluated.
    dry_run : bool
        Evaluated, but without effect on the exit status.
    fails_session : bool
        Whether an exit status of 0 becomes 1.
    worse, expired : tuple of str
        Ids of patterns that are worse than accepted, or whose acceptance is over.
    notes : tuple of str
        What could not be judged beside a verdict, a clause each.
    """

    rules: tuple[str, ...] = ()
    budgets: tuple[str, ...] = ()
    verdict: Verdict = "none"
    failed: tuple[str, ...] = ()
    breaches: tuple[BudgetBreach, ...] = ()
    reason: str | None = None
    dry_run: bool = False
    fails_session: bool = False
    worse: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a session gave; the same numbers in every output.

    Attributes
    ----------
    version : str
        Of pytest-crackle.
    session : SessionInfo
    cooling : CoolingInfo
    metrics : sequence of MetricSummary
        Sorted by name.
    table : MetricTable
        All tests.
    patterns : tuple of Pattern
        In the order in which they are told.
    gate : Gate
    faults : tuple of str
        Our own faults, a line each.
    removable : tuple of str
        Ids in the baseline that no longer occur.
    """

    version: str
    session: SessionInfo
    cooling: CoolingInfo
    metrics: Sequence[MetricSummary]
    table: MetricTable
    patterns: tuple[Pattern, ...] = ()
    gate: Gate = field(default_factory=Gate)
    faults: tuple[str, ...] = ()
    removable: tuple[str, ...] = ()

    @property
    def found(self) -> str:
        """How many patterns there are, in words; without detectors nobody looked."""
        if self.patterns:
            return count_of(len(self.patterns), "pattern")
        return "no patterns" if self.cooling.detectors else "not looked for patterns"
