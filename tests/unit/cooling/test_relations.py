"""How equations between custom metrics are told."""

from __future__ import annotations

import math

import pytest

from pytest_crackle.cooling.laws.relations import find_relations
from pytest_crackle.cooling.profiles import Profile
from tests.custom_tables import custom_suite
from tests.unit.cooling.test_equations import columns_of_sum, lognormal

NORMAL = Profile.normal()


def relations(columns, **more):
    return find_relations(custom_suite(columns, **more), NORMAL)


def only(columns, **more):
    (finding,) = relations(columns, **more).findings
    return finding


def test_sum_that_one_test_breaks():
    columns = columns_of_sum(breakers=[5])
    finding = only(columns)
    a, b, c = (columns[name][5] for name in finding.metrics)
    names = " + ".join(finding.metrics[1:])
    assert finding.summary == (
        f"rows_in = {names} in 99 of 100 tests;"
        f" t0.py::test_0005 breaks it ({a:.0f}, not {b:.0f} + {c:.0f})."
    )
    assert (finding.kind, finding.subkind) == ("conservation", "relation")
    assert finding.exceptions == (5,)
    assert len(finding.rows) == finding.evidence["holding"] == 99
    assert finding.evidence["breakers"] == 1


def test_sum_without_breakers():
    finding = only(columns_of_sum())
    assert finding.summary.endswith(" in all 100 tests that record them.")
    assert finding.exceptions == ()


def test_ratio_is_told_with_its_breaker():
    x = [float(round(v)) + 1 for v in lognormal(1)]
    y = [v / 8 for v in x]
    y[7] = 90.0
    finding = only({"x": x, "y": y})
    assert finding.summary == (
        f"x = 8 x y in 99 of 100 tests; t0.py::test_0007 breaks it ({x[7]:.0f}, not 720)."
    )
    assert finding.evidence["slope"] == 8


def test_line_is_told_with_its_breaker():
    x = [float(round(v)) for v in lognormal(1)]
    y = [v + 3 for v in x]
    y[7] = 900.0
    finding = only({"x": x, "y": y})
    assert finding.summary == (
        f"y = x + 3 in 99 of 100 tests; t0.py::test_0007 breaks it (900, not {x[7] + 3:.0f})."
    )


def test_falling_line():
    x = [float(round(v)) for v in lognormal(1)]
    y = [1000 - 2 * v for v in x]
    y[7] = 5000.0
    assert only({"x": x, "y": y}).summary.startswith("y = -2 x x + 1,000 in 99 of 100 tests;")


@pytest.mark.parametrize(
    ("y_of", "note"),
    [
        (lambda v: 8 * v, "y = 8 x x in all 100 tests that record both: taken as one metric, x."),
        (lambda v: v, "y = x in all 100 tests that record both: taken as one metric, x."),
        (lambda v: v / 4, "x = 4 x y in all 100 tests that record both: taken as one metric, x."),
        (lambda v: v - 3, "y = x - 3 in all 100 tests that record both."),
        (lambda v: 2 * v + 0.5, "y = 2 x x + 0.5 in all 100 tests that record both."),
        (lambda v: v / 2 + 10, "x = 2 x y - 20 in all 100 tests that record both."),
    ],
)
def test_what_nobody_breaks_is_a_note(y_of, note):
    x = [float(round(v)) + 1 for v in lognormal(1)]
    detection = relations({"x": x, "y": [y_of(v) for v in x]})
    assert detection.findings == ()
    assert detection.notes == (note,)


def test_one_per_cent_is_said():
    x = [float((37 * i) % 101) + 10 for i in range(100)]
    y = [3 * v * (1.004 if i % 2 else 0.996) for i, v in enumerate(x)]
    y[7] *= 2
    finding = only({"x": x, "y": y})
    assert " x x within 1 % in 99 of 100 tests; " in finding.summary
    assert finding.evidence["spread"] == 0.01


def test_a_line_within_one_per_cent_of_its_range():
    x = [float((37 * i) % 101) for i in range(100)]
    y = [500 + 3 * v + (0.5 if i % 2 else -0.5) for i, v in enumerate(x)]
    y[7] = 5000.0
    assert " within 1 % of its range in 99 of 100 tests; " in only({"x": x, "y": y}).summary


def test_recheck():
    suite = custom_suite(columns_of_sum(breakers=[5]))
    (finding,) = find_relations(suite, NORMAL).findings
    assert finding.recheck is not None
    assert finding.recheck(suite.column, suite.rows) == pytest.approx(finding.log_p)
    most = [row for row in suite.rows if row % 5 or row == 5]
    assert finding.log_p < finding.recheck(suite.column, most) < math.log(1e-6)
    without = [row for row in suite.rows if row != 5]
    assert finding.recheck(suite.column, without) == 0  # who breaks it is part of it
    assert finding.recheck(suite.column, ()) == 0

    def broken(name):
        return [x + (row < 20) for row, x in enumerate(suite.column(name))]

    assert finding.recheck(broken, suite.rows) == 0


def test_recheck_counts_tuples():
    """Cases that repeat one tuple do not carry an equation that the other tuples break."""
    x = [float(i % 4) for i in range(80)] + lognormal(1, 12)
    y = [3 * v + 1 for v in x]
    for i in range(80, 88):
        y[i] += 50
    columns = {"x": x, "y": y}
    assert relations(columns).findings == ()
    good = [float((7 * i) % 81) for i in range(80)] + x[80:]
    suite = custom_suite(
        {"x": good, "y": [3 * v + 1 if i < 80 else y[i] for i, v in enumerate(good)]}
    )
    (finding,) = find_relations(suite, NORMAL).findings
    assert finding.recheck is not None
    assert finding.recheck(lambda name: columns[name], suite.rows) == 0
