"""False discovery rate and family-wise error, against scipy and against the definition."""

from __future__ import annotations

import math
import random

import pytest
from scipy.stats import false_discovery_control

from pytest_crackle.cooling.multiplicity import benjamini_hochberg, holm


def random_ps(seed: int) -> list[float]:
    rng = random.Random(seed)
    ps = [rng.random() ** rng.choice((1, 3, 9)) for _ in range(rng.randint(1, 40))]
    return ps + rng.choices(ps, k=3)  # ties


def holm_by_definition(ps: list[float], n: int) -> list[float]:
    """The least alpha at which the step-down procedure rejects, found by going through it."""
    ordered = sorted(ps)
    adjusted = {}
    for p in ps:
        steps = [(n - i) * q for i, q in enumerate(ordered) if q <= p]
        first = ordered.index(p)  # equal values are rejected together with the first of them
        adjusted[p] = min(1.0, max(steps[: first + 1]))
    return [adjusted[p] for p in ps]


@pytest.mark.parametrize("seed", range(30))
def test_bh_equals_scipy(seed):
    ps = random_ps(seed)
    ours = [math.exp(q) for q in benjamini_hochberg([math.log(p) for p in ps])]
    assert ours == pytest.approx(false_discovery_control(ps), rel=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_bh_with_more_hypotheses_equals_scipy_with_ones(seed):
    ps = random_ps(seed)
    ours = [math.exp(q) for q in benjamini_hochberg([math.log(p) for p in ps], len(ps) + 50)]
    padded = false_discovery_control([*ps, *[1.0] * 50])[: len(ps)]
    assert ours == pytest.approx(padded, rel=1e-9)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("more", [0, 50])
def test_holm_equals_its_definition(seed, more):
    ps = random_ps(seed)
    n = len(ps) + more
    ours = [math.exp(p) for p in holm([math.log(p) for p in ps], n)]
    assert ours == pytest.approx(holm_by_definition(ps, n), rel=1e-9)


@pytest.mark.parametrize("adjust", [benjamini_hochberg, holm])
class TestBoth:
    def test_no_underflow(self, adjust):
        small, smaller = adjust([-5000.0, -9000.0], 100)
        assert smaller == pytest.approx(-9000 + math.log(100))
        assert small == pytest.approx(-5000 + math.log(50 if adjust is benjamini_hochberg else 99))

    def test_minus_infinity_stays_and_harms_no_other(self, adjust):
        fact, other = adjust([-math.inf, math.log(0.001)], 2)
        assert fact == -math.inf
        assert math.exp(other) == pytest.approx(0.001)

    def test_nothing_gives_nothing(self, adjust):
        assert adjust([], 10) == []
        assert adjust([]) == []

    def test_one_p_value_of_one_hypothesis_stays(self, adjust):
        assert adjust([math.log(0.03)]) == pytest.approx([math.log(0.03)])

    def test_order_of_the_input_does_not_matter(self, adjust):
        logs = [math.log(p) for p in random_ps(5)]
        there = adjust(logs, 99)
        back = adjust(logs[::-1], 99)
        assert there == back[::-1]

    @pytest.mark.parametrize("bad", [math.nan, 0.1, math.inf])
    def test_what_is_no_p_value_is_refused(self, adjust, bad):
        with pytest.raises(ValueError, match="at most 0"):
            adjust([-1.0, bad])

    def test_fewer_hypotheses_than_p_values_are_refused(self, adjust):
        with pytest.raises(ValueError, match="1 hypotheses cannot have 2"):
            adjust([-1.0, -2.0], 1)


def test_holm_is_never_less_strict_than_bh():
    logs = [math.log(p) for p in random_ps(9)]
    assert all(h >= q - 1e-12 for h, q in zip(holm(logs), benjamini_hochberg(logs), strict=True))
