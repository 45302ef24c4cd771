"""Outcomes that change while the code does not: the evidence of one test over runs."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Flips", "Seen", "flips_of", "wilson"]

_BROKEN: Final = 3
"""Failures in a row that speak of broken code or an outage, not of chance."""
_LEAST_CHANCE: Final = math.log(0.01)
_BROKEN_CHANCE: Final = math.log(0.05)
_Z95: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Seen:
    """What one run saw of one test.

    Attributes
    ----------
    place : int
        Of the run on the axis of runs.
    commit : str or None
        None where the checkout had changes or no commit is known: nothing is concluded from
        another outcome there.
    failed : bool
        How it ended.
    rerun : bool
        It failed first and passed when it was run again in the same run.
    """

    place: int
    commit: str | None
    failed: bool
    rerun: bool = False

    @property
    def is_failure(self) -> bool:
        """Whether it failed at all."""
        return self.failed or self.rerun


@dataclass(frozen=True, slots=True)
class Flips:
    """A flaky test.

    Attributes
    ----------
    failures, runs : int
        Runs in which it failed, of those that count: on commits where it passed as well, and where
        reruns are known all runs that it passed in the end.
    first : int
        Place of the first of these failures.
    counted : tuple of Seen
    reruns : int
        Failures that a rerun in the same run turned into a pass.
    """

    failures: int
    runs: int
    first: int
    counted: tuple[Seen, ...]
    reruns: int


def flips_of(seen: Sequence[Seen]) -> Flips | None:
    """Judge whether a test is flaky.

    Parameters
    ----------
    seen : sequence of Seen
        One each run that ended with a pass or a failure, oldest first.

    Returns
    -------
    Flips or None
        None for a test that is stable, broken (fails in all runs since some commit or date), fixed
        (has passed so often since that less than 1 % of tests would even at the lower end of the
        interval of its rate), and for one block of three or more failures in a row: an outage.

    Notes
    -----
    Proof is a failure on a commit on which it passes as well, with nothing changed, or a pass in a
    rerun. It must have passed since: a certificate that runs out is no flaky test. O(runs).
    """
    passing = {one.commit for one in seen if one.commit is not None and not one.failed}
    blocks = [
        block
        for block in _ended_blocks(seen)
        if not passing.isdisjoint(one.commit for one in block)
    ]
    reruns = sum(one.rerun for one in seen)
    if not reruns and (not blocks or (len(blocks) == 1 and len(blocks[0]) >= _BROKEN)):
        return None
    runs_of = Counter(one.commit for one in seen)
    counted = tuple(
        one
        for one in seen
        if (reruns and not one.failed) or (one.commit in passing and runs_of[one.commit] > 1)
    )
    failing = [one for one in counted if one.is_failure]
    if not failing or not _is_current(seen, counted):
        return None
    return Flips(len(failing), len(counted), failing[0].place, counted, reruns)


def _ended_blocks(seen: Sequence[Seen]) -> list[list[Seen]]:
    """Return the blocks of failures in a row that a pass followed."""
    blocks: list[list[Seen]] = []
    block: list[Seen] = []
    for one in seen:
        if one.failed:
            block.append(one)
        elif block:
            blocks.append(block)
            block = []
    return blocks


def _is_current(seen: Sequence[Seen], counted: Sequence[Seen]) -> bool:
    """Whether it is neither fixed nor broken by now."""
    same = 0
    for one in reversed(seen):
        if one.is_failure != seen[-1].is_failure:
            break
        same += 1
    if seen[-1].failed:
        rate = sum(one.is_failure for one in counted) / len(counted)
        return same < _BROKEN or same * math.log(rate) > _BROKEN_CHANCE
    last = max(place for place, one in enumerate(counted) if one.is_failure)
    least, _ = wilson(sum(one.is_failure for one in counted), last + 1)
    return same * math.log1p(-least) > _LEAST_CHANCE


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share.

    Raises
    ------
    ValueError
        If n is not positive or hits is not between 0 and n.

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22
    (1927) 209-212, doi:10.1080/01621459.1927.10502953.

    Examples
    --------
    >>> [round(bound, 4) for bound in wilson(1, 10)]
    [0.0179, 0.4042]
    """
    if n <= 0 or not 0 <= hits <= n:
        raise ValueError(f"{hits} of {n} is no share")
    share, weight = hits / n, _Z95 * _Z95 / n
    middle = (share + weight / 2) / (1 + weight)
    half = math.sqrt(share * (1 - share) * weight + weight * weight / 4) / (1 + weight)
    return max(0.0, middle - half), min(1.0, middle + half)
