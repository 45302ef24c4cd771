"""Tables of finished cells; the only place that knows tabulate."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

from tabulate import tabulate

from pytest_crackle.reporting.layout import display_width

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MOST_ROWS", "Column", "render_table"]

Align = Literal["left", "right"]
Column = tuple[str, Align]

MOST_ROWS: Final = 50
"""tabulate takes 0.3 s for 20,000 rows (measured, 0.10), and nobody reads them."""

# A private-use character is never printable text, so no cell holds one (see escape.printable).
_STAND_IN: Final = "\ue000"
_STAND_INS: Final = re.compile(f"{_STAND_IN}+")


def render_table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    style: Literal["simple", "github"] = "simple",
) -> list[str]:
    """Lay out a table.

    Parameters
    ----------
    columns : sequence of (str, {"left", "right"})
        Headings and alignment.
    rows : sequence of sequence of str
        Printable cells, already formatted; the first `MOST_ROWS` are taken.
    style : {"simple", "github"}

    Returns
    -------
    list of str
        Lines without trailing blanks; wide characters are aligned whether or not tabulate finds
        the package wcwidth.
    """
    wide: list[str] = []

    def stand_in(cell: str) -> str:
        if cell.isascii():
            return cell
        wide.append(cell)
        return _STAND_IN * display_width(cell)

    # A wide character is one to `len` and two to the terminal: a run of stand-ins is both.
    cells = [[stand_in(cell) for cell in row] for row in rows[:MOST_ROWS]]
    text = tabulate(
        cells,
        headers=[name for name, _ in columns],
        tablefmt=style,
        disable_numparse=True,
        colalign=[align for _, align in columns] if cells else None,
    )
    found = iter(wide)
    text = _STAND_INS.sub(lambda _: next(found), text)
    return [line.rstrip() for line in text.split("\n")]
