"""The reference's four rules against a literal reading of detectors.md, section 7."""

from __future__ import annotations

import math
import random

import pytest

from pytest_crackle.cooling.classic import CLASSIC_PRESETS, conserved, correlation, half_shift
from pytest_crackle.cooling.cool import cool
from pytest_crackle.cooling.detectors import classic
from pytest_crackle.cooling.detectors.classic import Classic
from pytest_crackle.cooling.profiles import CoolingRate, Profile
from pytest_crackle.cooling.suite import Suite
from pytest_crackle.model.report import NotTested
from pytest_crackle.model.table import MetricTable

RATES = list(CoolingRate)
EPS = 2.220446049250313e-16


def oracle(
    points: list[dict[str, float]], rate: str
) -> dict[object, tuple[float, dict[str, float]]]:
    """Section 7, word by word, slow and plain: {what: (confidence, evidence)}."""
    distance, least_r, sensitivity, tolerance, least_tests = {
        "fast": (1.5, 0.5, 0.3, 0.5, 2),
        "normal": (2.5, 0.7, 0.5, 0.3, 3),
        "slow": (4.0, 0.9, 0.8, 0.1, 5),
    }[rate]
    found: dict[object, tuple[float, dict[str, float]]] = {}
    if len(points) < least_tests:
        return found

    def apart(a: dict[str, float], b: dict[str, float]) -> float:
        common = set(a) & set(b)
        return math.sqrt(sum((a[k] - b[k]) ** 2 for k in common)) if common else math.inf

    visited: set[int] = set()
    for i in range(len(points)):
        if i in visited:
            continue
        cluster = [i]
        for j in range(i + 1, len(points)):
            if j not in visited and apart(points[i], points[j]) < distance:
                cluster.append(j)
        visited.update(cluster)
        if len(cluster) > 1:
            pairs = [apart(points[a], points[b]) for a in cluster for b in cluster if a < b]
            mean = sum(pairs) / len(pairs)
            evidence = {"avg_distance": mean, "cluster_size": len(cluster)}
            if math.isinf(mean):
                del evidence["avg_distance"]
            found["clustering", tuple(cluster)] = (1 - min(1, mean / distance), evidence)
    names = sorted({name for point in points for name in point})
    for name in names:
        v = [point[name] for point in points if name in point]
        n, half = len(v), len(v) // 2
        mean = sum(v) / n
        if abs(mean) <= EPS:
            continue
        if half:
            first, second = sum(v[:half]) / half, sum(v[half:]) / (n - half)
            shift = abs(second - first) / abs(mean)
            if shift > sensitivity:
                evidence = {
                    "shift_magnitude": shift,
                    "first_half_avg": first,
                    "second_half_avg": second,
                }
                found["phase-transition", name] = (min(1, shift / sensitivity), evidence)
        std = math.sqrt(sum((x - mean) ** 2 for x in v) / n)
        if std / abs(mean) < tolerance:
            evidence = {
                "total": sum(v),
                "std_dev": std,
                "coefficient_of_variation": std / abs(mean),
            }
            found["conservation", name] = (1 - min(1, std / abs(mean)), evidence)
    for a in range(len(names)):
        for b in range(a + 1, len(names)):
            both = [(p[names[a]], p[names[b]]) for p in points if names[a] in p and names[b] in p]
            if len(both) < 3:
                continue
            mx, my = (sum(side) / len(both) for side in zip(*both, strict=True))
            sxy = sum((x - mx) * (y - my) for x, y in both)
            denominator = math.sqrt(sum((x - mx) ** 2 for x, _ in both)) * math.sqrt(
                sum((y - my) ** 2 for _, y in both)
            )
            r = 0.0 if denominator < EPS else sxy / denominator
            if abs(r) >= least_r:
                found["correlation", (names[a], names[b])] = (abs(r), {"correlation": r})
    return found


def random_points(seed: int) -> list[dict[str, float]]:
    """Small tables with holes, ties, negative values, constants and very different scales."""
    rng = random.Random(seed)
    names = [f"m{i}" for i in range(rng.randint(1, 4))]
    draws = [
        lambda: rng.gauss(0, 2),
        lambda: float(rng.randint(-2, 2)),
        lambda: 5.0,
        lambda: rng.lognormvariate(0, 2),
        lambda: 100 + rng.random(),
        lambda: 0.0,
    ]
    shapes = [rng.choice(draws) for _ in names]
    missing = rng.choice((0.0, 0.0, 0.3, 0.8))
    points = [
        {name: draw() for name, draw in zip(names, shapes, strict=True) if rng.random() >= missing}
        for _ in range(rng.randint(0, 25))
    ]
    if rng.random() < 0.5:
        for point in points:
            if "m0" in point:
                point["follower"] = rng.gauss(-2 * point["m0"], 1)
    return points


