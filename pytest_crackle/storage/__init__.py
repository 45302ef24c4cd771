"""Files: the journal, records and reports read back, whole file or old file."""
