"""Foreign strings made safe to print: what a terminal would obey is shown as a visible escape."""

from __future__ import annotations

__all__ = ["can_encode", "printable"]


def printable(text: str, encoding: str = "utf-8") -> str:
    r"""Show every character that is not printable, or not in the encoding, as an escape.

    Parameters
    ----------
    text : str
        Anything: control characters, bidirectional marks and lone surrogates included.
    encoding : str
        That of the medium.

    Returns
    -------
    str
        One line. Backslashes that were there stay single: this is for eyes, not for parsers.

    Notes
    -----
    `str.isprintable` is the rule: it refuses the categories "Other" (C0, C1, format, surrogate,
    private use, unassigned) and "Separator" but for the space. O(n).

    Examples
    --------
    >>> printable("test_x[\x1b[31m\n]")
    'test_x[\\x1b[31m\\n]'
    """
    if not text.isprintable():
        text = "".join(char if char.isprintable() else _escape(char) for char in text)
    if text.isascii():
        return text
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def can_encode(text: str, encoding: str) -> bool:
    """Tell whether an encoding, which may be unknown, has all characters of a text."""
    try:
        text.encode(encoding)
    except (LookupError, UnicodeError):
        return False
    return True
