"""What a metric is: a name, a unit and a kind; and the table of the built-in ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

from pytest_crackle.model.errors import CrackleError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BUILTIN", "KINDS", "PHASES", "MetricInfo", "MetricKind", "check_metric_name"]

MetricKind = Literal["time", "value", "count", "level"]
KINDS: Final[tuple[MetricKind, ...]] = get_args(MetricKind)
PHASES: Final = ("setup", "call", "teardown")
MAX_NAME_LENGTH: Final = 200


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
