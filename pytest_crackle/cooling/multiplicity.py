"""Many hypotheses at once: false discovery rate and family-wise error on natural-log p-values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["benjamini_hochberg", "holm"]


def benjamini_hochberg(log_ps: Sequence[float], n_hypotheses: int | None = None) -> list[float]:
    """Return ln q of each p-value: the least false discovery rate at which it is reported.

    Parameters
    ----------
    log_ps : Sequence[float], shape (n,)
        Natural logarithms of p-values; minus infinity is allowed.
    n_hypotheses : int, optional
        All that were tested, also those whose p-values are not given because they were too large
        to matter; at least n, which is the default.

    Returns
    -------
    list[float], shape (n,)
        In the order given, never above 0.

    Raises
    ------
    ValueError
        If a logarithm is NaN or positive, or n_hypotheses is less than n.

    Notes
    -----
    Leaving out p-values is safe: it only takes the q-values too large. All in logarithms, so that
    p = 1e-4000 does not become 0. O(n log n).

    References
    ----------
    Y. Benjamini, Y. Hochberg, "Controlling the false discovery rate: a practical and powerful
    approach to multiple testing", Journal of the Royal Statistical Society B 57 (1995) 289-300,
    doi:10.1111/j.2517-6161.1995.tb02031.x.

    Examples
    --------
    >>> import math
    >>> [round(math.exp(q), 3) for q in benjamini_hochberg([math.log(p) for p in (0.01, 0.04)], 4)]
    [0.04, 0.08]
    """
    order, log_n = _ordered(log_ps, n_hypotheses)
    out = [0.0] * len(order)
    least = 0.0
    for place in range(len(order), 0, -1):
        index = order[place - 1]
        least = min(least, log_ps[index] + log_n - math.log(place))
        out[index] = least
    return out


def holm(log_ps: Sequence[float], n_hypotheses: int | None = None) -> list[float]:
    """Return ln of Holm's adjusted p-values: the least family-wise error at which each is reported.

    Parameters
    ----------
    log_ps : Sequence[float], shape (n,)
        Natural logarithms of p-values; minus infinity is allowed.
    n_hypotheses : int, optional
        As in `benjamini_hochberg`; those not given count as larger than all that are.

    Returns
    -------
    list[float], shape (n,)
        In the order given, never above 0.

    Raises
    ------
    ValueError
        As `benjamini_hochberg`.

    References
    ----------
    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6 (1979) 65-70, https://www.jstor.org/stable/4615733.

    Examples
    --------
    >>> import math
    >>> [round(math.exp(p), 3) for p in holm([math.log(p) for p in (0.01, 0.04)], 4)]
    [0.04, 0.12]
    """
    order, _ = _ordered(log_ps, n_hypotheses)
    n = max(len(order), n_hypotheses or 0)
    out = [0.0] * len(order)
    greatest = -math.inf
    for place, index in enumerate(order):
        greatest = max(greatest, log_ps[index] + math.log(n - place))
        out[index] = min(0.0, greatest)
    return out


def _ordered(log_ps: Sequence[float], n_hypotheses: int | None) -> tuple[list[int], float]:
    n = len(log_ps)
    if any(not value <= 0 for value in log_ps):
        raise ValueError("the logarithm of a p-value is at most 0")
    if n_hypotheses is not None and n_hypotheses < n:
        raise ValueError(f"{n_hypotheses} hypotheses cannot have {n} p-values")
    order = sorted(range(n), key=log_ps.__getitem__)
    return order, math.log(n_hypotheses or n) if n else 0.0
