"""Score rankseg beside ruptures and Otava on annotated series; those two are optional.

    python -m pip install ruptures apache-otava        # in an environment of its own
    python benchmarks/tcpd.py [FOLDER]                 # default: tests/data/tcpd

Settings of the others: ruptures PELT and binary segmentation, l2 cost and penalty 3 ln n, on
the series divided by the noise of its differences (median absolute difference), and on the series
divided by its sd; Otava with its own defaults (window 50, p 0.001, no least magnitude).
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from pytest_crackle.cooling.changepoints.rankseg import rankseg
from tests.detectors.tcpd_score import FOLDER, covering, f1_score, load_series

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PRESETS = {"fast": (0.05, 0.35), "normal": (0.01, 0.5), "slow": (0.001, 0.6)}


def filled(values: Sequence[float]) -> list[float]:
    """Replace missing values by the one before, at the start by the first one there is."""
    last = next(value for value in values if math.isfinite(value))
    out = []
    for value in values:
        last = value if math.isfinite(value) else last
        out.append(last)
    return out


def by_rankseg(
    preset: str, *, only_gateable: bool = False
) -> Callable[[Sequence[float]], list[int]]:
    alpha, min_delta = PRESETS[preset]

    def find(values: Sequence[float]) -> list[int]:
        changes = rankseg(values, alpha=alpha, min_delta=min_delta).changes
        return [change.index for change in changes if change.gateable or not only_gateable]

    return find


def by_ruptures(algorithm: str, scaling: str) -> Callable[[Sequence[float]], list[int]]:
    import numpy as np  # noqa: PLC0415 - comes with ruptures
    import ruptures  # noqa: PLC0415 - optional

    def find(values: Sequence[float]) -> list[int]:
        series = np.array(filled(values))
        if scaling == "noise":
            scale = np.median(np.abs(np.diff(series))) / 0.6745 / math.sqrt(2) or series.std()
        else:
            scale = series.std()
        series = (series - series.mean()) / (scale or 1.0)
        search = {"pelt": ruptures.Pelt, "binseg": ruptures.Binseg}[algorithm]
        fitted = search(model="l2", min_size=2, jump=1).fit(series)
        return [int(index) for index in fitted.predict(pen=3 * math.log(len(series)))[:-1]]

    return find


def by_otava() -> Callable[[Sequence[float]], list[int]]:
    from otava.analysis import (  # noqa: PLC0415 - optional
        compute_change_points,
        fill_missing,
    )

    def find(values: Sequence[float]) -> list[int]:
        series = [value if math.isfinite(value) else None for value in values]
        fill_missing(series)
        found = compute_change_points(series, window_len=50, max_pvalue=0.001, min_magnitude=0.0)
        return [change.index for change in found[0]]

    return find


def main() -> None:
    series = load_series(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
    makers: dict[str, Callable[[], Callable[[Sequence[float]], list[int]]]] = {
        "nothing": lambda: lambda _: [],
        "ruptures PELT l2, by noise": lambda: by_ruptures("pelt", "noise"),
        "ruptures PELT l2, by sd": lambda: by_ruptures("pelt", "sd"),
        "ruptures Binseg l2, by noise": lambda: by_ruptures("binseg", "noise"),
        "ruptures Binseg l2, by sd": lambda: by_ruptures("binseg", "sd"),
        "Otava, defaults": by_otava,
        "rankseg fast": lambda: by_rankseg("fast"),
        "rankseg normal": lambda: by_rankseg("normal"),
        "rankseg slow": lambda: by_rankseg("slow"),
        "rankseg normal, gateable": lambda: by_rankseg("normal", only_gateable=True),
    }
    print(f"{len(series)} series")
    print(f"{'method':30s} {'F1':>6s} {'cover':>6s} {'points':>7s} {'ms':>7s}")
    for name, maker in makers.items():
        try:
            find = maker()
        except ImportError as error:
            print(f"{name:30s} not installed ({error.name})")
            continue
        started = time.process_time()
        found = [find(each.values) for each in series]
        spent = (time.process_time() - started) / len(series)
        f1 = statistics.mean(
            f1_score(each.annotations, told) for each, told in zip(series, found, strict=True)
        )
        cover = statistics.mean(
            covering(each.annotations, told, len(each.values))
            for each, told in zip(series, found, strict=True)
        )
        points = statistics.mean(map(len, found))
        print(f"{name:30s} {f1:6.3f} {cover:6.3f} {points:7.1f} {1000 * spent:7.1f}")


if __name__ == "__main__":
    main()
