"""Subprocesses, opened files, sockets and imports of each test, from audit events.

Cost: a Python call for every audit event of the process, 0.1 us, of whatever kind and for the rest
of its life, because an audit hook cannot be removed (PEP 578); two for an event that counts.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


__all__ = ["AuditEvents"]

_Args = tuple[object, ...]


def _always(_: _Args) -> bool:
    return True


def _is_file(args: _Args) -> bool:
    return not isinstance(args[0], int)  # a descriptor, opened before, gets a file object


def _is_statement(args: _Args) -> bool:
    return args[1] is None  # an extension module raises the event once more, with its file name


def _is_direct(_: _Args) -> bool:
    # subprocess tells of itself; frame 1 is the hook's, 2 whoever called os.posix_spawn
    return bool(sys._getframe(2).f_globals.get("__name__") != "subprocess")  # noqa: SLF001 - documented


_EVENTS: Final[Mapping[str, tuple[str, Callable[[_Args], bool]]]] = {
    "subprocess.Popen": ("subprocesses", _always),
    "os.system": ("subprocesses", _always),
    "os.fork": ("subprocesses", _always),
    "os.forkpty": ("subprocesses", _always),
    "os.spawn": ("subprocesses", _always),
    "os.posix_spawn": ("subprocesses", _is_direct),
    "open": ("opens", _is_file),
    "socket.__new__": ("sockets", _always),
    "import": ("imports", _is_statement),
}


class AuditEvents:
    """Count audit events in all threads while a test runs.

    `opens` has the files that an import reads; `imports` are import statements that had to look
    for a module, found or not, and not ``importlib.import_module``. What a session fixture does
    counts for the test that sets it up.

    Parameters
    ----------
    wanted : iterable of str
        Of "subprocesses", "opens", "sockets", "imports".

    References
    ----------
    PEP 578; https://docs.python.org/3/library/audit_events.html
    """

    name = "audit"

    def __init__(self, wanted: Iterable[str]) -> None:
        self.metrics: dict[str, tuple[str, str]] = dict.fromkeys(wanted, ("1", "count"))
        # appending is one step in every build of Python; adding to a number is not
        self._seen: dict[str, list[None]] = {name: [] for name in self.metrics}
        self._handlers = {
            event: (counts, self._seen[metric].append)
            for event, (metric, counts) in _EVENTS.items()
            if metric in self._seen
        }
        self._active: dict[str, tuple[Callable[[_Args], bool], Callable[[None], None]]] = {}
        self._is_installed = False

    def start(self) -> None:
        """Count from here on."""
        if not self._is_installed:
            self._is_installed = True
            sys.addaudithook(_hook(self._active))
        for seen in self._seen.values():
            seen.clear()
        self._active.update(self._handlers)

    def stop(self) -> dict[str, float]:
        """Stop counting."""
        self._active.clear()
        return {name: float(len(seen)) for name, seen in self._seen.items()}


def _hook(
    active: dict[str, tuple[Callable[[_Args], bool], Callable[[None], None]]],
) -> Callable[[str, _Args], None]:
    """Return an audit hook that does nothing while `active` is empty."""
    find = active.get

    def hook(event: str, args: _Args) -> None:
        found = find(event)
        if found is not None and found[0](args):
            found[1](None)

    return hook
