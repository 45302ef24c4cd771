"""Made-up suites with the structure of real ones and custom metrics of known law."""

from __future__ import annotations

import math
import random
from typing import Any

Record = dict[str, Any]

DISTRIBUTIONS = ("lognormal", "poisson", "zeros", "module", "function")


def suite_of(n_tests: int, rng: random.Random, n_modules: int = 0) -> list[Record]:
    """Records of modules, functions with one to many cases, fixtures and markers; no metrics."""
    n_modules = n_modules or max(3, n_tests // 40)
    fixtures = [f"fixture_{i}" for i in range(12)]
    records: list[Record] = []
    for m in range(n_modules):
        left = n_tests // n_modules + (m < n_tests % n_modules)
        usual = rng.sample(fixtures, 2)
        f = 0
        while left > 0:
            cases = min(left, 1 if rng.random() < 0.7 else int(rng.paretovariate(0.9)) + 1)
            used = sorted({*usual[: rng.randint(0, 2)], *rng.sample(fixtures, rng.randint(0, 2))})
            markers = ["slow"] if rng.random() < 0.1 else []
            for case in range(cases):
                name = f"tests/test_m{m:03}.py::test_f{f:03}" + (f"[{case}]" if cases > 1 else "")
                records.append(
                    {
                        "nodeid": name,
                        "index": len(records),
                        "seq": len(records),
                        "fixtures": used,
                        "markers": markers,
                        "metrics": {"duration": 0.001},
                    }
                )
            left -= cases
            f += 1
    return records


def noise_of(records: list[Record], law: str, rng: random.Random) -> list[float]:
    """One independent value a test: with effects of module or function where the law says so."""
    effects: dict[str, float] = {}
    out = []
    for record in records:
        nodeid = record["nodeid"]
        module, function = nodeid.partition("::")[0], nodeid.partition("[")[0]
        log_mean = 3.0
        if law in ("module", "function"):
            log_mean += effects.setdefault(module, rng.gauss(0, 1.0))
        if law == "function":
            log_mean += effects.setdefault(function, rng.gauss(0, 1.0))
        if law == "zeros" and rng.random() < 0.7:
            out.append(0.0)
        elif law == "poisson":
            out.append(float(poisson(20.0, rng)))
        elif law == "function":
            out.append(float(poisson(math.exp(min(log_mean, 6.0)), rng)))
        else:
            out.append(math.exp(rng.gauss(log_mean, 0.8)))
    return out


def poisson(mean: float, rng: random.Random) -> int:
    """A Poisson variable by Knuth's product, by the normal law above 60."""
    if mean > 60:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, k, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        k += 1
        product *= rng.random()
    return k


def record(records: list[Record], name: str, values: list[float]) -> None:
    """Let every test record a metric."""
    for one, value in zip(records, values, strict=True):
        one["metrics"] = {**one["metrics"], name: float(value)}


def noisy_suite(seed: int, n_tests: int = 400, n_metrics: int = 5) -> list[Record]:
    """A suite with independent metrics, all five laws in turn."""
    rng = random.Random(seed)
    records = suite_of(n_tests, rng)
    for i in range(n_metrics):
        law = DISTRIBUTIONS[i % len(DISTRIBUTIONS)]
        record(records, f"noise.{law}{i}", noise_of(records, law, rng))
    return records


def _functions(records: list[Record]) -> dict[str, list[int]]:
    functions: dict[str, list[int]] = {}
    for i, one in enumerate(records):
        functions.setdefault(one["nodeid"].partition("[")[0], []).append(i)
    return functions


def plant_law(
    seed: int, n_tests: int = 500, *, broken: bool = True
) -> tuple[list[Record], set[str], set[str]]:
    """A count of 7 in all tests of a fixture that eight or more functions use, but for one test."""
    rng = random.Random(seed)
    records = noisy_suite(seed, n_tests, 3)
    functions = _functions(records)
    chosen: list[int] = []
    names = sorted(functions)
    rng.shuffle(names)
    used = 0
    for name in names:
        if (len(chosen) < 60 or used < 8) and len(functions[name]) <= 20:
            chosen += functions[name]
            used += 1
    values = [float(poisson(math.exp(rng.gauss(2.0, 0.7)), rng)) for _ in records]
    for i in chosen:
        values[i] = 7.0
        records[i]["fixtures"] = sorted({*records[i]["fixtures"], "api"})
    breakers = {rng.choice(chosen)} if broken else set()
    for i in breakers:
        values[i] = 40.0
    record(records, "db.queries", values)
    ids = {records[i]["nodeid"] for i in chosen if i not in breakers}
    return records, ids, {records[i]["nodeid"] for i in breakers}


def plant_broken_function(seed: int, n_tests: int = 500) -> tuple[list[Record], set[str], set[str]]:
    """5,000 rows within 0.1 % in 80 cases of one function, 700 in one of them; others vary."""
    rng = random.Random(seed)
    records = noisy_suite(seed, n_tests, 3)
    module = records[rng.randrange(len(records))]["nodeid"].partition("::")[0]
    cases = [
        {"nodeid": f"{module}::test_load[{i}]", "fixtures": [], "metrics": {"duration": 0.001}}
        for i in range(80)
    ]
    for f in range(4):  # some functions with many cases, as a recall of the law needs them
        cases += [
            {
                "nodeid": f"{module}::test_more{f}[{i}]",
                "fixtures": [],
                "metrics": {"duration": 0.001},
            }
            for i in range(10)
        ]
    records += cases
    for i, one in enumerate(records):
        one["index"] = one["seq"] = i
    values = noise_of(records, "lognormal", rng)
    load = [i for i, one in enumerate(records) if "::test_load[" in one["nodeid"]]
    for i in load:
        values[i] = 5000.0 * (1 + rng.uniform(-0.001, 0.001))
    breaker = rng.choice(load)
    values[breaker] = 700.0
    record(records, "rows_out", values)
    ids = {records[i]["nodeid"] for i in load if i != breaker}
    return records, ids, {records[breaker]["nodeid"]}


def plant_sum(seed: int, n_tests: int = 500) -> tuple[list[Record], set[str], set[str]]:
    """rows_in = rows_out + rejected in 200 tests but two."""
    rng = random.Random(seed)
    records = noisy_suite(seed, n_tests, 3)
    chosen = sorted(rng.sample(range(len(records)), 200))
    breakers = set(rng.sample(chosen, 2))
    for i in chosen:
        rejected = float(poisson(1.0, rng))
        rows_out = float(poisson(math.exp(rng.gauss(4, 1)), rng)) + 1
        rows_in = rows_out + rejected + (rng.randint(1, 9) if i in breakers else 0)
        more = {"rows_in": rows_in, "rows_out": rows_out, "rejected": rejected}
        records[i]["metrics"] = {**records[i]["metrics"], **more}
    ids = {records[i]["nodeid"] for i in chosen if i not in breakers}
    return records, ids, {records[i]["nodeid"] for i in breakers}


def plant_pair(
    seed: int, n_tests: int = 500, slope: float = 3.0
) -> tuple[list[Record], set[str], set[str]]:
    """y = 3 x + noise (rho about 0.9) in 100 tests of whole modules."""
    rng = random.Random(seed)
    records = noisy_suite(seed, n_tests, 3)
    chosen = range(100)
    for i in chosen:
        x = math.exp(rng.gauss(3, 0.7))
        y = 400 + slope * x + rng.gauss(0, 0.3 * abs(slope) * 18)
        records[i]["metrics"] = {**records[i]["metrics"], "payload": x, "rows": y}
    return records, {records[i]["nodeid"] for i in chosen}, set()


def plant_regime(seed: int, n_tests: int = 500) -> tuple[list[Record], set[str], set[str]]:
    """About 7 queries, about 50 in the 30 % of functions that use cold_cache, in 3 modules."""
    rng = random.Random(seed)
    records = noisy_suite(seed, n_tests, 3)
    modules = sorted({one["nodeid"].partition("::")[0] for one in records})
    modules = sorted(rng.sample(modules, 3))
    for module in modules:  # the three have functions of few cases, some of them cold
        cases: list[Record] = [
            {"nodeid": f"{module}::test_r{f:03}", "fixtures": [], "metrics": {"duration": 0.001}}
            for f in range(40)
        ]
        for one in cases:
            if rng.random() < 0.3:
                one["fixtures"] = ["cold_cache"]
        records += cases
    for i, one in enumerate(records):
        one["index"] = one["seq"] = i
    cold = set()
    for one in records:
        if "::test_r" in one["nodeid"]:
            is_cold = "cold_cache" in one["fixtures"]
            mean = 50.0 if is_cold else 7.0
            # served from a pool: a rounded amount, with a value of its own
            amount = round(math.exp(rng.gauss(math.log(mean), 0.25)), 2)
            one["metrics"] = {**one["metrics"], "queries": amount}
            if is_cold:
                cold.add(one["nodeid"])
    return records, cold, set()
