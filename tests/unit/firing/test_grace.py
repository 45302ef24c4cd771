"""At the end of a session the threads that tests began are waited for, and no others."""

from __future__ import annotations

import threading
from contextlib import contextmanager

from pytest_crackle.firing.readings import GRACE, Readings


@contextmanager
def running(name, waited):
    """A thread that runs on; `waited` gets its name and for how long someone waits for it."""
    over = threading.Event()
    thread = threading.Thread(target=over.wait, name=name)
    thread.start()
    join, thread.join = thread.join, lambda timeout=None: waited.append((name, timeout))  # type: ignore[method-assign]
    try:
        yield
    finally:
        over.set()
        join()


def test_only_threads_that_tests_began_are_waited_for():
    waited: list[tuple[str, float]] = []
    readings = Readings(frozenset({"threads"}))
    with running("there at first", waited):
        readings.base_line()
        with running("of a test", waited):
            readings.read({}, {"nodeid": "a"}, 0.0)
            end = readings.last_reading(1)
            assert end["metrics"] == {"threads": threading.active_count()}
    ((name, seconds),) = waited
    assert name == "of a test"
    assert 0.0 < seconds <= GRACE
