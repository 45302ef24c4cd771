"""The gathering: runs in every process that runs tests, and imports no cooling."""
