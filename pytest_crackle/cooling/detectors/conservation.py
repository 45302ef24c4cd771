"""Conservation laws: what should stay constant, and what breaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_crackle.cooling.detectors.base import joined
from pytest_crackle.cooling.laws.laws import find_laws
from pytest_crackle.cooling.laws.plateaus import find_plateaus
from pytest_crackle.cooling.laws.relations import find_relations

if TYPE_CHECKING:
    from pytest_crackle.cooling.detectors.base import Detection
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.suite import Suite

__all__ = ["Conservation"]


class Conservation:
    """Plateau, law, broken law and relation."""

    name = "conservation"

    def detect(self, suite: Suite, profile: Profile) -> Detection:
        """Look for fixed waits, for values that a place keeps, and for equations of metrics.

        Parameters
        ----------
        suite : Suite
        profile : Profile

        Returns
        -------
        Detection
            Findings of sub-kinds plateau, law, broken and relation.
        """
        return joined(
            find_plateaus(suite, profile),
            find_laws(suite, profile),
            find_relations(suite, profile),
        )
