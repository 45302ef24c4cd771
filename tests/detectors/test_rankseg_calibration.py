"""Error rates and power of rankseg, measured: alpha = .01, fixed seeds.

Every bound on an error rate is the level + 2 standard errors of that many trials, every bound on
power a figure - 2 standard errors. "Gated" counts series with at least one gateable change, "told"
those with any change. The long ones carry the marker `calibration`; each has a short one beside it.
"""

from __future__ import annotations

import math
import random
from itertools import accumulate

import pytest

from pytest_crackle.cooling.changepoints.rankseg import pooled_rho, rankseg, spread_changes

ALPHA = 0.01
SD = 0.5  # of ln, of the series with planted steps


def lognormal(rng, n):
    return [math.exp(rng.gauss(0, 1)) for _ in range(n)]


def cauchy(rng, n):
    return [math.tan(math.pi * (rng.random() - 0.5)) for _ in range(n)]


def zeros(rng, n):
    return [rng.random() if rng.random() < 0.01 else 0.0 for _ in range(n)]


def rounded(rng, n):
    return [float(round(rng.gauss(0, 1))) for _ in range(n)]


def ar1(rng, n, rho):
    value, series = rng.gauss(0, 1) / math.sqrt(1 - rho * rho), []
    for _ in range(n):
        value = rho * value + rng.gauss(0, 1)
        series.append(value)
    return series


def walk(rng, n):
    return list(accumulate(rng.gauss(0, 1) for _ in range(n)))


def ramp(rng, n, height):
    return [rng.gauss(0, 1) + height * i / (n - 1) for i in range(n)]


def step(rng, n, ratio):
    return [math.exp(SD * rng.gauss(0, 1)) * (ratio if 2 * i >= n else 1) for i in range(n)]


NULL = {"lognormal": lognormal, "cauchy": cauchy, "zeros": zeros, "rounded": rounded}


def rates(draw, trials, seed=0, **options):
    """Return (share of series told of, share gated)."""
    told = gated = 0
    for trial in range(trials):
        found = rankseg(draw(random.Random(f"{seed}/{trial}")), **options)
        told += bool(found.changes)
        gated += any(change.gateable for change in found.changes)
    return told / trials, gated / trials


def at_most(level, trials):
    return level + 2 * math.sqrt(level * (1 - level) / trials)


def at_least(power, trials):
    return power - 2 * math.sqrt(power * (1 - power) / trials)


class TestQuick:
    """A short version of each kind: a broken level shows, a slightly worse one does not."""

    @pytest.mark.parametrize("kind", NULL)
    def test_noise_is_not_told(self, kind):
        told, _ = rates(lambda rng: NULL[kind](rng, 60), 300)
        assert told <= at_most(ALPHA, 300)

    @pytest.mark.parametrize(("rho", "level"), [(0.3, 0.018), (0.6, 0.028), (0.9, 0.02)])
    def test_autocorrelated_noise_is_not_gated(self, rho, level):
        _, gated = rates(lambda rng: ar1(rng, 100, rho), 300)
        assert gated <= at_most(level, 300)

    def test_walks_are_not_gated(self):
        _, gated = rates(lambda rng: walk(rng, 100), 300)
        assert gated <= at_most(0.02, 300)

    def test_ramps_are_not_gated(self):
        _, gated = rates(lambda rng: ramp(rng, 60, 3), 400)
        assert gated <= at_most(0.02, 400)

    @pytest.mark.parametrize(("n", "ratio"), [(20, 3), (40, 2)])
    def test_short_steps_are_told_with_pooled_rho(self, n, ratio):
        told, _ = rates(lambda rng: step(rng, n, ratio), 200, rho=0.0)
        assert told >= 0.5

    def test_clear_steps_are_gated(self):
        _, gated = rates(lambda rng: step(rng, 100, 3), 100)
        assert gated >= 0.85


