import pytest
from shop.reports import reorder_list, stock_value


@pytest.mark.parametrize("articles", [7, 12, 26, 44, 63, 74, 92])
def test_stock_value_season(archive, articles):
    assert stock_value(archive, range(articles)) > 0


@pytest.mark.parametrize("articles", [13, 57, 102, 150, 210])
def test_reorder_season(archive, articles):
    assert len(reorder_list(archive, range(articles), least=60)) <= articles
