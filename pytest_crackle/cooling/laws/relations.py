"""Relations: equations between custom metrics, told with the tests that break them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.detectors.base import Detection, Finding
from pytest_crackle.cooling.laws.equation import LEAST_TESTS, MOST_TUPLES, TUPLES_HOLD
from pytest_crackle.cooling.laws.equations import find_equations
from pytest_crackle.cooling.replica import Members
from pytest_crackle.cooling.roles import aliases_of
from pytest_crackle.cooling.within import spread_over
from pytest_crackle.cooling.wording import breaking
from pytest_crackle.model.pattern import PatternKind
from pytest_crackle.model.units import count_of, format_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.detectors.base import Column, Recheck
    from pytest_crackle.cooling.laws.equation import Equation
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.roles import Alias
    from pytest_crackle.cooling.suite import Suite

__all__ = ["find_relations"]

# people count on an equation to the last digit, or else within this share
_WITHIN: Final = 0.01


def find_relations(suite: Suite, _profile: Profile) -> Detection:
    """Tell the equations that hold between custom metrics, and who breaks them.

    Parameters
    ----------
    suite : Suite
    _profile : Profile
        Not asked: an equation holds at every rate or not at all.

    Returns
    -------
    Detection
        Findings of kind conservation, sub-kind relation: sums with or without breakers, ratios and
        lines only with breakers. `rows` hold it, `exceptions` break it. `evidence`: `tests`,
        `holding`, `breakers`, `slope`, `intercept` and `spread` (how far off a test may be, as a
        share; of the range of y for a line). Ratios and lines without breaker, and metrics that
        are others in a different unit, are notes.
    """
    equations = find_equations(suite)
    told = [e for e in equations.found if e.form == "sum" or e.breakers]
    silent = [e for e in equations.found if e.form != "sum" and not e.breakers]
    notes = [_alias_note(alias) for alias in aliases_of(suite)]
    notes += [_note(_readable(equation)) for equation in silent]
    return Detection(
        tuple(_finding(suite, equation) for equation in told),
        equations.hypotheses,
        notes=tuple(notes),
    )


def _alias_note(alias: Alias) -> str:
    ratio, metric, of = alias.ratio, alias.metric, alias.of
    if abs(ratio) < 1:
        ratio, metric, of = 1 / ratio, of, metric
    times = "" if ratio == 1 else f"{_number(ratio)} x "
    return (
        f"{metric} = {times}{of} in all {count_of(alias.n_tests, 'test')} that record both:"
        f" taken as one metric, {alias.of}."
    )


def _note(equation: Equation) -> str:
    tests = count_of(len(equation.rows), "test")
    return f"{_statement(equation)} in all {tests} that record both."


def _readable(equation: Equation) -> Equation:
    """Solve for the metric that is a multiple of the other: y = 8 x rather than x = 0.125 y."""
    if equation.form == "sum" or abs(equation.slope) >= 1:
        return equation
    other = equation.inverted()
    return other if math.isfinite(other.slope) and math.isfinite(other.intercept) else equation


def _finding(suite: Suite, equation: Equation) -> Finding:
    equation = _readable(equation)
    breakers = frozenset(equation.breakers)
    holding = tuple(row for row in equation.rows if row not in breakers)
    evidence = {
        "tests": float(len(equation.rows)),
        "holding": float(len(holding)),
        "breakers": float(len(breakers)),
        "slope": equation.slope,
        "intercept": equation.intercept,
        "spread": _spread(equation),
    }
    return Finding(
        kind=PatternKind.CONSERVATION,
        subkind="relation",
        summary=_sentence(suite, equation, len(holding)),
        metrics=equation.metrics,
        rows=holding,
        anchor="",  # with or without an intercept: one relation
        log_p=equation.log_p,
        exceptions=equation.breakers,
        evidence=evidence,
        recheck=_recheck(suite, equation),
        score=float(len(equation.rows)),
    )


def _spread(equation: Equation) -> float:
    return 0.0 if equation.is_exact else _WITHIN


def _number(value: float) -> str:
    """Write a number with the digits that a reader needs to check an equation."""
    return format_count(value) if value.is_integer() else f"{value:.6g}"


def _statement(equation: Equation) -> str:
    if equation.form == "sum":
        a, b, c = equation.metrics
        return f"{a} = {b} + {c}"
    y, x = equation.metrics
    slope, intercept = equation.slope, equation.intercept
    text = f"{y} = {'-' if slope < 0 else ''}{_times(abs(slope))}{x}"
    if equation.form == "line" and intercept:
        text += f" {'-' if intercept < 0 else '+'} {_number(abs(intercept))}"
    if equation.is_exact:
        return text
    return f"{text} within 1 %{' of its range' if equation.form == 'line' else ''}"


def _times(factor: float) -> str:
    return "" if factor == 1 else f"{_number(factor)} x "


def _sentence(suite: Suite, equation: Equation, n_holding: int) -> str:
    tests = count_of(len(equation.rows), "test")
    if not equation.breakers:
        return f"{_statement(equation)} in all {tests} that record them."
    columns = [suite.column(name) for name in equation.metrics]
    cases = []
    for row in equation.breakers:
        values = [column[row] for column in columns]
        cases.append((suite.table.nodeids[row], _instead(equation, values)))
    return f"{_statement(equation)} in {n_holding:,} of {tests}; {breaking(cases)}."


def _instead(equation: Equation, values: Sequence[float]) -> str:
    if equation.form == "sum":
        a, b, c = map(_number, values)
        return f"{a}, not {b} + {c}"
    y, x = values
    return f"{_number(y)}, not {_number(equation.slope * x + equation.intercept)}"


def _recheck(suite: Suite, equation: Equation) -> Recheck:
    members, breakers = Members(equation.rows), frozenset(equation.breakers)

    def again(column: Column, rows: Sequence[int]) -> float:
        share = len(rows) / max(1, len(suite.rows))
        some = members.among(rows)
        columns = [column(name) for name in equation.metrics]
        values = {row: tuple(source[row] for source in columns) for row in some}
        off = {row for row in some if not equation.holds(values[row])}
        if off != breakers or len(some) < share * LEAST_TESTS:
            return 0.0
        some_tuples = [v for v in values.values() if equation.form != "sum" or all(v)]
        tuples = spread_over(list(dict.fromkeys(some_tuples)), MOST_TUPLES)
        n_holding = sum(map(equation.holds, tuples))
        if n_holding < TUPLES_HOLD * len(tuples):
            return 0.0
        return equation.log_p_of(len(tuples), n_holding)

    return again
