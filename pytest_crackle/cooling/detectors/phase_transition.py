"""Phase transitions: a metric shifts along the run order, and one cause is told once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.detectors.base import Detection, Finding
from pytest_crackle.cooling.profiles import CoolingRate
from pytest_crackle.cooling.shifts.cases import case_shifts
from pytest_crackle.cooling.shifts.fixture_costs import fixture_shifts
from pytest_crackle.cooling.shifts.left_open import find_left_open
from pytest_crackle.cooling.shifts.memory import find_memory
from pytest_crackle.cooling.shifts.pace import ALONE, LEAST_PROBES, machine_ratio, probes_of
from pytest_crackle.cooling.shifts.pace_findings import background_shifts, pace_shifts, queue_shifts
from pytest_crackle.cooling.shifts.random_order import order_shifts
from pytest_crackle.cooling.shifts.states import left_states, state_finding
from pytest_crackle.cooling.shifts.time_findings import (
    NEAR,
    PaceHere,
    case_clause,
    cases_finding,
    fixture_finding,
    is_company,
    order_finding,
)
from pytest_crackle.cooling.shifts.time_shifts import run_places
from pytest_crackle.cooling.shifts.worker_pace import worker_pace_shifts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.shifts.pace import Probes
    from pytest_crackle.cooling.shifts.pace_findings import PlacedShift, QueueShift
    from pytest_crackle.cooling.shifts.states import LeftState
    from pytest_crackle.cooling.shifts.time_shifts import TimeShift
    from pytest_crackle.cooling.suite import Suite
    from pytest_crackle.model.report import NotTested

__all__ = ["PhaseTransition"]

_TIMES: Final = ("duration", "cpu", "pace")


class PhaseTransition:
    """What tests leave behind, and where identical work begins to take longer.

    Raw durations in file order are never tested: files run in alphabetical order, and their tests
    differ. Tested are levels, interpreter state, identical work between the tests, repeated set-ups
    of one fixture, cases of one function, and tests that ran in random order.
    """

    in_run_order = True
    """Each machine is looked at by itself; see `machines.by_machine`."""

    @property
    def name(self) -> str:
        """The name for ``--crackle-detectors``."""
        return "phase-transition"

    def detect(self, suite: Suite, profile: Profile) -> Detection:
        """Look along the run order of each process.

        Parameters
        ----------
        suite : Suite
        profile : Profile

        Returns
        -------
        Detection
            Sub-kinds jump, leak and growth (levels), state, pace, background, fixture, cases, and
            step, slope and drift (random order).

        Notes
        -----
        O(tests log tests).
        """
        if not suite.n_tests:
            return Detection()
        return _Look(suite, profile).detection()


@dataclass
class _Look:
    """One look at a suite: collects findings part by part, in the order of their strength."""

    suite: Suite
    profile: Profile
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    not_tested: list[NotTested] = field(default_factory=list)
    hypotheses: int = 0

    @cached_property
    def paces(self) -> tuple[Probes, ...]:
        return probes_of(self.suite, "pace")

    def detection(self) -> Detection:
        for part in (find_memory, find_left_open):
            found = part(self.suite, self.profile)
            self.findings += found.findings
            self.not_tested += found.not_tested
        queue = queue_shifts(self.suite, self.profile)
        places = run_places(self.suite)
        causes = self._causes(self._gauges(queue), places)
        self._time_shifts(queue, causes, places)
        self.findings += [cause.finding for cause in causes if cause.is_told]
        # of no use where nothing is told of times: a busy machine is not the suite's doing
        if any(finding.metrics[0].startswith(_TIMES) for finding in self.findings):
            self.notes += [shift.note for shift in queue[:1]]
        return Detection(
            tuple(self.findings), self.hypotheses, tuple(self.not_tested), tuple(self.notes)
        )

    def _gauges(self, queue: Sequence[QueueShift]) -> list[PlacedShift]:
        """Return the shifts of pace and of other threads' share."""
        suite, profile = self.suite, self.profile
        shifts: list[PlacedShift] = []
        if len(suite.run_orders) == 1:
            shifts, tested, missing = pace_shifts(suite, profile, queue)
            self.not_tested += missing
        else:
            shifts, notes, tested = worker_pace_shifts(suite, profile)
            self.notes += notes
        background, more = background_shifts(suite, profile)
        self.hypotheses += tested + more
        return [*shifts, *background]

    def _causes(self, shifts: Sequence[PlacedShift], places: Mapping[int, int]) -> list[_Cause]:
        """Give each shift of a gauge to the state or the threads that explain it."""
        open_shifts = list(shifts)
        causes = []
        for left in left_states(self.suite, self.profile):
            spots = [(span.worker, span.start) for span in left.spans]
            mine = [s for s in open_shifts if any(s.is_at(*spot) for spot in spots)]
            open_shifts = [shift for shift in open_shifts if shift not in mine]
            causes.append(self._state_cause(left, spots, mine))
        for shift in open_shifts:
            if not (shift.finding.subkind == "background" and self._told_by_threads(shift, places)):
                spot = (shift.worker, places[shift.finding.rows[0]])
                causes.append(_Cause(shift.finding, [spot], shift))
        return causes

    def _state_cause(
        self, left: LeftState, spots: list[tuple[str, int]], shifts: Sequence[PlacedShift]
    ) -> _Cause:
        effects = list(dict.fromkeys(shift.effect for shift in shifts))
        evidence = {
            f"{shift.finding.subkind}.{name}": value
            for shift in shifts
            for name, value in shift.finding.evidence.items()
        }
        finding = state_finding(self.suite, left, effects=effects, evidence=evidence)
        return _Cause(finding, spots)

    def _told_by_threads(self, shift: PlacedShift, places: Mapping[int, int]) -> bool:
        """Put what other threads use into the sentence about the threads, if there is one."""
        workers = self.suite.table.workers
        for i, finding in enumerate(self.findings):
            if finding.metrics != ("threads",):
                continue
            if any(shift.is_at(workers[row] or "", places[row]) for row in finding.rows):
                summary = f"{finding.summary.removesuffix('.')}; from there on {shift.effect}."
                self.findings[i] = replace(finding, summary=summary)
                return True
        return False

    def _time_shifts(
        self, queue: Sequence[QueueShift], causes: list[_Cause], places: Mapping[int, int]
    ) -> None:
        """Tell shifts of costs, those at the place of a cause as a line of it."""
        suite, profile = self.suite, self.profile
        every, n_units = order_shifts(suite, profile, places)
        ordered = [found for found in every if self._exceeds_machine(found.shift)]
        cases, n_cases = case_shifts(suite, profile, places)
        fixtures, n_fixtures = fixture_shifts(suite, profile, places)
        cases = [shift for shift in cases if self._exceeds_machine(shift)]
        fixtures = [shift for shift in fixtures if self._exceeds_machine(shift)]
        self.hypotheses += n_units + n_cases + n_fixtures
        for found in ordered:
            spot = found.shift.series.worker, found.shift.place
            busier = any(q.worker == spot[0] and q.first <= spot[1] <= q.last for q in queue)
            finding = order_finding(suite, found, n_units, is_machine_busier=busier)
            if found.kind == "drift" or not _told_by(causes, found.shift, finding.summary):
                self.findings.append(finding)
        for shift in fixtures:
            finding = fixture_finding(suite, shift, n_fixtures)
            if not _told_by(causes, shift, finding.summary):
                causes.append(_Cause(finding, [(shift.series.worker, shift.place)]))
        self._cases(cases, causes)

    def _exceeds_machine(self, shift: TimeShift) -> bool:
        """Whether a shift is more than the same code taking longer, as far as that is known."""
        least = self.profile.min_shift
        machine = machine_ratio(self.paces, shift.series.worker, shift.place)
        if machine is None:
            is_fast = self.profile.rate is CoolingRate.FAST
            return shift.ratio >= (least if is_fast else max(least, ALONE))
        return shift.ratio >= least * machine

    def _cases(self, cases: list[TimeShift], causes: list[_Cause]) -> None:
        suite = self.suite
        measured = {probes.worker for probes in self.paces if len(probes) >= LEAST_PROBES}
        cases = [c for c in cases if not _told_by(causes, c, f"{case_clause(suite, c)}.")]
        told: list[TimeShift] = []
        for shift in sorted(cases, key=lambda shift: (-shift.extra, shift.series.name)):
            if any(is_company(larger, shift) for larger in told):
                continue  # a line of the larger one
            company = [
                f"{case_clause(suite, other)}." for other in cases if is_company(shift, other)
            ]
            here = PaceHere(shift.series.worker in measured)
            finding = cases_finding(suite, shift, company, here)
            if finding.notice and self.profile.rate is CoolingRate.SLOW:
                continue
            told.append(shift)
            self.findings.append(finding)


@dataclass
class _Cause:
    """A finding that other shifts may be lines of, and where it begins."""

    finding: Finding
    spots: list[tuple[str, int]]
    shift: PlacedShift | None = None

    @property
    def is_told(self) -> bool:
        return self.shift is None or self.shift.is_told

    def is_at(self, worker: str, place: int) -> bool:
        if self.shift is not None:
            return self.shift.is_at(worker, place)
        return any(w == worker and abs(p - place) <= NEAR for w, p in self.spots)


def _told_by(causes: Sequence[_Cause], shift: TimeShift, sentence: str) -> bool:
    """Make a shift a line of the cause at its place; False if there is none.

    A cause that is not told, such as a machine that slowed down, silences what it explains.
    """
    for cause in sorted(causes, key=lambda cause: not cause.is_told):
        if cause.is_at(shift.series.worker, shift.place):
            details = (*cause.finding.details, sentence)
            cause.finding = replace(cause.finding, details=details)
            return True
    return False
