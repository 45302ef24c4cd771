"""What tests spent against their budgets."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.gating.budgets import misfit, parse_budget
from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.report import BudgetBreach
from pytest_crackle.model.units import count_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_crackle.gating.budgets import Budget
    from pytest_crackle.model.metrics import MetricInfo
    from pytest_crackle.model.table import MetricTable

__all__ = ["Spending", "check_budgets", "own_budgets"]

MARK: Final = "@pytest.mark.crackle budget"
ROUNDING: Final = 1 + 1e-9
"""A sum or a scaled limit is off by the last digit of a float; no budget is about that."""


@dataclass(frozen=True, slots=True)
class Spending:
    """What came of all budgets.

    Attributes
    ----------
    breaches : tuple of BudgetBreach
        All of them, worst first: by the ratio of what was spent to what was allowed.
    judged : tuple of str
        Budgets that were compared with at least one value.
    unjudged : tuple of str
        A clause for each budget that had nothing to be compared with.
    problems : tuple of str
        A clause for each budget that cannot be judged as it is written.
    """

    breaches: tuple[BudgetBreach, ...] = ()
    judged: tuple[str, ...] = ()
    unjudged: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def own_budgets(table: MetricTable) -> tuple[dict[int, tuple[Budget, ...]], tuple[str, ...]]:
    """Parse the budgets that tests carry as marks.

    Parameters
    ----------
    table : MetricTable
        `budgets` from the closest mark to the farthest: the first of a metric counts.

    Returns
    -------
    dict of row to tuple of Budget
    tuple of str
        What is wrong with marks, with a test each, once a text.
    """
    parsed: dict[tuple[str, ...], tuple[Budget, ...]] = {}
    problems: list[str] = []
    rows: dict[int, tuple[Budget, ...]] = {}
    for row, texts in table.budgets.items():
        if texts not in parsed:
            parsed[texts] = _parse_marks(texts, table.nodeids[row], problems)
        if parsed[texts]:
            rows[row] = parsed[texts]
    return rows, tuple(dict.fromkeys(problems))


def _parse_marks(texts: Sequence[str], nodeid: str, problems: list[str]) -> tuple[Budget, ...]:
    closest: dict[str, Budget] = {}
    for text in texts:
        try:
            budget = parse_budget(text, option=MARK)
        except CrackleError as error:
            problems.append(f"{nodeid}: {error}")
            continue
        if budget.scope == "in total" or budget.where:
            problems.append(f"{nodeid}: {MARK} {text!a}: a mark is about its own test only")
            continue
        closest.setdefault(budget.metric, budget)
    return tuple(closest.values())


def check_budgets(budgets: Iterable[Budget], table: MetricTable, *, whole: bool = True) -> Spending:
    """Compare what was spent with what was allowed.

    Parameters
    ----------
    budgets : iterable of Budget
        Those of the session; marks are taken from the table.
    table : MetricTable
    whole : bool
        False for a run of a part of the suite, of which shares say nothing.

    Returns
    -------
    Spending

    Notes
    -----
    A test's mark replaces the session's budgets per test for the same metric. A test pays for what
    it does itself: `duration`, `cpu` and their set-up per test are without the set-ups of class,
    module, package and session fixtures, which are paid by whichever test comes first; totals have
    everything. A metric that a test did not record was not spent. O(budgets x tests).
    """
    ledger = _Ledger(table, whole=whole)
    own, problems = own_budgets(table)
    ledger.problems += problems
    for budget in budgets:
        if ledger.can_judge(budget):
            if budget.scope == "in total":
                ledger.check_total(budget)
            else:
                ledger.check_each(budget, own)
    for budget, rows in _by_budget(own).items():
        if ledger.can_judge(budget):
            ledger.check_rows(budget, rows)
    return ledger.spending()


def _by_budget(own: dict[int, tuple[Budget, ...]]) -> dict[Budget, list[int]]:
    rows: dict[Budget, list[int]] = {}
    for row in sorted(own):
        for budget in own[row]:
            rows.setdefault(budget, []).append(row)
    return rows


class _Ledger:
    """Breaches so far, and the values that budgets are compared with."""

    def __init__(self, table: MetricTable, *, whole: bool) -> None:
        self.table, self.whole = table, whole
        self.problems: list[str] = []
        self._breaches: list[tuple[float, BudgetBreach]] = []
        self._judged: list[str] = []
        self._unjudged: list[str] = []
        self._columns: dict[str, Sequence[float]] = {}
        self._totals: dict[str, float] = {}
        self._names = _told_apart(table)

    def can_judge(self, budget: Budget) -> bool:
        """Whether there is something to compare; if not, note why."""
        column = self.table.columns.get(budget.metric, ())
        if all(value != value for value in column):  # noqa: PLR0124 - NaN
            self._unjudged.append(f"no test recorded {budget.metric}")
        elif problem := misfit(budget, self.table.info(budget.metric)):
            self.problems.append(f"budget {budget}: {problem}")
        elif budget.unit == "%" and not self.whole:
            self._unjudged.append(f"a part of the suite has no shares for {budget}")
        elif budget.unit == "%" and not self._total(budget.metric) > 0:
            self._unjudged.append(f"the total of {budget.metric} is 0, which has no shares")
        else:
            return True
        return False

    def check_each(self, budget: Budget, own: dict[int, tuple[Budget, ...]]) -> None:
        """Compare every test that has no budget of its own for the metric."""
        rows = [
            row
            for row in self._rows(budget)
            if not any(mine.metric == budget.metric for mine in own.get(row, ()))
        ]
        self.check_rows(budget, rows)

    def check_rows(self, budget: Budget, rows: Iterable[int]) -> None:
        """Compare each of these tests with a budget per test."""
        column, compared = self._own_cost(budget.metric), False
        for row in rows:
            value = column[row]
            if value == value:  # noqa: PLR0124 - NaN
                compared = True
                self._compare(budget, self._names[row], value)
        self._note(budget, compared=compared)

    def check_total(self, budget: Budget) -> None:
        """Compare the sum over all tests, or over those of the glob."""
        column = self.table.column(budget.metric)
        values = [column[row] for row in self._rows(budget) if column[row] == column[row]]
        if values:
            who = count_of(len(values), "test")
            who = f"{who} in {budget.where.text}" if budget.where else f"all {who}"
            self._compare(budget, who, _sum(values))
        self._note(budget, compared=bool(values))

    def spending(self) -> Spending:
        """Return all, the worst breaches first."""
        ranked = sorted(self._breaches, key=lambda one: (-one[0], -one[1].value, *_name(one[1])))
        return Spending(
            tuple(breach for _, breach in ranked),
            tuple(dict.fromkeys(self._judged)),
            tuple(dict.fromkeys(self._unjudged)),
            tuple(dict.fromkeys(self.problems)),
        )

    def _rows(self, budget: Budget) -> Iterable[int]:
        nodeids, where = self.table.nodeids, budget.where
        if where is None:
            return range(len(nodeids))
        return (row for row, nodeid in enumerate(nodeids) if where.matches(nodeid))

    def _note(self, budget: Budget, *, compared: bool) -> None:
        if compared:
            self._judged.append(str(budget))
        else:
            self._unjudged.append(f"no test that ran is under {budget}")

    def _compare(self, budget: Budget, subject: str, value: float) -> None:
        info = self.table.info(budget.metric)
        limit = self._limit(budget, info)
        if value > limit * ROUNDING:
            breach = BudgetBreach(str(budget), subject, budget.metric, info.unit, value, limit)
            self._breaches.append((value / limit if limit else math.inf, breach))

    def _limit(self, budget: Budget, info: MetricInfo) -> float:
        if budget.unit == "%":
            return budget.limit * self._total(budget.metric)
        # a metric that is itself recorded in ms, say, is compared as it is
        return budget.amount if info.unit == budget.unit else budget.limit

    def _total(self, metric: str) -> float:
        if metric not in self._totals:
            values = self.table.column(metric)
            self._totals[metric] = _sum(value for value in values if value == value)  # noqa: PLR0124
        return self._totals[metric]

    def _own_cost(self, metric: str) -> Sequence[float]:
        if metric not in self._columns:
            self._columns[metric] = _without_wide_setups(self.table, metric)
        return self._columns[metric]


def _name(breach: BudgetBreach) -> tuple[str, str]:
    return breach.budget, breach.subject


def _told_apart(table: MetricTable) -> list[str]:
    """Node ids, with the worker where several ran the same test (``--dist each``)."""
    if len(set(table.nodeids)) == table.n_tests:
        return table.nodeids
    return [
        f"{nodeid} ({worker})" if worker else nodeid
        for nodeid, worker in zip(table.nodeids, table.workers, strict=True)
    ]


def _without_wide_setups(table: MetricTable, metric: str) -> Sequence[float]:
    column = table.column(metric)
    wide = {"duration": "wall", "duration.setup": "wall", "cpu": "cpu", "cpu.setup": "cpu"}
    if metric not in wide:
        return column
    own = list(column)
    for row, setups in table.setups.items():
        spent = [
            s.wall if wide[metric] == "wall" else s.cpu for s in setups if s.scope != "function"
        ]
        own[row] -= min(own[row], math.fsum(spent)) if own[row] > 0 else 0.0
    return own


def _sum(values: Iterable[float]) -> float:
    try:
        return math.fsum(values)
    except OverflowError:
        return sys.float_info.max
