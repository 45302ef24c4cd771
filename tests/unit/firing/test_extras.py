from __future__ import annotations

import math
import sys
from fractions import Fraction

import numpy as np
import pytest

from pytest_crackle.firing.extras import Extras


class Probe:
    """A meter that tells what was asked of it."""

    def __init__(self, name, values, log=None, metrics=None):
        self.name = name
        self.values = values
        self.log = [] if log is None else log
        self.metrics = metrics or {f"{name}.level": ("K", "level")}

    def start(self):
        self.log.append(f"{self.name} starts")

    def stop(self):
        self.log.append(f"{self.name} stops")
        return self.values() if callable(self.values) else self.values


def run(extras):
    metrics: dict[str, float] = {}
    units: dict[str, list[str]] = {}
    extras.start()
    extras.stop(metrics, units)
    return metrics, units


@pytest.fixture
def faults():
    return []


@pytest.fixture
def extras_of(faults):
    return lambda *meters: Extras(meters, lambda where, error: faults.append(f"{where}: {error}"))


def test_values_and_units_come_from_the_meter(extras_of, faults):
    metrics, units = run(extras_of(Probe("t", {"t.level": 3})))
    assert metrics == {"t.level": 3.0}
    assert type(metrics["t.level"]) is float
    assert units == {"t.level": ["K", "level"]}
    assert not faults


@pytest.mark.parametrize("value", [np.float32(0.5), np.float64(0.5), Fraction(1, 2)])
def test_any_real_number_becomes_a_built_in_float(extras_of, faults, value):
    metrics, _ = run(extras_of(Probe("t", {"t.level": value})))
    assert metrics == {"t.level": 0.5}
    assert type(metrics["t.level"]) is float
    assert not faults


@pytest.mark.parametrize("method", ["start", "stop"])
def test_whoever_interrupts_the_session_is_not_held_up(extras_of, faults, monkeypatch, method):
    def ends():
        raise KeyboardInterrupt

    probe = Probe("t", {})
    monkeypatch.setattr(probe, method, ends)
    with pytest.raises(KeyboardInterrupt):
        run(extras_of(probe))
    assert not faults


@pytest.mark.parametrize("method", ["start", "stop"])
def test_a_meter_that_calls_sys_exit_is_switched_off(extras_of, faults, monkeypatch, method):
    probe = Probe("t", {})
    monkeypatch.setattr(probe, method, lambda: sys.exit("no licence"))
    assert run(extras_of(probe, Probe("good", {"good.level": 1.0})))[0] == {"good.level": 1.0}
    assert faults == ["meter 't', switched off: no licence"]


def test_of_two_meters_of_one_metric_the_later_is_switched_off(extras_of, faults):
    metrics = {"load": ("1", "level")}
    extras = extras_of(
        Probe("a", {"load": 1.0}, metrics=metrics), Probe("b", {"load": 2.0}, metrics=metrics)
    )
    assert faults == ["meter 'b', switched off: 'load' is measured by the meter 'a'"]
    assert run(extras)[0] == {"load": 1.0}
    assert len(faults) == 1


def test_a_meter_that_skips_at_its_start_is_switched_off(extras_of, faults, monkeypatch):
    probe = Probe("t", {})
    monkeypatch.setattr(probe, "start", lambda: pytest.skip("no sensor"))
    assert run(extras_of(probe, Probe("good", {"good.level": 1.0})))[0] == {"good.level": 1.0}
    assert faults == ["meter 't', switched off: no sensor"]


def test_a_built_in_metric_needs_no_unit(extras_of):
    probe = Probe("audit", {"opens": 2}, metrics={"opens": ("1", "count")})
    assert run(extras_of(probe)) == ({"opens": 2.0}, {})


def test_meters_stop_in_reverse_order(extras_of):
    log: list[str] = []
    run(extras_of(Probe("a", {}, log), Probe("b", {}, log)))
    assert log == ["a starts", "b starts", "b stops", "a stops"]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"t.level": math.nan}, "metric 't.level': the value must be finite"),
        ({"t.level": True}, "a bool is no measurement"),
        ({"t.level": "3"}, "must be a real number, not str"),
        ({"t.level": 1j}, "must be a real number, not complex"),
        ([("t.level", 3.0)], "stop() gave a value of type list, not a mapping of metrics"),
        ({"other": 1.0}, "stop() gave 'other', which the meter does not declare"),
        (None, "stop() gave a value of type NoneType, not a mapping of metrics"),
        (lambda: 1 / 0, "division by zero"),
        (lambda: pytest.fail("no reading"), "no reading"),
        (lambda: pytest.skip("no sensor"), "no sensor"),
    ],
)
def test_a_meter_that_fails_is_switched_off_and_told_once(extras_of, faults, values, reason):
    bad, good = Probe("t", values), Probe("good", {"good.level": 1.0})
    extras = extras_of(bad, good)
    for _ in range(3):
        assert run(extras)[0] == {"good.level": 1.0}
    assert bad.log == ["t starts", "t stops"]
    (fault,) = faults
    assert fault.startswith("meter 't', switched off: ")
    assert reason in fault


def test_a_meter_that_does_not_start_is_never_stopped(extras_of, faults):
    class Broken(Probe):
        def start(self):
            raise OSError("no sensor")

    bad = Broken("t", {})
    assert run(extras_of(bad)) == ({}, {})
    assert bad.log == []
    assert faults == ["meter 't', switched off: no sensor"]


def test_what_an_interrupted_test_left_running_is_stopped_first(extras_of):
    probe = Probe("t", {"t.level": 3})
    extras = extras_of(probe)
    extras.start()
    assert run(extras)[0] == {"t.level": 3.0}
    assert probe.log == ["t starts", "t stops", "t starts", "t stops"]
