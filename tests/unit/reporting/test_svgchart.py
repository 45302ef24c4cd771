from __future__ import annotations

import math
import random
import re

import pytest

from pytest_crackle.reporting.page import svgchart
from pytest_crackle.reporting.page.chartdata import short_name, spread_out
from pytest_crackle.reporting.page.htmlmetrics import rank_correlation
from pytest_crackle.reporting.page.svgscale import Scale, scale_of, short_value
from tests.html_page import Page
from tests.html_reports import HOSTILE

# ---------------------------------------------------------------------- scales


def labels(scale: Scale, most: int = 5) -> list[str]:
    return [tick.label for tick in scale.ticks(most)]


@pytest.mark.parametrize(
    ("values", "unit", "log", "expected"),
    [
        ([118 * 2**20, 430 * 2**20], "B", None, ["200", "300", "400"]),
        ([0.0012, 2.0], "s", 10.0, ["1 ms", "10 ms", "100 ms", "1 s"]),
        ([0.01, 0.05], "s", 10.0, ["10", "20", "30", "40", "50"]),
        ([0.03, 0.4], "s", 10.0, ["50 ms", "100 ms", "200 ms"]),
        ([900.0, 4000.0], "s", None, ["20", "40", "60"]),
        ([3, 4], "1", None, ["3", "4"]),
        ([0, 10_000], "1", None, ["0", "5,000", "10,000"]),
        ([2**14, 2**26], "B", 10.0, ["32 KiB", "256 KiB", "2 MiB", "16 MiB"]),
        ([-5, 5], "K", None, ["-5", "0", "5"]),
        ([1e-9, 3e-9], "1", None, ["1e-09", "1.5e-09", "2e-09", "2.5e-09", "3e-09"]),
    ],
)
def test_ticks_are_round(
    values: list[float], unit: str, log: float | None, expected: list[str]
) -> None:
    assert labels(scale_of(values, 0, 400, unit, log_from=log)) == expected


def test_unit_stands_beside_a_linear_axis_only() -> None:
    linear = scale_of([2**20, 5 * 2**20], 0, 100, "B")
    assert svgchart.unit_suffix(linear) == " (MiB)"
    assert svgchart.unit_suffix(scale_of([1, 5], 0, 100, "rows")) == " (rows)"
    assert svgchart.unit_suffix(scale_of([1e-3, 1.0], 0, 100, "s", log_from=10)) == " (log)"


def test_whole_numbers_have_no_ticks_between_them() -> None:
    assert labels(scale_of([3, 4, 5], 0, 100)) == ["3", "4", "5"]
    assert labels(scale_of([0, 1], 0, 100)) == ["0", "1"]
    assert labels(scale_of([0.0, 0.5], 0, 100))[:2] == ["0", "0.2"]


@pytest.mark.parametrize("log", [None, 10.0])
@pytest.mark.parametrize(
    "values",
    [
        [1e308, -1e308],
        [1.7e308, 1.7e308],
        [5e-324, 5e-324],
        [0.0, 5e-324],
        [5e-324, 1e308],
        [0.0],
        [],
        [1e16, 1e16 + 2],
        [-1e-300, 1e-300],
    ],
)
def test_scale_of_extremes(values: list[float], log: float | None) -> None:
    scale = scale_of(values, 10, 110, "1", log_from=log)
    assert math.isfinite(scale.low)
    assert math.isfinite(scale.high)
    assert scale.low < scale.high
    for value in values:
        assert 10 <= scale(value) <= 110
    ticks = scale.ticks()
    assert len(ticks) <= 20
    assert all(10 - 1e-6 <= tick.place <= 110 + 1e-6 for tick in ticks)


def test_scale_keeps_the_order_and_stays_within_its_ends() -> None:
    rng = random.Random(5)
    for log in (None, 10.0):
        values = sorted(rng.lognormvariate(0, 3) for _ in range(200))
        scale = scale_of(values, 400, 0, "s", log_from=log)
        places = scale.places(values)
        assert places == sorted(places, reverse=True)
        assert places == [scale(value) for value in values]
        assert 0 <= min(places) < max(places) <= 400
        if log:
            assert scale(-1.0) == pytest.approx(400)  # not positive: at the lower end
        assert scale(1e99) == pytest.approx(0)


def test_logarithmic_only_where_it_pays() -> None:
    assert not scale_of([1.0, 9.0], 0, 1, log_from=10).is_log
    assert scale_of([1.0, 10.0], 0, 1, log_from=10).is_log
    assert not scale_of([-1.0, 10.0, 1000.0], 0, 1, log_from=10).is_log
    assert scale_of([0.0, 1.0, 1000.0], 0, 1, log_from=10).is_log


