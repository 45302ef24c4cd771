"""The nouns of pytest-crackle: pure data, no pytest, no files, no clock."""
