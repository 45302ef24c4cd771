"""Phrases that the findings about past runs share; pure text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.history.axis import CONFIRMED
from pytest_crackle.cooling.shifts.telling import times_phrase

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "HELD_CONFIDENCE",
    "SEEN_CONFIDENCE",
    "back_phrase",
    "doubt",
    "each_phrase",
    "gradually",
    "of_phase",
    "ratios_phrase",
]

HELD_CONFIDENCE: Final = 0.9
SEEN_CONFIDENCE: Final = 0.5
"""Chance that the next run tells it again, once it has held for three runs and before."""


def doubt(held: int) -> str:
    """Say what is missing to be sure; nothing once it has held for three runs.

    Examples
    --------
    >>> doubt(1), doubt(3)
    ('; suspected, seen in 1 of the 3 runs that it takes', '')
    """
    if held >= CONFIRMED:
        return ""
    return f"; suspected, seen in {held} of the {CONFIRMED} runs that it takes"


def back_phrase(back: int) -> str:
    """Say that the newest runs are as before, if there are any.

    Examples
    --------
    >>> back_phrase(0), back_phrase(1), back_phrase(2)
    ('', '; as before in this run', '; as before in the last 2 runs')
    """
    if not back:
        return ""
    return f"; as before in {'this run' if back == 1 else f'the last {back} runs'}"


def gradually(run: int) -> str:
    """Say since when where a step and a slow rise over many runs look the same.

    Examples
    --------
    >>> gradually(14)
    'since about run 14, at once or little by little'
    """
    return f"since about run {run}, at once or little by little"


def of_phase(metric: str) -> str:
    """Return ``set-up`` for the metric of set-ups, nothing for any other."""
    return "set-up" if metric == "duration.setup" else ""


def each_phrase(phase: str, tests: str) -> str:
    """Make several tests, or a phase of them, the subject of what takes longer."""
    return f"The {phase}s of {tests} take" if phase else f"{tests} take"


def ratios_phrase(logs: Sequence[float]) -> str:
    """Write the ratios of several shifts.

    Examples
    --------
    >>> ratios_phrase([math.log(1.52), math.log(2)]), ratios_phrase([math.log(2)])
    ('1.5x to 2.0x', '2.0x')
    """
    low, high = (times_phrase(math.exp(value)) for value in (min(logs), max(logs)))
    return low if low == high else f"{low} to {high}"
