"""The gate turns exit status 0 into 1 and changes nothing else, whatever else goes on.

Most sessions here fail a budget, which needs no pattern and so only one test.
"""

from __future__ import annotations

import pytest

BUDGET = "--crackle-budget=n <= 50"
OVER = """
    def test_over(record_metric): record_metric("n", 60)
    def test_under(record_metric): record_metric("n", 5)
"""
SETS_STATUS = """
    import pytest

    @pytest.hookimpl({order})
    def pytest_sessionfinish(session):
        session.exitstatus = {status}
"""
XDIST = [[], ["-n2"], ["-n2", "--dist=loadfile"], ["-n2", "--dist=each"]]


@pytest.fixture
def over(crackle):
    """A suite whose tests pass and exceed a budget."""
    crackle.pytester.makepyfile(OVER)
    return crackle


def said(result):
    """What the gate said, unwrapped."""
    lines = result.stdout.lines
    start = max(place for place, line in enumerate(lines) if "crackle gate" in line)
    ours = []
    for line in lines[start:]:
        if line.startswith("=") or not line.strip():
            break
        ours.append(line.strip())
    return " ".join(ours)


def run(crackle, *options):
    """Run in this process, or in others where workers are wanted."""
    if any(option.startswith("-n") for option in options):
        pytest.importorskip("xdist")
        return crackle.run(*options, subprocess=True)
    return crackle.run(*options)


@pytest.mark.parametrize("options", XDIST, ids=" ".join)
def test_0_becomes_1(over, options):
    result = run(over, BUDGET, *options)
    assert result.ret == 1
    assert result.parseoutcomes()["passed"] == (4 if "--dist=each" in options else 2)
    assert said(result).startswith("FAIL crackle gate: 1 budget exceeded")
    assert said(result).endswith("exit status 1")
    assert over.report["session"]["exitstatus"] == 1


@pytest.mark.parametrize("options", XDIST[:2], ids=" ".join)
def test_0_stays_0_where_nothing_fails(over, options):
    result = run(over, "--crackle-budget=n <= 60", *options)
    assert result.ret == 0
    assert said(result).startswith("PASS crackle gate")
    assert over.report["session"]["exitstatus"] == 0


@pytest.mark.parametrize("options", XDIST[:2], ids=" ".join)
def test_failing_tests_stay_1(over, options):
    over.pytester.makepyfile(test_bad="def test_bad(): assert 0")
    result = run(over, BUDGET, *options)
    assert result.ret == 1
    assert "1 budget exceeded" in said(result)
    passing = run(over, "--crackle-budget=n <= 60", *options)
    assert passing.ret == 1, "a gate that passes excuses no failed test"
    assert said(passing).startswith("PASS crackle gate")
    assert over.report["session"]["exitstatus"] == 1


def test_a_dry_run_keeps_0_and_says_what_would_fail(over):
    result = over.run(BUDGET, "--crackle-dry-run")
    assert result.ret == 0
    assert "dry run" in said(result)
    assert "1 budget exceeded" in said(result)
    assert over.report["session"]["exitstatus"] == 0


@pytest.mark.parametrize("options", XDIST[:2], ids=" ".join)
def test_an_interrupted_run_stays_2(over, options):
    over.pytester.makepyfile(test_stop="import pytest\ndef test_z(): pytest.exit('enough')")
    result = over.run("--crackle-fail-on=any", *options, subprocess=True)
    assert result.ret == 2
    assert over.report["session"]["complete"] is False
    assert "not evaluated" in said(result)


def test_pytest_exit_keeps_the_status_that_it_asks_for(over):
    over.pytester.makepyfile(
        test_stop="import pytest\ndef test_z(): pytest.exit('enough', returncode=9)"
    )
    assert over.run(BUDGET, subprocess=True).ret == 9


def test_an_internal_error_stays_3(over):
    over.pytester.makeconftest("def pytest_runtest_protocol(item): raise RuntimeError('elsewhere')")
    assert over.run(BUDGET, subprocess=True).ret == 3


def test_a_collection_error_stays_2(over):
    over.pytester.makepyfile(test_broken="import no_such_module_anywhere")
    assert over.run("--crackle-fail-on=any").ret == 2


def test_no_tests_stays_5(crackle):
    crackle.pytester.makepyfile("")
    assert crackle.run(BUDGET).ret == 5


@pytest.mark.parametrize(
    ("option", "part"),
    [
        ("--crackle-fail-on=phase-transitions", "phase-transitions"),
        ("--crackle-fail-on=any@1.5", "1.5"),
        ("--crackle-budget=duration < 2s", "duration < 2s"),
        ("--crackle-budget=duration <= 2 parsecs", "parsecs"),
        ("--crackle-accept=all", "--crackle-baseline"),
    ],
)
def test_a_wrong_rule_is_4_and_names_itself(over, option, part):
    result = over.run(option)
    assert result.ret == 4
    told = result.stderr.str()
    assert part in told
    assert "Traceback" not in told


@pytest.mark.parametrize("order", ["", "tryfirst=True", "trylast=True"])
def test_a_status_that_another_plugin_sets_stays(over, order):
    over.pytester.makeconftest(SETS_STATUS.format(order=order, status=7))
    assert over.run(BUDGET).ret == 7
    assert over.run("--crackle-budget=n <= 60").ret == 7
    assert over.run(on=False).ret == 7


def test_a_wrapper_that_set_a_status_before_us_keeps_it(over):
    over.pytester.makeconftest(
        """
        import pytest

        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_sessionfinish(session):
            session.exitstatus = 7
            return (yield)
        """
    )
    assert over.run(BUDGET).ret == 7


NONSENSE = """
    import pytest

    @pytest.mark.crackle(budget=["nonsense"])
    def test_marked(): pass

    def test_other(): pass
"""


@pytest.mark.parametrize("options", XDIST[:2], ids=" ".join)
def test_a_budget_on_a_mark_that_means_nothing_fails_at_the_end(crackle, options):
    """It fails closed and names the test; the tests themselves have run and passed."""
    crackle.pytester.makepyfile(NONSENSE)
    result = run(crackle, *options)
    assert result.ret == 1
    result.assert_outcomes(passed=2)
    assert "could not be evaluated" in said(result)
    assert "nonsense" in said(result)
    assert "test_marked" in said(result)
    assert crackle.report["gate"]["verdict"] == "inconclusive"


def test_a_dry_run_forgives_a_budget_that_means_nothing(crackle):
    crackle.pytester.makepyfile(NONSENSE)
    result = crackle.run("--crackle-dry-run")
    assert result.ret == 0
    assert "nonsense" in said(result)
