import random
import sys
from pathlib import Path

import pytest

from pytest_crackle import record_metric

sys.path.insert(0, str(Path(__file__).parents[1]))

from shop.warehouse import Warehouse


def count_query(statement):
    record_metric.add("db.queries", 1)


@pytest.fixture
def warehouse():
    """A full warehouse, made anew for every test."""
    new = Warehouse()
    for seed in range(8):  # eight branches
        new.connection.execute("delete from article")
        new.fill(seed)
    yield new
    new.close()


@pytest.fixture(scope="session")
def archive():
    """A full warehouse that no test changes."""
    shared = Warehouse(on_query=count_query)
    for year in range(4):  # the movements of four years
        shared.connection.execute("delete from article")
        shared.fill(year)
    yield shared
    shared.close()


@pytest.fixture
def dice():
    return random.Random(3)
