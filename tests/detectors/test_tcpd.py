"""rankseg against people: 14 series of the Turing Change Point Dataset (tests/data/tcpd).

Reached with default settings, all 14 series: F1 .827, covering .771 (13 series with published
scores: .851, .802; best published default there: F1 .740, covering .752, amoc).
"""

from __future__ import annotations

import pytest

from pytest_crackle.cooling.changepoints.rankseg import rankseg
from tests.detectors.tcpd_score import count_found, covering, f1_score, load_series

SERIES = load_series()


def mean_scores(alpha: float, min_delta: float) -> tuple[float, float]:
    f1 = cover = 0.0
    for series in SERIES:
        found = rankseg(series.values, alpha=alpha, min_delta=min_delta)
        told = [change.index for change in found.changes]
        f1 += f1_score(series.annotations, told)
        cover += covering(series.annotations, told, len(series.values))
    return f1 / len(SERIES), cover / len(SERIES)


@pytest.mark.parametrize(
    ("alpha", "min_delta", "least_f1", "least_cover"),
    [
        pytest.param(0.05, 0.35, 0.80, 0.76, id="fast"),
        pytest.param(0.01, 0.5, 0.82, 0.77, id="normal"),
        pytest.param(0.001, 0.6, 0.80, 0.76, id="slow"),
    ],
)
def test_scores_on_annotated_series(alpha, min_delta, least_f1, least_cover):
    f1, cover = mean_scores(alpha, min_delta)
    assert f1 >= least_f1
    assert cover >= least_cover


def test_all_series_are_there():
    assert len(SERIES) == 14
    assert all(len(series.annotations) == 5 for series in SERIES)


def test_telling_nothing_scores_less():
    f1 = sum(f1_score(series.annotations, []) for series in SERIES) / len(SERIES)
    assert f1 < 0.72


def test_a_told_point_counts_once():
    assert count_found({10, 12}, {11}) == 1
    assert count_found({10, 12}, {7, 17}) == 2
    assert count_found({10}, {16}) == 0


def test_f1_of_a_worked_example():
    # told 0, 50, 80; all truths 0, 48, 90: precision 2/3; recalls 2/3 and 1: mean 5/6
    assert f1_score([frozenset({48, 90}), frozenset({48})], [50, 80]) == pytest.approx(
        2 * (2 / 3) * (5 / 6) / (2 / 3 + 5 / 6)
    )


def test_covering_of_a_worked_example():
    # truth 0-40, 40-100; told 0-50, 50-100: 40/50 and 50/60
    expected = (40 * 40 / 50 + 60 * 50 / 60) / 100
    assert covering([frozenset({40})], [50], 100) == pytest.approx(expected)
    assert covering([frozenset()], [], 100) == 1.0
