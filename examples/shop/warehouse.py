"""The warehouse: articles and movements in SQLite."""

import random
import sqlite3

ARTICLES = 300
MOVEMENTS = 25


class Warehouse:
    """Articles, prices and stock movements; every statement is told to `on_query`."""

    def __init__(self, on_query=None):
        self.connection = sqlite3.connect(":memory:")
        self.on_query = on_query or (lambda statement: None)
        self.connection.executescript(
            "create table article (id integer primary key, name text, price real);"
            "create table movement (article integer, amount integer);"
        )

    def fill(self, seed=1):
        """Fill the warehouse with articles and movements."""
        dice = random.Random(seed)
        articles = [(i, f"article {i}", dice.uniform(1, 99)) for i in range(ARTICLES)]
        self.connection.executemany("insert into article values (?, ?, ?)", articles)
        moves = [(i, dice.randint(-3, 9)) for i in range(ARTICLES) for _ in range(MOVEMENTS)]
        dice.shuffle(moves)
        self.connection.executemany("insert into movement values (?, ?)", moves)

    def query(self, statement, *values):
        """Run one query."""
        self.on_query(statement)
        return self.connection.execute(statement, values).fetchall()

    def stock(self, article):
        """Return how many pieces of an article there are."""
        return self.query("select sum(amount) from movement where article = ?", article)[0][0]

    def price(self, article):
        """Return the price of an article."""
        return self.query("select price from article where id = ?", article)[0][0]

    def close(self):
        """Close the connection."""
        self.connection.close()
