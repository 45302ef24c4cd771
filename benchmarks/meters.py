"""What the opt-in meters cost: `python benchmarks/meters.py` prints one table.

Each figure is the least of 7 rounds of 2,000, the empty loop subtracted; side by side with the
bare operation, so that a busy machine moves both.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import TYPE_CHECKING

from pytest_crackle.firing.meters.ready import ready_meters

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_crackle.firing.meters.base import Meter

ROUNDS, TIMES = 7, 2_000
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


def main() -> None:
    empty = seconds(lambda: None)
    print(f"{'meter':<12} {'start + stop':>12}   operation            bare   measured")
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
