from __future__ import annotations

import math

import pytest

from pytest_crackle.reporting.sparkline import sparkline


def test_a_step_is_seen_where_it_is():
    assert sparkline([1.0] * 50 + [9.0] * 50) == "▁" * 10 + "█" * 10
    assert sparkline([1.0] * 50 + [9.0] * 50, unicode=False) == "." * 10 + "@" * 10


def test_one_outlier_draws_no_step():
    values = [1.0] * 100
    values[42] = 1e9
    assert sparkline(values) == "▁" * 20


def test_few_values_take_a_cell_each_and_none_give_nothing():
    assert sparkline([1.0, 2.0]) == "▁█"
    assert sparkline([]) == ""
    assert sparkline([math.nan, math.inf]) == ""


def test_missing_values_leave_a_visible_gap():
    assert sparkline([1.0, math.nan, 2.0]) == "▁·█"
    assert sparkline([1.0, math.nan, 2.0], unicode=False) == "._@"


@pytest.mark.parametrize("values", [[5.0] * 40, [0.0] * 3, [-1e308, 1e308], [5e-324, 0.0, 1e308]])
def test_any_range_can_be_drawn(values):
    line = sparkline(values)
    assert len(line) == min(20, len(values))
    assert " " not in line
