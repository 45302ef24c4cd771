"""Numbers for people: exact texts, boundaries between units, and rounding that never lies."""

from __future__ import annotations

import math

import pytest

from pytest_crackle.model.units import count_of, format_count, format_percent, format_value

MIB = 2**20


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 s"),
        (5e-10, "0.500 ns"),
        (2.7e-5, "27 us"),
        (0.00075, "750 us"),
        (0.012, "12 ms"),
        (0.0123, "12.3 ms"),
        (0.1, "100 ms"),
        (2.0, "2.00 s"),
        (2.345, "2.35 s"),
        (62.0, "62 s"),
        (61.96, "62 s"),
        (148.2, "148 s"),
        (599.0, "599 s"),
        (600.0, "10 min"),
        (7199.0, "120 min"),
        (9000.0, "2.50 h"),
        (360_000.0, "100 h"),
        (-0.012, "-12 ms"),
    ],
)
def test_seconds(value, text):
    assert format_value(value, "s") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"),
        (512, "512 B"),
        (1023, "0.999 KiB"),
        (1024, "1.00 KiB"),
        (1.5 * MIB, "1.50 MiB"),
        (118 * MIB, "118 MiB"),
        (1023 * 1024, "0.999 MiB"),
        (2**40 * 5000, "5,000 TiB"),
        (-80 * MIB, "-80 MiB"),
    ],
)
def test_bytes(value, text):
    assert format_value(value, "B") == text


@pytest.mark.parametrize("unit", ["s", "B"])
def test_a_unit_never_shows_a_thousand_of_the_smaller_one(unit):
    for exponent in range(-9, 3):
        for digits in (0.9949, 0.9951, 0.9994, 0.99951, 0.99996, 1.0, 1.0249):
            text = format_value(digits * 10**exponent, unit)
            assert not text.startswith("1,000 ")
            assert not text.startswith("1000 ")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1024, "1", "1,024"),
        (1024, "", "1,024"),
        (10_000.0, "rows", "10,000 rows"),
        (-3.0, "1", "-3"),
        (0.0, "1", "0"),
        (-0.0, "1", "0"),
        (0.4, "1", "0.4"),
        (0.123456, "1", "0.123"),
        (9.996, "1", "10"),
        (2.5, "req/s", "2.5 req/s"),
        (999.7, "1", "1,000"),
        (1234.5, "1", "1,234"),
        (123_456_789, "1", "123,456,789"),
        (3.2e20, "1", "3.2e+20"),
        (1.23e-7, "1", "1.23e-07"),
        (100.0, "1", "100"),
        (1e-300, "1", "1e-300"),
    ],
)
def test_plain_numbers(value, unit, text):
    assert format_value(value, unit) == text


@pytest.mark.parametrize("unit", ["s", "B", "1", "rows"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 5e-324, 1e308, -1e308])
def test_nothing_raises_and_everything_is_ascii(value, unit):
    assert format_value(value, unit).isascii()
    assert format_percent(value).isascii()
    assert format_count(value).isascii()


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (0.31, "31 %"),
        (0.0999, "10 %"),
        (0.0412, "4.1 %"),
        (0.04, "4 %"),
        (0.004, "0.4 %"),
        (0.00996, "1 %"),
        (1e-9, "under 0.01 %"),
        (0.994, "99.4 %"),
        (0.99, "99 %"),
        (0.99999, "99.9 %"),
        (1, "100 %"),
        (2.64, "264 %"),
        (12.0, "1,200 %"),
        (-0.3, "-30 %"),
    ],
)
def test_percent(share, text):
    assert format_percent(share) == text


def test_counts_of_things_agree_with_their_noun():
    assert [count_of(n, "test") for n in (0, 1, 2, 1024)] == [
        "0 tests",
        "1 test",
        "2 tests",
        "1,024 tests",
    ]
