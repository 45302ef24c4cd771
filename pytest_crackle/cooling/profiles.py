"""The cooling profiles fast, normal and slow, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pytest_crackle.model.errors import CrackleError

__all__ = ["CoolingRate", "LevelLimits", "Profile"]

MIB: Final = 1 << 20
KIB: Final = 1 << 10


class CoolingRate(StrEnum):
    """How fast the session cools: fast gives many fine cracks, slow few large ones."""

    FAST = "fast"
    NORMAL = "normal"
    SLOW = "slow"


@dataclass(frozen=True, slots=True)
class LevelLimits:
    """Limits for levels, chiefly resident memory.

    Attributes
    ----------
    jump : float
        Least bytes that one test leaves for good.
    jump_share : float
        The same as a share of the level before.
    leak : float
        Least bytes that a stretch of tests leaves.
    leak_rate : float
        Least bytes a test within it.
    breadth : float
        Least effective number of tests that share a leak.
    growth : float or None
        Least bytes of growth over the session; None: growth is never told.
    growth_share : float
        The same as a share of the level at the start.
    units : int
        Least descriptors, threads or units of a custom level that are kept.
    """

    jump: float
    jump_share: float
    leak: float
    leak_rate: float
    breadth: float
    growth: float | None
    growth_share: float
    units: int


@dataclass(frozen=True, slots=True)
class Profile:
    """A preset of sensitivity. A pattern needs significance, a minimum effect and a minimum cost.

    Attributes
    ----------
    rate : CoolingRate
    q : float
        False discovery rate over all hypotheses of the session.
    min_cost : float
        Seconds that a pattern about time must concern.
    min_share : float
        The same as a share of the suite's time.
    min_tests : int
    spread : float
        Largest standard deviation of the logarithm within a group.
    ratio : float
        Least ratio of a group's median to the median of the rest.
    rho : float
        Least lower confidence bound of a rank correlation.
    hot_share : float
        Least share of the suite's cost for a hot spot.
    breadth : float
        Least share of the tests for a law.
    alpha : float
        Significance level of shifts.
    min_delta : float
        Least absolute Cliff's delta of a shift.
    min_shift : float
        Least ratio of medians of a shift.
    least_segment : int
        Least number of points between two change points.
    depth : float
        Largest ratio of the valley to the lower hill between two regimes.
    background : float
        Least change in the share of a core used by other threads.
    queue : float
        Least change in the share of time spent waiting for a core.
    levels : LevelLimits
    """

    rate: CoolingRate
    q: float
    min_cost: float
    min_share: float
    min_tests: int
    spread: float
    ratio: float
    rho: float
    hot_share: float
    breadth: float
    alpha: float
    min_delta: float
    min_shift: float
    least_segment: int
    depth: float
    background: float
    queue: float
    levels: LevelLimits

    @classmethod
    def of(cls, rate: CoolingRate | str) -> Profile:
        """Return the profile of a cooling rate.

        Raises
        ------
        CrackleError
            If there is no such rate.
        """
        try:
            return _PROFILES[CoolingRate(rate)]
        except ValueError:
            rates = ", ".join(CoolingRate)
            raise CrackleError(f"cooling must be one of {rates}, not {rate!a}") from None

    @classmethod
    def fast(cls) -> Profile:
        """Return the profile for exploring: many fine cracks."""
        return cls.of(CoolingRate.FAST)

    @classmethod
    def normal(cls) -> Profile:
        """Return the default profile."""
        return cls.of(CoolingRate.NORMAL)

    @classmethod
    def slow(cls) -> Profile:
        """Return the profile for strict gates: few large cracks."""
        return cls.of(CoolingRate.SLOW)

    def least_cost(self, suite_seconds: float) -> float:
        """Return the seconds that a pattern about time must concern in a suite of this length."""
        return max(self.min_cost, self.min_share * suite_seconds)


_PROFILES: Final = {
    CoolingRate.FAST: Profile(
        rate=CoolingRate.FAST,
        q=0.05,
        min_cost=0.2,
        min_share=0.0025,
        min_tests=4,
        spread=0.35,
        ratio=3.0,
        rho=0.4,
        hot_share=0.05,
        breadth=0.02,
        alpha=0.05,
        min_delta=0.35,
        min_shift=1.1,
        least_segment=3,
        depth=0.35,
        background=0.10,
        queue=0.15,
        levels=LevelLimits(16 * MIB, 0.05, 16 * MIB, 64 * KIB, 8, 64 * MIB, 0.25, 1),
    ),
    CoolingRate.NORMAL: Profile(
        rate=CoolingRate.NORMAL,
        q=0.01,
        min_cost=1.0,
        min_share=0.01,
        min_tests=6,
        spread=0.25,
        ratio=5.0,
        rho=0.6,
        hot_share=0.10,
        breadth=0.05,
        alpha=0.01,
        min_delta=0.5,
        min_shift=1.2,
        least_segment=5,
        depth=0.25,
        background=0.15,
        queue=0.25,
        levels=LevelLimits(64 * MIB, 0.10, 64 * MIB, 128 * KIB, 10, 256 * MIB, 1.0, 3),
    ),
    CoolingRate.SLOW: Profile(
        rate=CoolingRate.SLOW,
        q=0.001,
        min_cost=5.0,
        min_share=0.05,
        min_tests=10,
        spread=0.15,
        ratio=10.0,
        rho=0.8,
        hot_share=0.25,
        breadth=0.10,
        alpha=0.001,
        min_delta=0.6,
        min_shift=1.5,
        least_segment=10,
        depth=0.15,
        background=0.30,
        queue=0.40,
        levels=LevelLimits(256 * MIB, 0.25, 256 * MIB, 512 * KIB, 20, None, 1.0, 10),
    ),
}
