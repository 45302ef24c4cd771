from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_crackle import Detection, Finding, MetricTable, NotTested, Profile, Suite, cool
from pytest_crackle.cooling.detectors.foreign import OUR_SUBKINDS, ForeignDetector
from pytest_crackle.model.errors import CrackleError

ROOT = Path(__file__).parents[3]
TABLE = MetricTable.from_records(
    {"nodeid": f"m.py::test_{i}", "metrics": {"x": float(i)}} for i in range(3)
)
FINDING = Finding("mine", "", "x is large.", ("x",), (2,), "all", -50.0, confidence=0.8)


class Mine:
    name = "mine"

    def __init__(self, detection: object) -> None:
        self.detection = detection

    def detect(self, suite, profile):
        return self.detection


def test_what_can_be_told_is_handed_on_as_it_is():
    given = Detection((FINDING,), 3, (NotTested("mine", "y", "no values"),), ("a note",))
    assert ForeignDetector(Mine(given)).detect(Suite(TABLE), Profile.normal()) is given


def test_kinds_are_the_name_or_what_the_detector_says():
    assert ForeignDetector(Mine(None)).kinds == ("mine",)
    detector = Mine(Detection((replace(FINDING, kind="other"),)))
    detector.kinds = ["other", "more"]  # type: ignore[attr-defined]
    foreign = ForeignDetector(detector)
    assert foreign.kinds == ("other", "more")
    assert len(foreign.detect(Suite(TABLE), Profile.normal()).findings) == 1


@pytest.mark.parametrize("name", [None, "", "Mine", "a b", "a:b", "a@b", "x" * 51, "clustering"])
def test_a_name_must_do_for_options_and_rules(name):
    detector = Mine(None)
    detector.name = name
    with pytest.raises(CrackleError, match="the name"):
        ForeignDetector(detector)


def test_all_sub_kinds_of_ours_are_taken():
    kinds = json.loads((ROOT / "docs" / "meanings.json").read_text(encoding="utf-8"))["kinds"]
    assert {subkind for subkinds in kinds.values() for subkind in subkinds} <= OUR_SUBKINDS


def test_what_has_no_detect_is_no_detector():
    with pytest.raises(CrackleError, match="mine has no method detect"):
        ForeignDetector(type("D", (), {"name": "mine"})())


@pytest.mark.parametrize("kinds", [(), "mine", (1,), ("any",)])
def test_kinds_must_be_names_of_ones_own(kinds):
    detector = Mine(None)
    detector.kinds = kinds  # type: ignore[attr-defined]
    with pytest.raises(CrackleError, match="kind"):
        ForeignDetector(detector)


@pytest.mark.parametrize(
    "change",
    [
        {"summary": ""},
        {"summary": "a\nb"},
        {"summary": "x" * 2000},
        {"summary": None},
        {"anchor": " "},
        {"metrics": ["x"]},
        {"metrics": (1,)},
        {"id_metrics": ["x"]},
        {"details": "abc"},
        {"rows": ()},
        {"rows": (3,)},
        {"rows": (-1,)},
        {"rows": ("2",)},
        {"at": 3},
        {"exceptions": (3,)},
        {"log_p": 0.1},
        {"log_p": math.nan},
        {"log_p": None},
        {"log_p": True},
        {"score": math.inf},
        {"cost_seconds": math.nan},
        {"confidence": "high"},
        {"evidence": {"x": None}},
        {"evidence": {"x": math.inf}},
        {"gateable": None},
        {"notice": 0},
        {"explained_by": ("fixture", "x")},
        {"kind": "clustering"},
        {"subkind": "state"},
        {"subkind": "With Blanks"},
    ],
)
def test_a_finding_that_cannot_be_told_is_refused(change):
    detector = ForeignDetector(Mine(Detection((replace(FINDING, **change),))))
    with pytest.raises((TypeError, ValueError)):
        detector.detect(Suite(TABLE), Profile.normal())
    # and the cooling makes one fault of it, and no exception
    cooling = cool(TABLE, detectors=[detector])
    assert cooling.patterns == ()
    assert len(cooling.faults) == 1
    assert cooling.faults[0].startswith("detector mine failed: ")


def test_a_finding_competes_under_the_false_discovery_rate_of_the_session():
    weak = replace(FINDING, log_p=math.log(0.8 * Profile.normal().q))
    assert cool(TABLE, detectors=[ForeignDetector(Mine(Detection((weak,), 1)))]).patterns
    assert not cool(TABLE, detectors=[ForeignDetector(Mine(Detection((weak,), 40)))]).patterns


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ([], "detect gave a value of type list, not a Detection"),
        (Detection(findings=[]), "findings must be a tuple, not a value of type list"),  # type: ignore[arg-type] # wrong on purpose
        (Detection(findings=(1,)), "findings must hold Finding, not a value of type int"),  # type: ignore[arg-type] # wrong on purpose
        (Detection(notes=(1,)), "notes must hold str, not a value of type int"),  # type: ignore[arg-type] # wrong on purpose
        (Detection(hypotheses=-1), "hypotheses must be a count, not -1"),
        (Detection(hypotheses=1.5), "hypotheses must be a count, not 1.5"),  # type: ignore[arg-type] # wrong on purpose
    ],
)
def test_what_is_no_detection_is_refused_by_what_is_wrong(given, why):
    with pytest.raises((TypeError, ValueError), match=why):
        ForeignDetector(Mine(given)).detect(Suite(TABLE), Profile.normal())
