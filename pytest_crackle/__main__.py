"""``python -m pytest_crackle``."""

from pytest_crackle.cli import main

raise SystemExit(main())
