import pytest


@pytest.mark.parametrize("pieces", [1, 2, 3, 5, 8, 13, 21, 34])
def test_order(warehouse, pieces):
    price = warehouse.price(12)
    assert round(pieces * price, 2) >= pieces


@pytest.mark.parametrize("article", [3, 33, 133, 233])
def test_reserve(warehouse, article):
    before = warehouse.stock(article)
    warehouse.query("insert into movement values (?, -1)", article)
    assert warehouse.stock(article) == before - 1
