"""Numbers for people: seconds, bytes, counts and shares as short plain text; pure ASCII."""

from __future__ import annotations

import math
from typing import Final

__all__ = ["count_of", "format_count", "format_percent", "format_value"]

_MINUTE: Final = 60.0
_HOUR: Final = 3600.0
# people read "148 s of 600 s" with ease, "3,600 s" not
_LONGEST_SECONDS: Final = 599.5
_LONGEST_MINUTES: Final = 2 * _HOUR
_SECONDS: Final = ((1e-9, "ns"), (1e-6, "us"), (1e-3, "ms"), (1.0, "s"))
_BYTES: Final = tuple(
    (float(1 << 10 * power), name) for power, name in enumerate(("B", "KiB", "MiB", "GiB", "TiB"))
)
# three significant digits of more than this would be printed as 1000
_THREE_DIGITS: Final = 999.5
# beyond this a float has no ones any more, and the digits of an integer are noise
_LARGEST_PLAIN: Final = 1e15
_SMALLEST_PLAIN: Final = 1e-4
_PLAIN_UNITS: Final = frozenset({"", "1"})


def format_value(value: float, unit: str = "1") -> str:
    """Write a value in its unit, scaled, with three significant digits.

    Parameters
    ----------
    value : float
        In base units.
    unit : str
        ``"s"`` and ``"B"`` are scaled; ``"1"`` and ``""`` are not shown; any other is appended.

    Returns
    -------
    str
        Integers in full; ``"nan"``, ``"inf"`` or ``"-inf"`` for what is no number.

    Examples
    --------
    >>> format_value(0.012, "s"), format_value(2.0, "s"), format_value(118 * 2**20, "B")
    ('12 ms', '2.00 s', '118 MiB')
    >>> format_value(1024), format_value(0.4), format_value(5000, "rows")
    ('1,024', '0.4', '5,000 rows')
    """
    if not math.isfinite(value):
        return f"{value}"
    if value < 0:
        return f"-{format_value(-value, unit)}"
    if unit == "s":
        return _format_seconds(value)
    if unit == "B":
        return _format_scaled(value, _BYTES)
    number = format_count(value)
    return number if unit in _PLAIN_UNITS else f"{number} {unit}"


def format_count(number: float) -> str:
    """Write a plain number: integers in full with thousands separated, others with three digits.

    Examples
    --------
    >>> format_count(1024), format_count(2.5), format_count(1234.5), format_count(0.000012)
    ('1,024', '2.5', '1,234', '1.2e-05')
    """
    if not math.isfinite(number):
        return f"{number}"
    size = abs(number)
    if size >= _LARGEST_PLAIN or 0 < size < _SMALLEST_PLAIN:
        mantissa, _, exponent = f"{number:.2e}".partition("e")
        return f"{_without_zeros(mantissa)}e{exponent}"
    if number == int(number) or size >= _THREE_DIGITS:
        return f"{number:,.0f}" if number else "0"  # -0.0 has no sign for people
    return _without_zeros(_three_digits(number))


def format_percent(share: float) -> str:
    """Write a share as per cent; only the whole is 100 %, only nothing is 0 %.

    Parameters
    ----------
    share : float
        1 is the whole; may be negative or more than 1.

    Returns
    -------
    str
        Two significant digits, whole numbers from 10 % on, one decimal between 99 and 100 %.

    Examples
    --------
    >>> [format_percent(share) for share in (0.314, 0.0412, 0.004, 0.9999, 1, 2.64)]
    ['31 %', '4.1 %', '0.4 %', '99.9 %', '100 %', '264 %']
    """
    if not math.isfinite(share):
        return f"{share}"
    if share < 0:
        return f"-{format_percent(-share)}"
    percent = 100 * share
    if percent == 0:
        return "0 %"
    if percent < 0.01:
        return "under 0.01 %"
    if 99 < percent < 100:
        return f"{_without_zeros(f'{min(percent, 99.9):.1f}')} %"
    if percent >= 9.95:
        return f"{percent:,.0f} %"
    decimals = 1 - math.floor(math.log10(percent))
    return f"{_without_zeros(f'{percent:.{decimals}f}')} %"


def count_of(number: int, noun: str) -> str:
    """Write a number of things, with a plain s for more than one.

    Examples
    --------
    >>> count_of(1, "test"), count_of(1024, "file")
    ('1 test', '1,024 files')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _format_seconds(value: float) -> str:
    if value >= _LONGEST_MINUTES:
        return f"{_measured(value / _HOUR)} h"
    if value >= _LONGEST_SECONDS:
        return f"{_measured(value / _MINUTE)} min"
    return _format_scaled(value, _SECONDS)


def _format_scaled(value: float, scale: tuple[tuple[float, str], ...]) -> str:
    if value == 0:
        return f"0 {'s' if scale is _SECONDS else 'B'}"
    for factor, name in scale:
        if value / factor < _THREE_DIGITS or name in ("s", "TiB"):
            scaled = value / factor
            return f"{format_count(scaled) if name == 'B' else _measured(scaled)} {name}"
    raise AssertionError("unreachable: the last unit takes everything")


def _measured(number: float) -> str:
    """Three significant digits; "2.00" says how well it is known, "12.0" would only be longer."""
    if number >= _LARGEST_PLAIN or number < 0.01:
        return f"{number:.3g}"
    return _three_digits(number).removesuffix(".0")


def _three_digits(number: float) -> str:
    size = float(f"{abs(number):.2e}")  # 9.996 is 10.0, with one decimal and not two
    decimals = max(0, 2 - math.floor(math.log10(size)))
    return f"{number:,.{decimals}f}"


def _without_zeros(text: str) -> str:
    return text.rstrip("0").removesuffix(".") if "." in text else text
