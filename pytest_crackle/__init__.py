"""pytest-crackle: patterns across tests, found after the run.

The public names are loaded on first use, because this module runs at every pytest start-up.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytest_crackle.cooling.cool import Cooling, cool
    from pytest_crackle.cooling.detectors.base import Detection, Detector, Finding
    from pytest_crackle.cooling.profiles import CoolingRate, Profile
    from pytest_crackle.cooling.suite import Suite
    from pytest_crackle.firing.meters.base import Meter
    from pytest_crackle.firing.recording import record_metric
    from pytest_crackle.model.pattern import Explanation, Pattern, PatternKind
    from pytest_crackle.model.record import Record
    from pytest_crackle.model.report import NotTested, Report
    from pytest_crackle.model.table import MetricTable
    from pytest_crackle.reporting.jsonreport import to_json as report_to_json

    __version__: str

__all__ = [
    "Cooling",
    "CoolingRate",
    "Detection",
    "Detector",
    "Explanation",
    "Finding",
    "Meter",
    "MetricTable",
    "NotTested",
    "Pattern",
    "PatternKind",
    "Profile",
    "Record",
    "Report",
    "Suite",
    "cool",
    "record_metric",
    "report_to_json",
]

_HOMES = {
    "Cooling": "pytest_crackle.cooling.cool",
    "CoolingRate": "pytest_crackle.cooling.profiles",
    "Detection": "pytest_crackle.cooling.detectors.base",
    "Detector": "pytest_crackle.cooling.detectors.base",
    "Explanation": "pytest_crackle.model.pattern",
    "Finding": "pytest_crackle.cooling.detectors.base",
    "Meter": "pytest_crackle.firing.meters.base",
    "MetricTable": "pytest_crackle.model.table",
    "NotTested": "pytest_crackle.model.report",
    "Pattern": "pytest_crackle.model.pattern",
    "PatternKind": "pytest_crackle.model.pattern",
    "Profile": "pytest_crackle.cooling.profiles",
    "Record": "pytest_crackle.model.record",
    "Report": "pytest_crackle.model.report",
    "Suite": "pytest_crackle.cooling.suite",
    "cool": "pytest_crackle.cooling.cool",
    "record_metric": "pytest_crackle.firing.recording",
    "report_to_json": "pytest_crackle.reporting.jsonreport",
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
    return getattr(import_module(home), "to_json" if name == "report_to_json" else name)


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return [*__all__, "__version__"]
