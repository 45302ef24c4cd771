"""Descriptors and threads by identity: which came and which went since the last reading."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from pytest_crackle.firing.meters.process import (
    descriptor_kinds_reader,
    descriptors_reader,
    thread_count,
    threads_reader,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NOT_KNOWN", "Descriptors", "Threads"]

NOT_KNOWN: Final = -1
FEW: Final = 16
"""So many descriptors are asked one by one; for more a listing costs no more."""


class Descriptors:
    """Follow the open descriptors; an identity is ``"<number>:<what it is>"``.

    Attributes
    ----------
    level : float
        How many were open at the last reading.

    Raises
    ------
    OSError
        Where descriptors cannot be listed.
    """

    def __init__(self) -> None:
        found = descriptors_reader()
        if found is None:
            raise OSError("this platform does not list descriptors")
        self._listdir, self._folder = found
        self._kinds_of = descriptor_kinds_reader()
        self._listing: list[str] = []
        self._kinds: dict[str, tuple[str, int]] = {}
        self._free = NOT_KNOWN
        self._asked: tuple[list[int], list[int]] | None = None
        self._inheritable = os.get_inheritable
        self.level = 0.0
        self.changes()

    def changes(
        self, free: int = NOT_KNOWN, *, whole: bool = False
    ) -> tuple[list[str], list[str]] | None:
        """Read now: identities that came and that went; None if nothing did.

        Parameters
        ----------
        free : int
            The lowest free number, if it is known. While it is the same, nothing below it was
            closed and nothing opened that is not above it (``os.dup2`` to a number of choice, which
            the next listing shows). So if the few above are still open, the listing is spared: it
            is the dearest of all readings.
        whole : bool
            List in any case.
        """
        asked = None if whole or free != self._free else self._asked
        if asked is not None and (not any(asked) or self._is_as_it_was(*asked)):
            return None
        listing = self._listdir(self._folder)
        changes = None
        if listing != self._listing:
            kinds = self._kinds_of(listing)
            changes = _identities(kinds, self._kinds), _identities(self._kinds, kinds)
            self._listing, self._kinds, self.level = listing, kinds, float(len(kinds))
        if changes is not None or free != self._free:
            self._free = free
            self._asked = self._to_ask(free) if free != NOT_KNOWN else None
        return changes

    def _to_ask(self, free: int) -> tuple[list[int], list[int]] | None:
        """Return which numbers must be open, and which closed, for nothing to have changed.

        Below the lowest free number one may be closed and taken all the same: by ``accept`` in
        another thread, which waits for a connection and has its number already.
        """
        numbers = set(map(int, self._kinds))
        above = sorted(number for number in numbers if number > free)
        taken = [number for number in range(free) if number not in numbers]
        return (above, taken) if len(above) + len(taken) <= FEW else None

    def _is_as_it_was(self, above: list[int], taken: list[int]) -> bool:
        ask = self._inheritable
        try:
            for number in above:
                ask(number)
        except OSError:
            return False
        for number in taken:
            try:
                ask(number)
            except OSError:
                continue
            return False
        return True


def _identities(
    mine: Mapping[str, tuple[str, int]], others: Mapping[str, tuple[str, int]]
) -> list[str]:
    """Return those of `mine` that are not, or are something else, in `others`."""
    numbers = sorted((n for n in mine if others.get(n) != mine[n]), key=int)
    return [f"{number}:{mine[number][0]}" for number in numbers]


class Threads:
    """Follow the live threads; an identity is ``"<ident>:<name>"``.

    Attributes
    ----------
    level : float
        How many were alive at the last reading, with the main thread.
    idents : set of int
        Identities at the last reading, without the main thread.
    """

    def __init__(self) -> None:
        self._count, self._read = thread_count(), threads_reader()
        self._known = self._read()
        self.level = 1.0 + len(self._known)
        self.idents = set(self._known)

    def changes(self) -> tuple[list[str], list[str]] | None:
        """Read now: identities that came and that went; None if nothing did."""
        known = self._known
        if not known and self._count() == 0:
            return None
        now = self._read()
        if now == known:
            return None
        came = [f"{ident}:{name}" for ident, name in now.items() if known.get(ident) != name]
        went = [f"{ident}:{name}" for ident, name in known.items() if now.get(ident) != name]
        self._known, self.level, self.idents = now, 1.0 + len(now), set(now)
        return came, went
