"""Scales of charts: from values to pixels, with round ticks in units that people read."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.units import format_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Scale", "Tick", "scale_of", "short_value"]

_STEPS: Final = (1.0, 2.0, 5.0, 10.0)
_DENSE: Final = (1.0, 2.0, 5.0)
_SECONDS: Final = (
    (3600.0, "h"),
    (60.0, "min"),
    (1.0, "s"),
    (1e-3, "ms"),
    (1e-6, "us"),
    (1e-9, "ns"),
)
_BYTES: Final = ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B"))
_LONG_SECONDS: Final = 7200.0
_ROOM: Final = 0.04
"""Share of the axis that stays free on either side."""
_LARGEST_PLAIN: Final = 1e7
_SMALLEST_SPAN: Final = 1e-290
"""Pixels per unit would be infinite for less."""
_ZEROS: Final = re.compile(r"(\.\d*?)0+(?=$| )")


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, in pixels, and what is written there."""

    place: float
    label: str


@dataclass(frozen=True, slots=True)
class Scale:
    """Map values to pixels.

    Attributes
    ----------
    low, high : float
        Values at the two ends; `low` < `high`, both > 0 if `is_log`.
    start, stop : float
        Pixels at the two ends; `stop` may be the smaller one.
    is_log : bool
    unit : str
        Base unit of the values.
    is_whole : bool
        All values are integers: no tick between them.
    """

    low: float
    high: float
    start: float
    stop: float
    is_log: bool = False
    unit: str = "1"
    is_whole: bool = False

    def __call__(self, value: float) -> float:
        """Return the pixel of a value; values beyond an end are put there."""
        return self.places((value,))[0]

    def places(self, values: Iterable[float]) -> list[float]:
        """Return the pixels of many values: values beyond an end are put there."""
        start, low, high = self.start, self.low, self.high
        if self.is_log:
            log, base = math.log, math.log(low)
            factor = (self.stop - start) / (log(high) - base)
            return [start + factor * (log(min(max(v, low), high)) - base) for v in values]
        # halves, as the difference of two finite numbers may be infinite
        factor, half = (self.stop - start) / (high / 2 - low / 2), low / 2
        return [start + factor * (min(max(v, low), high) / 2 - half) for v in values]

    @property
    def unit_name(self) -> str:
        """The scaled unit of the numbers at the ticks; empty where each tick has its own."""
        return "" if self.is_log else self._factor()[1]

    def ticks(self, most: int = 5) -> list[Tick]:
        """Return round ticks within the scale, about `most`."""
        return self._log_ticks(most) if self.is_log else self._linear_ticks(most)

    def _factor(self) -> tuple[float, str]:
        size = max(abs(self.low), abs(self.high))
        if self.unit in ("s", "B"):
            for factor, name in _SECONDS if self.unit == "s" else _BYTES:
                if size >= (_LONG_SECONDS if name == "h" else 600 if name == "min" else factor):
                    return factor, name
        return 1.0, "" if self.unit in ("", "1") else self.unit

    def _linear_ticks(self, most: int) -> list[Tick]:
        factor = self._factor()[0]
        low, high = self.low / factor, self.high / factor
        step = _nice_step(high / most - low / most)
        if self.is_whole:
            step = max(1.0, step)
        first = math.ceil(low / step - 1e-9)
        last = math.floor(high / step + 1e-9)
        if not step or last - first > 4 * most:
            return []
        values = [number * step for number in range(first, last + 1)]
        return [Tick(self(value * factor), _number(value, step)) for value in values]

    def _log_ticks(self, most: int) -> list[Tick]:
        if self.unit == "B":
            first, last = math.ceil(math.log2(self.low)), math.floor(math.log2(self.high))
            step = max(1, math.ceil((last - first + 1) / most))
            first += -first % step
            values = [2.0**power for power in range(first, last + 1, step)]
        else:
            first, last = math.floor(math.log10(self.low)), math.floor(math.log10(self.high))
            step = max(1, math.ceil((last - first + 1) / most))
            digits = _DENSE if last - first <= 1 else (1.0,)
            powers = [power for power in range(first, last + 1) if (power - first) % step == 0]
            values = [digit * 10.0**power for power in powers for digit in digits]
        inside = [value for value in values if self.low <= value <= self.high]
        return [Tick(self(value), short_value(value, self.unit)) for value in inside]


def scale_of(
    values: Sequence[float],
    start: float,
    stop: float,
    unit: str = "1",
    *,
    log_from: float | None = None,
    zero: bool = False,
) -> Scale:
    """Make a scale that holds all values.

    Parameters
    ----------
    values : sequence of float
        Finite.
    start, stop : float
        Pixels.
    unit : str
        Base unit.
    log_from : float, optional
        Logarithmic if the largest positive value is at least this many times the smallest; values
        that are not positive are then at the lower end. Linear if not given.
    zero : bool
        A linear scale begins at 0 if no value is negative.

    Returns
    -------
    Scale

    Notes
    -----
    O(n).
    """
    low, high = min(values, default=0.0), max(values, default=1.0)
    if log_from is not None and low >= 0:
        positive = min((value for value in values if value > 0), default=0.0)
        if positive > 0 and high / positive >= log_from and high / positive < math.inf:
            room = (high / positive) ** _ROOM
            ends = max(positive / room, 5e-324), min(high * room, 1e308)
            return Scale(*ends, start, stop, is_log=True, unit=unit)
    is_whole = unit in ("", "1") and all(value == int(value) for value in values)
    if zero and low >= 0:
        low = 0.0
    # by halves: the span of finite values may be infinite
    room = 2 * (_ROOM * (high / 2 - low / 2))
    if not room > max(abs(high) * 1e-12, _SMALLEST_SPAN):
        room = max(abs(high) * 0.1, _SMALLEST_SPAN) if high else 1.0
    bottom = low if zero and low == 0 else low - room
    limit = 1.7e308
    ends = max(bottom, -limit), min(high + room, limit)
    return Scale(*ends, start, stop, unit=unit, is_whole=is_whole)


def short_value(value: float, unit: str) -> str:
    """Write a value without zeros that say nothing on an axis: ``1 s``, ``1.5 MiB``.

    Examples
    --------
    >>> short_value(1.0, "s"), short_value(0.1, "s"), short_value(1.5, "s"), short_value(1000, "1")
    ('1 s', '100 ms', '1.5 s', '1,000')
    """
    return _ZEROS.sub(r"\1", format_value(value, unit)).replace(". ", " ").removesuffix(".")


def _nice_step(span: float) -> float:
    if not 0 < span < math.inf:
        return 1.0
    power = 10.0 ** math.floor(math.log10(span))
    if not power:
        return span
    return next((step * power for step in _STEPS if step * power >= span), 10 * power)


def _number(value: float, step: float) -> str:
    if abs(value) >= _LARGEST_PLAIN or 0 < step < 1e-4:
        return f"{value:.3g}"
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value:,.{decimals}f}" if value else "0"
