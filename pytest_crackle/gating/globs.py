"""Globs with ``*`` and ``?`` and nothing else; the time grows with the text, never explodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pytest_crackle.model.errors import CrackleError

__all__ = ["MAX_LENGTH", "Glob"]

MAX_LENGTH: Final = 1000
"""Longest glob; the work for a character of the text grows with it (see `Glob.matches`)."""


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern for whole names: ``*`` is any text, ``?`` any one character, all else itself.

    ``[`` is no wildcard, unlike in `fnmatch`: node ids hold it. Letter case counts.

    Parameters
    ----------
    text : str

    Raises
    ------
    CrackleError
        If it is empty or too long.

    Examples
    --------
    >>> Glob("tests/api/*").matches("tests/api/test_a.py::test_x[1]")
    True
    >>> Glob("memory.???").matches("memory.rss"), Glob("memory").matches("memory.rss")
    (True, False)
    """

    text: str
    _pieces: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 1 <= len(self.text) <= MAX_LENGTH:
            raise CrackleError(f"a glob has 1 to {MAX_LENGTH} characters, not {len(self.text)}")
        pieces = self.text.split("*")
        middle = [piece for piece in pieces[1:-1] if piece]
        if len(pieces) > 1:
            pieces = [pieces[0], *middle, pieces[-1]]
        object.__setattr__(self, "_pieces", tuple(pieces))

    @property
    def is_literal(self) -> bool:
        """Whether it names one thing only."""
        return "*" not in self.text and "?" not in self.text

    def matches(self, text: str) -> bool:
        """Whether the whole of `text` fits.

        Notes
        -----
        The ends must fit where they are; each piece between two stars is taken at its leftmost
        place after the one before, which loses nothing. No place is looked at twice:
        O(len(text)) steps, each on integers of as many bits as the piece has characters.
        """
        pieces = self._pieces
        if len(pieces) == 1:
            return len(text) == len(pieces[0]) and _fits(pieces[0], text, 0)
        start, end = len(pieces[0]), len(text) - len(pieces[-1])
        if start > end or not _fits(pieces[0], text, 0) or not _fits(pieces[-1], text, end):
            return False
        for piece in pieces[1:-1]:
            start = _end_of_first(piece, text, start, end)
            if start < 0:
                return False
        return True


def _fits(piece: str, text: str, start: int) -> bool:
    """Whether the piece stands at a place where there is room for it."""
    if "?" not in piece:
        return text.startswith(piece, start)
    place = text[start : start + len(piece)]
    return all(mine in ("?", theirs) for mine, theirs in zip(piece, place, strict=True))


def _end_of_first(piece: str, text: str, start: int, end: int) -> int:
    """Where the leftmost occurrence of the piece between `start` and `end` ends, or -1."""
    if "?" not in piece:
        found = text.find(piece, start, end)
        return found if found < 0 else found + len(piece)
    # Shift-and of Baeza-Yates & Gonnet (1992, doi:10.1145/135239.135243): bit i of `state` says
    # that the text up to here ends with the first i + 1 characters of the piece.
    any_one = sum(1 << place for place, mine in enumerate(piece) if mine == "?")
    fitting: dict[str, int] = {}
    for place, mine in enumerate(piece):
        if mine != "?":
            fitting[mine] = fitting.get(mine, any_one) | 1 << place
    whole = 1 << len(piece) - 1
    state = 0
    for place in range(start, end):
        state = (state << 1 | 1) & fitting.get(text[place], any_one)
        if state & whole:
            return place + 1
    return -1
