"""Change points of one series."""
