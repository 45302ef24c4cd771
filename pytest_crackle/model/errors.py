"""The one error that pure code raises for bad input; a hook makes it a usage error."""

from __future__ import annotations

__all__ = ["CrackleError"]


class CrackleError(ValueError):
    """Say in one line what is wrong, where, and what is allowed."""
