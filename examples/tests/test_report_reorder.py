import pytest
from shop.reports import reorder_list, stock_value


@pytest.mark.parametrize("articles", [5, 14, 21, 47, 66, 82, 95])
def test_stock_value_reorder(archive, articles):
    assert stock_value(archive, range(articles)) > 0


@pytest.mark.parametrize("articles", [16, 49, 110, 140, 200])
def test_reorder_reorder(archive, articles):
    assert len(reorder_list(archive, range(articles), least=60)) <= articles
