"""Correlation: what drives the time of the tests, and which custom metrics go together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.by_machine import at_one_speed
from pytest_crackle.cooling.correlations.drivers import find_drivers
from pytest_crackle.cooling.correlations.pairs import find_pairs
from pytest_crackle.cooling.detectors.base import joined
from pytest_crackle.cooling.roles import custom_measures

if TYPE_CHECKING:
    from pytest_crackle.cooling.detectors.base import Detection
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.suite import Suite

__all__ = ["Correlation"]

# what a test does to the world outside; imports and collections only follow how much it does
_DRIVING: Final = ("opens", "sockets", "subprocesses")


class Correlation:
    """Driver, pair and shape."""

    name = "correlation"

    def detect(self, suite: Suite, profile: Profile) -> Detection:
        """Look for metrics that time follows, and for custom metrics that go together.

        Parameters
        ----------
        suite : Suite
        profile : Profile

        Returns
        -------
        Detection
            Findings of sub-kinds driver, pair and, at fast, shape.
        """
        counts = [name for name in _DRIVING if name in suite.table.columns]
        metrics = (*custom_measures(suite), *counts)
        drivers = at_one_speed(self.name, suite, lambda even: find_drivers(even, profile, metrics))
        pairs = at_one_speed(self.name, suite, lambda even: find_pairs(even, profile), anyway=True)
        return joined(drivers, pairs)
