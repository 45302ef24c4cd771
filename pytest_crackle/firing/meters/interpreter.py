"""What the interpreter says of itself: collections, warnings, state. Cost: about 2 us a test."""

from __future__ import annotations

import gc
import logging
import math
import sys
import tracemalloc
import warnings
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "STATE_READINGS",
    "collections_growth",
    "describe_state",
    "state_reader",
    "warnings_log_reader",
]

STATE_READINGS: Final = (
    "trace function",
    "profile function",
    "gc",
    "gc threshold",
    "log level",
    "log disable",
    "switch interval",
    "recursion limit",
    "tracemalloc",
)


FEW_FROZEN: Final = 64
"""So many objects are counted as fast as the statistics are read: the count walks them all."""


def collections_growth() -> Callable[[float], float] | None:
    """Return what tells how many garbage collections there were since it was asked last."""
    get_stats = getattr(gc, "get_stats", None)  # PyPy has another
    if get_stats is None or sys.implementation.name != "cpython":
        return None

    is_tracked, frozen = gc.is_tracked, gc.get_freeze_count
    before, kept = math.nan, -1  # -1: the first reading is a whole one
    witness = _witness()

    def grown(_: float) -> float:
        nonlocal before, kept, witness
        if kept <= FEW_FROZEN:
            # a new one before the question: no collection falls between the two
            old, witness = witness, (kept,) if witness else ()
            if is_tracked(old) and frozen() == kept:
                return 0.0
            kept = frozen()
        first, second, third = get_stats()
        earlier = before
        before = float(first["collections"] + second["collections"] + third["collections"])
        return before - earlier

    return grown


def _witness() -> tuple[int, ...]:
    """Return a tuple that the next collection marks, an empty one where none can be relied on.

    To read the statistics takes 10 thousand machine instructions. But each collection, of whatever
    generation, looks at the youngest objects, and no longer tracks those tuples among them that
    hold only numbers: while a young one is tracked, there was none. Unless it was frozen.
    """
    if sys.version_info >= (3, 14):
        return ()  # another collector, with which this was not tried
    witness = (sys.getrecursionlimit(),)  # no constant, which would be an old object
    was_tracked = gc.is_tracked(witness)
    gc.collect(0)
    return (len(witness),) if was_tracked and not gc.is_tracked(witness) else ()


def warnings_log_reader() -> Callable[[], list[object] | None]:
    """Return a function that gives the list into which pytest records this test's warnings.

    ``warnings.catch_warnings(record=True)``, which pytest wraps around every test, shows a warning
    by appending it to a list; that list is looked at, nothing is replaced. None where there is no
    such list (``-p no:warnings``).
    """
    module: Any = warnings

    def read() -> list[object] | None:
        try:
            log = module._showwarnmsg_impl.__self__  # noqa: SLF001 - nothing public tells
        except AttributeError:
            return None
        return log if type(log) is list else None

    return read


def state_reader() -> Callable[[], tuple[object, ...]]:
    """Return a reader of the interpreter's state, in the order of `STATE_READINGS`."""
    gettrace, getprofile = sys.gettrace, sys.getprofile
    enabled, threshold = gc.isenabled, gc.get_threshold
    switch, limit = sys.getswitchinterval, sys.getrecursionlimit
    tracing, root, manager = tracemalloc.is_tracing, logging.root, logging.root.manager

    # One after the other: `map(operator.call, readers)` shows as no call in a profile, but takes
    # 1.6 times the machine instructions.
    def read() -> tuple[object, ...]:
        return (
            gettrace(),
            getprofile(),
            enabled(),
            threshold(),
            root.level,
            manager.disable,
            switch(),
            limit(),
            tracing(),
        )

    return read


def describe_state(reading: str, value: object) -> str:
    """Put one reading into a few words without addresses: ``"on"``, ``"(700, 10, 10)"``, a name."""
    if reading in ("gc", "tracemalloc"):
        return "on" if value else "off"
    if reading in ("trace function", "profile function"):
        if value is None:
            return "none"
        name = getattr(value, "__qualname__", None) or type(value).__qualname__
        home = getattr(value, "__module__", None) or type(value).__module__
        return f"{home}.{name}"
    return str(value)
