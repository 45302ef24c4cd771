"""The peak of each test's memory that Python allocates, by tracemalloc.

Cost: every allocation is traced while a test runs. Code that does nothing but make small objects
takes 10 to 15 times as long; start and stop 1 us a test.
"""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


__all__ = ["PeakMemory"]


class PeakMemory:
    """Measure the most bytes that a test had allocated at once, over what was there before it.

    Tracing that runs already is left running and is measured from where it stands. A test that
    stops tracing has no peak; one that resets it or clears the traces has a smaller one.
    """

    name = "memory.peak"

    def __init__(self) -> None:
        self.metrics: Mapping[str, tuple[str, str]] = {"memory.peak": ("B", "value")}
        # own references: a test may leave the module patched
        self._is_tracing, self._sizes = tracemalloc.is_tracing, tracemalloc.get_traced_memory
        self._begin, self._end = tracemalloc.start, tracemalloc.stop
        self._reset = tracemalloc.reset_peak
        self._is_ours = False
        self._before = 0

    def start(self) -> None:
        """Begin to trace, or reset the peak of a trace that is on."""
        if self._is_tracing():
            self._reset()
        else:
            self._begin()
            self._is_ours = True
        self._before = self._sizes()[0]

    def stop(self) -> dict[str, float]:
        """Read the peak; end the tracing that this meter began."""
        if not self._is_tracing():
            self._is_ours = False
            return {}
        peak = self._sizes()[1] - self._before
        if self._is_ours:
            self._end()
            self._is_ours = False
        return {"memory.peak": float(max(0, peak))}
