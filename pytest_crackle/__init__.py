"""pytest-crackle: patterns across tests, found after the run.

The public names are loaded on first use, because this module runs at every pytest start-up.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_crackle.cooling.cool import cool
    from pytest_crackle.cooling.profiles import CoolingRate, Profile
    from pytest_crackle.firing.recording import record_metric
    from pytest_crackle.model.pattern import Pattern, PatternKind
    from pytest_crackle.model.table import MetricTable

    __version__: str

__all__ = [
    "CoolingRate",
    "MetricTable",
    "Pattern",
    "PatternKind",
    "Profile",
    "cool",
    "record_metric",
]

_HOMES = {
    "CoolingRate": "pytest_crackle.cooling.profiles",
    "MetricTable": "pytest_crackle.model.table",
    "Pattern": "pytest_crackle.model.pattern",
    "PatternKind": "pytest_crackle.model.pattern",
    "Profile": "pytest_crackle.cooling.profiles",
    "cool": "pytest_crackle.cooling.cool",
    "record_metric": "pytest_crackle.firing.recording",
}


def __getattr__(name: str) -> object:
    """Load a public name from the module that defines it."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - start-up stays free of it

        found = version("pytest-crackle")
        globals()["__version__"] = found  # a test may leave nothing that could read it again
        return found
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - start-up stays free of it

    # Looked up each time and not kept here: a test that runs pytest within pytest may have the
    # modules behind it loaded anew.
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return [*__all__, "__version__"]
