"""Strict JSON: unique keys, finite numbers, bounded nesting, one clear line for anything else."""

from __future__ import annotations

import json
import math
from typing import NoReturn

from pytest_crackle.model.errors import CrackleError

__all__ = ["parse_json"]


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return data


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _finite_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is too large for a float")
    return value


_decoder = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite_float
)


def parse_json(text: str, where: str) -> object:
    """Parse strict JSON.

    Raises
    ------
    CrackleError
        ``where: reason``, for anything that is not JSON by RFC 8259 with unique keys and finite
        numbers, nested at most as deep as the interpreter allows.
    """
    try:
        return _decoder.decode(text)
    except json.JSONDecodeError as error:
        place = f"{where}:{error.lineno}" if error.lineno > 1 else where
        raise CrackleError(f"{place}: not JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise CrackleError(f"{where}: nested too deeply") from None
    except ValueError as error:
        reason = "an integer has too many digits" if "digits" in str(error) else str(error)
        raise CrackleError(f"{where}: {reason}") from None
