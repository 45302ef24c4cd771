"""Ranks within modules: centring, and how much alike the tests of one function are."""

from __future__ import annotations

import math
from collections import Counter
from itertools import islice
from operator import mul, sub, truediv
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

__all__ = ["Groups", "centred", "cosine", "design_effect", "intraclass", "spread_over"]

_T = TypeVar("_T")


def spread_over(items: Sequence[_T], most: int) -> Sequence[_T]:
    """Return at most so many of the items, at even distances; the items themselves if few."""
    n = len(items)
    return items if n <= most else [items[place * n // most] for place in range(most)]


class Groups:
    """To which group each value belongs, numbered once for several uses.

    Parameters
    ----------
    names : sequence of hashable, shape (n,)

    Attributes
    ----------
    codes : list of int, shape (n,)
        Numbers of the groups, from 0 in the order in which they come.
    counts : list of int
        Values of each group.
    contiguous : bool
        Whether the values of each group stand together, as in file order they mostly do.
    """

    def __init__(self, names: Sequence[Hashable]) -> None:
        sizes = Counter(names)  # keys in the order in which they come
        numbers = dict(zip(sizes, range(len(sizes)), strict=True))
        self.codes = list(map(numbers.__getitem__, names))
        self.counts = list(sizes.values())
        self.contiguous = self.codes == sorted(self.codes)

    def sums(self, values: Sequence[float]) -> list[float]:
        """Return the sum of the values of each group."""
        if self.contiguous:
            rest = iter(values)
            return [sum(islice(rest, count)) for count in self.counts]
        sums = [0.0] * len(self.counts)
        for value, code in zip(values, self.codes, strict=True):
            sums[code] += value
        return sums


def centred(values: Sequence[float], groups: Sequence[Hashable] | Groups) -> list[float]:
    """Subtract from each value the mean of its group.

    Parameters
    ----------
    values : sequence of float, shape (n,)
    groups : sequence of hashable, shape (n,), or Groups

    Returns
    -------
    list of float, shape (n,)
    """
    groups = _grouped(groups)
    means = list(map(truediv, groups.sums(values), groups.counts))
    return list(map(sub, values, map(means.__getitem__, groups.codes)))


def _grouped(groups: Sequence[Hashable] | Groups) -> Groups:
    return groups if isinstance(groups, Groups) else Groups(groups)


def cosine(x: Sequence[float], y: Sequence[float]) -> float:
    """Return the correlation of two centred series; 0 if one of them is all zeros."""
    norm = math.sqrt(sum(map(mul, x, x))) * math.sqrt(sum(map(mul, y, y)))
    return max(-1.0, min(1.0, sum(map(mul, x, y)) / norm)) if norm > 0 else 0.0


def intraclass(
    values: Sequence[float], functions: Sequence[Hashable] | Groups, n_modules: int
) -> float:
    """Return the share of the variance of centred values that lies between functions, 0..1.

    Parameters
    ----------
    values : sequence of float, shape (n,)
        Centred in modules.
    functions : sequence of hashable, shape (n,), or Groups
    n_modules : int
        Means that the centring took.

    Notes
    -----
    One-way analysis of variance. Where each function has one test, nothing can be told apart and
    nothing needs to be: 0. Where too few tests are left to tell, 1 is the careful answer.

    References
    ----------
    A. Donner, J. J. Koval, "The estimation of intraclass correlation in the analysis of family
    data", Biometrics 36 (1980) 19-25, doi:10.2307/2530491.
    """
    functions = _grouped(functions)
    n, k = len(values), len(functions.counts)
    if n == k:
        return 0.0
    if k <= n_modules:
        return 0.0 if n - k >= 2 else 1.0
    if n - k < 2:
        return 1.0
    sums, counts = functions.sums(values), functions.counts
    between = sum(total**2 / count for total, count in zip(sums, counts, strict=True))
    total = sum(map(mul, values, values))
    mean_between = between / (k - n_modules)
    mean_within = max(0.0, total - between) / (n - k)
    size = (n - sum(count * count for count in counts) / n) / max(1, k - 1)
    whole = mean_between + (size - 1) * mean_within
    return min(1.0, max(0.0, (mean_between - mean_within) / whole)) if whole > 0 else 1.0


def design_effect(functions: Sequence[Hashable] | Groups, icc: float) -> float:
    """Return by how much alike tests of one function inflate a variance.

    References
    ----------
    L. Kish, "Survey Sampling" (1965), section 8.2: 1 + (size - 1) icc, here with the mean size of
    the function that a test lies in.
    """
    functions = _grouped(functions)
    counts = functions.counts
    size = sum(count * count for count in counts) / max(1, len(functions.codes))
    return 1 + (size - 1) * icc
