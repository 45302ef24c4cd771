"""A thermometer for the process: how long a small fixed piece of work takes, between tests.

Cost: about 60 us, at most every 50 ms.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from pytest_crackle.firing.meters.clock import cpu_clock, thread_clock, wall_clock

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["INTERVAL", "Probe", "Thermometer"]

INTERVAL: Final = 0.050
STEPS: Final = 250


class _Work:
    """Attribute access, a method call, a tuple and a list: what Python tests are made of.

    The call matters: from Python 3.12 on a loop without one does not see ``sys.setprofile``.
    """

    def __init__(self) -> None:
        self.x = 0

    def step(self, i: int) -> tuple[int, int]:
        self.x = (self.x + i) & 255
        return i, self.x


def _work() -> int:
    work = _Work()
    return len([work.step(i) for i in range(STEPS)])


class Probe:
    """One reading: `pace` and `background` (None the first time), and allocated `blocks`."""

    __slots__ = ("background", "blocks", "pace")

    def __init__(self, pace: float, background: float | None, blocks: int | None) -> None:
        self.pace = pace
        self.background = background
        self.blocks = blocks


class Thermometer:
    """Take a probe between tests when the last one is at least `INTERVAL` ago."""

    def __init__(self) -> None:
        self._wall, self._cpu, self._thread = wall_clock(), cpu_clock(), thread_clock()
        self._blocks: Callable[[], int] | None = getattr(sys, "getallocatedblocks", None)
        self._last: tuple[float, float, float] | None = None
        self.due = 0.0
        for _ in range(3):  # specialise the code: the first runs are slower
            _work()

    def probe(self) -> Probe:
        """Time the work twice, keep the faster; compare process with thread time since the last."""
        thread = self._thread
        best = None
        for _ in range(2):
            start = thread()
            _work()
            took = thread() - start
            best = took if best is None else min(best, took)
        now = (self._wall(), self._cpu(), thread())
        background = None
        if self._last is not None:
            wall, cpu, own = (b - a for a, b in zip(self._last, now, strict=True))
            if wall > 0:
                background = max(0.0, (cpu - own) / wall)
        self._last = now
        self.due = now[0] + INTERVAL
        blocks = self._blocks() if self._blocks is not None else None
        return Probe(max(best or 0.0, 0.0), background, blocks)
