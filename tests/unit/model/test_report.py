"""The facts of a session."""

from __future__ import annotations

import pytest

from pytest_crackle.model.report import SessionInfo, WorkerInfo


@pytest.mark.parametrize(
    ("workers", "machines"),
    [
        ((), {}),
        ((WorkerInfo("gw0", host="a"), WorkerInfo("gw1", host="a")), {}),
        ((WorkerInfo("gw0"), WorkerInfo("gw1")), {}),
        ((WorkerInfo("gw0", host="a"), WorkerInfo("gw1", host="b")), {"gw0": "a", "gw1": "b"}),
        (
            (WorkerInfo("1:", host="a", machine="m1"), WorkerInfo("2:", host="a", machine="m2")),
            {"1:": "m1", "2:": "m2"},
        ),
        (
            (WorkerInfo("gw0", host="a"), WorkerInfo("gw1", host="b"), WorkerInfo("gw2")),
            {"gw0": "a", "gw1": "b", "gw2": "a"},
        ),
    ],
)
def test_machines_are_told_where_there_are_several(
    workers: tuple[WorkerInfo, ...], machines: dict[str, str]
) -> None:
    assert SessionInfo(workers=workers).machines() == machines


@pytest.mark.parametrize(
    ("workers", "dist", "told"),
    [
        ((), "no", ""),
        ((WorkerInfo("gw0", host="a"),), "load", "1 worker (dist load)"),
        (
            (WorkerInfo("1:", machine="m1"), WorkerInfo("2:", machine="m2")),
            "no",
            "2 machines",
        ),
        (
            (
                WorkerInfo("1:gw0", machine="m1"),
                WorkerInfo("1:gw1", machine="m1"),
                WorkerInfo("2:", machine="m2"),
            ),
            "load",
            "3 workers on 2 machines (dist load)",
        ),
    ],
)
def test_who_shared_the_tests(workers: tuple[WorkerInfo, ...], dist: str, told: str) -> None:
    assert SessionInfo(workers=workers, dist=dist).shared_by() == told
