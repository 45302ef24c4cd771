import pytest
from shop.prices import price_list, read_prices

SUPPLIERS = [f"{town}-{i}" for town in ("nord", "sued", "west") for i in range(8)]


@pytest.mark.parametrize("supplier", SUPPLIERS)
def test_price_list_is_read(supplier, record_metric):
    prices = read_prices(price_list(supplier))
    record_metric("prices.read", len(prices))
    assert prices


@pytest.mark.parametrize("rows", [10, 45, 77, 150, 230, 310, 380, 460])
def test_part_of_a_price_list(rows, record_metric):
    prices = read_prices(price_list("sued-1", rows))
    record_metric("prices.read", len(prices))
    assert len(prices) == rows


@pytest.mark.parametrize("rows", [5, 60, 88, 120, 205, 290, 333, 404])
def test_cheap_articles(rows, record_metric):
    prices = read_prices(price_list("west-2", rows))
    record_metric("prices.read", sum(price < 50 for price in prices.values()))
    assert max(prices.values()) < 100


@pytest.mark.parametrize("rows", [8, 33, 91, 133, 250, 270, 366, 440])
def test_dear_articles(rows, record_metric):
    prices = read_prices(price_list("nord-1", rows))
    record_metric("prices.read", sum(price >= 50 for price in prices.values()))
    assert min(prices.values()) >= 1


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 7, 8, 9])
def test_merge(count, record_metric):
    merged = {}
    for i in range(count):
        merged.update(read_prices(price_list(f"west-{i}", 40 * count)))
    record_metric("prices.read", len(merged))
    assert merged
