"""What one reading of each meter and one recorded value cost: `python benchmarks/meters.py`.

Each figure is the least of 7 rounds of 2,000, the empty loop subtracted. Default meters are read
alone, between tests in which nothing happens; left out are the stamps of the phases (duration, cpu)
and what runs by the clock (pace, background). Opt-in meters stand beside the bare operation that
they count, so that a busy machine moves both.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import TYPE_CHECKING

from pytest_crackle.firing.meters.ready import ready_meters
from pytest_crackle.firing.readings import METERS, Readings
from pytest_crackle.firing.recording import Firing, record_metric

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_crackle.firing.meters.base import Meter

ROUNDS, TIMES = 7, 2_000
STAMPED = {"duration", "cpu", "pace", "background"}
LOGGER = logging.getLogger("benchmark")
LOGGER.propagate = False
LOGGER.addHandler(logging.NullHandler())


def seconds(act: Callable[[], object]) -> float:
    """Least time of one call."""
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for _ in range(TIMES):
            act()
        best = min(best, time.perf_counter() - begin)
    return best / TIMES


def allocate() -> object:
    return [object() for _ in range(1_000)]


def open_one() -> None:
    os.close(os.open(os.devnull, os.O_RDONLY))


OPERATIONS: dict[str, tuple[str, Callable[[], object]]] = {
    "opens": ("os.open, os.close", open_one),
    "memory.peak": ("1,000 objects", allocate),
    "db": ("no query", lambda: None),
    "logs": ("a warning", lambda: LOGGER.warning("x %s", 1)),
}


def reading(wanted: frozenset[str]) -> float:
    """Seconds of what is read after one test."""
    readings = Readings(wanted)
    readings.base_line()
    return seconds(lambda: readings.read({}, {}, time.perf_counter()))


def recorded(empty: float) -> dict[str, float]:
    """Seconds of one recorded value, by how it is recorded."""

    def timed() -> None:
        with record_metric.timer("parse"):
            pass

    ways: dict[str, Callable[[], object]] = {
        'record_metric("rows", 3)': lambda: record_metric("rows", 3),
        'record_metric.add("queries")': lambda: record_metric.add("queries"),
        'record_metric.timer("parse")': timed,
    }
    off = {f"{way}, off": seconds(act) - empty for way, act in ways.items()}
    firing = Firing()
    firing.push()
    firing.begin("a test")
    on = {way: seconds(act) - empty for way, act in ways.items()}
    firing.pop()
    return {**on, **off}


def main() -> None:
    empty = seconds(lambda: None)
    none = reading(frozenset())
    each = {name: reading(frozenset({name})) - none for name in METERS if name not in STAMPED}
    print(f"{'default meter':<32} {'one reading':>12}")
    for name, cost in {**each, "all together": reading(frozenset(METERS)) - none}.items():
        print(f"{name:<32} {max(cost, 0.0) * 1e6:9.2f} us")
    print(f"\n{'':<32} {'one value':>12}")
    for way, cost in recorded(empty).items():
        print(f"{way:<32} {cost * 1e6:9.2f} us")
    opt_in(empty)


def opt_in(empty: float) -> None:
    """Print the table of the opt-in meters."""
    print()
    print(f"{'opt-in':<12} {'start + stop':>12}   operation            bare   measured")
    bare = {name: seconds(act) - empty for name, (_, act) in OPERATIONS.items()}
    other = seconds(lambda: sys.audit("benchmark.other")) - empty
    for name, (what, act) in OPERATIONS.items():
        (meter,) = ready_meters([name])

        def around(meter: Meter = meter) -> None:
            meter.start()
            meter.stop()

        cost = seconds(around) - empty
        meter.start()
        measured = seconds(act) - empty
        meter.stop()
        print(
            f"{name:<12} {cost * 1e6:9.2f} us   {what:<18} {bare[name] * 1e6:6.2f} "
            f"{measured * 1e6:8.2f} us"
        )
    hooked = seconds(lambda: sys.audit("benchmark.other")) - empty
    print(
        f"an audit event that no meter counts: {other * 1e6:.2f} us bare, {hooked * 1e6:.2f} us "
        "after +opens, to the end of the process"
    )


if __name__ == "__main__":
    main()
