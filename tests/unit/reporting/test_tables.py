from __future__ import annotations

import subprocess
import sys

from pytest_crackle.reporting.layout import display_width
from pytest_crackle.reporting.tables import MOST_ROWS, Column, render_table

COLUMNS: tuple[Column, ...] = (("id", "left"), ("number", "right"))


def test_cells_come_out_as_they_went_in():
    cells = ["1e5", "007", "1_000", "0.10", "nan", "1.5"]
    lines = render_table(COLUMNS, [[cell, cell] for cell in cells])
    assert [line.split() for line in lines[2:]] == [[cell, cell] for cell in cells]
    assert lines[2].endswith("1e5")
    assert lines[2].index("1e5", 3) + 3 == lines[3].index("007", 3) + 3  # right-aligned


def test_wide_characters_are_aligned_without_wcwidth():
    rows = [["日本語", "1"], ["ab", "22"], ["e\u0301é🎉", "333"]]
    lines = render_table(COLUMNS, rows)
    assert len({display_width(line) for line in lines}) == 1
    assert [line.split()[0] for line in lines[2:]] == [row[0] for row in rows]


def test_rows_are_capped_and_a_table_may_be_empty():
    assert len(render_table(COLUMNS, [["a", "b"]] * 1000)) == MOST_ROWS + 2
    assert len(render_table(COLUMNS, [])) == 2


def test_github_tables_have_pipes():
    lines = render_table(COLUMNS, [["a", "1"]], "github")
    assert all(line.startswith("|") and line.endswith("|") for line in lines)


def test_the_report_needs_no_pytest_and_loads_nothing_late():
    """What is loaded after the tests may be loaded from a world that they have broken."""
    code = (
        "import sys, pytest_crackle.reporting.text;"
        "assert 'tabulate' in sys.modules; assert 'pytest' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
