"""Lines of a known width: measured in terminal cells, cut, wrapped, and node ids shortened."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

__all__ = ["display_width", "fit", "shorten", "wrap"]

_ZERO_WIDTH: Final = frozenset({"Mn", "Me", "Cf"})
# what stays on one line: a number and its unit, "118 -> 430", "2.00 s +- 0.1 %", "exit status 1"
_UNIT: Final = r"(?:%|[num]?s|min|h|[KMGT]iB|B)(?:[ ,.;:)]|$)"
_BREAKS: Final = re.compile(
    rf"(?<!->)(?<!exit)(?<!status)(?:(?<!\d) |(?<=\d) (?!{_UNIT}))(?!->|\+-)"
)


def display_width(text: str) -> int:
    """Return the number of terminal cells that a printable text takes.

    Notes
    -----
    East Asian wide and full-width characters take two, combining marks none; ambiguous ones take
    one, as in a terminal without an East Asian locale. O(n).
    """
    return len(text) if text.isascii() else sum(map(_width_of, text))


def _width_of(char: str) -> int:
    if char.isascii():
        return 1
    if unicodedata.category(char) in _ZERO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def fit(text: str, width: int, ellipsis: str = "...") -> str:
    """Cut the end of a text off if it is wider than `width`, and say so with the ellipsis."""
    if display_width(text) <= width:
        return text
    return _head(text, width - display_width(ellipsis)) + ellipsis[: max(0, width)]


def _head(text: str, width: int) -> str:
    taken = 0
    for place, char in enumerate(text):
        taken += _width_of(char)
        if taken > width:
            return text[:place]
    return text


def shorten(nodeid: str, width: int, ellipsis: str = "...") -> str:
    """Shorten a node id: folders first, then the file, then classes; the test's name goes last.

    Parameters
    ----------
    nodeid : str
        Printable; any other word is taken as a test's name.
    width : int
    ellipsis : str

    Returns
    -------
    str
        No wider than `width`.

    Examples
    --------
    >>> shorten("tests/api/v2/test_orders.py::test_refund[x]", 36)
    '.../test_orders.py::test_refund[x]'
    """
    if display_width(nodeid) <= width:
        return nodeid
    function, bracket, param = nodeid.partition("[")
    path, colons, names = function.partition("::")
    if not colons:
        return fit(nodeid, width, ellipsis)
    name = names.rpartition("::")[2] + bracket + param
    folder, slash, file = path.rpartition("/")
    first = folder.partition("/")[0]
    candidates = [f"{ellipsis}/{file}::{names}{bracket}{param}"] if slash else []
    if "/" in folder:
        candidates.insert(0, f"{first}/{candidates[0]}")
    between = f"::{ellipsis}::" if "::" in names else "::"
    candidates += [f"{file}{between}{name}", f"{ellipsis}::{name}"]
    for candidate in candidates:
        if display_width(candidate) <= width:
            return candidate
    return fit(name, width, ellipsis)


def wrap(
    text: str, width: int, *, indent: int = 0, most: int | None = None, ellipsis: str = "..."
) -> list[str]:
    """Break a text at its spaces, but not between a number and its unit; later lines indented.

    Parameters
    ----------
    text : str
        Printable.
    width : int
        More than `indent`.
    indent : int
        Blanks before each line but the first.
    most : int, optional
        Most lines; what is left is cut off with the ellipsis.
    ellipsis : str

    Returns
    -------
    list of str
        At least one. A word wider than a line is shortened as a node id, never broken.
    """
    room = width - indent
    lines: list[str] = []
    line, used = "", 0
    for place, given in enumerate(_BREAKS.split(text)):
        word = shorten(given, room, ellipsis)
        size = display_width(word)
        if place and used + 1 + size > width:
            lines.append(line)
            if most is not None and len(lines) >= most:
                lines[-1] = fit(f"{line} {ellipsis}", width, ellipsis)
                return lines
            line, used = " " * indent + word, indent + size
        else:
            line, used = (f"{line} {word}", used + 1 + size) if place else (word, size)
    return [*lines, line]
