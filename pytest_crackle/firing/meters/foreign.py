"""Meters of third parties: what they must be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.metrics import BUILTIN, KINDS, MAX_NAME_LENGTH, check_metric_name

if TYPE_CHECKING:
    from pytest_crackle.firing.meters.base import Meter

__all__ = ["check_meter"]

_UNIT_LENGTH: Final = 40
_KINDS: Final = tuple(kind for kind in KINDS if kind != "time")


def check_meter(meter: object) -> Meter:
    """Return a meter of a third party, if it is one.

    Raises
    ------
    CrackleError, TypeError
        Naming what is wrong with its name, its metrics or its methods.
    """
    name: object = getattr(meter, "name", None)
    if (
        not isinstance(name, str)
        or not 1 <= len(name) <= MAX_NAME_LENGTH
        or not name.isprintable()
        or set(name) & set(", \"'\\")
        or name[0] in "+-"
    ):
        raise CrackleError(
            "the name of a meter is 1 to 200 printable characters without blanks, commas, quotes "
            f"and a sign in front, not {name!a}"
        )
    metrics: object = getattr(meter, "metrics", None)
    if not hasattr(metrics, "items"):
        raise CrackleError(f"metrics of the meter {name} must be a mapping, not {metrics!a}")
    for metric, declared in metrics.items():
        if check_metric_name(metric) in BUILTIN:
            raise CrackleError(f"the meter {name} declares {metric}, a built-in metric")
        _check_declared(f"{metric} of the meter {name}", declared)
    for method in ("start", "stop"):
        if not callable(getattr(meter, method, None)):
            raise CrackleError(f"the meter {name} has no method {method}")
    return cast("Meter", meter)


def _check_declared(metric: str, declared: object) -> None:
    if not isinstance(declared, tuple | list) or len(declared) != 2:
        raise CrackleError(f"{metric} must be declared as (unit, kind), not {declared!a}")
    unit, kind = declared
    if not isinstance(unit, str) or not 1 <= len(unit) <= _UNIT_LENGTH:
        raise CrackleError(f"the unit of {metric} is 1 to {_UNIT_LENGTH} characters, not {unit!a}")
    if kind not in _KINDS:
        raise CrackleError(f"the kind of {metric} must be one of {', '.join(_KINDS)}, not {kind!a}")
