"""SVG primitives as strings: text, axes, points on a pixel grid, bars; no styling but attributes.

Colours are presentation attributes, which a policy without inline style lets pass; classes are
there for the style sheet, which overrides them (dark mode, print).
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from pytest_crackle.reporting.escape import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_crackle.reporting.page.svgscale import Scale

__all__ = [
    "MARKS",
    "Box",
    "Point",
    "band",
    "bar",
    "clean",
    "curve",
    "dots",
    "dots_path",
    "hits",
    "label",
    "legend",
    "line",
    "number",
    "rings",
    "svg",
    "text_width",
    "unit_suffix",
    "wide_line",
    "x_axis",
    "y_axis",
]

MARKS: Final = {"o": "#98a2ad", "m": "#0072b2", "x": "#c2410c"}
"""Others, members, exceptions and changes; told apart in all common forms of colour blindness."""
_WIDTHS: Final = {"o": "3", "m": "4", "x": "4"}
_INK: Final = "#57606a"
_GRID: Final = "#d8dee4"
_MANY_PIXELS: Final = 10_000
_PER_CHARACTER: Final = 6.3
"""Pixels of a character at 11 px: wide enough for the common sans-serif fonts."""
_FONT: Final = 'font-size="11" font-family="system-ui, sans-serif"'

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """The plotting area within a chart, in pixels."""

    left: float
    top: float
    right: float
    bottom: float


def clean(text: str) -> str:
    """Escape foreign text for an SVG or HTML text or attribute."""
    return escape(printable(text), quote=True)


def number(value: float) -> str:
    """Write a coordinate: one decimal at most, and none where it is 0."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def text_width(text: str) -> float:
    """Estimate the width of a label in pixels."""
    return _PER_CHARACTER * len(text)


def svg(width: float, height: float, about: str, parts: Iterable[str]) -> str:
    """Wrap a chart.

    Parameters
    ----------
    width, height : float
        Pixels; written out, as a chart without them fills the page where no style is.
    about : str
        One sentence for who cannot see it; escaped here.
    parts : iterable of str
        Finished elements.

    Returns
    -------
    str
        One element.
    """
    size = f'width="{number(width)}" height="{number(height)}"'
    view = f'viewBox="0 0 {number(width)} {number(height)}"'
    return (
        f'<svg {size} {view} role="img" aria-label="{clean(about)}" {_FONT}>{"".join(parts)}</svg>'
    )


def label(x: float, y: float, text: str, anchor: str = "start", mark: str = "") -> str:
    """Write a text; `mark` gives it the colour of the points of that name and a halo."""
    where = f'x="{number(x)}" y="{number(y)}"'
    if anchor != "start":
        where += f' text-anchor="{anchor}"'
    if mark:
        halo = 'stroke="#fff" stroke-width="3" paint-order="stroke" stroke-linejoin="round"'
        return f'<text {where} class="t{mark}" fill="{MARKS[mark]}" {halo}>{clean(text)}</text>'
    return f'<text {where} class="a" fill="{_INK}">{clean(text)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, mark: str, *, dashed: bool = False) -> str:
    """Draw a straight line in the colour of a mark, or of the grid for ``"g"``."""
    colour = MARKS.get(mark, _GRID)
    width = ' stroke-width="2"' if mark != "g" else ""
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    path = f"M{number(x1)} {number(y1)}L{number(x2)} {number(y2)}"
    return f'<path d="{path}" class="l{mark}" stroke="{colour}"{width}{dash}/>'


def wide_line(left: float, right: float, y: float, mark: str) -> str:
    """Draw a level as a pale line that points on it leave visible."""
    stroke = f'stroke="{MARKS[mark]}" stroke-width="7" stroke-opacity="0.35"'
    return f'<path d="M{number(left)} {number(y)}H{number(right)}" class="l{mark}" {stroke}/>'


def curve(points: Sequence[Point], mark: str) -> str:
    """Draw a line through points."""
    path = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    colour = f'stroke="{MARKS[mark]}" stroke-width="2"'
    return f'<path d="M{path}" class="l{mark}" {colour} fill="none"/>'


def bar(x: float, y: float, width: float, height: float, mark: str) -> str:
    """Draw a filled rectangle."""
    size = f'width="{number(max(width, 1))}" height="{number(height)}"'
    place = f'x="{number(x)}" y="{number(y)}"'
    return f'<rect {place} {size} class="f{mark}" fill="{MARKS[mark]}"/>'


