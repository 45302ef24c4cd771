"""A JSON object from anybody, read key by key with an error that names the key."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_crackle.model.errors import CrackleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeVar

    _T = TypeVar("_T")

__all__ = ["JsonObject", "name_of", "shown"]


def shown(value: object) -> str:
    """Show a value in an error, in ASCII and not for long."""
    return f"{value!a}"[:80]


def name_of(value: object) -> str:
    """Name the JSON type of a value."""
    if value is None:
        return "null"
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false"}
    return names.get(type(value), "a number")


@dataclass(frozen=True, slots=True)
class JsonObject:
    """A JSON object and where it stands; null counts as missing everywhere."""

    data: dict[str, object]
    where: str

    def path(self, key: str) -> str:
        """Return the name of a key for people."""
        return f"{self.where}.{key}" if self.where else key

    def fail(self, key: str, wanted: str) -> CrackleError:
        """Make the error for a key of a wrong type."""
        return CrackleError(f"{self.path(key)} must be {wanted}, not {name_of(self.data.get(key))}")

    def text(self, key: str) -> str | None:
        """Return a string."""
        value = self.data.get(key)
        if value is not None and not isinstance(value, str):
            raise self.fail(key, "a string")
        return value

    def text_or(self, key: str, default: str) -> str:
        """Return a string, or the default where it is missing."""
        value = self.text(key)
        return default if value is None else value

    def required(self, key: str) -> str:
        """Return a string that must be there."""
        value = self.text(key)
        if value is None:
            raise CrackleError(f"{self.path(key)} is missing")
        return value

    def one_of(self, key: str, allowed: Sequence[_T], default: _T) -> _T:
        """Return one of some strings."""
        value = self.text(key)
        for choice in allowed:
            if value == choice:
                return choice
        if value is None:
            return default
        choices = ", ".join(map(str, allowed))
        raise CrackleError(f"{self.path(key)} must be one of {choices}, not {shown(value)}")

    def number(self, key: str) -> float | None:
        """Return a finite number."""
        value = self.data.get(key)
        if value is None:
            return None
        if type(value) not in (int, float):
            raise self.fail(key, "a number")
        try:
            number = float(value)  # type: ignore[arg-type] # an int or a float, by the test above
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise CrackleError(f"{self.path(key)} must be finite")
        return number

    def number_or(self, key: str, default: float) -> float:
        """Return a finite number, or the default where it is missing."""
        value = self.number(key)
        return default if value is None else value

    def integer(self, key: str) -> int | None:
        """Return a whole number."""
        value = self.data.get(key)
        if value is None:
            return None
        if type(value) is not int:
            raise self.fail(key, "a whole number")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self.data.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.fail(key, "true or false")
        return value

    def list(self, key: str) -> Sequence[object]:
        """Return a list."""
        value = self.data.get(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self.fail(key, "a list")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings."""
        out = []
        for place, value in enumerate(self.list(key)):
            if not isinstance(value, str):
                raise CrackleError(
                    f"{self.path(key)}[{place}] must be a string, not {name_of(value)}"
                )
            out.append(value)
        return tuple(out)

    def objects(self, key: str) -> Iterator[JsonObject]:
        """Go through a list of objects."""
        for place, value in enumerate(self.list(key)):
            where = f"{self.path(key)}[{place}]"
            if not isinstance(value, dict):
                raise CrackleError(f"{where} must be an object, not {name_of(value)}")
            yield JsonObject(value, where)

    def maybe(self, key: str) -> JsonObject | None:
        """Return an object, or None."""
        value = self.data.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.fail(key, "an object")
        return JsonObject(value, self.path(key))

    def object(self, key: str) -> JsonObject:
        """Return an object, an empty one where it is missing."""
        return self.maybe(key) or JsonObject({}, self.path(key))

    def numbers(self, key: str) -> dict[str, float]:
        """Return an object of finite numbers."""
        entries = self.object(key)
        found = {name: entries.number(name) for name in entries.data}
        return {name: value for name, value in found.items() if value is not None}