def table_of_points(points, **more) -> MetricTable:
    return MetricTable.from_records(
        {"nodeid": f"t.py::t{i}", "metrics": dict(point)} | {k: v[i] for k, v in more.items()}
        for i, point in enumerate(points)
    )


def found_by_us(points, rate) -> dict[object, tuple[float, dict[str, float]]]:
    names = tuple(sorted({name for point in points for name in point})) or ("nothing",)
    detection = Classic(names).detect(Suite(table_of_points(points)), Profile.of(rate))
    assert [f.confidence for f in detection.findings] == sorted(
        [f.confidence or 0 for f in detection.findings], reverse=True
    )
    out: dict[object, tuple[float, dict[str, float]]] = {}
    for f in detection.findings:
        what: object = f.metrics[0] if len(f.metrics) == 1 else f.metrics
        if f.kind == "clustering":
            what = f.rows
        out[str(f.kind), what] = (f.confidence or 0.0, dict(f.evidence))
    return out


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("seed", range(100))
def test_equals_the_literal_reading(seed, rate):
    points = random_points(seed)
    expected = oracle(points, rate)
    ours = found_by_us(points, rate)
    assert ours.keys() == expected.keys()
    for what, (confidence, evidence) in expected.items():
        assert ours[what][0] == pytest.approx(confidence, abs=1e-9)
        assert ours[what][1] == pytest.approx(evidence, rel=1e-9, abs=1e-9)


def test_the_random_tables_show_every_rule():
    kinds = [what[0] for seed in range(100) for what in oracle(random_points(seed), "normal")]  # type: ignore[index]
    assert all(
        kinds.count(kind) > 20
        for kind in ("clustering", "phase-transition", "conservation", "correlation")
    )


def test_presets_are_those_of_the_reference():
    normal = CLASSIC_PRESETS[CoolingRate.NORMAL]
    assert (normal.distance, normal.correlation, normal.sensitivity) == (2.5, 0.7, 0.5)
    assert (normal.tolerance, normal.least_tests) == (0.3, 3)


