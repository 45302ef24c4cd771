"""What holds of rankseg for any series."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_crackle.cooling.changepoints.rankseg import pooled_rho, rankseg, spread_changes

pytestmark = pytest.mark.property

anything = st.lists(st.floats(), max_size=80)
coarse = st.lists(st.integers(-6, 6).map(float), max_size=80)


@st.composite
def shapes(draw):
    """Pieces of levels and lines with noise: series in which there is something to find."""
    series: list[float] = []
    for _ in range(draw(st.integers(1, 5))):
        level, slope = draw(st.integers(-50, 50)), draw(st.sampled_from([0, 0, 0, 1, -2]))
        length = draw(st.integers(1, 25))
        noise = draw(st.lists(st.integers(-4, 4), min_size=length, max_size=length))
        series += [float(8 * level + 8 * slope * i + noise[i]) for i in range(length)]
    return series


options = st.fixed_dictionaries(
    {},
    optional={
        "alpha": st.floats(1e-12, 0.2),
        "least_segment": st.integers(1, 12),
        "min_delta": st.floats(0, 1),
        "rho": st.floats(-1, 1),
        "ramps": st.booleans(),
    },
)


@settings(deadline=None, max_examples=150)
@given(st.one_of(anything, coarse, shapes()), options)
def test_any_series_gives_ordered_places_and_plain_numbers(values, kwargs):
    found = rankseg(values, **kwargs)
    finite = [i for i, value in enumerate(values) if math.isfinite(value)]
    indices = [change.index for change in found.changes]
    assert all(a < b for a, b in pairwise(indices))
    assert set(indices) <= set(finite[1:])
    for change in found.changes:
        assert not math.isnan(change.log_p)
        assert change.log_p <= math.log(kwargs.get("alpha", 0.01)) + 1e-9
        assert 0 <= change.effect <= 1 + 1e-9
        assert change.gateable <= change.trusted
    for drift in found.drifts:
        assert 0 <= drift.start < drift.stop <= len(values)
        assert not math.isnan(drift.slope)
    assert not math.isnan(found.rho)


@settings(deadline=None, max_examples=100)
@given(st.one_of(anything, coarse, shapes()))
def test_the_companions_bear_any_series(values):
    rho = pooled_rho([values, values])
    assert rho is None or 0 <= rho <= 1
    spread = spread_changes(values)
    assert all(change.gateable for change in spread)


@settings(deadline=None, max_examples=100)
@given(shapes(), st.sampled_from([-900, -40, -1, 3, 40, 900]), st.integers(-1000, 1000))
def test_units_change_nothing(values, power, shift):
    # whole numbers and powers of two: the map is exact, so the findings are the same to the bit
    moved = [math.ldexp(value + shift, power) for value in values]
    plain, scaled = rankseg(values), rankseg(moved)
    assert [(c.index, c.kind, c.trusted) for c in scaled.changes] == [
        (c.index, c.kind, c.trusted) for c in plain.changes
    ]
    assert [(d.start, d.stop) for d in scaled.drifts] == [(d.start, d.stop) for d in plain.drifts]


@settings(deadline=None, max_examples=100)
@given(shapes(), st.sampled_from([lambda x: x**3, lambda x: math.exp(x / 64), math.atan]))
def test_increasing_maps_change_no_level_found_by_ranks(values, increasing):
    # the steps-only mode uses nothing but ranks; with lines the residuals of a line are ranked
    mapped = [increasing(value) for value in values]
    if len(set(mapped)) == len(set(values)):
        assert rankseg(mapped, rho=0.3, ramps=False) == rankseg(values, rho=0.3, ramps=False)


@settings(deadline=None, max_examples=100)
@given(shapes(), st.data())
def test_missing_values_change_nothing_but_places(values, data):
    gaps = data.draw(st.lists(st.integers(0, 2), min_size=len(values), max_size=len(values)))
    holes: list[float] = []
    places = []
    for value, gap in zip(values, gaps, strict=True):
        holes += [math.nan] * gap
        places.append(len(holes))
        holes.append(value)
    plain, found = rankseg(values), rankseg(holes)
    assert [c.index for c in found.changes] == [places[c.index] for c in plain.changes]
    assert [c.log_p for c in found.changes] == [c.log_p for c in plain.changes]


@settings(deadline=None, max_examples=60)
@given(shapes())
def test_same_input_same_output(values):
    assert rankseg(values) == rankseg(tuple(values))
