import pytest


@pytest.mark.parametrize("article", range(0, 300, 15))
def test_stock_of_article(warehouse, article):
    assert isinstance(warehouse.stock(article), int)


@pytest.mark.parametrize("article", range(5, 300, 60))
def test_price_of_article(warehouse, article):
    assert 1 <= warehouse.price(article) <= 99


def test_all_articles(warehouse):
    assert len(warehouse.query("select * from article")) == 300
