"""Descriptors and threads by identity: which came and which went since the last reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_crackle.firing.meters.process import (
    descriptor_kinds_reader,
    descriptors_reader,
    threads_reader,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Descriptors", "Threads"]


class Descriptors:
    """Follow the open descriptors; an identity is ``"<number>:<what it is>"``."""

    def __init__(self) -> None:
        self._read = descriptors_reader()
        self._kinds_of = descriptor_kinds_reader()
        self._listing: list[str] = []
        self._kinds: dict[str, tuple[str, int]] = {}
        if self._read is not None:
            self.changes()

    def changes(self) -> tuple[float, list[str], list[str]] | None:
        """Read now: (number open, identities that came, identities that went); None: no meter."""
        if self._read is None:
            return None
        listing = self._read()
        if listing == self._listing:
            return float(len(self._kinds)), _NONE, _NONE
        kinds = self._kinds_of(listing)
        came = _identities(kinds, self._kinds)
        went = _identities(self._kinds, kinds)
        self._listing, self._kinds = listing, kinds
        return float(len(kinds)), came, went


_NONE: list[str] = []


def _identities(
    mine: Mapping[str, tuple[str, int]], others: Mapping[str, tuple[str, int]]
) -> list[str]:
    """Return those of `mine` that are not, or are something else, in `others`."""
    numbers = sorted((n for n in mine if others.get(n) != mine[n]), key=int)
    return [f"{number}:{mine[number][0]}" for number in numbers]


class Threads:
    """Follow the live threads; an identity is ``"<ident>:<name>"``."""

    def __init__(self) -> None:
        self.read = threads_reader()
        self._known: dict[int, str] = self.read()

    def changes(self) -> tuple[float, list[str], list[str]]:
        """Read now: (number alive with the main thread, came, went)."""
        known, now = self._known, self.read()
        self._known = now
        if not known and not now:
            return 1.0, _NONE, _NONE
        came = [f"{ident}:{name}" for ident, name in now.items() if known.get(ident) != name]
        went = [f"{ident}:{name}" for ident, name in known.items() if now.get(ident) != name]
        return 1.0 + len(now), came, went

    @property
    def idents(self) -> set[int]:
        """Identities at the last reading."""
        return set(self._known)