class TestWhatIsLookedAt:
    def metrics_of(self, points, metrics=(), **more):
        detection = Classic(metrics).detect(Suite(table_of_points(points, **more)), Profile.fast())
        return {name for f in detection.findings for name in f.metrics}

    def test_duration_and_custom_metrics_by_default(self):
        points = [{"duration": 1.0, "cpu": 1.0, "opens": 3.0, "rows": 7.0}] * 6
        assert self.metrics_of(points) == {"duration", "rows"}

    def test_duration_is_the_sum_of_the_phases_where_it_is_not_recorded(self):
        points = [{"duration.setup": 1.0, "duration.call": 2.0}] * 6
        (law,) = [
            f
            for f in Classic().detect(Suite(table_of_points(points)), Profile.fast()).findings
            if f.kind == "conservation"
        ]
        assert law.evidence["total"] == pytest.approx(18)

    def test_the_named_ones_and_no_others(self):
        points = [{"duration": 1.0, "opens": 3.0, "rows": 7.0}] * 6
        assert self.metrics_of(points, ("opens", "nothing")) == {"opens"}

    def test_without_skipped_and_errored_tests(self):
        points = [{"x": 1.0}] * 4 + [{"x": 1000.0}] * 2
        outcomes = ["passed"] * 4 + ["skipped", "error"]
        detection = Classic().detect(
            Suite(table_of_points(points, outcome=outcomes)), Profile.normal()
        )
        assert {f.kind for f in detection.findings} == {"clustering", "conservation"}
        assert all(f.rows == (0, 1, 2, 3) for f in detection.findings)

    def test_tests_named_are_those_that_have_the_values(self):
        points = [{"x": 1.0}] * 3 + [{"x": 1.0 * i, "y": 2.0 * i} for i in range(1, 6)]
        detection = Classic().detect(Suite(table_of_points(points)), Profile.normal())
        (pair,) = [f for f in detection.findings if f.kind == "correlation"]
        assert pair.rows == (3, 4, 5, 6, 7)

    def test_halves_follow_the_run_and_not_the_collection(self):
        points = [{"x": 1.0 if i % 2 else 9.0} for i in range(20)]
        seqs = [i // 2 + (10 if i % 2 else 0) for i in range(20)]
        detection = Classic().detect(Suite(table_of_points(points, seq=seqs)), Profile.normal())
        (shift,) = [f for f in detection.findings if f.kind == "phase-transition"]
        assert (shift.evidence["first_half_avg"], shift.evidence["second_half_avg"]) == (9.0, 1.0)

    def test_workers_are_woven_by_start_time(self):
        points = [{"x": 9.0 if i < 10 else 1.0} for i in range(20)]
        workers = ["gw1" if i % 2 else "gw0" for i in range(20)]
        table = table_of_points(points, worker=workers, start=[100.0 - i for i in range(20)])
        (shift,) = [
            f
            for f in Classic().detect(Suite(table), Profile.normal()).findings
            if f.kind == "phase-transition"
        ]
        assert shift.evidence["first_half_avg"] == 1.0


class TestLimits:
    def test_too_few_tests(self):
        detection = Classic().detect(Suite(table_of_points([{"x": 1.0}] * 4)), Profile.slow())
        assert detection.findings == ()
        assert detection.not_tested == (NotTested("classic", "*", "4 tests, needs 5"),)

    def test_clustering_refuses_beyond_its_limit_and_says_so(self, monkeypatch):
        monkeypatch.setattr(classic, "MOST_TESTS", 10)
        detection = Classic().detect(Suite(table_of_points([{"x": 1.0}] * 11)), Profile.normal())
        assert [f.kind for f in detection.findings] == ["conservation"]
        assert detection.not_tested == (
            NotTested("classic", "*", "11 tests, classic clustering takes at most 10"),
        )

    @pytest.mark.parametrize(
        "values",
        [
            [1e308] * 6,
            [1e308, -1e308] * 3,
            [5e-324] * 6,
            [1e-300, 1e300] * 3,
            [-1e308] * 3 + [1.7e308] * 3,
            [0.0] * 6,
            [1e-17] * 6,
        ],
    )
    def test_extreme_values_are_no_fault(self, values):
        points = [{"x": value, "y": value / 2, "z": float(i)} for i, value in enumerate(values)]
        for rate in RATES:
            cooling = cool(table_of_points(points), Profile.of(rate), [Classic()])
            assert cooling.faults == ()


class TestRules:
    def test_half_shift_of_one_value(self):
        assert half_shift([1.0], 0.1) is None
        assert half_shift([], 0.1) is None

    def test_half_shift_of_an_odd_number_takes_the_middle_to_the_second_half(self):
        shift = half_shift([1.0, 4.0, 4.0], 0.5)
        assert shift is not None
        assert (shift.first, shift.second, shift.magnitude) == (1.0, 4.0, 1.0)

    def test_a_shift_just_as_large_as_the_limit_is_none(self):
        assert half_shift([1.0, 3.0], 1.0) is None

    def test_conserved_needs_a_mean(self):
        assert conserved([-1.0, 1.0], 9.0) is None
        assert conserved([], 9.0) is None

    def test_correlation_of_two_tests_is_none(self):
        assert correlation([1.0, 2.0], [1.0, 2.0]) == 0

    def test_correlation_without_variation_is_none(self):
        assert correlation([1.0] * 5, [1.0, 2.0, 3.0, 4.0, 5.0]) == 0
        assert (
            correlation([1e-9, 2e-9, 3e-9], [1e-9, 2e-9, 3e-9]) == 0
        )  # below the reference's epsilon
        assert correlation([1e-7, 2e-7, 3e-7], [1e-7, 2e-7, 3e-7]) == pytest.approx(1)


def test_through_the_cooling_with_its_sentences():
    points = [{"rows": 1.0 + i, "bytes": 2.0 * i} for i in range(6)]
    cooling = cool(table_of_points(points), Profile.normal(), [Classic()])
    summaries = [pattern.summary for pattern in cooling.patterns]
    assert "bytes and rows rise together in 6 tests (Pearson 1.00)." in summaries
    assert "rows is 2 on average in the first half of 6 tests and 5 in the second." in summaries
    assert any(s.startswith("1 test less than 2.5 from t.py::t0 in bytes, rows") for s in summaries)
    assert [p.confidence for p in cooling.patterns] == sorted(
        (p.confidence for p in cooling.patterns), reverse=True
    )
    assert all(p.level == "note" and p.p_value == 1 for p in cooling.patterns)
