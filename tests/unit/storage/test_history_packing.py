from __future__ import annotations

import math
import sys
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_crackle.storage.history import packing
from pytest_crackle.storage.history.packing import (
    Packed,
    pack_column,
    pack_numbers,
    unpack_column,
    unpack_numbers,
)

NAN = math.nan


def same(left, right):
    pairs = zip(left, right, strict=True)
    return all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in pairs)


def there_and_back(column, *, measured=False):
    packed = pack_column(column, measured=measured)
    assert packed is not None
    return unpack_column(packed, len(column))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.just(NAN),
            st.floats(allow_nan=False, allow_infinity=False),
            st.integers(-(2**53), 2**53).map(float),
            st.integers(0, 40).map(float),
        ),
        min_size=1,
        max_size=60,
    )
)
def test_what_no_clock_measured_comes_back_as_it_was(column):
    if all(map(math.isnan, column)):
        assert pack_column(column, measured=False) is None
    else:
        assert same(there_and_back(column), column)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0, 1e5), min_size=1, max_size=60))
def test_seconds_come_back_to_seven_digits(column):
    back = there_and_back(column, measured=True)
    assert all(
        abs(a - b) <= 6e-8 * b or (b < 1.2e-38 and a == b)
        for a, b in zip(back, column, strict=True)
    )


@pytest.mark.parametrize(
    ("column", "precision", "size"),
    [
        ([float(i) for i in range(1000)], "f", 4000),
        ([2.0**24 + 1, 0.0], "d", 16),
        ([4096.0 * i for i in range(10)], "f", 40),
        ([0.1, 0.2], "d", 16),
        ([7.0] * 500, "f", 4),
        ([0.1] * 500, "d", 8),
        ([3.0, *[NAN] * 20], "f", 4),
        ([3.0, 4.0, *[NAN] * 20], "f", 8),
        ([3.0, 4.0, 5.0, NAN], "f", 16),
        ([3.0, 3.0, 3.0, NAN], "f", 4),
    ],
)
def test_the_smallest_form_is_taken(column, precision, size):
    packed = pack_column(column, measured=False)
    assert packed is not None
    assert (packed.precision, len(packed.data)) == (precision, size)
    assert same(unpack_column(packed, len(column)), column)


def test_seconds_beyond_32_bits_keep_64():
    for extreme in (1e300, 1e-300):
        assert there_and_back([extreme, 1.0], measured=True)[0] == extreme


@pytest.mark.parametrize(
    ("packed", "said"),
    [
        (Packed("f", None, b"123"), "multiple of item"),
        (Packed("f", None, pack_numbers([1, 2, 3])), "3 values for 2 tests"),
        (Packed("f", pack_numbers([7]), bytes(4)), "row 7 of 2"),
        (Packed("x", None, bytes(8)), "precision 'x'"),
        (Packed("d", pack_numbers([0, 1]), bytes(24)), "3 values for 2"),
    ],
)
def test_parts_that_do_not_fit_are_refused(packed, said):
    with pytest.raises(ValueError, match=said):
        unpack_column(packed, 2)


def test_the_checksum_covers_every_part():
    packed = Packed("f", pack_numbers([1, 5]), bytes(8))
    others = [
        Packed("d", packed.rows, packed.data),
        Packed("f", pack_numbers([1, 4]), packed.data),
        Packed("f", packed.rows, bytes(7) + b"\1"),
        Packed("f", None, packed.data),
    ]
    assert len({one.checksum for one in (packed, *others)}) == 5


def test_bytes_are_the_same_on_every_machine(monkeypatch):
    assert pack_numbers([1, 256]) == b"\1\0\0\0\0\1\0\0"
    monkeypatch.setattr(packing, "_IS_LITTLE", sys.byteorder != "little")
    # as if the order of bytes were the other one: packed and unpacked it is swapped twice
    assert pack_numbers([1]) == b"\0\0\0\1"
    assert list(unpack_numbers(pack_numbers([1, 2]))) == [1, 2]
    assert list(there_and_back([1.0, 2.5, 0.1])) == [1.0, 2.5, 0.1]
    assert array("d", there_and_back([1.0, 2.0])) == array("d", [1.0, 2.0])
