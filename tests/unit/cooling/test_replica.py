"""Which tests of a finding a replica holds."""

from __future__ import annotations

import pytest

from pytest_crackle.cooling.replica import Members, ReplicaRows

MARKS = bytes([1, 0, 1, 1, 0, 0])


def replica():
    return ReplicaRows([0, 2, 3], MARKS)


@pytest.mark.parametrize(
    "rows", [replica(), [0, 2, 3], (0, 2, 3)], ids=["replica", "list", "tuple"]
)
@pytest.mark.parametrize(
    ("members", "among"),
    [
        ((), []),
        ((2,), [2]),
        ((1,), []),
        ((3, 1, 0), [0, 3]),
        ((3, 3, 2), [2, 3]),
        (range(6), [0, 2, 3]),
    ],
)
def test_members_among_the_rows_come_sorted_and_once(members, among, rows):
    assert Members(members).among(rows) == among


def test_marks_stand_by_the_members():
    assert list(Members((3, 1, 0)).marks(replica())) == [1, 0, 1]


def test_a_replica_with_more_rows_marks_them_and_leaves_the_first_as_it_is():
    rows = replica()
    more = rows.including((5, 2))
    assert more == [0, 2, 3, 5]
    assert Members((4, 5)).among(more) == [5]
    assert (rows, rows.marks) == ([0, 2, 3], MARKS)


def test_a_replica_that_has_them_is_itself():
    rows = replica()
    assert rows.including((3, 0)) is rows
    assert rows.including(()) is rows
