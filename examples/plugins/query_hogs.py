"""A detector with its own kind: tests that ask the database far more often than the others do."""

from math import inf
from statistics import median

from pytest_crackle import Detection, Finding, NotTested


class QueryHogs:
    name = "query-hogs"  # for --crackle-detectors; also the kind for --crackle-fail-on

    def __init__(self, times):
        self.times = times

    def detect(self, suite, profile):
        rows, queries = suite.rows_with("db.queries"), suite.column("db.queries")
        if len(rows) < profile.min_tests:
            reason = f"{len(rows)} tests with queries counted, needs {profile.min_tests}"
            return Detection(not_tested=(NotTested(self.name, "db.queries", reason),))
        usual = max(1.0, median(queries[row] for row in rows))
        hogs = tuple(row for row in rows if queries[row] > self.times * usual)
        if not hogs:
            return Detection()
        worst = max(hogs, key=queries.__getitem__)
        summary = (
            f"{len(hogs)} of {len(rows)} tests make more than {self.times:g} times the usual "
            f"{usual:g} queries, most {suite.table.nodeids[worst]}: {queries[worst]:g}."
        )
        finding = Finding(
            kind=self.name,
            subkind="",
            summary=summary,
            metrics=("db.queries",),
            rows=hogs,
            anchor="all tests",  # the id hangs on it: never a value or a line number
            log_p=-inf,
            exact=True,  # counted, not inferred: it needs no p-value ...
            confidence=0.95,  # ... and says itself how sure it is to come back
            at=worst,
            evidence={"usual": usual, "most": queries[worst]},
        )
        return Detection(findings=(finding,))


def pytest_addoption(parser):
    parser.addini("query_hogs_times", "times the usual number of queries", default="10")


def pytest_crackle_detectors(config):
    return [QueryHogs(10.0 if config is None else float(config.getini("query_hogs_times")))]
