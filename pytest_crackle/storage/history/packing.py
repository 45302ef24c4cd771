"""Columns of numbers as bytes: little-endian, as small as their values allow."""

from __future__ import annotations

import math
import sys
import zlib
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["WIDTHS", "Packed", "pack_column", "pack_numbers", "unpack_column", "unpack_numbers"]

WIDTHS: Final = {"f": 4, "d": 8}
"""Bytes of a value by precision."""
_IS_LITTLE: Final = sys.byteorder == "little"
_LARGEST: Final = 3.4e38
_SMALLEST: Final = 1.2e-38
"""Between these a 32-bit float has its full 24 bits."""


@dataclass(frozen=True, slots=True)
class Packed:
    """One column as it is stored.

    Attributes
    ----------
    precision : {"f", "d"}
        32 or 64 bits a value.
    rows : bytes or None
        32-bit numbers of the rows that have a value, ascending; None: all of them.
    data : bytes
        The values of these rows; one alone stands for all of them.
    """

    precision: str
    rows: bytes | None
    data: bytes

    @property
    def checksum(self) -> int:
        """CRC-32 of all of it."""
        return zlib.crc32(self.data, zlib.crc32(self.precision.encode() + (self.rows or b"")))


def _bytes(values: array[float] | array[int]) -> bytes:
    if not _IS_LITTLE:
        values = values[:]
        values.byteswap()
    return values.tobytes()


def _floats(data: bytes, precision: str) -> array[float]:
    values = array("d" if precision == "d" else "f")
    values.frombytes(data)
    if not _IS_LITTLE:
        values.byteswap()
    return values


def pack_numbers(numbers: Sequence[int]) -> bytes:
    """Pack numbers of 0 to 2^32 - 1."""
    return _bytes(array("I", numbers))


def unpack_numbers(data: bytes) -> array[int]:
    """Reverse `pack_numbers`.

    Raises
    ------
    ValueError
        If the bytes are no whole number of numbers.
    """
    numbers = array("I")
    numbers.frombytes(data)
    if not _IS_LITTLE:
        numbers.byteswap()
    return numbers


def pack_column(column: Sequence[float], *, measured: bool) -> Packed | None:
    """Pack a column.

    Parameters
    ----------
    column : sequence of float, shape (n_tests,)
        NaN where a test has no value.
    measured : bool
        The values are seconds off a clock: 24 bits of each (a relative error of at most 6e-8, far
        below what a clock repeats) are kept. All others come back as they were: 32 bits where
        each value survives in them, as counts up to 2^24 and sizes in whole pages up to 64 GiB do,
        else 64.

    Returns
    -------
    Packed or None
        None for a column without values.
    """
    present = [row for row, value in enumerate(column) if not math.isnan(value)]
    if not present:
        return None
    is_sparse = len(present) < len(column) // 2
    values = array("d", [column[row] for row in present] if is_sparse else column)
    kept = values if is_sparse or len(present) == len(column) else array("d", _known(values))
    first = kept[0]
    if kept.count(first) == len(kept):
        is_sparse = len(present) < len(column)
        values = kept = array("d", [first])
    precision = "f" if _survives(kept, measured=measured) else "d"
    data = _bytes(array("f", values) if precision == "f" else values)
    return Packed(precision, pack_numbers(present) if is_sparse else None, data)


def _known(values: array[float]) -> list[float]:
    return [value for value in values if not math.isnan(value)]


def _survives(values: array[float], *, measured: bool) -> bool:
    """Whether 32 bits are enough for these values."""
    if measured:
        sizes = [abs(value) for value in values if value]
        return not sizes or (max(sizes) < _LARGEST and min(sizes) > _SMALLEST)
    return array("d", array("f", values)) == values


def unpack_column(packed: Packed, n_tests: int) -> array[float]:
    """Reverse `pack_column`.

    Returns
    -------
    array of float, shape (n_tests,)

    Raises
    ------
    ValueError
        If the parts do not fit together.
    """
    if packed.precision not in WIDTHS:
        raise ValueError(f"precision {packed.precision!a}")
    values = _floats(packed.data, packed.precision)
    rows = None if packed.rows is None else unpack_numbers(packed.rows)
    wanted = n_tests if rows is None else len(rows)
    if len(values) == 1:
        values = values * wanted
    if len(values) != wanted:
        raise ValueError(f"{len(values)} values for {wanted} tests")
    if rows is None:
        return array("d", values)
    if rows and max(rows) >= n_tests:
        raise ValueError(f"row {max(rows)} of {n_tests}")
    column = array("d", [math.nan]) * n_tests
    for row, value in zip(rows, values, strict=True):
        column[row] = value
    return column
