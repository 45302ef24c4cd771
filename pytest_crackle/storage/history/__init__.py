"""The history: past runs in one SQLite file. Nothing here is loaded unless a history is named."""
