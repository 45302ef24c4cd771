"""Stock reports. Each asks the database once for every article."""


def stock_value(warehouse, articles):
    """Return the value of the stock of some articles."""
    return sum(max(0, warehouse.stock(a)) * warehouse.price(a) for a in articles)


def reorder_list(warehouse, articles, least):
    """Return the articles of which there are fewer than `least`."""
    return [a for a in articles if warehouse.stock(a) < least]