@pytest.mark.calibration
class TestLevels:
    @pytest.mark.parametrize("n", [12, 30, 100, 400])
    @pytest.mark.parametrize("kind", NULL)
    def test_independent_noise_is_told_at_most_at_alpha(self, kind, n):
        # measured: told .0000-.0040, gated .0000-.0015
        told, gated = rates(lambda rng: NULL[kind](rng, n), 2000)
        assert told <= at_most(ALPHA, 2000)
        assert gated <= at_most(0.005, 2000)

    @pytest.mark.parametrize("n", [12, 20, 30, 100, 400])
    @pytest.mark.parametrize("kind", NULL)
    def test_known_rho_keeps_the_level(self, kind, n):
        # measured: told .0000-.0075, gated .0000-.0020
        told, gated = rates(lambda rng: NULL[kind](rng, n), 2000, rho=0.0)
        assert told <= at_most(ALPHA, 2000)
        assert gated <= at_most(0.005, 2000)

    @pytest.mark.parametrize("n", [12, 20, 40])
    def test_pooled_rho_keeps_the_level(self, n):
        # 40 families of 50 series each, rho pooled within the family
        told = 0
        for family in range(40):
            rng = random.Random(f"family/{family}/{n}")
            series = [lognormal(rng, n) for _ in range(50)]
            rho = pooled_rho(series)
            told += sum(bool(rankseg(values, rho=rho).changes) for values in series)
        assert told / 2000 <= at_most(ALPHA, 2000)

    @pytest.mark.parametrize("n", [12, 30, 100, 400])
    @pytest.mark.parametrize(("rho", "level"), [(0.3, 0.018), (0.6, 0.028)])
    def test_mild_autocorrelation(self, n, rho, level):
        _, gated = rates(lambda rng: ar1(rng, n, rho), 2000)
        assert gated <= at_most(ALPHA, 2000)
        told, _ = rates(lambda rng: ar1(rng, n, rho), 2000)
        assert told <= at_most(2 * level, 2000)

    @pytest.mark.parametrize("n", [60, 100, 200, 400])
    def test_strong_autocorrelation_is_not_gated(self, n):
        _, gated = rates(lambda rng: ar1(rng, n, 0.9), 1000)
        assert gated <= at_most(ALPHA, 1000)

    @pytest.mark.parametrize("n", [30, 60, 100, 200, 400])
    def test_walks_are_not_gated(self, n):
        _, gated = rates(lambda rng: walk(rng, n), 1000)
        assert gated <= at_most(ALPHA, 1000)

    @pytest.mark.parametrize("options", [{}, {"rho": 0.0}], ids=["own", "pooled"])
    @pytest.mark.parametrize(
        ("n", "height"), [(20, 3), (40, 3), (60, 2), (60, 3), (60, 5), (100, 3), (200, 3)]
    )
    def test_ramps_are_not_gated(self, n, height, options):
        _, gated = rates(lambda rng: ramp(rng, n, height), 2000, **options)
        assert gated <= at_most(0.02, 2000)

    @pytest.mark.parametrize("n", [30, 100, 400])
    def test_spread_of_steady_noise(self, n):
        told = sum(bool(spread_changes(lognormal(random.Random(i), n))) for i in range(1000))
        assert told / 1000 <= at_most(ALPHA, 1000)


@pytest.mark.calibration
class TestPower:
    @pytest.mark.parametrize(
        ("n", "ratio", "options", "power"),
        [
            (20, 3, {"rho": 0.0}, 0.70),
            (40, 2, {"rho": 0.0}, 0.70),
            (60, 2, {"rho": 0.0}, 0.84),
            (100, 2, {"rho": 0.0}, 0.90),
            (40, 2, {}, 0.42),
            (60, 2, {}, 0.64),
            (100, 2, {}, 0.85),
            (100, 3, {}, 0.97),
        ],
    )
    def test_steps_are_told(self, n, ratio, options, power):
        told, _ = rates(lambda rng: step(rng, n, ratio), 1000, **options)
        assert told >= at_least(power, 1000)

    @pytest.mark.parametrize(
        ("n", "ratio", "power"), [(40, 3, 0.60), (100, 2, 0.62), (100, 3, 0.95)]
    )
    def test_steps_are_gated(self, n, ratio, power):
        _, gated = rates(lambda rng: step(rng, n, ratio), 1000, rho=0.0)
        assert gated >= at_least(power, 1000)

    @pytest.mark.parametrize(("n", "ratio"), [(20, 3), (40, 2)])
    def test_short_steps_are_told_with_rho_pooled_over_the_family(self, n, ratio):
        told = 0
        for family in range(20):
            rng = random.Random(f"steps/{family}/{n}")
            series = [step(rng, n, ratio) for _ in range(50)]
            rho = pooled_rho(series)
            told += sum(bool(rankseg(values, rho=rho).changes) for values in series)
        assert told / 1000 >= 0.5

    def test_steps_are_placed(self):
        near = 0
        for trial in range(300):
            found = rankseg(step(random.Random(trial), 100, 3), rho=0.0)
            near += any(abs(change.index - 50) <= 3 for change in found.changes)
        assert near / 300 >= 0.85
