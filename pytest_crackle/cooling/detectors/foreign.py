"""Detectors of third parties: what they must be, and a check of all that they give."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.detectors.base import Detection, Finding
from pytest_crackle.model.errors import CrackleError, a_value
from pytest_crackle.model.pattern import Explanation, PatternKind
from pytest_crackle.model.report import NotTested

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_crackle.cooling.detectors.base import Detector
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.suite import Suite

__all__ = ["ForeignDetector"]

NAME: Final = re.compile(r"[a-z][a-z0-9_.-]{0,49}", re.ASCII)
"""Names and kinds stand in options and rules, where ``:``, ``@`` and ``,`` mean something."""
TAKEN: Final = frozenset({*map(str, PatternKind), "any", "classic", "flaky", "history", "none"})
OUR_SUBKINDS: Final = frozenset(
    (
        "background",
        "broken",
        "cases",
        "changed",
        "classic",
        "correlation",
        "count",
        "drift",
        "driver",
        "fixture",
        "flips",
        "group",
        "growth",
        "hot",
        "jump",
        "law",
        "leak",
        "onward",
        "pace",
        "pair",
        "plateau",
        "regime",
        "relation",
        "shape",
        "slope",
        "slower",
        "state",
        "step",
    )
)
"""What overlaps, levels and baselines know by name; a foreign sub-kind must not mean it."""
_LONGEST: Final = 1_000


class ForeignDetector:
    """A third party's detector behind a check; what it gives can be told, or it raises.

    Parameters
    ----------
    detector : Detector
        The kinds of its findings are its attribute `kinds`, or its name where it has none.

    Attributes
    ----------
    name : str
    kinds : tuple of str

    Raises
    ------
    CrackleError
        If it is no detector, or takes a name or a kind that is ours.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.name = _name("name", getattr(detector, "name", None))
        if not callable(getattr(detector, "detect", None)):
            raise CrackleError(f"the detector {self.name} has no method detect")
        kinds: object = getattr(detector, "kinds", (self.name,))
        if not isinstance(kinds, tuple | list) or not kinds:
            raise CrackleError(f"kinds of the detector {self.name} must be names, not {kinds!a}")
        self.kinds = tuple(_name("kind", kind) for kind in kinds)

    def detect(self, suite: Suite, profile: Profile) -> Detection:
        """Let the detector look, and check what it found.

        Raises
        ------
        TypeError, ValueError
            Naming what is wrong, besides whatever the detector raises.
        RuntimeError
            In place of what is no `Exception`, such as that of sys.exit or pytest.fail.
        """
        try:
            detection: object = self._detector.detect(suite, profile)
        except (Exception, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise RuntimeError(f"detect ended with {type(error).__name__}: {error}") from error
        if not isinstance(detection, Detection):
            raise TypeError(f"detect gave {a_value(detection)}, not a Detection")
        for name, kind in (("findings", Finding), ("not_tested", NotTested), ("notes", str)):
            _check_tuple(name, getattr(detection, name), kind)
        if type(detection.hypotheses) is not int or detection.hypotheses < 0:
            raise ValueError(f"hypotheses must be a count, not {detection.hypotheses!a}")
        for finding in detection.findings:
            self._check(finding, suite)
        return detection

    def _check(self, finding: Finding, suite: Suite) -> None:
        if finding.kind not in self.kinds:
            raise ValueError(f"a finding of kind {finding.kind!a}; its kinds: {self.kinds}")
        if finding.subkind:
            _name("sub-kind", finding.subkind, OUR_SUBKINDS)
        _check_texts(finding)
        _check_tuple("rows", finding.rows, int)
        _check_tuple("exceptions", finding.exceptions, int)
        rows = (*finding.rows, *finding.exceptions, *([] if finding.at is None else [finding.at]))
        if not finding.rows or not all(0 <= row < suite.n_tests for row in rows):
            raise ValueError(f"rows must be of the {suite.n_tests} rows of the table, one at least")
        _check_numbers(finding)
        for name, kind in (("exact", bool), ("gateable", bool), ("notice", bool)):
            if type(getattr(finding, name)) is not kind:
                raise TypeError(f"{name} of a finding must be True or False")
        if not isinstance(finding.explained_by, Explanation | None):
            raise TypeError(f"explained_by is {a_value(finding.explained_by)}, not an Explanation")


def _name(what: str, name: object, taken: frozenset[str] = TAKEN) -> str:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise CrackleError(
            f"the {what} of a detector is 1 to 50 of a-z, 0-9, '.', '_', '-', not {name!a}"
        )
    if name in taken:
        raise CrackleError(f"the {what} {name!a} is one of pytest-crackle's own")
    return name


def _check_tuple(name: str, values: object, kind: type) -> None:
    if not isinstance(values, tuple):
        raise TypeError(f"{name} must be a tuple, not {a_value(values)}")
    for value in values:
        if not isinstance(value, kind):
            raise TypeError(f"{name} must hold {kind.__name__}, not {a_value(value)}")


def _check_texts(finding: Finding) -> None:
    for name in ("summary", "anchor"):
        text: object = getattr(finding, name)
        if not isinstance(text, str) or not text.strip() or len(text) > _LONGEST:
            raise ValueError(f"the {name} of a finding is 1 to {_LONGEST} characters: {text!a:.80}")
        if "\n" in text:
            raise ValueError(f"the {name} of a finding is one line: {text!a:.80}")
    _check_tuple("metrics", finding.metrics, str)
    if finding.id_metrics is not None:
        _check_tuple("id_metrics", finding.id_metrics, str)
    _check_tuple("details", finding.details, str)


_NUMBERS: Final = ("log_p", "score", "cost_seconds", "confidence")


def _check_numbers(finding: Finding) -> None:
    evidence: Mapping[str, object] = dict(finding.evidence)
    given: dict[str, object] = {name: getattr(finding, name) for name in _NUMBERS}
    for name, value in (*given.items(), *evidence.items()):
        if value is None and name in ("cost_seconds", "confidence"):
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{name} of a finding must be a number, not {a_value(value)}")
        if not math.isfinite(value) and not (name == "log_p" and value == -math.inf):
            raise ValueError(f"{name} of a finding must be finite, not {value}")
    if finding.log_p > 0:
        raise ValueError(f"log_p is the logarithm of a probability, not {finding.log_p}")
    if finding.confidence is None and finding.recheck is None:
        raise ValueError("a finding needs a confidence, or a recheck by which it is found")
