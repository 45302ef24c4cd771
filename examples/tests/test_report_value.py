import pytest
from shop.reports import reorder_list, stock_value


@pytest.mark.parametrize("articles", [3, 11, 24, 40, 58, 77, 100])
def test_stock_value_value(archive, articles):
    assert stock_value(archive, range(articles)) > 0


@pytest.mark.parametrize("articles", [9, 35, 90, 160, 230])
def test_reorder_value(archive, articles):
    assert len(reorder_list(archive, range(articles), least=60)) <= articles
