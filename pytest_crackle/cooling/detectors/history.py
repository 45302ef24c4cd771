"""A session against past runs of the same suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_crackle.cooling.detectors.base import Detection, joined
from pytest_crackle.cooling.history.comparable import LEAST_RUNS, Comparable
from pytest_crackle.cooling.history.flaky import find_flaky
from pytest_crackle.cooling.history.search import find_changes
from pytest_crackle.model.report import NotTested
from pytest_crackle.model.units import count_of

if TYPE_CHECKING:
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.suite import Suite

__all__ = ["History"]


class History:
    """What is slower or counts otherwise than in past runs, and which tests are flaky."""

    name = "history"

    def detect(self, suite: Suite, profile: Profile) -> Detection:
        """Compare with `suite.past`.

        Parameters
        ----------
        suite : Suite
        profile : Profile

        Returns
        -------
        Detection
            Findings of kind phase-transition, sub-kinds onward, slower, count and changed, and of
            kind flaky; nothing but a reason if fewer than three past runs compare with this one.
        """
        past = suite.past
        if past is None:
            return Detection(not_tested=(NotTested(self.name, "*", "no history was given"),))
        against = Comparable(suite, past)
        if len(against.runs) < LEAST_RUNS:
            reason = (
                f"{count_of(len(against.runs), 'past run')} of this mode and environment, "
                f"needs {LEAST_RUNS}"
            )
            return Detection(not_tested=(NotTested(self.name, "*", reason),))
        return joined(find_changes(against, profile), find_flaky(against, profile))
