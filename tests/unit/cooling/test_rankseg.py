"""rankseg and its parts: brute force on small series, invariances, edges, long series."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from pytest_crackle.cooling.changepoints import rank_scan
from pytest_crackle.cooling.changepoints.autocorrelation import (
    guarded_rho,
    inflation_of,
    lag_rho,
    noise_of,
    rho_about_levels,
)
from pytest_crackle.cooling.changepoints.broken_line import broken_line
from pytest_crackle.cooling.changepoints.drift import best_bend, form_of, scan_bends
from pytest_crackle.cooling.changepoints.rank_scan import RankScan, best_split, log_max_p, partial_z
from pytest_crackle.cooling.changepoints.rankseg import (
    ChangePoint,
    Segmentation,
    default_least_segment,
    pooled_rho,
    rankseg,
    spread_changes,
)
from pytest_crackle.cooling.numeric import cliff_delta, mid_ranks
from pytest_crackle.model.errors import CrackleError

LOG_ALPHA = math.log(0.01)
HUGE, TINY = 1.7e308, 5e-324


def noise(seed: int, n: int) -> list[float]:
    rng = random.Random(seed)
    return [rng.gauss(0, 1) for _ in range(n)]


def with_step(seed: int, n: int, at: int, height: float) -> list[float]:
    return [value + height * (i >= at) for i, value in enumerate(noise(seed, n))]


def walk(seed: int, n: int) -> list[float]:
    return list(itertools.accumulate(noise(seed, n)))


def residual(scores: list[float], columns: list[list[float]]) -> float:
    """Sum of squares that a least-squares fit of the columns leaves, by Gram-Schmidt."""
    basis: list[list[float]] = []
    for column in [*columns, scores]:
        rest = list(column)
        for unit in basis:
            share = sum(a * b for a, b in zip(rest, unit, strict=True))
            rest = [a - share * b for a, b in zip(rest, unit, strict=True)]
        length = math.sqrt(sum(a * a for a in rest))
        if column is scores:
            return length**2
        basis.append([a / length for a in rest])
    raise AssertionError


class TestSplit:
    @pytest.mark.parametrize("seed", range(20))
    def test_best_split_is_that_of_brute_force(self, seed):
        n, least = random.Random(seed).randint(6, 25), 3
        ranks = mid_ranks([round(value, seed % 3) for value in with_step(seed, n, n // 3, 1)])
        one = [1.0] * n
        total = residual(ranks, [one])
        shares = {
            k: 1 - residual(ranks, [one, [float(i >= k) for i in range(n)]]) / total
            for k in range(least, n - least + 1)
        }
        share, k = best_split(ranks, least)
        assert share == pytest.approx(max(shares.values()))
        assert shares[k] == pytest.approx(share)

    def test_p_is_that_of_all_permutations(self):
        n, least = 8, 3
        z = sorted(
            partial_z(best_split([float(rank) for rank in order], least)[0], n - 2)
            for order in itertools.permutations(range(1, n + 1))
            if order[0] < order[-1]  # the mirrored half has the same z
        )
        for exact in (0.2, 0.1, 0.05):
            p = math.exp(log_max_p(z[int(len(z) * (1 - exact))], n, least))
            assert exact / 1.6 <= p <= exact * 1.6

    def test_decides_by_log_p_without_underflow(self):
        log_ps = [
            rankseg([0.0 + i % 7 for i in range(n)] + [10.0 + i % 7 for i in range(n)], rho=0.0)
            .changes[0]
            .log_p
            for n in (500, 1000, 2000)
        ]
        assert math.exp(log_ps[0]) < 1e-200
        assert log_ps == sorted(log_ps, reverse=True)
        assert log_ps[-1] < -1500 > -math.inf

    def test_effect_is_cliffs_delta(self):
        values = with_step(3, 60, 30, 2.0)
        (change,) = rankseg(values, rho=0.0).changes
        delta = cliff_delta(values[: change.index], values[change.index :])
        assert change.effect == pytest.approx(delta)

    def test_a_bump_between_two_changes_is_found_by_the_seeded_intervals(self):
        values = [value + 4 * (300 <= i < 330) for i, value in enumerate(noise(1, 600))]
        scan = RankScan(values, 5, 1.0)
        assert scan.best(0, 600, seeded=True).log_p < scan.best(0, 600, seeded=False).log_p
        found = [change.index for change in rankseg(values).changes]
        assert len(found) == 2
        assert abs(found[0] - 300) <= 2
        assert abs(found[1] - 330) <= 2

    def test_few_others_among_ties_need_an_exact_tail(self):
        # 3 of 60 differ and come last: 1 in 34,220 placements, times 2n; the normal z is 4.9
        values = [0.0] * 57 + [1.0, 2.0, 3.0]
        scan = RankScan(values, 3, 1.0)
        floor = math.log(2 * 60) - math.log(math.comb(60, 3))
        assert scan.best(0, 60, seeded=False).log_p >= floor - 1e-9

    def test_too_short_a_stretch_has_no_split(self):
        split = RankScan(noise(1, 30), 5, 1.0).best(0, 9, seeded=True)
        assert (split.log_p, split.effect) == (0.0, 0.0)

    def test_constant_stretches_have_no_split(self):
        scan = RankScan([1.0] * 40 + noise(1, 40), 5, 1.0)
        assert scan.best(0, 40, seeded=True).log_p == 0.0


class TestLongSeries:
    def test_grid_and_exact_search_agree(self, monkeypatch):
        values = with_step(5, 6000, 2345, 1.0)
        long = rankseg(values, rho=0.0)
        monkeypatch.setattr(rank_scan, "LONG", 10_000)
        exact = rankseg(values, rho=0.0)
        assert long.changes[0].index == exact.changes[0].index
        assert long.changes[0].log_p == pytest.approx(exact.changes[0].log_p, rel=1e-6)

    def test_constant_long_stretch(self):
        scan = RankScan([0.0] * 6000 + [1.0] * 6000, 5, 1.0)
        assert scan.best(0, 6000, seeded=False).log_p == 0.0

    def test_ties_in_a_long_series(self):
        rng = random.Random(1)
        values = [float(rng.random() < 0.01) for _ in range(6000)]
        assert rankseg(values).changes == ()

    def test_sums_are_exact_for_a_noise_free_line(self):
        # neighbouring ranks in the sums of 20,000: with floats their spread would be noise
        scan = RankScan([float(i) for i in range(20_000)], 5, 1.0)
        assert scan._spread(10_000, 10_020) == 4 * (20**3 - 20) / 12

    def test_work_grows_like_n(self, monkeypatch):
        # splits looked at, counted by the sums of squares asked for: one per seeded interval
        def count(n: int) -> int:
            asked = 0
            original = RankScan._spread

            def counting(self, start, stop):
                nonlocal asked
                asked += 1
                return original(self, start, stop)

            with monkeypatch.context() as patch:
                patch.setattr(RankScan, "_spread", counting)
                rankseg(with_step(1, n, n // 2, 2.0), rho=0.0)
            return asked

        assert count(20_000) <= 2.2 * count(10_000)


class TestNoise:
    @pytest.mark.parametrize("rho", [0.0, 0.3, 0.6, 0.9])
    @pytest.mark.parametrize("lag", [2, 4])
    def test_rho_of_an_ar1_series(self, rho, lag):
        rng, value, values = random.Random(1), 0.0, []
        for _ in range(30_000):
            value = rho * value + rng.gauss(0, 1)
            values.append(value)
        assert lag_rho(mid_ranks(values), lag) == pytest.approx(rho, abs=0.06)

    @pytest.mark.parametrize("rho", [0.0, 0.3, 0.6])
    def test_about_levels_the_plain_one_is_right_on_average(self, rho):
        """500 series of 60 points: the mean, which would be (1 + 3 rho) / n too small."""
        rng, found = random.Random(2), []
        for _ in range(500):
            value, values = rng.gauss(0, 1) / math.sqrt(1 - rho * rho), []
            for _ in range(60):
                value = rho * value + rng.gauss(0, 1)
                values.append(value)
            found.append(rho_about_levels(mid_ranks(values)))
        # negative estimates count as 0, and ranks are a little less alike than their values
        assert sum(found) / 500 == pytest.approx(rho, abs=0.08 if rho == 0 else 0.03)

    @pytest.mark.parametrize("ranks", [[], [1.0, 2.0, 3.0], [4.5] * 8])
    def test_of_nothing_it_is_nothing(self, ranks):
        assert rho_about_levels(ranks) == 0.0

    def test_steps_hardly_count(self):
        assert abs(lag_rho(mid_ranks(with_step(1, 2000, 1000, 3.0)))) < 0.1

    @pytest.mark.parametrize(
        ("values", "rho"),
        [
            ([1.0, 2.0] * 3, 0.0),  # too short
            ([1.0] * 20 + [2.0] * 20, 0.0),  # constant by pieces
            ([1.0] * 20, 0.0),
            ([float(i) for i in range(40)], 1.0),
        ],
    )
    def test_rho_of_odd_series(self, values, rho):
        assert lag_rho(mid_ranks(values)) == rho
        assert 0 <= lag_rho(mid_ranks(values), lag=4) <= 1

    def test_rare_spikes_use_all_differences(self):
        values = [float(i % 30 == 0) for i in range(300)]
        assert lag_rho(mid_ranks(values)) == pytest.approx(0, abs=0.05)

    def test_guard_and_inflation(self):
        assert guarded_rho(0.5, 7) == 0.0
        assert guarded_rho(-0.4, 100) == pytest.approx(0.25 * math.sqrt(0.02))
        assert guarded_rho(0.99, 100) == 0.95
        assert inflation_of(0.6) == pytest.approx(2)
        assert inflation_of(-1.0) == 1.0

    def test_known_rho_is_used_as_it_is(self):
        known = noise_of(mid_ranks(noise(1, 30)), 0.6)
        assert known.inflation == known.sceptical_inflation == pytest.approx(2)
        assert noise_of([], 1.0).is_walk

    def test_a_walk_is_never_trusted(self):
        judged = noise_of(mid_ranks(walk(1, 500)), None)
        assert judged.is_walk
        assert judged.sceptical_inflation == math.inf

    def test_pooled_rho_is_the_median_of_long_enough_series(self):
        series = [noise(seed, 40) for seed in range(9)] + [[1.0, 2.0]] + [[math.nan] * 40]
        estimates = sorted(lag_rho(mid_ranks(values)) for values in series[:9])
        assert pooled_rho(series) == max(0.0, estimates[4])
        assert pooled_rho([]) is None
        assert pooled_rho([[1.0] * 7]) is None

    def test_pooling_tells_what_a_short_series_cannot(self):
        series = [with_step(seed, 20, 10, 2.2) for seed in range(60)]
        rho = pooled_rho(series)
        alone = sum(bool(rankseg(values).changes) for values in series)
        pooled = sum(bool(rankseg(values, rho=rho).changes) for values in series)
        assert pooled > 1.5 * alone


class TestLines:
    @pytest.mark.parametrize("seed", range(10))
    def test_scan_of_bends_is_that_of_brute_force(self, seed):
        n, least = random.Random(seed).randint(8, 25), 3
        scores = [value + 0.3 * i for i, value in enumerate(with_step(seed, n, n // 2, 2))]
        one, line = [1.0] * n, [float(i) for i in range(n)]
        left = residual(scores, [one, line])
        shares = {}
        for k in range(least, n - least + 1):
            step = [float(i >= k) for i in range(n)]
            hinge = [float(max(0, i - k)) for i in range(n)]
            shares[k, "step"] = 1 - residual(scores, [one, line, step]) / left
            shares[k, "slope"] = 1 - residual(scores, [one, line, hinge]) / left
        found = scan_bends(scores, least)
        assert found.explained == pytest.approx(max(shares.values()))
        assert shares[found.index, found.kind] == pytest.approx(found.explained)
        assert found.gain == pytest.approx(found.explained * left)
        assert found.line_share == pytest.approx(1 - left / residual(scores, [one]))

    @pytest.mark.parametrize("scores", [[], [1.0] * 4, [2.0] * 30, [0.1 * i for i in range(30)]])
    def test_nothing_on_top_of_nothing(self, scores):
        assert scan_bends(scores, 3).explained == 0.0

    def test_forms(self):
        line = [0.1 * i + value for i, value in enumerate(noise(1, 100))]
        assert form_of(line, [50], log_alpha=LOG_ALPHA) == "drift"
        assert form_of(with_step(1, 100, 50, 3.0), [50], log_alpha=LOG_ALPHA) == "step"
        assert form_of([float(i) for i in range(30)], [15], log_alpha=LOG_ALPHA) == "drift"
        assert form_of([0.0] * 15 + [1.0] * 15, [15], log_alpha=LOG_ALPHA) == "step"

    def test_form_of_long_stretches_uses_evenly_spaced_points(self):
        values = with_step(1, 20_000, 9000, 2.0)
        assert form_of(values, [9000], log_alpha=LOG_ALPHA) == "step"
        assert form_of(values, [9000, 9001], log_alpha=LOG_ALPHA) == "step"  # one point for both

    def test_ramp_is_a_drift(self):
        values = [0.05 * i + value for i, value in enumerate(noise(2, 200))]
        found = rankseg(values)
        assert found.changes == ()
        (drift,) = found.drifts
        assert (drift.start, drift.stop) == (0, 200)
        assert drift.slope == pytest.approx(0.05, rel=0.1)

    def test_step_on_top_of_a_ramp(self):
        values = [0.1 * i + value for i, value in enumerate(with_step(4, 200, 100, 8.0))]
        (change,) = rankseg(values).changes
        assert change.kind == "step"
        assert abs(change.index - 100) <= 3
        assert best_bend(values, 5, 1.0).kind == "step"

    def test_kink(self):
        values = [max(0, i - 150) * 0.3 + value for i, value in enumerate(noise(5, 300))]
        kinds = {change.kind for change in rankseg(values).changes}
        assert "slope" in kinds

    def test_without_ramps_every_change_is_a_step(self):
        values = [0.05 * i + value for i, value in enumerate(noise(2, 200))]
        found = rankseg(values, rho=0.5, ramps=False)
        assert found.drifts == ()
        assert {change.kind for change in found.changes} == {"step"}


class TestWalks:
    def test_slope_change_of_a_walk(self):
        values = list(itertools.accumulate(with_step(1, 400, 200, 2.0)))
        found = rankseg(values)
        assert found.differenced
        (change,) = found.changes
        assert change.kind == "slope"
        assert change.gateable
        assert abs(change.index - 200) <= 10

    def test_a_walk_is_described_but_never_gated(self):
        found = [rankseg(walk(seed, 200)) for seed in range(20)]
        assert any(segmentation.changes for segmentation in found)
        assert not any(change.gateable for each in found for change in each.changes)

    def test_levels_of_slow_noise_are_described_as_steps(self):
        rng, value, values = random.Random(3), 0.0, []
        for i in range(200):
            value = 0.85 * value + rng.gauss(0, 1)
            values.append(value + 25 * (i >= 100))
        found = rankseg(values, rho=0.9)
        assert found.differenced
        assert [change.kind for change in found.changes] == ["step"]
        assert not found.changes[0].trusted

    def test_broken_line_is_found_and_settles(self):
        knots = [0.0 * i if i < 60 else (i - 60) * 1.0 if i < 120 else 60.0 for i in range(180)]
        found = broken_line(knots, 5, least_share=0.5, log_alpha=LOG_ALPHA)
        assert [abs(b.index - k) <= 3 for b, k in zip(found.breaks, (60, 120), strict=True)] == [
            True,
            True,
        ]
        assert [(line.start, line.stop) for line in found.lines] == [
            (found.breaks[0].index, found.breaks[1].index)
        ]

    def test_a_break_that_no_longer_holds_is_dropped(self):
        smooth = [math.exp(i / 30) for i in range(200)]
        found = broken_line(smooth, 5, least_share=0.5, log_alpha=LOG_ALPHA)
        assert len(found.breaks) <= 3

    def test_constant_increments(self):
        found = rankseg([float(i) for i in range(50)])
        assert found.changes == ()
        assert [(drift.start, drift.stop, drift.slope) for drift in found.drifts] == [(0, 50, 1.0)]


class TestSpread:
    def test_spread_change_is_found(self):
        rng = random.Random(2)
        values = [rng.gauss(0, 1 if i < 100 else 6) for i in range(200)]
        assert rankseg(values).changes == ()
        (change,) = spread_changes(values)
        assert abs(change.index - 100) <= 10

    def test_level_changes_are_not_spread_changes(self):
        assert spread_changes(with_step(1, 200, 100, 5.0)) == ()

    def test_missing_values_keep_their_places(self):
        rng = random.Random(2)
        values = [rng.gauss(0, 1 if i < 100 else 6) for i in range(200)]
        holes = [math.nan] * 20 + values
        assert spread_changes(holes)[0].index == spread_changes(values)[0].index + 20

    @pytest.mark.parametrize("values", [[], [1.0], [1.0] * 30, walk(1, 200)])
    def test_nothing_is_told(self, values):
        assert spread_changes(values) == ()


class TestInvariance:
    @pytest.mark.parametrize("seed", range(5))
    def test_increasing_maps_change_no_step(self, seed):
        values = with_step(seed, 80, 40, 3.0)
        plain = rankseg(values)
        assert [change.kind for change in plain.changes] == ["step"]
        for mapped in (
            [math.exp(value) for value in values],
            [value**3 for value in values],
            [math.atan(value) for value in values],
            [-1e300 + 1e298 * value for value in values],
        ):
            assert rankseg(mapped) == plain

    def test_mirrored_values_give_mirrored_findings(self):
        values = with_step(1, 80, 40, 3.0)
        assert rankseg([-value for value in values]).changes == rankseg(values).changes

    @pytest.mark.parametrize("missing", [math.nan, math.inf, -math.inf])
    def test_missing_values_are_left_out(self, missing):
        values = with_step(1, 80, 40, 3.0)
        holes = [x for value in values for x in (value, missing)]
        plain = rankseg(values)
        found = rankseg(holes)
        assert [change.index for change in found.changes] == [
            2 * change.index for change in plain.changes
        ]
        assert [change.log_p for change in found.changes] == [
            change.log_p for change in plain.changes
        ]

    def test_drifts_keep_their_places_among_missing_values(self):
        found = rankseg([math.nan, *[float(i) for i in range(50)], math.nan])
        assert [(drift.start, drift.stop) for drift in found.drifts] == [(1, 51)]

    @pytest.mark.parametrize("scale", [2.0**-900, 2.0**900])
    def test_drifts_scale(self, scale):
        values = [0.05 * i + value for i, value in enumerate(noise(2, 200))]
        plain, scaled = rankseg(values), rankseg([value * scale for value in values])
        assert scaled.drifts[0].slope == pytest.approx(plain.drifts[0].slope * scale)


class TestEdges:
    @pytest.mark.parametrize(
        "values",
        [
            [],
            [1.0],
            [1.0] * 50,
            [math.nan] * 30,
            [math.inf, -math.inf] * 20,
            [1.0, 2.0, 3.0, 4.0, 5.0],
            [0.0, -0.0] * 30,
        ],
    )
    def test_nothing_to_tell(self, values):
        assert rankseg(values) == Segmentation()

    @pytest.mark.parametrize(
        "values",
        [
            [HUGE, -HUGE] * 20,
            [-HUGE] * 20 + [HUGE] * 20,
            [i * HUGE / 50 for i in range(50)],
            [i * TINY for i in range(60)],
            [0.0] * 20 + [TINY] * 20,
            [HUGE] * 10 + [TINY] * 10 + [-HUGE] * 10 + [0.0] * 30,
            [math.exp(i / 3) for i in range(2000)],
            [i * i * 1e303 for i in range(400)],
            [True] * 20 + [False] * 20,
            [1, 2, 3] * 20,
        ],
    )
    @pytest.mark.parametrize(
        "options",
        [{}, {"ramps": False}, {"rho": 0.5}, {"rho": 1.0}, {"rho": -3.0}, {"alpha": 1e-300}],
    )
    def test_odd_values_raise_nothing_and_give_numbers(self, values, options):
        found = rankseg(values, **options)
        numbers = [found.rho]
        numbers += [x for change in found.changes for x in (change.log_p, change.effect)]
        numbers += [drift.slope for drift in found.drifts]
        assert all(math.isfinite(number) for number in numbers)
        assert all(0 < change.index < len(values) for change in found.changes)
        assert all(0 <= change.effect <= 1 for change in found.changes)
        spread_changes(values)

    def test_exact_step_is_found(self):
        (change,) = rankseg([1.0] * 20 + [2.0] * 20).changes
        assert change.index == 20
        assert change.effect == 1.0
        assert change.gateable

    def test_known_rho_is_reported_even_if_nothing_is_tested(self):
        assert rankseg([1.0] * 5, rho=0.4).rho == 0.4

    @pytest.mark.parametrize(("n", "least"), [(0, 3), (39, 3), (40, 4), (50, 5), (10_000, 5)])
    def test_default_least_segment(self, n, least):
        assert default_least_segment(n) == least

    def test_least_segment_is_respected(self):
        values = [*[0.0] * 40, *[9.0] * 7, *[0.0] * 40]
        jitter = [value + 0.01 * x for value, x in zip(values, noise(1, len(values)), strict=True)]
        assert [change.index for change in rankseg(jitter, rho=0.0).changes] == [40, 47]
        long = rankseg(jitter, rho=0.0, least_segment=10).changes
        found = [0, *(change.index for change in long), len(values)]
        assert all(stop - start >= 10 for start, stop in itertools.pairwise(found))

    @pytest.mark.parametrize("alpha", [0.0, 1.0, -1.0, math.nan])
    def test_impossible_alpha_is_refused(self, alpha):
        with pytest.raises(CrackleError, match=r"alpha = .* between 0 and 1"):
            rankseg([1.0, 2.0], alpha=alpha)

    @pytest.mark.parametrize(
        ("kind", "trusted", "gateable"),
        [
            ("step", True, True),
            ("slope", True, True),
            ("unclear", True, False),
            ("step", False, False),
        ],
    )
    def test_gateable(self, kind, trusted, gateable):
        assert ChangePoint(5, kind, -9.0, 1.0, trusted).gateable is gateable

    def test_a_series_of_many_changes_ends(self):
        values = [value + 9 * (i // 10 % 2) for i, value in enumerate(noise(1, 2000))]
        assert len(rankseg(values, rho=0.0).changes) <= 60
