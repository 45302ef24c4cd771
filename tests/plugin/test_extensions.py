"""What third parties give, without a session: as on the command line."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from pytest_crackle import MetricTable, Pattern
from pytest_crackle.extensions import Extensions
from pytest_crackle.manager import new_manager

TABLE = MetricTable.from_records([])
FIRST = Pattern("clustering", "hot", "One.", (), ("a",), 0.9, id="CR-1", gateable=False)
SECOND = Pattern("mine", "", "Two.", (), ("b",), 0.9, id="CR-2", level="warn")


def extended(**plugins) -> Extensions:
    manager = new_manager()
    for name, plugin in plugins.items():
        manager.register(plugin, name)
    return Extensions(manager)


def filtering(change) -> SimpleNamespace:
    return SimpleNamespace(
        pytest_crackle_patterns=lambda patterns, table, config: [change(p) for p in patterns]
    )


def test_without_plugins_nothing_happens():
    extensions = Extensions()
    assert extensions.meters(()) == []
    assert extensions.detectors() == []
    assert extensions.derives() is None
    assert extensions.patterns([FIRST], TABLE) == ((FIRST,), ())
    assert extensions.report(None) == []  # type: ignore[arg-type] # nobody to take it
    extensions.note_late_ones()
    assert extensions.faults == []


def test_filters_see_each_others_results_and_keep_the_order():
    seen = []

    def reverse(patterns, table, config):
        seen.append([pattern.summary for pattern in patterns])
        return reversed(patterns)

    def rename(patterns, table, config):
        return [replace(pattern, summary=f"Our: {pattern.summary}") for pattern in patterns]

    # the one that was registered last is called first, as pytest does
    extensions = extended(
        a=SimpleNamespace(pytest_crackle_patterns=reverse),
        b=SimpleNamespace(pytest_crackle_patterns=rename),
    )
    kept, notes = extensions.patterns([FIRST, SECOND], TABLE)
    assert [pattern.summary for pattern in kept] == ["Our: One.", "Our: Two."]
    assert seen == [["Our: One.", "Our: Two."]]
    assert (notes, extensions.faults) == ((), [])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda p: replace(p, gateable=True), "ValueError: it made CR-1 gateable"),
        (lambda p: replace(p, level="fail"), "ValueError: it raised the level of CR-1 from note"),
        (lambda p: replace(p, level="none"), "ValueError: it raised the level of CR-1 from note"),
        (lambda p: replace(p, accepted=True), "ValueError: it changed the evidence of CR-1"),
        (lambda p: replace(p, details=(1,)), "ValueError: summary and details of CR-1 must be"),
        (lambda p: replace(p, summary="a\nb"), "ValueError: summary and details of CR-1 must be"),
        (lambda _: None, "TypeError: it gave a value of type NoneType, not a Pattern"),
        (lambda _: FIRST, "ValueError: it gave a pattern that it was not given, or twice: 'CR-1'"),
    ],
)
def test_a_filter_may_not_make_more_of_a_pattern_than_it_is(change, why):
    extensions = extended(team=filtering(change))
    kept, notes = extensions.patterns([FIRST, SECOND], TABLE)
    assert (kept, notes) == ((FIRST, SECOND), ())
    (fault,) = extensions.faults
    assert fault.startswith(f"pytest_crackle_patterns of team, switched off: {why}")
    assert extensions.lost("pytest_crackle_patterns")


def test_a_filter_may_make_less_of_it():
    extensions = extended(team=filtering(lambda p: replace(p, level="notice", gateable=False)))
    kept, _ = extensions.patterns([FIRST, SECOND], TABLE)
    assert [(pattern.level, pattern.gateable) for pattern in kept] == [("notice", False)] * 2
    assert extensions.faults == []


def test_a_filter_that_changes_evidence_in_place_changes_nothing():
    def spoil(patterns, table, config):
        for pattern in patterns:
            pattern.evidence["x"] = 99.0

    extensions = extended(team=SimpleNamespace(pytest_crackle_patterns=spoil))
    (kept,), _ = extensions.patterns([replace(FIRST, evidence={"x": 1.0})], TABLE)
    assert kept.evidence == {"x": 1.0}


def test_a_filter_that_gives_nothing_changes_nothing():
    extensions = extended(team=SimpleNamespace(pytest_crackle_patterns=lambda patterns: None))
    assert extensions.patterns([FIRST], TABLE) == ((FIRST,), ())


def test_derived_metrics_build_on_each_other_and_never_replace():
    extensions = extended(
        later=SimpleNamespace(
            pytest_crackle_derive=lambda record: {"y": record["metrics"].get("x2", 0) + 1, "x": 9}
        ),
        first=SimpleNamespace(
            pytest_crackle_derive=lambda record: {"x2": 2 * record["metrics"]["x"]}
        ),
    )
    record = {"nodeid": "a", "metrics": {"x": 3.0}}
    derive = extensions.derives()
    assert derive is not None
    derive(record)  # type: ignore[arg-type] # a record with the least there must be
    assert record["metrics"] == {"x": 3.0, "x2": 6.0, "y": 7.0}


@pytest.mark.parametrize("value", [np.float32(0.5), np.float64(0.5), Fraction(1, 2)])
def test_a_derived_value_of_any_real_type_is_a_built_in_float(value):
    extensions = extended(team=SimpleNamespace(pytest_crackle_derive=lambda record: {"y": value}))
    record = {"nodeid": "t.py::test_a", "metrics": {"x": 3.0}}
    extensions.derive(record)  # type: ignore[arg-type] # as above
    assert repr(record["metrics"]) == "{'y': 0.5, 'x': 3.0}"
    assert extensions.faults == []


@pytest.mark.parametrize("value", ["1", None, True, float("inf"), 10**400])
def test_a_derived_value_must_be_a_finite_number(value):
    extensions = extended(team=SimpleNamespace(pytest_crackle_derive=lambda record: {"y": value}))
    for _ in range(2):
        record = {"nodeid": "t.py::test_a", "metrics": {"x": 3.0}}
        extensions.derive(record)  # type: ignore[arg-type] # as above
        assert record["metrics"] == {"x": 3.0}
    (fault,) = extensions.faults  # once: it is switched off
    assert fault.startswith("pytest_crackle_derive of team, switched off at t.py::test_a: ")


def test_a_receiver_that_fails_is_told_and_the_others_go_on():
    taken = []

    def refuse(report):
        raise OSError("no\n route")

    extensions = extended(
        b=SimpleNamespace(pytest_crackle_report=lambda report, config: taken.append(report)),
        a=SimpleNamespace(pytest_crackle_report=refuse),
    )
    report = object()
    lines = extensions.report(report)  # type: ignore[arg-type] # handed on as it is
    assert lines == ["pytest_crackle_report of a, switched off: OSError: no route"]
    assert taken == [report]


def test_names_are_taken_once():
    meter = SimpleNamespace(name="m", metrics={}, start=lambda: None, stop=dict)
    one = SimpleNamespace(pytest_crackle_meters=lambda config: [meter])
    two = SimpleNamespace(pytest_crackle_meters=lambda config: (m for m in [meter]))
    extensions = extended(two=two, one=one)
    assert extensions.meters(["cpu"]) == [meter]
    assert extensions.faults == [
        "pytest_crackle_meters of two, switched off: ValueError: the name 'm' is taken"
    ]
    assert extended(one=one).meters(["m"]) == []


def test_plugins_may_mark_their_hooks_and_have_others():
    class Marked:
        @pytest.hookimpl(tryfirst=True)
        def pytest_crackle_derive(self, record):
            return {"first": 1.0}

        def pytest_configure(self, config):
            raise AssertionError

        pytest_crackle_note = "no hook"

    extensions = extended(
        marked=Marked(), plain=SimpleNamespace(pytest_crackle_derive=lambda record: {"first": 2.0})
    )
    record = {"nodeid": "a", "metrics": {}}
    extensions.derive(record)  # type: ignore[arg-type] # as above
    assert record["metrics"] == {"first": 1.0}
