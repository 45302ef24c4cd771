import pytest
from shop.reports import reorder_list, stock_value


@pytest.mark.parametrize("articles", [4, 18, 29, 33, 52, 71, 88])
def test_stock_value_audit(archive, articles):
    assert stock_value(archive, range(articles)) > 0


@pytest.mark.parametrize("articles", [22, 61, 84, 120, 180])
def test_reorder_audit(archive, articles):
    assert len(reorder_list(archive, range(articles), least=60)) <= articles
