"""Whole sessions that cannot mean anything: shuffles of recorded suites through the whole cooling.

Two nulls. Within modules: `selfcheck.shuffled`, the one users run on their own records. Global: the
measurements of all tests dealt out over the whole suite, which also takes away what modules do.
What is false in them is said by `selfcheck.false_in_shuffles`: not what the unshuffled suite shows
as well, nor what needs nothing that was destroyed, such as the cost of a whole module.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from pytest_crackle.cooling.cool import cool
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.cooling.selfcheck import clopper_pearson, false_in_shuffles, shuffled
from pytest_crackle.model.table import MetricTable
from tests.recorded import path_of, records_of

if TYPE_CHECKING:
    from pytest_crackle.model.pattern import Pattern

SMALL = ("attrs.1", "flask.1", "more_itertools.1", "real30.1")
ALL = tuple(
    f"{name}.{run}"
    for name in ("attrs", "flask", "more_itertools", "real30", "networkx", "pandas", "sqlalchemy")
    for run in (1, 2)
)
LEVELS = ("memory.rss", "fds", "threads")
COUNTED = ("passed", "failed", "xfailed", "xpassed")


def dealt_over_the_suite(records: list[dict[str, Any]], seed: int) -> MetricTable:
    """Deal the measurements of all tests out again; levels left out, as by `shuffled`."""
    rng = random.Random(seed)
    places = [i for i, record in enumerate(records) if record["outcome"] in COUNTED]
    sources = places[:]
    rng.shuffle(sources)
    dealt = dict(zip(places, sources, strict=True))
    out = []
    for i, record in enumerate(records):
        metrics = records[dealt.get(i, i)]["metrics"]
        out.append(record | {"metrics": {k: v for k, v in metrics.items() if k not in LEVELS}})
    return MetricTable.from_records(out)


def nulls_of(name: str, shuffles: int, seed: int = 0) -> tuple[list[int], list[Pattern]]:
    """Cool both nulls so many times; return false patterns per shuffle, and all of them."""
    records = records_of(name)
    table = MetricTable.from_records(records)
    is_false = false_in_shuffles(table, cool(table, Profile.normal()).patterns)
    counts, found = [], []
    for number in range(seed, seed + shuffles):
        for null in (shuffled(table, seed=number), dealt_over_the_suite(records, number)):
            cooling = cool(null, Profile.normal())
            assert cooling.faults == ()
            false = [pattern for pattern in cooling.patterns if is_false(pattern)]
            counts.append(len(false))
            found += false
    return counts, found


def told(patterns: list[Pattern]) -> str:
    return "\n".join(f"{p.kind}/{p.subkind}: {p.summary}" for p in patterns)


@pytest.mark.parametrize("name", SMALL)
def test_shuffles_of_small_suites_show_nothing(name):
    """Three shuffles of each kind: at one pattern in 100 shuffles, 0.06 expected a suite."""
    counts, found = nulls_of(name, 3)
    assert sum(counts) == 0, told(found)


@pytest.mark.calibration
def test_at_most_one_pattern_in_a_hundred_shuffles():
    """SHUFFLES of each kind of every recording at hand, at normal.

    The rate of shuffles with a false pattern is at most 1 %: asked of the lower Clopper-Pearson
    bound, and of the estimate within two standard errors.
    """
    shuffles = {"networkx": 4, "pandas": 4, "sqlalchemy": 4}
    counts: list[int] = []
    found: list[Pattern] = []
    for name in ALL:
        if path_of(name) is not None:
            some, patterns = nulls_of(name, shuffles.get(name.partition(".")[0], 20), seed=100)
            counts += some
            found += patterns
    hits = sum(count > 0 for count in counts)
    low, high = clopper_pearson(hits, len(counts))
    rate = hits / len(counts)
    verdict = f"{hits} of {len(counts)} shuffles ({low:.3f} to {high:.3f})\n{told(found)}"
    assert low <= 0.01, verdict
    assert rate <= 0.01 + 2 * (0.01 * 0.99 / len(counts)) ** 0.5, verdict
