"""Budgets: METRIC <= VALUE [per test|in total] [in NODEID_GLOB], as written and parsed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from pytest_crackle.gating.globs import Glob
from pytest_crackle.gating.rules import marked
from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.metrics import BUILTIN, check_metric_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_crackle.model.metrics import MetricInfo

__all__ = ["SHAPE", "UNITS", "Budget", "Scope", "misfit", "parse_budget", "parse_budgets"]

Scope = Literal["per test", "in total"]

SHAPE: Final = "METRIC <= VALUE [per test|in total] [in NODEID_GLOB]"
OPTION: Final = "--crackle-budget"
UNITS: Final = {
    "ms": ("s", 1e-3),
    "s": ("s", 1.0),
    "min": ("s", 60.0),
    "KiB": ("B", 1024.0),
    "MiB": ("B", 1024.0**2),
    "GiB": ("B", 1024.0**3),
    "%": ("%", 0.01),
    "": ("", 1.0),
}
"""What a unit measures and how much of the base unit it is; nothing: the metric's own unit."""

_NUMBER: Final = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_WORD: Final = re.compile(r"\S*")
_NO_UNIT: Final = ("", "per", "in", "of")
_DIMENSIONLESS: Final = ("", "1")


@dataclass(frozen=True, slots=True)
class Budget:
    """What tests may spend.

    Attributes
    ----------
    metric : str
    amount : float
        At least 0, in `unit`.
    unit : str
        A key of `UNITS`; "%" is a share of the suite's total of the metric.
    scope : {"per test", "in total"}
    where : Glob or None
        The node ids it is about; None: all.
    """

    metric: str
    amount: float
    unit: str = ""
    scope: Scope = "per test"
    where: Glob | None = None

    @property
    def limit(self) -> float:
        """The amount in base units; a share for "%"."""
        return self.amount * UNITS[self.unit][1]

    def __str__(self) -> str:
        scope = "" if self.scope == "per test" else f" {self.scope}"
        where = f" in {self.where.text}" if self.where else ""
        return f"{self.metric} <= {repr(self.amount).removesuffix('.0')}{self.unit}{scope}{where}"


def parse_budget(text: str, *, option: str = OPTION) -> Budget:
    """Parse one budget.

    Parameters
    ----------
    text : str
        ``METRIC <= VALUE [per test|in total] [in NODEID_GLOB]``; without a scope: per test.
        VALUE is a number with ``ms s min KiB MiB GiB %`` or, in the metric's own unit, nothing.
    option : str
        Where the budget comes from, for the message.

    Returns
    -------
    Budget

    Raises
    ------
    CrackleError
        Naming the option, the budget with the wrong part marked, and what is allowed there; also
        if a built-in metric cannot have such a budget, and for budgets relative to a history.

    Examples
    --------
    >>> parse_budget("duration.call <= 2s in tests/api/*").limit
    2.0
    >>> str(parse_budget("db.queries<=500 in total"))
    'db.queries <= 500 in total'
    """
    text = text.strip()
    left, sign, _ = text.partition("<=")
    metric = left.strip()

    def wrong(start: int, end: int, allowed: str) -> CrackleError:
        return CrackleError(f"{option} {marked(text, start, end)}: {allowed}")

    if not sign:
        raise wrong(0, len(text), f"a budget is {SHAPE}")
    try:
        check_metric_name(metric)
    except CrackleError as error:
        raise wrong(0, len(left), str(error)) from None
    if "*" in metric:
        raise wrong(0, len(metric), "a budget is about one metric, which has no wildcard")
    start = _skip_blanks(text, len(left) + len(sign))
    if (place := text.find("of history", start)) >= 0:
        end = place + len("of history")
        raise wrong(place, end, "this needs a history of past runs: give an absolute value")
    number = _NUMBER.match(text, start)
    if number is None or not math.isfinite(float(number.group())):
        raise wrong(start, _word_end(text, start), "the value must be a number of at least 0")
    unit, end = _unit(text, number.end())
    if unit not in UNITS:
        known = ", ".join(filter(None, UNITS))
        raise wrong(end - len(unit), end, f"the unit must be one of {known}, or nothing")
    rest = _skip_blanks(text, end)
    scope, place = _scope(text, rest)
    where = _where(text, place)
    if isinstance(where, str):
        raise wrong(place, len(text), where)
    budget = Budget(metric, float(number.group()), unit, scope, where)
    problem = _senseless(budget) or misfit(budget, BUILTIN.get(metric))
    if problem:
        raise wrong(start, end, problem)
    return budget


def _skip_blanks(text: str, start: int) -> int:
    return len(text) - len(text[start:].lstrip())


def _word_end(text: str, start: int) -> int:
    word = _WORD.match(text, start)
    return word.end() if word else start


def _unit(text: str, start: int) -> tuple[str, int]:
    """Return the unit, perhaps an unknown one, and where it ends; "" if a scope follows at once."""
    place = _skip_blanks(text, start)
    end = _word_end(text, place)
    word = text[place:end]
    return ("", start) if place > start and word in _NO_UNIT else (word, end)


def _scope(text: str, start: int) -> tuple[Scope, int]:
    """Return the scope and where what follows begins."""
    scopes: tuple[Scope, ...] = ("per test", "in total")
    words = text[start:].split(maxsplit=2)
    for scope in scopes:
        if words[:2] == scope.split():
            return scope, len(text) - len(words[2]) if len(words) > 2 else len(text)
    return "per test", start


def _where(text: str, start: int) -> Glob | str | None:
    """Return the glob after "in", None if nothing is left, or what would be allowed here."""
    words = text[start:].split(maxsplit=1)
    if not words:
        return None
    if words[0] != "in" or len(words) < 2:
        return "after the value stands per test or in total, then in NODEID_GLOB, or nothing"
    try:
        return Glob(words[1])
    except CrackleError as error:
        return str(error)


def _senseless(budget: Budget) -> str | None:
    """Say why a share can never, or always, be kept; None if it can."""
    if budget.unit != "%":
        return None
    if budget.amount > 100:
        return "a share is at most 100 %: it is one of the suite's total of the metric"
    if budget.scope == "in total" and budget.where is None:
        return "all tests together have 100 %: say which tests, with in NODEID_GLOB"
    return None


def misfit(budget: Budget, info: MetricInfo | None) -> str | None:
    """Say why a metric cannot have this budget; None if it can, or if nothing is known about it.

    Parameters
    ----------
    budget : Budget
    info : MetricInfo or None

    Returns
    -------
    str or None
        A clause without a full stop.

    Notes
    -----
    A level is read after each test: the sum of its readings means nothing, so it has neither a
    total nor shares. A metric recorded without a unit takes any: its values count as base units.
    """
    if info is None:
        return None
    if info.kind == "level" and (budget.unit == "%" or budget.scope == "in total"):
        return f"{info.name} is a level, read after each test: it has no total"
    if UNITS[budget.unit][0] in ("", "%", info.unit) or info.unit == budget.unit:
        return None
    if info.unit not in _DIMENSIONLESS:
        return f"{info.name} is recorded in {info.unit}, not in {budget.unit}"
    return f"{info.name} is a plain number, without a unit" if info.builtin else None


def parse_budgets(texts: Iterable[str], *, option: str = OPTION) -> tuple[Budget, ...]:
    """Parse all budgets; one given twice counts once.

    Raises
    ------
    CrackleError
        For the first that is wrong, as `parse_budget` says.
    """
    return tuple(dict.fromkeys(parse_budget(text, option=option) for text in texts))
