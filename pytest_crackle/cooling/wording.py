"""Phrases for sets of tests that the sentences of several findings share; pure text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_crackle.model.units import count_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.suite import Suite

__all__ = ["breaking", "files_phrase", "having", "phase_name"]

_PREPOSITION: Final = {"fixture": "with", "marker": "with", "function": "of", "metric": "with"}


def having(type_: str, name: str) -> str:
    """Say what tests have in common: ``with fixture warehouse``, ``in module tests/test_a.py``.

    Functions and classes go by their node id alone: it says what they are; so does a metric with
    its value.
    """
    shown = name if type_ in ("function", "class", "module", "metric") else f"{type_} {name}"
    return f"{_PREPOSITION.get(type_, 'in')} {shown}"


def files_phrase(suite: Suite, rows: Sequence[int]) -> str:
    """Say where tests are: ``in tests/test_a.py`` or ``in 4 files``."""
    modules = {suite.table.modules[row] for row in rows}
    return f"in {modules.pop() if len(modules) == 1 else count_of(len(modules), 'file')}"


def phase_name(metric: str) -> str:
    """Return ``setup``, ``call`` or ``teardown``; the metric itself where it has no phase."""
    return metric.removeprefix("duration.") if metric.startswith("duration.") else metric


def breaking(cases: Sequence[tuple[str, str]]) -> str:
    """Say which tests break a law, each with what it has instead; two by name, the rest counted.

    Examples
    --------
    >>> breaking([("a.py::test_x", "700")])
    'a.py::test_x breaks it (700)'
    >>> breaking([("a.py::test_x", "700"), ("a.py::test_y", "3"), ("a.py::test_z", "4")])
    'a.py::test_x (700), a.py::test_y (3) and 1 more break it'
    """
    if len(cases) == 1:
        return f"{cases[0][0]} breaks it ({cases[0][1]})"
    named = [f"{name} ({instead})" for name, instead in cases[:2]]
    if len(cases) == 2:
        return f"{' and '.join(named)} break it"
    return f"{', '.join(named)} and {len(cases) - 2:,} more break it"