def band(x: float, y: float, width: float, height: float) -> str:
    """Draw a range as a pale rectangle."""
    size = f'width="{number(max(width, 2))}" height="{number(height)}"'
    fill = f'fill="{MARKS["m"]}" fill-opacity="0.15"'
    return f'<rect x="{number(x)}" y="{number(y)}" {size} class="fm" {fill}/>'


def dots_path(points: Iterable[Point]) -> str:
    """Write points as one path on the pixel grid; equal pixels are written once.

    Notes
    -----
    Strokes of length 0 with round caps, in relative steps; neighbours in a column become one
    stroke. At most one stroke a pixel, and of very many every second one, however many points:
    O(n log n) time.

    Examples
    --------
    >>> dots_path([(5.2, 7), (5, 8), (5, 8), (9, 3)])
    'M5 7v1m4-5h0'
    """
    found = {(round(x), round(y)) for x, y in points}
    step = 1
    if len(found) > _MANY_PIXELS:
        # marks are 3 pixels wide: in a cloud this dense, every second pixel looks the same
        found, step = {(x - x % 2, y - y % 2) for x, y in found}, 2
    cells = sorted(found)
    parts: list[str] = []
    at_x, at_y = 0, 0
    i = 0
    while i < len(cells):
        x, y = cells[i]
        end = y
        i += 1
        while i < len(cells) and cells[i] == (x, end + step):
            end += step
            i += 1
        if parts:
            across, down = x - at_x, y - at_y
            parts.append(f"m{across}{'' if down < 0 else ' '}{down}")
        else:
            parts.append(f"M{x} {y}")
        parts.append(f"v{end - y}" if end > y else "h0")
        at_x, at_y = x, end
    return "".join(parts)


def dots(points: Iterable[Point], mark: str) -> str:
    """Draw points of one kind as a single element; empty without points."""
    path = dots_path(points)
    if not path:
        return ""
    stroke = f'stroke="{MARKS[mark]}" stroke-width="{_WIDTHS[mark]}" stroke-linecap="round"'
    return f'<path d="{path}" class="d{mark}" {stroke} fill="none"/>'


def rings(points: Iterable[Point]) -> str:
    """Draw a ring around each exception: told apart by its form, not by colour alone."""
    stroke = f'class="r" fill="none" stroke="{MARKS["x"]}" stroke-width="2"'
    circles = [f'<circle cx="{number(x)}" cy="{number(y)}" r="6"/>' for x, y in points]
    return f"<g {stroke}>{''.join(circles)}</g>" if circles else ""


def hits(named: Iterable[tuple[Point, str]]) -> str:
    """Make points name themselves on hovering: unseen circles with a title each."""
    circles = [
        f'<circle cx="{round(x)}" cy="{round(y)}" r="5"><title>{clean(name)}</title></circle>'
        for (x, y), name in named
    ]
    if not circles:
        return ""
    return f'<g class="h" fill="none" pointer-events="all">{"".join(circles)}</g>'


def x_axis(scale: Scale, box: Box, title: str, *, most: int = 6, grid: bool = True) -> str:
    """Draw the ticks of the lower axis and its title."""
    parts, free = [], 0.0
    for tick in scale.ticks(most):
        half = text_width(tick.label) / 2
        if grid:
            parts.append(line(tick.place, box.top, tick.place, box.bottom, "g"))
        if tick.place - half >= free:
            parts.append(label(tick.place, box.bottom + 16, tick.label, "middle"))
            free = tick.place + half + 8
    middle = (box.left + box.right) / 2
    return "".join([*parts, label(middle, box.bottom + 32, title, "middle")])


def y_axis(scale: Scale, box: Box, title: str, *, most: int = 5) -> str:
    """Draw the ticks of the left axis, lines across the plot, and the title above."""
    parts = []
    for tick in scale.ticks(most):
        parts.append(line(box.left, tick.place, box.right, tick.place, "g"))
        parts.append(label(box.left - 6, tick.place + 4, tick.label, "end"))
    return "".join([*parts, label(8, 14, title)])


def unit_suffix(scale: Scale) -> str:
    """Return what follows the name of an axis."""
    if scale.is_log:
        return " (log)"
    return f" ({printable(scale.unit_name)})" if scale.unit_name else ""


def legend(entries: Sequence[tuple[str, str]], right: float, y: float) -> str:
    """Write what the marks mean, flush right."""
    parts, x = [], right
    for mark, name in reversed(entries):
        x -= text_width(name)
        parts.append(label(x, y, name))
        x -= 10
        stroke = f'stroke="{MARKS[mark]}" stroke-width="8" stroke-linecap="round"'
        parts.append(f'<path d="M{number(x)} {number(y - 4)}h0" class="d{mark}" {stroke}/>')
        x -= 16
    return "".join(reversed(parts))
