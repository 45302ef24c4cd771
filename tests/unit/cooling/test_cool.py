"""The cooling itself: guards, multiplicity, one line a cause, order, ids, levels."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest

from pytest_crackle.cooling.cool import Cooling, cool
from pytest_crackle.cooling.detectors.registry import DEFAULT, allowed, resolve
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.pattern import Location, pattern_id
from pytest_crackle.model.report import NotTested
from pytest_crackle.model.table import MetricTable
from tests.unit.cooling.fakes import Fake, finding, giving, table_of_tests

TABLE = table_of_tests(100)
SHIFT = "phase-transition"


def cooled(*findings, table=TABLE, profile=None, **more) -> Cooling:
    return cool(table, profile, [giving(*findings, **more)])


def subkinds(cooling: Cooling) -> list[str]:
    return [pattern.subkind for pattern in cooling.patterns]


class TestRegistry:
    def test_none_is_empty(self):
        assert resolve(["none"]) == ()

    def test_unknown_name_lists_what_is_allowed(self):
        mine = giving(name="mine")
        with pytest.raises(
            CrackleError, match=r"correlation, history, classic, none, mine, not 'clusterin'"
        ):
            resolve(["clusterin"], [mine])

    def test_none_with_company_is_refused(self):
        with pytest.raises(CrackleError, match="excludes all others"):
            resolve(["none", "classic"])

    @pytest.mark.parametrize("name", ["classic", "none", "clustering", "mine"])
    def test_a_taken_name_is_refused(self, name):
        with pytest.raises(CrackleError, match="two detectors"):
            resolve(["none"], [giving(name="mine"), giving(name=name)])

    def test_order_is_fixed_and_each_runs_once(self):
        mine, yours = giving(name="mine"), giving(name="yours")
        found = resolve(["yours", "classic", "mine", "classic"], [mine, yours])
        assert [detector.name for detector in found] == ["classic", "mine", "yours"]

    def test_extra_ones_run_only_when_named(self):
        assert [d.name for d in resolve(["classic"], [giving(name="mine")])] == ["classic"]

    def test_classic_gets_its_metrics(self):
        assert resolve(["classic"], classic_metrics=["rows"])[0].metrics == ("rows",)  # type: ignore[attr-defined]

    def test_the_default_ones_are_there(self):
        found = resolve(tuple(reversed(DEFAULT)))
        assert tuple(detector.name for detector in found) == DEFAULT
        assert allowed() == (*DEFAULT, "history", "classic", "none")


class TestGuards:
    def test_a_failing_detector_is_told_and_the_others_go_on(self):
        bad = Fake(RuntimeError("no\nluck"), "bad")
        cooling = cool(TABLE, None, [bad, giving(finding(), name="good")])
        assert cooling.faults == ("detector bad failed: RuntimeError: no luck",)
        assert cooling.errors == (bad.gives,)
        assert subkinds(cooling) == ["group"]
        assert cooling.detectors == ("bad", "good")

    @pytest.mark.parametrize(
        "error", [RecursionError(), MemoryError(), AssertionError("x"), ZeroDivisionError()]
    )
    def test_any_exception_is_caught(self, error):
        assert len(cool(TABLE, None, [Fake(error)]).faults) == 1

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)])
    def test_the_user_is_obeyed(self, error):
        with pytest.raises(type(error)):
            cool(TABLE, None, [Fake(error)])

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (([{"nodeid": "a", "metrics": {}}],), "table must be a MetricTable"),
            ((TABLE, "fast"), "profile must be a Profile"),
        ],
    )
    def test_what_a_script_gives_by_mistake_is_refused(self, arguments, told):
        with pytest.raises(TypeError, match=told):
            cool(*arguments)

    def test_a_detector_that_gives_rubbish_is_a_fault(self):
        cooling = cool(TABLE, None, [Fake(None)])
        assert cooling.patterns == ()
        assert cooling.faults[0].startswith("detector fake failed: AttributeError")

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"log_p": math.nan}, "ln p = nan"),
            ({"log_p": 0.5}, "ln p = 0.5"),
            ({"rows": (0, 100)}, "a row outside"),
            ({"rows": (-1,)}, "a row outside"),
            ({"at": 100}, "a row outside"),
            ({"exceptions": (100,)}, "a row outside"),
            ({"evidence": {"x": math.inf}}, "not finite"),
            ({"cost_seconds": math.nan}, "not finite"),
            ({"confidence": math.nan}, "not finite"),
            ({"evidence": {"x": "1"}}, "TypeError"),
        ],
    )
    def test_an_unsound_finding_is_a_fault_and_its_neighbours_stay(self, change, words):
        cooling = cooled(finding(**change), finding(subkind="hot"))
        assert subkinds(cooling) == ["hot"]
        assert len(cooling.faults) == len(cooling.errors) == 1
        assert "a finding of sub-kind group failed" in cooling.faults[0]
        assert words in cooling.faults[0]

    def test_a_failing_recheck_is_a_fault_and_the_finding_stays(self):
        cooling = cooled(finding(recheck=lambda column, rows: 1 / 0))
        assert subkinds(cooling) == ["group"]
        assert "the recheck of a group failed: ZeroDivisionError" in cooling.faults[0]

    def test_a_fault_of_the_cooling_itself_is_caught(self, monkeypatch):
        monkeypatch.setattr("pytest_crackle.cooling.cool.judge", lambda *a: 1 / 0)
        cooling = cooled(finding())
        assert cooling.patterns == ()
        assert cooling.faults == ("the cooling failed: ZeroDivisionError: division by zero",)

    def test_a_detector_without_a_name_is_called_by_its_class(self):
        class Nameless:
            pass

        cooling = cool(TABLE, None, [Nameless()])  # type: ignore[list-item]
        assert cooling.detectors == ("Nameless",)
        assert cooling.faults[0].startswith("detector Nameless failed")


class TestTables:
    @pytest.mark.parametrize("n", [0, 1, 2, 5, 30])
    @pytest.mark.parametrize("columns", [{}, None], ids=["no metrics", "one metric"])
    @pytest.mark.parametrize("rate", ["fast", "normal", "slow"])
    def test_no_table_is_a_fault(self, n, columns, rate):
        table = table_of_tests(n, columns)
        cooling = cool(table, Profile.of(rate), resolve([*DEFAULT, "classic"]))
        assert cooling.faults == ()
        assert cooling.patterns == () or "classic" in subkinds(cooling)

    def test_too_few_tests_are_told_with_the_number_needed(self):
        cooling = cool(table_of_tests(3), None, [giving(name="clustering")])
        assert cooling.not_tested == (NotTested("clustering", "*", "3 tests, needs 6"),)

    def test_skipped_tests_are_no_tests(self):
        table = table_of_tests(8, outcome=["skipped"] * 3 + ["error"] + ["passed"] * 4)
        assert (
            cool(table, None, [giving(name="clustering")]).not_tested[0].reason
            == "4 tests without skips and errors, needs 6"
        )

    def test_where_none_is_left_the_reason_says_so(self):
        table = table_of_tests(8, outcome=["skipped"] * 7 + ["error"])
        (missing,) = cool(table, None, [giving(name="clustering")]).not_tested
        assert missing.reason == "every test was skipped or had an error"

    def test_what_the_detector_says_itself_is_enough(self):
        own = NotTested("clustering", "rows", "3 tests, needs 40")
        cooling = cool(table_of_tests(3), None, [giving(name="clustering", not_tested=(own, own))])
        assert cooling.not_tested == (own,)

    def test_enough_tests_are_not_mentioned(self):
        assert cool(table_of_tests(6), None, [giving(name="clustering")]).not_tested == ()

    def test_the_suite_and_the_profile_are_handed_on(self):
        fake = giving()
        cool(TABLE, None, [fake])
        suite, profile = fake.seen[0]
        assert suite.table is TABLE
        assert profile is Profile.normal()

    def test_conflicts_of_units_are_notes(self):
        units = [{"x": ["s", "value"]}, {"x": ["B", "value"]}]
        table = table_of_tests(2, {"x": [1.0, 2.0]}, units=units)
        assert any("x is recorded as" in note for note in cool(table, None, [giving()]).notes)

    def test_notes_are_told_once(self):
        cooling = cool(
            TABLE, None, [giving(notes=("a", "b"), name="1"), giving(notes=("b",), name="2")]
        )
        assert cooling.notes == ("a", "b")


class TestMultiplicity:
    def log_limit(self, m, k=1, q=0.01):
        return math.log(q * k / m)

    def test_all_hypotheses_of_the_session_count(self):
        borderline = finding(log_p=self.log_limit(1000) - 1e-9)
        assert subkinds(cool(TABLE, None, [giving(borderline, hypotheses=1000)])) == ["group"]
        other = giving(hypotheses=1, name="other")
        cooling = cool(TABLE, None, [giving(borderline, hypotheses=1000), other])
        assert cooling.hypotheses == 1001
        assert cooling.patterns == ()

    def test_findings_help_each_other_as_bh_says(self):
        log_p = self.log_limit(1000, k=2) - 1e-9
        pair = [finding(log_p=log_p), finding(subkind="step", kind=SHIFT, log_p=log_p)]
        assert len(cooled(*pair, hypotheses=1000).patterns) == 2
        assert cooled(pair[0], hypotheses=1000).patterns == ()

    def test_facts_take_no_part(self):
        facts = [
            finding(subkind="state", kind=SHIFT, exact=True, log_p=0.0, anchor=str(i))
            for i in range(3)
        ]
        weak = finding(log_p=self.log_limit(1000, k=2))
        cooling = cooled(*facts, weak, hypotheses=1000)
        assert subkinds(cooling) == ["state"] * 3
        assert {(p.p_value, p.q_value, p.log_p_value) for p in cooling.patterns} == {
            (0.0, 0.0, -math.inf)
        }

    def test_more_findings_than_hypotheses_are_counted_as_hypotheses(self):
        cooling = cooled(*[finding(anchor=str(i), rows=(i,)) for i in range(4)], hypotheses=2)
        assert cooling.hypotheses == 4

    def test_p_and_q_are_told(self):
        (pattern,) = cooled(finding(log_p=-20.0), hypotheses=100).patterns
        assert pattern.log_p_value == -20
        assert pattern.p_value == pytest.approx(math.exp(-20))
        assert pattern.q_value == pytest.approx(100 * math.exp(-20))

    def test_no_underflow(self):
        (pattern,) = cooled(finding(log_p=-5000.0), hypotheses=100).patterns
        assert (pattern.p_value, pattern.q_value, pattern.log_p_value) == (0.0, 0.0, -5000.0)

    @pytest.mark.parametrize(("rate", "q"), [("fast", 0.05), ("normal", 0.01), ("slow", 0.001)])
    def test_the_profile_decides(self, rate, q):
        for factor, told in [(0.99, 1), (1.01, 0)]:
            found = cooled(finding(log_p=math.log(q * factor)), profile=Profile.of(rate))
            assert len(found.patterns) == told

    def test_rechecks_must_reach_the_limit_of_the_session(self):
        limit = self.log_limit(1000)
        for reached, hits in [(limit - 1e-9, 51), (limit + 1e-9, 1)]:
            (pattern,) = cooled(
                finding(recheck=lambda c, r, p=reached: p), hypotheses=1000
            ).patterns
            assert pattern.confidence == pytest.approx(hits / 52)


class TestGate:
    def test_shifts_carry_holms_p_over_the_hypotheses_of_their_detector(self):
        first = finding(SHIFT, "step", log_p=math.log(1e-6))
        second = finding(SHIFT, "slope", log_p=math.log(2e-6))
        cooling = cool(
            TABLE, None, [giving(first, second, hypotheses=100), giving(hypotheses=900, name="b")]
        )
        assert {p.subkind: p.gate_p for p in cooling.patterns} == {
            "step": pytest.approx(100e-6),
            "slope": pytest.approx(99 * 2e-6),
        }

    def test_what_is_no_shift_has_none(self):
        assert cooled(finding()).patterns[0].gate_p is None
        assert cooled(finding(SHIFT, "jump", exact=True)).patterns[0].gate_p is None

    def test_told_but_not_gated_above_alpha(self):
        """Ten shifts in 1,000 tests: BH lets the weakest pass, Holm does not."""
        strong = [finding(SHIFT, f"s{i}", log_p=-50.0, anchor=str(i)) for i in range(9)]
        weak = finding(SHIFT, "weak", log_p=math.log(9e-5))
        by_name = {p.subkind: p for p in cooled(*strong, weak, hypotheses=1000).patterns}
        assert by_name["s0"].gateable
        assert not by_name["weak"].gateable
        assert by_name["weak"].gate_p == pytest.approx(991 * 9e-5)

    def test_what_a_detector_does_not_trust_is_never_gated(self):
        assert not cooled(finding(SHIFT, "step", gateable=False)).patterns[0].gateable


class TestOneCauseOneLine:
    """Rows of the fakes: finding() has 0..9."""

    def told(self, *findings, table=TABLE):
        """The same in whatever order they come."""
        answers = {
            tuple(subkinds(cooled(*some, table=table))) for some in itertools.permutations(findings)
        }
        assert len(answers) == 1
        return sorted(answers.pop())

    def test_a_plateau_that_is_a_group(self):
        plateau = finding("conservation", "plateau", rows=tuple(range(30)))
        assert self.told(plateau, finding()) == ["plateau"]
        assert self.told(plateau, finding(rows=tuple(range(40, 50)))) == ["group", "plateau"]
        assert self.told(plateau, finding(metrics=("duration.setup",))) == ["group", "plateau"]

    def test_a_hot_spot_that_is_a_fixed_wait(self):
        costs = [10.0 if row in (0, 1) else 0.1 for row in range(100)]
        table = table_of_tests(100, {"duration.call": costs, "cpu": costs})
        hot = finding(subkind="hot", metrics=("duration",))
        plateau = finding("conservation", "plateau", rows=(0, 1, 50))
        assert self.told(hot, plateau, table=table) == ["plateau"]
        assert self.told(hot, plateau) == ["hot", "plateau"]  # 2 of its 10 tests, which cost alike
        elsewhere = finding("conservation", "plateau", rows=(0, 1, 50), metrics=("duration.setup",))
        assert self.told(hot, elsewhere, table=table) == ["hot", "plateau"]

    def test_hot_spots_and_groups_are_told_apart_by_their_detector(self):
        assert self.told(finding(), finding(subkind="hot")) == ["group", "hot"]

    def test_a_hot_spot_that_a_driver_explains(self):
        hot = finding(subkind="hot", metrics=("duration",), cost_seconds=10.0)
        driver = finding(
            "correlation", "driver", metrics=("db.queries", "cpu"), rows=tuple(range(50))
        )
        assert self.told(hot, replace(driver, cost_seconds=6.0)) == ["driver"]
        assert self.told(hot, replace(driver, cost_seconds=4.0)) == ["driver", "hot"]

    def test_a_law_that_is_a_regime(self):
        law = finding("conservation", "law", metrics=("rows",))
        regime = finding(subkind="regime", metrics=("rows", "bytes"), rows=tuple(range(40)))
        broken = finding("conservation", "law", metrics=("rows",), exceptions=(3,))
        assert self.told(law, regime) == ["regime"]
        assert self.told(broken, regime) == ["law", "regime"]
        assert self.told(law, finding(subkind="regime", metrics=("bytes",))) == ["law", "regime"]

    def test_a_pair_inside_a_relation(self):
        relation = finding("conservation", "relation", metrics=("in", "out", "rejected"))
        pair = finding("correlation", "pair", metrics=("in", "out"))
        assert self.told(relation, pair) == ["relation"]
        assert self.told(relation, finding("correlation", "pair", metrics=("in", "x"))) == [
            "pair",
            "relation",
        ]

    @pytest.mark.parametrize("teller", ["state", "pace", "background"])
    def test_cases_at_the_place_of_a_cause(self, teller):
        cause = finding(SHIFT, teller, at=50)
        assert self.told(cause, finding(SHIFT, "cases", at=55)) == [teller]
        assert self.told(cause, finding(SHIFT, "cases", at=56)) == sorted(["cases", teller])
        assert self.told(cause, finding(SHIFT, "cases")) == sorted(["cases", teller])

    def test_cases_in_another_process_have_another_cause(self):
        workers = ["gw0" if i % 2 else "gw1" for i in range(100)]
        seqs = [i // 2 for i in range(100)]
        table = table_of_tests(100, worker=workers, seq=seqs)
        state = finding(SHIFT, "state", at=50)
        assert self.told(state, finding(SHIFT, "cases", at=51), table=table) == ["cases", "state"]
        assert self.told(state, finding(SHIFT, "cases", at=60), table=table) == ["state"]

    def test_the_same_twice(self):
        dear = finding(cost_seconds=5.0, summary="dear.")
        cheap = finding(cost_seconds=1.0, rows=(0, 1, 20))
        cooling = cooled(cheap, dear)
        assert [p.summary for p in cooling.patterns] == ["dear."]
        assert self.told(dear, finding(rows=tuple(range(20, 30)))) == ["group", "group"]

    def test_what_was_dropped_is_a_detail_of_what_tells_it(self):
        plateau = finding("conservation", "plateau", details=("one",))
        (pattern,) = cooled(finding(), plateau).patterns
        assert pattern.details == ("one", "Also: a group.")

    def test_unrelated_findings_stay(self):
        assert self.told(finding(SHIFT, "leak"), finding(), finding("correlation", "pair")) == [
            "group",
            "leak",
            "pair",
        ]


class TestCap:
    def test_five_of_a_subkind_dearest_first_and_the_rest_counted(self):
        many = [finding(anchor=str(i), rows=(i,), cost_seconds=float(i)) for i in range(8)]
        cooling = cooled(*many, finding("correlation", "pair"))
        costs = [p.cost_seconds for p in cooling.patterns if p.subkind == "group"]
        assert costs == [7.0, 6.0, 5.0, 4.0, 3.0]
        assert cooling.notes == ("clustering: 3 more of sub-kind group, less dear than those told",)
        assert "pair" in subkinds(cooling)

    def test_without_cost_the_score_decides(self):
        many = [finding(SHIFT, "jump", exact=True, anchor=str(i), score=float(i)) for i in range(7)]
        kept = {p.id for p in cooled(*many).patterns}
        assert kept == {pattern_id(SHIFT, "jump", ("duration.call",), str(i)) for i in range(2, 7)}

    def test_five_are_all_told(self):
        many = [finding(anchor=str(i), rows=(i,)) for i in range(5)]
        cooling = cooled(*many)
        assert (len(cooling.patterns), cooling.notes) == (5, ())

    def test_classic_has_no_cap(self):
        many = [
            finding(subkind="classic", exact=True, anchor=str(i), confidence=0.5) for i in range(8)
        ]
        assert len(cooled(*many).patterns) == 8


class TestOrder:
    def test_level_then_cost_then_q_then_size(self):
        findings = [
            finding(SHIFT, "cases", notice=True, cost_seconds=100.0),
            finding("correlation", "pair", log_p=-60.0),
            finding("correlation", "shape", log_p=-70.0),
            finding(subkind="group", cost_seconds=2.0),
            finding(subkind="hot", cost_seconds=9.0, rows=tuple(range(50, 60))),
            finding(SHIFT, "step", rows=(1, 2), log_p=-80.0),
            finding(SHIFT, "slope", rows=(1, 2, 3), log_p=-80.0),
            finding("conservation", "plateau", rows=(99,), cost_seconds=1.0),
            finding(SHIFT, "leak", exact=True),
        ]
        expected = ["plateau", "leak", "hot", "group", "slope", "step", "shape", "pair", "cases"]
        for some in (findings, findings[::-1]):
            assert subkinds(cooled(*some)) == expected

    def test_classic_is_sorted_by_confidence(self):
        found = [
            finding(subkind="classic", exact=True, anchor=str(c), confidence=c)
            for c in (0.2, 0.9, 0.5)
        ]
        assert [p.confidence for p in cooled(*found).patterns] == [0.9, 0.5, 0.2]

    @pytest.mark.parametrize(
        ("kind", "subkind", "more", "level"),
        [
            (SHIFT, "leak", {}, "warn"),
            (SHIFT, "jump", {}, "warn"),
            (SHIFT, "state", {}, "warn"),
            (SHIFT, "pace", {}, "warn"),
            ("conservation", "plateau", {}, "warn"),
            ("conservation", "law", {}, "note"),
            ("conservation", "law", {"exceptions": (3,)}, "warn"),
            ("conservation", "relation", {"exceptions": (3,)}, "warn"),
            ("correlation", "driver", {"exceptions": (3,)}, "note"),
            (SHIFT, "step", {}, "note"),
            (SHIFT, "growth", {}, "note"),
            ("clustering", "group", {}, "note"),
            (SHIFT, "cases", {"notice": True}, "notice"),
            (SHIFT, "leak", {"notice": True}, "notice"),
        ],
    )
    def test_levels(self, kind, subkind, more, level):
        assert cooled(finding(kind, subkind, **more)).patterns[0].level == level


class TestPattern:
    def test_ids_hang_on_what_it_is_about(self):
        (pattern,) = cooled(finding()).patterns
        assert pattern.id == pattern_id(
            "clustering", "group", ("duration.call",), "fixture warehouse"
        )

    def test_colliding_ids_get_suffixes_that_values_do_not_decide(self):
        def pair(first_cost):
            low = finding(rows=(1,), cost_seconds=first_cost)
            high = finding(rows=(50,), cost_seconds=2.0)
            return {p.tests[0]: p.id for p in cooled(high, low).patterns}

        plain = pattern_id("clustering", "group", ("duration.call",), "fixture warehouse")
        assert sorted(pair(1.0).values()) == [plain, f"{plain}-2"]
        assert pair(1.0) == pair(3.0)

    def test_tests_and_breakers_by_full_node_id(self):
        (pattern,) = cooled(finding(rows=(0, 99), exceptions=(5,), at=99)).patterns
        assert pattern.tests == ("tests/test_a.py::test_0[0]", "tests/test_b.py::test_9[99]")
        assert pattern.exceptions == ("tests/test_a.py::test_0[5]",)
        assert pattern.at == "tests/test_b.py::test_9[99]"

    @pytest.mark.parametrize(
        ("change", "location"),
        [
            ({"at": 70, "exceptions": (3,)}, Location("tests/test_b.py", 71)),
            ({"exceptions": (3, 4), "rows": (1,)}, Location("tests/test_a.py", 4)),
            ({"rows": (2, 3)}, Location("tests/test_a.py", 3)),
            ({"rows": (2, 99)}, None),
            ({"rows": ()}, None),
        ],
    )
    def test_location(self, change, location):
        assert cooled(finding(**change)).patterns[0].location == location

    def test_evidence_is_a_copy(self):
        evidence = {"x": 1.0}
        (pattern,) = cooled(finding(evidence=evidence)).patterns
        evidence["x"] = 2.0
        assert pattern.evidence == {"x": 1.0}

    def test_a_test_that_ran_on_two_workers_is_named_once(self):
        records = [
            {"nodeid": "a.py::t", "worker": worker, "metrics": {"x": 1.0}}
            for worker in ("gw0", "gw1")
        ]
        table = MetricTable.from_records(records, per_worker=True)
        assert cooled(finding(rows=(0, 1)), table=table).patterns[0].tests == ("a.py::t",)

    def test_fixed_confidence_is_clamped_and_kept(self):
        assert cooled(finding(confidence=0.7)).patterns[0].confidence == 0.7

    def test_the_reference_s_rules_have_no_p_value(self):
        (pattern,) = cooled(
            finding(subkind="classic", exact=True, log_p=0.0, confidence=0.3)
        ).patterns
        assert (pattern.p_value, pattern.q_value) == (1.0, 1.0)

    def test_deterministic(self):
        findings = [
            finding(anchor=str(i), rows=(i,), recheck=lambda c, r: -c("duration.call")[r[0]] * 500)
            for i in range(4)
        ]
        assert cooled(*findings) == cooled(*findings)


def test_cooling_is_frozen():
    with pytest.raises(AttributeError):
        Cooling().patterns = ()  # type: ignore[misc]
