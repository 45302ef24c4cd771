"""Ground truth for custom metrics: planted patterns, independent columns, and invariances."""

from __future__ import annotations

import random

import pytest

from pytest_crackle.cooling.cool import cool
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.model.table import MetricTable
from tests.detectors.custom_suites import (
    noisy_suite,
    plant_broken_function,
    plant_law,
    plant_pair,
    plant_regime,
    plant_sum,
    record,
)


def plant_falling_pair(seed):
    return plant_pair(seed, slope=-3.0)


def plant_kept_law(seed):
    return plant_law(seed, broken=False)


PLANTED = {
    "law": (plant_kept_law, "law"),
    "broken": (plant_law, "broken"),
    "function": (plant_broken_function, "broken"),
    "sum": (plant_sum, "relation"),
    "pair": (plant_pair, "pair"),
    "falling": (plant_falling_pair, "pair"),
    "regime": (plant_regime, "regime"),
}


def cooled(records, profile=None):
    cooling = cool(MetricTable.from_records(records), profile or Profile.normal())
    assert cooling.faults == ()
    return cooling.patterns


def is_hit(pattern, subkind, ids, breakers):
    """Recall and precision of at least .8, and exactly the planted breakers."""
    found = set(pattern.tests)
    common = len(found & ids)
    return (
        pattern.subkind == subkind
        and common >= 0.8 * len(ids)
        and common >= 0.8 * len(found)
        and set(pattern.exceptions) == breakers
    )


def score(plant, subkind, seeds):
    """How many seeds find the planted pattern, and how many other patterns there are."""
    n_found = n_other = 0
    for seed in seeds:
        records, ids, breakers = plant(seed)
        patterns = cooled(records)
        hits = [p for p in patterns if is_hit(p, subkind, ids, breakers)]
        n_found += bool(hits)
        n_other += len(patterns) - min(1, len(hits))
    return n_found, n_other


@pytest.mark.parametrize("name", PLANTED)
def test_planted_pattern_is_found_and_nothing_else(name):
    plant, subkind = PLANTED[name]
    assert score(plant, subkind, range(1000, 1006)) == (6, 0)


@pytest.mark.calibration
@pytest.mark.parametrize("name", PLANTED)
def test_planted_pattern_is_found_in_95_of_100_seeds(name):
    plant, subkind = PLANTED[name]
    n_found, n_other = score(plant, subkind, range(100))
    assert n_found >= 95
    assert n_other <= 1


@pytest.mark.parametrize("profile", [Profile.normal(), Profile.fast()], ids=lambda p: p.rate)
def test_independent_metrics_show_nothing(profile):
    assert [p.summary for seed in range(25) for p in cooled(noisy_suite(seed), profile)] == []


@pytest.mark.calibration
@pytest.mark.parametrize(
    ("profile", "most"),
    # binomial: .01 and .05 a session, 300 sessions, plus two standard errors
    [(Profile.normal(), 6), (Profile.fast(), 22)],
    ids=["normal", "fast"],
)
def test_rate_of_patterns_in_independent_metrics(profile, most):
    sizes = (150, 400, 1000)
    tables = [noisy_suite(seed, sizes[seed % 3], 8) for seed in range(300)]
    assert sum(bool(cooled(records, profile)) for records in tables) <= most


def facts(patterns):
    """What a verdict consists of, without names and numbers."""
    return sorted((p.subkind, sorted(p.tests), sorted(p.exceptions)) for p in patterns)


@pytest.mark.parametrize("name", PLANTED)
def test_order_of_tests_does_not_matter(name):
    records, _, _ = PLANTED[name][0](7)
    before = facts(cooled(records))
    random.Random(1).shuffle(records)
    for place, one in enumerate(records):
        one["index"] = one["seq"] = place
    assert facts(cooled(records)) == before != []


@pytest.mark.parametrize("name", PLANTED)
def test_workers_do_not_matter(name):
    records, _, _ = PLANTED[name][0](7)
    before = facts(cooled(records))
    rng = random.Random(2)
    for one in records:
        one["worker"] = rng.choice(["gw0", "gw1", "gw2"])
        one["seq"] = rng.randrange(10_000)
    assert facts(cooled(records)) == before


