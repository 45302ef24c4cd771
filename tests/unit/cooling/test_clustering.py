"""The clustering detector: one cause, one line."""

from __future__ import annotations

import random

from pytest_crackle.cooling.detectors.clustering import Clustering
from pytest_crackle.cooling.profiles import Profile
from tests.time_tables import background, record, suite_of

NORMAL = Profile.normal()


def told(records):
    return Clustering().detect(suite_of(records), NORMAL).findings


def cases(n, call, name="tests/test_s.py::test_x", **more):
    return [record(f"{name}[{i}]", call=call * (1 + 0.01 * (i % 3)), **more) for i in range(n)]


def test_the_name_is_public():
    assert Clustering().name == "clustering"


def test_a_hot_spot_that_is_a_group_is_the_group():
    (finding,) = told(background(300) + cases(20, 0.2))
    assert finding.subkind == "group"


def test_a_group_that_is_a_part_of_a_hot_spot_is_a_line_of_it():
    rng = random.Random(3)
    unequal = [
        record(f"tests/test_h{i}.py::test_y", call=rng.lognormvariate(-1, 1), markers=["database"])
        for i in range(30)
    ]
    (finding,) = told(background(300) + cases(8, 0.2, markers=["database"]) + unequal)
    assert (finding.subkind, finding.anchor) == ("hot", "marker database")
    assert any("tests/test_s.py::test_x: call 202 ms each" in line for line in finding.details)


def test_what_a_fixture_tells_of_itself_is_no_group_of_its_class():
    users = [
        record(
            f"tests/test_u.py::TestU::test_{i}",
            setup=0.061,
            fixtures=["warehouse"],
            setups=[["warehouse", "function", 0.06, 0.06]],
        )
        for i in range(40)
    ]
    (finding,) = told(background(300) + users)
    assert finding.exact
    assert "a wider scope would save 2.34 s" in finding.summary


def test_a_cheap_fixture_leaves_the_group_of_another_cost():
    users = [
        record(
            f"tests/test_u{i % 3}.py::test_{i}",
            setup=0.5,
            fixtures=["warehouse", "cheap"],
            setups=[["cheap", "function", 0.05, 0.05]],
        )
        for i in range(40)
    ]
    found = told(background(300) + users)
    assert [f.exact for f in found if f.metrics == ("duration.setup",)] == [True, False]


def test_small_and_empty_suites_are_silent():
    for n in (0, 1, 2, 5):
        assert told(background(n)) == ()
