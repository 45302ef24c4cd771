"""What a metric is: a name, a unit and a kind; and the table of the built-in ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Final, Literal, get_args

from pytest_crackle.model.errors import CrackleError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BUILTIN",
    "KEPT_BY_PYTEST",
    "KINDS",
    "PHASES",
    "MetricInfo",
    "MetricKind",
    "check_metric_name",
    "real_number",
]

MetricKind = Literal["time", "value", "count", "level"]
KINDS: Final[tuple[MetricKind, ...]] = get_args(MetricKind)
PHASES: Final = ("setup", "call", "teardown")
MAX_NAME_LENGTH: Final = 200
KEPT_BY_PYTEST: Final = 8192.0
"""Bytes a test that pytest itself and we keep to the end: reports, items, records. Measured: 2.6
KiB for an empty test, 4.7 KiB with long parameters (15,000 and 62,423 tests, pytest 9.2)."""


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """Describe one metric.

    Attributes
    ----------
    name : str
        Dotted lower case by convention, from the general to the special.
    unit : str
        Base unit: ``"s"``, ``"B"``, ``"1"`` or free text.
    kind : {"time", "value", "count", "level"}
        A level is a gauge read after the test, whose changes persist.
    builtin : bool
        True for the meters of pytest-crackle itself.
    """

    name: str
    unit: str = "1"
    kind: MetricKind = "value"
    builtin: bool = False

    def agreed(self, other: MetricInfo) -> MetricInfo | None:
        """Return what this and another declaration say together; None if they contradict.

        Some tests may set what others add up, and who adds up without a unit says nothing of it.
        """
        if self == other:
            return self
        if {self.kind, other.kind} != {"count", "value"}:
            return None
        count, value = (self, other) if self.kind == "count" else (other, self)
        return value if count.unit in ("1", value.unit) else None


def _builtin() -> dict[str, MetricInfo]:
    times = ["duration", *(f"duration.{phase}" for phase in PHASES)]
    times += ["cpu", *(f"cpu.{phase}" for phase in PHASES), "cpu.children", "delay"]
    table = {name: MetricInfo(name, "s", "time", builtin=True) for name in times}
    table["pace"] = MetricInfo("pace", "s", "level", builtin=True)
    table["background"] = MetricInfo("background", "1", "level", builtin=True)
    table["memory.rss"] = MetricInfo("memory.rss", "B", "level", builtin=True)
    table["memory.peak"] = MetricInfo("memory.peak", "B", "value", builtin=True)
    for name in ("fds", "threads"):
        table[name] = MetricInfo(name, "1", "level", builtin=True)
    for name in ("gc.collections", "warnings", "subprocesses", "opens", "sockets", "imports"):
        table[name] = MetricInfo(name, "1", "count", builtin=True)
    return table


BUILTIN: Final[Mapping[str, MetricInfo]] = _builtin()


def check_metric_name(name: object) -> str:
    """Return `name` if it can name a metric.

    Parameters
    ----------
    name : object
        1 to 200 printable characters.

    Returns
    -------
    str
        The name, unchanged.

    Raises
    ------
    TypeError
        If it is not a string.
    CrackleError
        If it is empty, too long or has characters that cannot be printed.
    """
    if type(name) is not str:
        if not isinstance(name, str):
            raise TypeError(f"a metric name must be a string, not {type(name).__name__}")
        name = str.__str__(name)
    if not 1 <= len(name) <= MAX_NAME_LENGTH:
        raise CrackleError(f"a metric name has 1 to {MAX_NAME_LENGTH} characters, not {len(name)}")
    if not name.isprintable():
        raise CrackleError(f"a metric name has printable characters only: {name!a}")
    return name


def real_number(what: str, name: object, value: object) -> float:
    """Return a value that code outside of this package gives as a finite built-in float.

    Parameters
    ----------
    what : str
        A format for `name` that messages begin with, such as ``"metric {!a}"``.
    name : object
    value : object
        Any real number: of numpy, `fractions` or `decimal` as well.

    Returns
    -------
    float
        Exactly of that type: no other one travels between processes.

    Raises
    ------
    TypeError
        If it is no real number (bool, str, complex and None are not).
    CrackleError
        If it is not finite.
    """
    if type(value) is float:
        number = value
    elif type(value) is int:
        number = _to_float(what, name, value)
    elif isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        raise TypeError(f"{what.format(name)}: a bool is no measurement; record 0 or 1")
    elif isinstance(value, Real) or _is_decimal(value):
        number = _to_float(what, name, value)
    else:
        kind = type(value).__name__
        raise TypeError(f"{what.format(name)}: the value must be a real number, not {kind}")
    if not math.isfinite(number):
        raise CrackleError(f"{what.format(name)}: the value must be finite, not {number}")
    return number


def _is_decimal(value: object) -> bool:
    kind = type(value)
    return kind.__module__ in ("decimal", "_decimal", "_pydecimal") and kind.__name__ == "Decimal"


def _to_float(what: str, name: object, value: object) -> float:
    try:
        number = float(value)  # type: ignore[arg-type] # a real number, by the tests above
    except OverflowError:
        raise CrackleError(f"{what.format(name)}: the value is too large for a float") from None
    # a subclass's __float__ may give a subclass of float: only the exact type travels
    return number if type(number) is float else float.__float__(number)
