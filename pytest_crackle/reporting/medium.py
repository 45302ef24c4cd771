"""What a line of text may hold: its width and its characters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

from pytest_crackle.reporting import layout
from pytest_crackle.reporting.escape import can_encode, printable
from pytest_crackle.reporting.sparkline import UNICODE_CHARACTERS, sparkline

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_crackle.model.pattern import Pattern

__all__ = ["NARROWEST", "WIDEST", "Line", "Medium", "Style", "joined"]

Style = Literal["", "fail", "warn", "note", "dim", "ok"]

NARROWEST: Final = 60
WIDEST: Final = 200
_ELLIPSIS: Final = "…"
_MOST_LINES: Final = 4
"""A sentence longer than this is in the JSON report in full."""
_MOST_NAMED: Final = 5
_MOST_PARTS: Final = 3
"""A node id is cut to no less than this part of a line."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report; colour, if any, goes on the whole of it."""

    text: str
    style: Style = ""


@dataclass(frozen=True)
class Medium:
    """Where the text goes.

    Attributes
    ----------
    width : int
        Columns.
    encoding : str
        Characters that it does not have are shown as escapes.
    wants_unicode : bool
        Draw with bars and dots where the encoding has them.
    """

    width: int
    encoding: str = "utf-8"
    wants_unicode: bool = True

    @cached_property
    def unicode(self) -> bool:
        """Whether drawings go beyond ASCII."""
        return self.wants_unicode and can_encode(UNICODE_CHARACTERS + _ELLIPSIS, self.encoding)

    @property
    def ellipsis(self) -> str:
        """What stands for text that was left out."""
        return _ELLIPSIS if self.unicode else "..."

    def clean(self, text: str) -> str:
        """Make foreign text printable here."""
        return printable(text, self.encoding if can_encode("", self.encoding) else "ascii")

    def shorten(self, nodeid: str, width: int) -> str:
        """Make a node id printable and no wider than `width`, with the test's name kept."""
        return layout.shorten(self.clean(nodeid), width, self.ellipsis)

    def fit(self, text: str, width: int | None = None) -> str:
        """Make foreign text printable and no wider than `width`, or the line."""
        return layout.fit(self.clean(text), width or self.width, self.ellipsis)

    def spark(self, values: Sequence[float]) -> str:
        """Draw a series."""
        return sparkline(values, unicode=self.unicode)

    def lines(
        self,
        text: str,
        style: Style = "",
        *,
        indent: int = 0,
        most: int | None = _MOST_LINES,
        start: str = "",
    ) -> list[Line]:
        """Wrap foreign text with a hanging indent; `start` stands before the first line."""
        parts = layout.wrap(
            start + self.clean(text), self.width, indent=indent, most=most, ellipsis=self.ellipsis
        )
        return [Line(part, style) for part in parts]

    def headline(
        self, label: str, pattern: Pattern, style: Style = "", *, indent: int
    ) -> list[Line]:
        """Wrap a pattern's summary; where it is too long, its node ids lose more than its words."""
        most, parts = self.width - indent, 1
        text = label + self.sentence(pattern, most)
        while parts < _MOST_PARTS and len(self.lines(text, indent=indent, most=None)) > _MOST_LINES:
            parts += 1
            text = label + self.sentence(pattern, most // parts)
        return self.lines(text, style, indent=indent)

    def sentence(self, pattern: Pattern, room: int) -> str:
        """Return a pattern's summary with node ids that are wider than `room` shortened."""
        text = self.clean(pattern.summary)
        tests = [*pattern.tests[:_MOST_NAMED], *pattern.tests[-1:]]
        named = [pattern.at or "", *pattern.exceptions[:_MOST_NAMED], *tests]
        names = {self.clean(name) for name in named}
        for name in sorted(names, key=lambda name: (-len(name), name)):
            if layout.display_width(name) > room and name in text:
                text = text.replace(name, layout.shorten(name, room, self.ellipsis))
        return text


def joined(parts: Iterable[str], most: int, what: str) -> str:
    """Join the first parts with commas and count the rest."""
    names = list(parts)
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most:,} more {what}".rstrip()