@pytest.mark.parametrize("name", PLANTED)
def test_names_of_metrics_do_not_matter(name):
    records, _, _ = PLANTED[name][0](7)
    before = facts(cooled(records))
    names = sorted({key for one in records for key in one["metrics"]} - {"duration"})
    new = dict(zip(names, reversed([f"metric.{letter}" for letter in "abcdefgh"]), strict=False))
    for one in records:
        one["metrics"] = {new.get(key, key): value for key, value in one["metrics"].items()}
    assert facts(cooled(records)) == before


@pytest.mark.parametrize("factor", [8.0, 1024.0])
@pytest.mark.parametrize("name", PLANTED)
def test_units_do_not_matter(name, factor):
    records, _, _ = PLANTED[name][0](7)
    before = facts(cooled(records))
    for one in records:
        one["metrics"] = {
            key: value * (1 if key == "duration" else factor)
            for key, value in one["metrics"].items()
        }
    assert facts(cooled(records)) == before


@pytest.mark.parametrize("name", ["pair", "falling"])
def test_affine_maps_do_not_change_a_pair(name):
    records, _, _ = PLANTED[name][0](7)
    before = facts(cooled(records))
    for one in records:
        if "payload" in one["metrics"]:
            payload = one["metrics"]["payload"]
            one["metrics"] = {**one["metrics"], "payload": 1e4 - 2.5 * payload}
    patterns = cooled(records)
    assert facts(patterns) == before
    assert ("rise together" in patterns[0].summary) == (name == "falling")


@pytest.mark.parametrize("name", PLANTED)
def test_a_constant_metric_changes_nothing(name):
    records, _, _ = PLANTED[name][0](7)
    before = facts(cooled(records))
    record(records, "constant", [3.0] * len(records))
    assert facts(cooled(records)) == before


def test_a_pair_inside_a_relation_is_not_told():
    records, ids, _ = plant_sum(3)
    (pattern,) = cooled(records, Profile.fast())
    assert (pattern.subkind, set(pattern.metrics)) == (
        "relation",
        {"rows_in", "rows_out", "rejected"},
    )
    assert set(pattern.tests) == ids


def test_a_metric_in_another_unit_is_a_note():
    records = noisy_suite(3)
    for one in records:
        one["metrics"]["bits"] = 8 * one["metrics"]["noise.lognormal0"]
    cooling = cool(MetricTable.from_records(records))
    assert cooling.patterns == ()
    (note,) = [note for note in cooling.notes if "bits" in note]
    assert note == (
        "bits = 8 x noise.lognormal0 in all 400 tests that record both: taken as one metric, bits."
    )


def test_two_metrics_that_change_levels_together_are_one_regime():
    records, cold, _ = plant_regime(4)
    rng = random.Random(4)
    for one in records:
        if "queries" in one["metrics"]:
            rows = rng.lognormvariate(7.0 if one["nodeid"] in cold else 3.0, 0.3)
            one["metrics"]["rows"] = rows
    patterns = cooled(records)
    assert [p.subkind for p in patterns] == ["regime"]
    assert set(patterns[0].metrics) == {"queries", "rows"}
    assert set(patterns[0].tests) == cold


def test_sizes_that_parameters_step_through_are_no_levels():
    rng = random.Random(5)
    records = noisy_suite(5)
    record(records, "size", [float(2 ** rng.randrange(14)) for _ in records])
    record(records, "grown", [rng.choice([10, 100, 1000]) * rng.uniform(0.9, 1.1) for _ in records])
    assert cooled(records, Profile.fast()) == ()


def test_a_falling_and_rising_dependence_is_a_shape_at_fast_only():
    rng = random.Random(6)
    records = [one for one in noisy_suite(6, 600) if "[" not in one["nodeid"]]
    for one in records:
        x = rng.uniform(-1, 1)
        one["metrics"] |= {"angle": x, "height": x * x + rng.gauss(0, 0.03)}
    (pattern,) = cooled(records, Profile.fast())
    assert (pattern.subkind, pattern.metrics) == ("shape", ("angle", "height"))
    assert pattern.summary.startswith("height follows angle over ")
    assert cooled(records) == ()
