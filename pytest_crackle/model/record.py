"""One test's firing as it travels: a dict of built-in types, the same on a report and in a file."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypedDict

from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.metrics import KINDS, check_metric_name

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["OUTCOMES", "Record", "check_record", "finite_number"]

MOST_INTEGER: Final = 2**53
"""What a JSON number can hold exactly for every reader."""

OUTCOMES: Final = ("passed", "failed", "skipped", "error", "xfailed", "xpassed")


_ClassKey = TypedDict("_ClassKey", {"class": str | None}, total=False)  # a keyword as a key


class Record(_ClassKey, total=False):
    """One finished test. Only `nodeid` and `metrics` are required; base units throughout.

    Keys
    ----
    nodeid, file, line, module, function, param : str or int
        Where the test is; `class` as well, under that key. `line` counts from 1.
    index, seq : int
        Position in the collection; position in its worker's run order.
    outcome : {"passed", "failed", "skipped", "error", "xfailed", "xpassed"}
    attempt : int
        0 for the first run of the test, counting reruns.
    worker : str or None
    process : list of [process id, host]
        In the first record of a worker, on its way to the controller.
    start : float
        Seconds since the epoch at the start of the set-up.
    metrics : dict of str to float
    units : dict of str to [unit, kind]
        What the test declared about its own metrics.
    fixtures, markers : list of str
    setups : list of [fixture name, scope, wall seconds, cpu seconds]
        Fixture set-ups done by this test.
    state : list of [reading, value before, value after]
        Interpreter state that the test changed and left changed.
    opened, closed : dict of {"fds", "threads"} to list of str
        Descriptors and threads by identity that came and went between this reading and the last.
    modules : int
        Growth of ``sys.modules``, where it is 100 or more.
    blocks : int
        Allocated memory blocks after the test, read with `pace`.
    ignore : list of str
        Globs of metrics whose patterns do not count for this test.
    budgets : list of str
        Budgets of this test alone, from the closest mark to the farthest.
    """

    nodeid: str
    file: str
    line: int
    module: str
    function: str
    param: str
    index: int
    seq: int
    outcome: str
    attempt: int
    worker: str | None
    process: list[int | str]
    start: float
    metrics: dict[str, float]
    units: dict[str, list[str]]
    fixtures: list[str]
    markers: list[str]
    setups: list[list[str | float]]
    state: list[list[str]]
    opened: dict[str, list[str]]
    closed: dict[str, list[str]]
    modules: int
    blocks: int
    ignore: list[str]
    budgets: list[str]


_STRINGS = ("nodeid", "file", "module", "class", "function", "param", "outcome")
_INTEGERS = ("line", "index", "seq", "attempt", "modules", "blocks")


def _fail(key: str, wanted: str, got: object) -> CrackleError:
    return CrackleError(f"{key} must be {wanted}, not {type(got).__name__}")


def check_record(data: object) -> Record:
    """Check one test line of a records file or a report.

    Parameters
    ----------
    data : object
        A mapping with at least ``nodeid`` and ``metrics``; unknown keys are kept.

    Returns
    -------
    Record
        The same mapping; metric values as floats, keys with null left out.

    Raises
    ------
    CrackleError
        Naming the key that is wrong and what it must be.
    """
    if not isinstance(data, dict):
        raise _fail("a test", "an object", data)
    for key in [key for key, value in data.items() if value is None]:
        del data[key]  # null says what a missing key says
    for key in _STRINGS:
        if (value := data.get(key)) is not None and not isinstance(value, str):
            raise _fail(key, "a string", value)
    for key in _INTEGERS:
        if (value := data.get(key)) is None:
            continue
        if type(value) is not int:
            raise _fail(key, "an integer", value)
        if abs(value) > MOST_INTEGER:
            raise CrackleError(f"{key} must be an integer of at most 53 bits")
    if not data.get("nodeid"):
        raise CrackleError("nodeid is missing")
    if (worker := data.get("worker")) is not None and not isinstance(worker, str):
        raise _fail("worker", "a string or null", worker)
    if (outcome := data.get("outcome")) is not None and outcome not in OUTCOMES:
        raise CrackleError(f"outcome must be one of {', '.join(OUTCOMES)}, not {outcome!a}")
    if (start := data.get("start")) is not None:
        finite_number("start", start)
    _check_metrics(data)
    for key in ("fixtures", "markers", "ignore", "budgets"):
        if key in data:
            _check_strings(key, data[key])
    for key in ("opened", "closed"):
        if key not in data:
            continue
        identities = data[key]
        if not isinstance(identities, dict):
            raise _fail(key, "an object", identities)
        for name, values in identities.items():
            _check_strings(f"{key}.{name}", values)
    _check_rows(data)
    return data  # type: ignore[return-value] # checked key by key above


def finite_number(key: str, value: object) -> float:
    """Return a number as a finite float; raise CrackleError with its key if it is none."""
    if type(value) not in (int, float):
        raise _fail(key, "a number", value)
    try:
        number = float(value)  # type: ignore[arg-type] # an int or a float, by the test above
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise CrackleError(f"{key} must be finite")
    return number


@lru_cache(maxsize=1024)
def _check_names(names: tuple[str, ...]) -> None:
    """Check the names of a record's metrics; most records have those of another one."""
    for name in names:
        check_metric_name(name)


def _check_metrics(data: dict[str, object]) -> None:
    metrics = data.get("metrics")
    if not isinstance(metrics, dict):
        raise _fail("metrics", "an object", metrics)
    _check_names(tuple(metrics))
    values = metrics.values()
    # one look at all of them in the usual case: what is not finite makes the sum not finite
    if not set(map(type, values)) <= {float} or not math.isfinite(sum(values)):
        for name, value in metrics.items():
            metrics[name] = finite_number(f"metric {name!a}", value)
    units = data.get("units", {})
    if not isinstance(units, dict):
        raise _fail("units", "an object", units)
    for name, pair in units.items():
        _check_strings(f"units.{name}", pair)
        if len(pair) != 2 or pair[1] not in KINDS:
            raise CrackleError(
                f"units.{name!a} must be [unit, kind], kind one of {', '.join(KINDS)}"
            )


def _check_strings(key: str, values: object) -> None:
    if not isinstance(values, list):
        raise _fail(key, "a list of strings", values)
    if set(map(type, values)) <= {str}:
        return
    for value in values:
        if not isinstance(value, str):
            raise _fail(f"an entry of {key}", "a string", value)


def _check_rows(data: Mapping[str, object]) -> None:
    setups = data.get("setups", [])
    if not isinstance(setups, list):
        raise _fail("setups", "a list", setups)
    for row in setups:
        if not isinstance(row, list) or len(row) != 4:
            raise CrackleError(
                "an entry of setups must be [fixture, scope, wall seconds, cpu seconds]"
            )
        _check_strings("setups", row[:2])
        finite_number("setups", row[2])
        finite_number("setups", row[3])
    state = data.get("state", [])
    if not isinstance(state, list):
        raise _fail("state", "a list", state)
    for row in state:
        _check_strings("an entry of state", row)
        if len(row) != 3:
            raise CrackleError("an entry of state must be [reading, before, after]")
