"""Scores of the Turing Change Point Dataset: F1 with a margin, and covering, many annotators.

Written from the definitions in G. J. J. van den Burg and C. K. I. Williams, "An Evaluation of
Change Point Detection Algorithms", arXiv:2003.06222.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FOLDER = Path(__file__).parents[1] / "data" / "tcpd"
MARGIN = 5


@dataclass(frozen=True)
class AnnotatedSeries:
    """One series, missing values as NaN, and for each annotator the first points of new regimes."""

    name: str
    values: tuple[float, ...]
    annotations: tuple[frozenset[int], ...]


def load_series(folder: Path = FOLDER) -> list[AnnotatedSeries]:
    series = []
    for path in sorted(folder.glob("*.json")):
        raw = json.loads(path.read_text(encoding="utf-8"))
        values = tuple(math.nan if value is None else float(value) for value in raw["values"])
        annotations = tuple(frozenset(marks) for marks in raw["annotations"].values())
        series.append(AnnotatedSeries(raw["name"], values, annotations))
    return series


def count_found(truth: Iterable[int], told: Iterable[int]) -> int:
    """Count true points that have a told point of their own within the margin."""
    free = sorted(told)
    found = 0
    for point in sorted(truth):
        near = [other for other in free if abs(other - point) <= MARGIN]
        if near:
            free.remove(min(near, key=lambda other: (abs(other - point), other)))
            found += 1
    return found


def f1_score(annotations: Sequence[frozenset[int]], told: Iterable[int]) -> float:
    """Return F1: precision against all annotators together, recall as their mean; 0 is a change."""
    points = {0, *told}
    truths = [truth | {0} for truth in annotations]
    precision = count_found(frozenset().union(*truths), points) / len(points)
    recall = sum(count_found(truth, points) / len(truth) for truth in truths) / len(truths)
    return 2 * precision * recall / (precision + recall)


def covering(annotations: Sequence[frozenset[int]], told: Iterable[int], n: int) -> float:
    """Return the mean over annotators of the best Jaccard index, weighted by segment length."""

    def segments(points: Iterable[int]) -> list[range]:
        edges = sorted({0, n, *(point for point in points if 0 < point < n)})
        return [range(start, stop) for start, stop in pairwise(edges)]

    def jaccard(a: range, b: range) -> float:
        common = max(0, min(a.stop, b.stop) - max(a.start, b.start))
        return common / (len(a) + len(b) - common)

    found = segments(told)
    scores = [
        sum(len(segment) * max(jaccard(segment, other) for other in found) for segment in truth) / n
        for truth in map(segments, annotations)
    ]
    return sum(scores) / len(scores)
