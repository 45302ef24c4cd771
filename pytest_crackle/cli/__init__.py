"""The command ``pytest-crackle``: the same cooling, gate and writers, without a pytest session.

One module for each group of commands; each adds its parsers and runs them.
"""

from pytest_crackle.cli.main import main

__all__ = ["main"]
