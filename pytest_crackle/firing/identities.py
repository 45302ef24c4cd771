"""Descriptors and threads by identity: which came and which went since the last reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_crackle.firing.meters.process import (
    descriptor_kinds_reader,
    descriptors_reader,
    threads_reader,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Descriptors", "Threads"]


class Descriptors:
    """Follow the open descriptors; an identity is ``"<number>:<what it is>"``."""

    def __init__(self) -> None:
        self._read = descriptors_reader()
        self._kinds_of = descriptor_kinds_reader()
        self._listing: list[str] = []
        self._kinds: dict[str, str] = {}
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
        came = _identities(kinds, kinds.keys() - self._kinds.keys())
        went = _identities(self._kinds, self._kinds.keys() - kinds.keys())
        self._listing, self._kinds = listing, kinds
        return float(len(kinds)), came, went


_NONE: list[str] = []


def _identities(kinds: dict[str, str], numbers: Iterable[str]) -> list[str]:
    return [f"{number}:{kinds[number]}" for number in sorted(numbers, key=int)]


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
        came = [f"{ident}:{name}" for ident, name in now.items() if ident not in known]
        went = [f"{ident}:{name}" for ident, name in known.items() if ident not in now]
        return 1.0 + len(now), came, went

    @property
    def idents(self) -> set[int]:
        """Identities at the last reading."""
        return set(self._known)
