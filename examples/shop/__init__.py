"""A small shop: a warehouse in SQLite, mails, reports, a carrier and price lists."""