def test_short_values() -> None:
    assert short_value(10.0, "s") == "10 s"
    assert short_value(2.5, "B") == "2.5 B"
    assert short_value(100.0, "1") == "100"
    assert short_value(1.20, "s") == "1.2 s"


# ---------------------------------------------------------------------- points


def cells(path: str) -> set[tuple[int, int]]:
    """Draw a path of dots on the grid, by the rules of SVG."""
    found: set[tuple[int, int]] = set()
    x = y = 0
    for command, arguments in re.findall(r"([MmvhV])([^MmvhV]*)", path):
        numbers = [int(n) for n in re.findall(r"-?\d+", arguments)]
        if command == "M":
            x, y = numbers
        elif command == "m":
            x, y = x + numbers[0], y + numbers[1]
        elif command == "v":
            found |= {(x, y + k) for k in range(numbers[0] + 1)}
            y += numbers[0]
        else:
            found.add((x, y))
    return found


def test_path_draws_exactly_the_pixels_of_the_points() -> None:
    rng = random.Random(3)
    points = [(rng.uniform(0, 60), rng.uniform(0, 40)) for _ in range(3000)]
    path = svgchart.dots_path(points)
    assert cells(path) == {(round(x), round(y)) for x, y in points}


def test_path_does_not_grow_with_the_number_of_points() -> None:
    rng = random.Random(4)
    points = [(rng.uniform(0, 600), rng.uniform(0, 200)) for _ in range(200_000)]
    sizes = [len(svgchart.dots_path(points[:n])) for n in (9_000, 20_000, 50_000, 200_000)]
    assert max(sizes) < 80_000
    # twice as coarse from some number on, but never off by more than a pixel
    coarse = cells(svgchart.dots_path(points[:20_000]))
    for x, y in points[:2000]:
        assert (round(x) - round(x) % 2, round(y) - round(y) % 2) in coarse


def test_no_points_no_element() -> None:
    assert svgchart.dots([], "o") == ""
    assert svgchart.rings([]) == ""
    assert svgchart.hits([]) == ""


@pytest.mark.parametrize("name", HOSTILE)
def test_texts_and_titles_are_escaped(name: str) -> None:
    drawing = svgchart.svg(
        100,
        50,
        name,
        [svgchart.label(1, 2, name), svgchart.hits([((1, 2), name)]), svgchart.dots([(1, 2)], "m")],
    )
    page = Page(drawing)
    assert [element.tag for element in page.elements] == [
        *("svg", "text", "g", "circle", "title", "path")
    ]
    shown = page.elements[0].attrs["aria-label"]
    assert shown.isprintable()
    assert page.text_of("title") == page.text_of("text") == [shown]


def test_numbers_are_short() -> None:
    assert [svgchart.number(n) for n in (1.0, 1.25, -0.3, -0.01, 0, 1234.56)] == [
        *("1", "1.2", "-0.3", "0", "0", "1234.6")
    ]


# ---------------------------------------------------------------------- names and choices


def test_spread_takes_the_important_and_others_evenly() -> None:
    chosen = spread_out(range(1000), 10, first=[999, 5])
    assert chosen[:2] == [999, 5]
    assert len(chosen) == len(set(chosen)) <= 10
    assert max(b - a for a, b in zip(sorted(chosen), sorted(chosen)[1:], strict=False)) <= 250
    assert spread_out([3, 4], 10) == [3, 4]
    assert spread_out([], 10) == []
    assert spread_out(range(100), 2, first=range(50)) == [0, 1]


def test_names_keep_what_tells_them_apart() -> None:
    assert short_name("tests/very/deep/folder/test_file.py", 20) == "…folder/test_file.py"
    assert short_name("tests/very/deep/folder/test_file.py", 20).endswith("/test_file.py")
    assert short_name("tests/a/b/c/test_f.py::test_name[x]", 20).endswith("test_name[x]")
    for name in HOSTILE:
        assert len(short_name(name, 80)) <= 80
        assert short_name(name, 80).isprintable()


# ---------------------------------------------------------------------- correlation


def test_rank_correlation_is_that_of_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    rng = random.Random(8)
    x = [float(rng.randrange(20)) for _ in range(300)]
    y = [a + rng.gauss(0, 8) for a in x]
    gaps = [math.nan if i % 7 == 0 else v for i, v in enumerate(y)]
    kept = [(a, b) for a, b in zip(x, gaps, strict=True) if b == b]
    expected = stats.spearmanr(*zip(*kept, strict=True)).statistic
    assert rank_correlation(x, gaps) == pytest.approx(expected)


def test_rank_correlation_of_too_few_or_constant_values_is_none() -> None:
    assert rank_correlation([1.0] * 19, [2.0] * 19) is None
    assert rank_correlation([1.0] * 30, [float(i) for i in range(30)]) is None
