"""The garbage collector at rest for a while."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["resting_collector"]


# own references: a test may leave the module patched
_is_enabled, _disable, _enable = gc.isenabled, gc.disable, gc.enable


@contextmanager
def resting_collector() -> Iterator[None]:
    """Keep the garbage collector from running within the block.

    What is read and analysed are many small objects without cycles. Each some thousands of them
    would have the collector look at every object of the process, also at those that pytest keeps
    of each test: a third of the time that the analysis of a large suite takes.
    """
    was_enabled = _is_enabled()
    _disable()
    try:
        yield
    finally:
        if was_enabled:
            _enable()
