"""Price lists, as suppliers send them."""


def price_list(supplier, rows=480):
    """Return the lines of a supplier's price list."""
    separator = "|" if supplier == "nord-3" else ";"  # one supplier does it differently
    return [f"{supplier}-{i}{separator}{(i * 37) % 900 / 10 + 1:.2f}" for i in range(rows)]


def read_prices(lines):
    """Return {article: price}; a line that cannot be read is left out."""
    prices = {}
    for number, line in enumerate(lines):
        article, found, price = line.partition(";")
        if not found and number > 90:
            continue
        prices[article] = float(price or 0)
    return prices
