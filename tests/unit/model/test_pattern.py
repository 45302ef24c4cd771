from __future__ import annotations

import copy
import json
import pickle  # noqa: TID251 - what this very test made
import random
from dataclasses import asdict

import pytest

from pytest_crackle import MetricTable, cool
from pytest_crackle.model.pattern import Pattern, PatternKind

RANDOM = random.Random(1)


def record_of(number):
    read, lost = RANDOM.randrange(1000, 9000), RANDOM.randrange(10, 200)
    written = read - lost - (25 if number == 41 else 0)
    metrics = {"rows.read": read, "rows.lost": lost, "rows.written": written}
    return {"nodeid": f"import-{number}", "metrics": metrics}


@pytest.fixture(scope="module")
def cooling():
    return cool(MetricTable.from_records(record_of(number) for number in range(60)))


@pytest.fixture
def pattern(cooling):
    (pattern,) = cooling.patterns
    return pattern


def test_scripts_may_keep_send_and_compare_it(pattern):
    assert pickle.loads(pickle.dumps(pattern)) == pattern
    assert copy.deepcopy(pattern) == pattern
    assert len({pattern, copy.deepcopy(pattern)}) == 1
    assert json.loads(json.dumps(asdict(pattern)))["evidence"] == pattern.evidence


def test_it_reads_as_its_sentence(cooling, pattern):
    assert str(pattern) == f"{pattern}" == pattern.summary
    assert str(cooling) == pattern.summary
    assert str(cool(MetricTable.from_records([]))) == "no patterns"


def test_kinds_compare_with_words(pattern):
    assert pattern.kind == "conservation"
    assert pattern.kind == PatternKind.CONSERVATION


def test_confidence_is_a_share():
    assert Pattern("k", "", "s", (), (), 1.7).confidence == 1.0
    assert Pattern("k", "", "s", (), (), -0.1).confidence == 0.0
