"""The analysis: a table of metrics and a cooling profile in, patterns out. Pure."""
