"""The one error that pure code raises for bad input; a hook makes it a usage error."""

from __future__ import annotations

__all__ = ["CrackleError", "a_value"]


class CrackleError(ValueError):
    """Say in one line what is wrong, where, and what is allowed."""


def a_value(value: object) -> str:
    """Say of which type a value is, for a message that refuses it."""
    return f"a value of type {type(value).__name__}"
