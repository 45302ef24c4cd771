"""What the tests on one side of a split have in common that those on the other side have not."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.roles import roles_of
from pytest_crackle.cooling.tails import log_normal_sf
from pytest_crackle.model.pattern import Explanation
from pytest_crackle.model.units import format_count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_crackle.cooling.suite import Suite

__all__ = ["NamedSide", "log_p_of_name", "name_side"]

PRECISION: Final = 0.8
RECALL: Final = 0.5
BETTER_THAN_BASE: Final = 0.7
MOST_NAMES: Final = 8
"""A nominal metric with more values names no side."""
# the split lies within modules: a module, or a folder of them, does not tell it
NAMING: Final = frozenset({"fixture", "function", "class", "marker"})


@dataclass(frozen=True, slots=True)
class NamedSide:
    """One side of a split, by an attribute if one tells it.

    Attributes
    ----------
    rows, others : tuple of int
        The side, and the other one.
    explained : Explanation or None
    members : frozenset of int
        Rows of both sides that have the attribute.
    log_p : float
        ln p that the attribute tells the sides so well by chance; 0 without one.
    """

    rows: tuple[int, ...]
    others: tuple[int, ...]
    explained: Explanation | None = None
    members: frozenset[int] = frozenset()
    log_p: float = 0.0

    @property
    def n_having(self) -> int:
        """Tests on the side that have the attribute."""
        return len(self.members.intersection(self.rows))


def name_side(suite: Suite, one: tuple[int, ...], other: tuple[int, ...]) -> NamedSide:
    """Name the first of two sides, or else the second, by an attribute or a nominal value.

    Parameters
    ----------
    suite : Suite
    one, other : tuple of int
        Rows, none in both.

    Returns
    -------
    NamedSide
        With the attribute of highest F1 that holds for at least half of the side and hardly for the
        other one; without a name the first side.
    """
    candidates = list(_candidates(suite))
    for rows, others in ((one, other), (other, one)):
        best = _best_name(rows, others, candidates)
        if best is not None:
            explained, members = best
            log_p = log_p_of_name(suite, rows, others, members) + math.log(len(candidates))
            return NamedSide(rows, others, explained, members, min(0.0, log_p))
    return NamedSide(one, other)


_Candidate = tuple[str, str, "Sequence[int]"]


def _candidates(suite: Suite) -> Iterator[_Candidate]:
    for attribute in suite.attributes:
        if attribute.type in NAMING:
            yield attribute.type, attribute.name, attribute.rows
    for name, role in roles_of(suite).items():
        if role != "nominal":
            continue
        column = suite.column(name)
        members: dict[float, list[int]] = {}
        for row in suite.rows_with(name):
            members.setdefault(column[row], []).append(row)
        if len(members) <= MOST_NAMES:
            for value, rows in sorted(members.items()):
                yield "metric", f"{name} = {format_count(value)}", rows


def _best_name(
    rows: Sequence[int], others: Sequence[int], candidates: Sequence[_Candidate]
) -> tuple[Explanation, frozenset[int]] | None:
    side = set(rows)
    inside = side.union(others)
    base = len(side) / len(inside)
    best_score = 0.0
    best: tuple[Explanation, frozenset[int]] | None = None
    for type_, name, members in candidates:
        found = inside.intersection(members)
        hits = len(side & found)
        if not hits:
            continue
        precision, recall = hits / len(found), hits / len(side)
        if precision < PRECISION or recall < RECALL:
            continue
        if precision - base < BETTER_THAN_BASE * (1 - base):
            continue
        score = round(2 * precision * recall / (precision + recall), 2)
        if score > best_score:
            lift = recall / (len(found) / len(inside))
            best_score = score
            best = Explanation(type_, name, precision, recall, lift), frozenset(found)
    return best


def log_p_of_name(
    suite: Suite, rows: Sequence[int], others: Sequence[int], members: frozenset[int]
) -> float:
    """Return ln p that an attribute goes with a side so closely by chance, within modules.

    Parameters
    ----------
    suite : Suite
    rows, others : sequence of int
        The side and the other one.
    members : frozenset of int
        Rows that have the attribute.

    Notes
    -----
    Tests of one function are alike: a function counts once, or twice where only some of its cases
    have the attribute, on the side of most of these. Modules are strata, so that a module with more
    of both is no evidence; the sum over them against its normal law, with continuity correction.

    References
    ----------
    N. Mantel, W. Haenszel, "Statistical aspects of the analysis of data from retrospective studies
    of disease", Journal of the National Cancer Institute 22 (1959) 719-748,
    doi:10.1093/jnci/22.4.719.
    """
    votes: Counter[tuple[int, int, bool]] = Counter()
    for sign, side in ((1, rows), (-1, others)):
        for row in side:
            unit = (suite.module_codes[row], suite.function_codes[row], row in members)
            votes[unit] += sign
    strata: dict[int, list[tuple[bool, bool]]] = {}
    for (module, _, having), vote in votes.items():
        strata.setdefault(module, []).append((having, vote > 0))
    excess = variance = 0.0
    for units in strata.values():
        n = len(units)
        marked = sum(having for having, _ in units)
        drawn = sum(on_side for _, on_side in units)
        excess += sum(having and on_side for having, on_side in units) - marked * drawn / n
        if n > 1:
            variance += marked * drawn * (n - marked) * (n - drawn) / (n * n * (n - 1))
    return log_normal_sf((excess - 0.5) / math.sqrt(variance)) if variance > 0 else 0.0
