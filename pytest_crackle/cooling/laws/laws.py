"""Laws: a count or value that is the same in all tests of one place, and the few that break it."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.detectors.base import Detection, Finding
from pytest_crackle.cooling.laws.places import Place, Places
from pytest_crackle.cooling.numeric import median_of
from pytest_crackle.cooling.replica import Members
from pytest_crackle.cooling.roles import law_measures
from pytest_crackle.cooling.tails import log_binomial_tail
from pytest_crackle.cooling.within import spread_over
from pytest_crackle.cooling.wording import breaking, having
from pytest_crackle.model.pattern import Explanation, PatternKind
from pytest_crackle.model.units import count_of, format_percent, format_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_crackle.cooling.detectors.base import Column, Recheck
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.suite import Suite

__all__ = ["find_laws"]

# all constants as in detectors.md 5, measured there on 14 suites
LEAST_TESTS: Final = 8
LEAST_BROKEN: Final = 20
TOLERANCE: Final = 0.01
LARGE_COUNT: Final = 1000
"""From here on 1 % are ten or more, and integers are measured like other values."""
MOST_BREAKING: Final = 0.05
"""Share of tests off the value from which on there is no law."""
MOST_TOLD: Final = 0.03
"""Share of breakers up to which the law is told as broken; two breakers always are."""
USUAL: Final = 0.2
"""A value of more than this share of the other tests is no news."""
SMALL_COUNT: Final = 30
"""Below it counts wobble by a few."""
# one or two more or less of something is no broken law: 1 against 3 was the one dull line on the
# recorded suites (a count of compiled expressions)
SMALL_STEP: Final = 3
STEADY: Final = 0.005
STEADY_CASES: Final = 100
LOG_LEVEL: Final = math.log(0.01)
PILOT: Final = 9
PILOT_HOLD: Final = 6


@dataclass(frozen=True, slots=True)
class _Values:
    """One metric over the tests that recorded it."""

    name: str
    column: Sequence[float]
    rows: tuple[int, ...]
    ordered: list[float]
    whole: bool
    """Only integers."""

    def tolerance(self, value: float) -> float:
        """Return how far off a test may be: not at all where things are counted one by one."""
        counted = self.whole and abs(value) < LARGE_COUNT
        return 0.0 if counted else TOLERANCE * abs(value)

    def count_near(self, value: float) -> int:
        reach = self.tolerance(value)
        return bisect_right(self.ordered, value + reach) - bisect_left(self.ordered, value - reach)


@dataclass(frozen=True, slots=True)
class _Law:
    """A place where the metric keeps one value, but for the breakers."""

    values: _Values
    place: Place
    value: float
    breakers: tuple[int, ...]
    log_p: float
    chance: float
    """What `log_p` was reckoned with: the chance that a function, or a case, keeps the value."""

    @property
    def score(self) -> int:
        """Wide places first; broken ones first, as they are worth acting on."""
        n = len(self.place.rows)
        return 2 * n if self.breakers and self.place.type != "function" else n


def find_laws(suite: Suite, profile: Profile) -> Detection:
    """Find counts and values that all tests of a place share, and the few tests that break a law.

    Parameters
    ----------
    suite : Suite
    profile : Profile
        `breadth` is the least share of the tests that recorded the metric.

    Returns
    -------
    Detection
        Findings of kind conservation, sub-kinds ``law`` (no breaker, at least three functions) and
        ``broken`` (breakers in `exceptions`). `rows` are the tests that keep the law.
        `evidence`: `value`, `spread` (largest relative distance of those that keep it), `tests`,
        `holding`, `breakers`, `total`, `std_dev`, `coefficient_of_variation`, and for a law
        `elsewhere_low` and `elsewhere_high`.

    Notes
    -----
    Tests of one function are alike by nature, so the units of a law are functions: its p-value is
    the chance that all F of them keep a value that a share p of the other tests has, p ** F. Inside
    one function a broken law needs that other functions hardly ever keep one value, or hardly ever
    leave it. O(tests x attributes of a test) a metric at worst; most attributes fall to a look at
    nine tests.
    """
    return suite.once(("laws", profile), lambda: _find(suite, profile))


def _find(suite: Suite, profile: Profile) -> Detection:
    places = Places(suite, LEAST_TESTS)
    findings: list[Finding] = []
    hypotheses = 0
    for name in law_measures(suite):
        column, rows = suite.column(name), suite.rows_with(name)
        ordered = suite.sorted_with(name)
        values = _Values(name, column, rows, ordered, all(map(float.is_integer, ordered)))
        shared = [p for p in places.shared(rows) if len(rows) - len(p.rows) >= LEAST_TESTS]
        functions = places.functions(rows)
        hypotheses += len(shared) + sum(len(p.rows) >= LEAST_BROKEN for p in functions)
        laws = [*_shared_laws(suite, profile, values, shared), *_function_laws(values, functions)]
        findings += [_finding(suite, profile, law) for law in _without_overlap(laws)]
    return Detection(tuple(findings), hypotheses)


def _without_overlap(laws: list[_Law]) -> list[_Law]:
    """One law a metric and place: the widest stays."""
    laws.sort(key=lambda law: (-law.score, law.place.label))
    taken: list[set[int]] = []
    kept = []
    for law in laws:
        rows = law.place.rows
        if all(2 * len(other.intersection(rows)) <= len(rows) for other in taken):
            taken.append(set(rows))
            kept.append(law)
    return kept


def _off(values: _Values, rows: Sequence[int], value: float) -> list[int]:
    column, reach = values.column, values.tolerance(value)
    return [row for row in rows if abs(column[row] - value) > reach]


def _shared_laws(
    suite: Suite, profile: Profile, values: _Values, places: Sequence[Place]
) -> Iterator[_Law]:
    column, codes = values.column, suite.function_codes
    for place in places:
        rows, n = place.rows, len(place.rows)
        value = _common_value(column, rows)
        if not value:
            continue
        off = _off(values, rows, value)
        if len(off) > MOST_BREAKING * n or not (off or n >= profile.breadth * len(values.rows)):
            continue
        n_other = len(values.rows) - n
        chance = (values.count_near(value) - (n - len(off)) + 0.5) / (n_other + 1)
        if chance > USUAL or (off and not _are_breakers(values, rows, value, off)):
            continue
        leaving = len({codes[row] for row in off})
        log_p = _log_p_shared(place.n_functions, leaving, chance)
        yield _Law(values, place, value, tuple(off), log_p, chance)


def _common_value(column: Sequence[float], rows: Sequence[int]) -> float:
    """Return the median, or 0 where a few tests show that there is no common value."""
    some = [column[row] for row in spread_over(rows, PILOT)]
    value = median_of(some)
    if sum(abs(x - value) <= TOLERANCE * abs(value) for x in some) < PILOT_HOLD:
        return 0.0
    return median_of([column[row] for row in rows])


def _log_p_shared(n_functions: int, n_leaving: int, chance: float) -> float:
    return log_binomial_tail(n_functions, n_functions - n_leaving, chance)


def _function_laws(values: _Values, places: Sequence[Place]) -> Iterator[_Law]:
    """Broken laws inside one function, measured by how often cases of others leave their value."""
    read = values.column.__getitem__
    found = [list(map(read, place.rows)) for place in places]
    medians = list(map(median_of, found))
    offs = [
        [row for row, x in zip(place.rows, some, strict=True) if abs(x - value) > reach]
        for place, some, value, reach in zip(
            places, found, medians, map(values.tolerance, medians), strict=True
        )
    ]
    cases, leaving = sum(len(place.rows) for place in places), sum(map(len, offs))
    if len(places) < 4:
        return  # three others must say what is usual
    for place, value, off in zip(places, medians, offs, strict=True):
        n = len(place.rows)
        if not value or not off or not _are_breakers(values, place.rows, value, off):
            continue
        others = cases - n
        usual = (leaving - len(off) + 0.5) / (others + 1)
        steady = usual <= STEADY and others >= STEADY_CASES
        # where nobody ever leaves, holding is measured against values that leave as often as not
        chance = 0.5 if steady else 1 - usual
        log_p = _log_p_function(n, len(off), chance)
        if steady or log_p <= LOG_LEVEL - math.log(len(places)):
            yield _Law(values, place, value, tuple(off), log_p, chance)


def _log_p_function(n: int, n_off: int, chance: float) -> float:
    return log_binomial_tail(n, n - n_off, chance)


def _are_breakers(values: _Values, place: Sequence[int], value: float, off: Sequence[int]) -> bool:
    """Whether the tests off the value are few, far off, and no ordinary values of the metric."""
    if len(place) < LEAST_BROKEN or len(off) > max(2, MOST_TOLD * len(place)):
        return False
    column, reach = values.column, values.tolerance(value)
    found = [column[row] for row in off]
    spread = _spread_of(values, place, value)
    if not all(_is_far(x, value, spread, whole=values.whole) for x in found):
        return False
    return reach > 0 or all(values.count_near(x) <= max(2, 0.01 * len(values.rows)) for x in found)


def _spread_of(values: _Values, rows: Sequence[int], value: float) -> float:
    """Return the largest distance from the value among the tests that keep it."""
    reach = values.tolerance(value)
    distances = [abs(values.column[row] - value) for row in rows] if reach else []
    return max((distance for distance in distances if distance <= reach), default=0.0)


def _is_far(x: float, value: float, spread: float, *, whole: bool) -> bool:
    size, distance = abs(value), abs(x - value)
    if not whole:
        return distance >= 10 * TOLERANCE * size
    if size >= SMALL_COUNT:
        return distance >= max(0.01 * size, 10 * spread)
    far = distance >= 2 * size or abs(x) <= size / 3
    return far and distance >= SMALL_STEP


def _finding(suite: Suite, profile: Profile, law: _Law) -> Finding:
    values, place = law.values, law.place
    breakers = frozenset(law.breakers)
    holding = tuple(row for row in place.rows if row not in breakers)
    evidence = _evidence(law, holding)
    if not breakers:
        members = set(place.rows)
        elsewhere = [values.column[row] for row in values.rows if row not in members]
        evidence["elsewhere_low"], evidence["elsewhere_high"] = min(elsewhere), max(elsewhere)
    n = len(place.rows)
    return Finding(
        kind=PatternKind.CONSERVATION,
        subkind="broken" if breakers else "law",
        summary=_sentence(suite, law, evidence),
        metrics=(values.name,),
        rows=holding,
        anchor=place.label,
        log_p=law.log_p,
        exceptions=law.breakers,
        explained_by=Explanation(
            place.type, place.name, n / place.n_all, 1.0, len(suite.rows) / place.n_all
        ),
        evidence={key: x for key, x in evidence.items() if math.isfinite(x)},
        recheck=_recheck(suite, profile, law),
        score=float(law.score),
    )


def _evidence(law: _Law, holding: Sequence[int]) -> dict[str, float]:
    found = [law.values.column[row] for row in holding]
    mean = sum(found) / len(found)
    deviation = math.sqrt(sum([(x - mean) * (x - mean) for x in found]) / len(found))
    return {
        "value": law.value,
        "spread": max(abs(x / law.value - 1) for x in found),
        "tests": float(len(law.place.rows)),
        "holding": float(len(found)),
        "breakers": float(len(law.breakers)),
        "total": sum(found),
        "std_dev": deviation,
        "coefficient_of_variation": deviation / abs(mean),
    }


def _sentence(suite: Suite, law: _Law, evidence: dict[str, float]) -> str:
    values, place = law.values, law.place
    unit = suite.table.info(values.name).unit
    shown, spread = format_value(law.value, unit), evidence["spread"]
    exactly = f"exactly {shown}" if not law.breakers else shown
    what = f"{values.name} is {f'{shown} +- {format_percent(spread)}' if spread else exactly}"
    n = len(place.rows)
    who = having(place.type, place.name)
    if n < place.n_all:
        who += " that record it"
    if law.breakers:
        cases = [
            (suite.table.nodeids[row], format_value(values.column[row], unit))
            for row in law.breakers
        ]
        tests = f"{n - len(cases):,} of {count_of(n, 'test')}"
        return f"{what} in {tests} {who}; {breaking(cases)}."
    low, high = (format_value(evidence[f"elsewhere_{end}"], unit) for end in ("low", "high"))
    elsewhere = low if low == high else f"{low} to {high}"
    return f"{what} in all {count_of(n, 'test')} {who} (elsewhere {elsewhere})."


def _recheck(suite: Suite, profile: Profile, law: _Law) -> Recheck:
    place, breakers = law.place, frozenset(law.breakers)
    members = Members(place.rows)
    codes = suite.function_codes
    n_least = LEAST_BROKEN if breakers else max(LEAST_TESTS, profile.breadth * len(law.values.rows))

    def again(column: Column, rows: Sequence[int]) -> float:
        share = len(rows) / max(1, len(suite.rows))
        some, source = members.among(rows), column(law.values.name)
        if len(some) < max(1.0, share * n_least):
            return 0.0
        value = median_of([source[row] for row in some])
        reach = law.values.tolerance(value)
        off = {row for row in some if abs(source[row] - value) > reach}
        if off != breakers or not value:
            return 0.0
        if place.type == "function":
            return _log_p_function(len(some), len(off), law.chance)
        functions = {codes[row] for row in some}
        return _log_p_shared(len(functions), len({codes[row] for row in off}), law.chance)

    return again
