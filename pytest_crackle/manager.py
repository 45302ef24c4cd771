"""A manager of plugins for the command line, where there is no pytest to have one."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import pluggy

from pytest_crackle import hookspec

if TYPE_CHECKING:
    from pluggy import HookimplOpts, HookspecOpts

__all__ = ["new_manager"]


class _Manager(pluggy.PluginManager):
    """Takes functions for hooks by their names, marked or not, as pytest does."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> HookimplOpts | None:
        options = super().parse_hookimpl_opts(plugin, name)
        if options is None and name.startswith(_PREFIX):
            return _UNMARKED if inspect.isroutine(getattr(plugin, name)) else None
        return options if name.startswith(_PREFIX) else None

    def parse_hookspec_opts(self, module_or_class: object, name: str) -> HookspecOpts | None:
        return _UNMARKED_SPEC if name.startswith(_PREFIX) else None


_PREFIX = "pytest_crackle_"
_UNMARKED: HookimplOpts = {
    "wrapper": False,
    "hookwrapper": False,
    "optionalhook": False,
    "tryfirst": False,
    "trylast": False,
    "specname": None,
}


_UNMARKED_SPEC: HookspecOpts = {
    "firstresult": False,
    "historic": False,
    "warn_on_impl": None,
    "warn_on_impl_args": None,
}


def new_manager() -> pluggy.PluginManager:
    """Return a manager that knows our hooks and no plugin."""
    manager = _Manager("pytest")
    manager.add_hookspecs(hookspec)
    return manager
