"""The HTML page: charts, tables, style and script, from the standard library alone."""
