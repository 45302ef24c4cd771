from __future__ import annotations

import pytest

from tests.golden.update import HERE, expected_files


@pytest.mark.parametrize("name", sorted(expected_files()))
def test_the_report_reads_as_agreed(name):
    """After a change that is meant: ``python -m tests.golden.update``, and read the difference."""
    assert expected_files()[name] == (HERE / name).read_text("utf-8")


def test_no_file_is_left_over():
    kept = {path.name for path in HERE.iterdir() if path.suffix in (".txt", ".md")}
    assert kept == set(expected_files())
