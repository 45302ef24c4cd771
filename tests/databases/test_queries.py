"""Queries through real libraries and real databases: SQLite, and PostgreSQL where it is installed.

Run by the tox env ``databases``, which installs SQLAlchemy, Django and psycopg; the PostgreSQL
server is the system's package (Debian: postgresql), started here in a folder of its own.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

pytestmark = pytest.mark.databases

HAS = {name: importlib.util.find_spec(name) is not None for name in ("sqlalchemy", "django")}


@pytest.fixture(scope="session")
def postgres():
    """Start a server that listens on a socket in its folder; give its parameters."""
    homes = [*Path("/usr/lib/postgresql").glob("*/bin"), Path("/usr/bin")]
    home = next((home for home in homes if (home / "initdb").exists()), None)
    if home is None or importlib.util.find_spec("psycopg") is None:
        pytest.skip("no PostgreSQL server or no psycopg is installed")
    as_user = []
    if os.getuid() == 0:  # the server refuses to run as root
        if shutil.which("runuser") is None:
            pytest.skip("PostgreSQL does not run as root, and there is no runuser")
        as_user = ["runuser", "-u", "postgres", "--"]
    # not below pytest's folder, which every new session of pytest closes to other users
    with TemporaryDirectory(prefix="crackle-pg-") as name:
        if as_user:
            shutil.chown(name, "postgres")
        yield from serve(home, Path(name), as_user)


def serve(home, folder, as_user):
    def run(*command: str) -> None:
        subprocess.run(
            [*as_user, *command],
            check=True,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    data = str(folder / "data")
    run(str(home / "initdb"), "-D", data, "-U", "crackle", "-A", "trust", "--no-sync")
    control = [str(home / "pg_ctl"), "-D", data, "-w", "-s", "-l", str(folder / "log")]
    run(*control, "-o", f"-k {folder} -c listen_addresses=''", "start")
    try:
        yield {"host": str(folder), "user": "crackle", "database": "postgres"}
    finally:
        run(*control, "-m", "fast", "stop")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    """The parameters of the server, None for SQLite."""
    return request.getfixturevalue("postgres") if request.param == "postgresql" else None


SQLALCHEMY = """
import threading
import pytest
import sqlalchemy as sa

ENGINE = sa.create_engine({url!r})
META = sa.MetaData()
ROWS = sa.Table("crackle_rows", META, sa.Column("n", sa.Integer))

@pytest.fixture(scope="session", autouse=True)
def tables():
    with ENGINE.begin() as connection:  # before any test, so that it is no test's own
        META.drop_all(connection)
        META.create_all(connection)

@pytest.fixture
def connection():
    with ENGINE.begin() as connection:
        yield connection

def test_first(): pass

def test_none(): pass

def test_three(connection):
    for n in range(3):
        connection.execute(sa.insert(ROWS).values(n=n))

def test_many_rows_are_one(connection):
    connection.execute(sa.insert(ROWS), [{{"n": n}} for n in range(50)])

def test_failing():
    with ENGINE.connect() as connection, pytest.raises(sa.exc.DBAPIError):
        connection.execute(sa.text("select * from nonsense"))

def ask():
    with ENGINE.connect() as connection:
        connection.execute(sa.select(sa.func.count()).select_from(ROWS)).scalar()

def test_threads():
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()

def test_last(): pass
"""

DJANGO = """
import threading
import pytest
from django.db import connection
from crackle_app import Row

@pytest.fixture(scope="session", autouse=True)
def tables():
    with connection.schema_editor() as editor:
        editor.create_model(Row)
    # not deleted: the queries of that would be the last test's, as these are the first one's

def test_first(): pass

def test_none(): pass

def test_three():
    for n in range(3):
        Row.objects.create(n=n)

def test_many_rows_are_one():
    Row.objects.bulk_create([Row(n=n) for n in range(50)])

def test_failing():
    from django.db import DatabaseError
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("select * from nonsense")

def ask():
    Row.objects.count()
    connection.close()  # each thread has its own

def test_threads():
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()

def test_last(): pass
"""
DJANGO_APP = """
import django
from django.conf import settings

settings.configure(
    DATABASES={{"default": {database!r}}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=[],
)
django.setup()

from django.db import models

class Row(models.Model):
    n = models.IntegerField()

    class Meta:
        app_label = "crackle_app"
"""
QUERIES = {"none": 0, "three": 3, "many_rows_are_one": 1, "failing": 1, "threads": 4, "last": 0}


def check(crackle, *workers: str, begins: int = 0) -> None:
    result = crackle.run("--crackle-meters=+db", "-p", "no:django", *workers, subprocess=True)
    result.assert_outcomes(passed=7)
    assert crackle.report["faults"] == []
    tests = {name.removeprefix("test_"): test["metrics"] for name, test in crackle.tests.items()}
    # the first one makes the tables; with workers the first of each does
    if not workers:
        assert tests["first"]["db.queries"] >= 1
        expected = {**QUERIES, "many_rows_are_one": 1 + begins}
        assert {name: tests[name]["db.queries"] for name in QUERIES} == expected
        assert all(tests[name]["db.seconds"] > 0 for name in ("three", "many_rows_are_one"))
        assert tests["last"]["db.seconds"] == 0
    assert all(metrics["db.seconds"] <= 4 * metrics["duration"] for metrics in tests.values())
    declared = crackle.report["metrics"]
    assert (declared["db.queries"]["unit"], declared["db.queries"]["kind"]) == ("1", "count")
    assert (declared["db.seconds"]["unit"], declared["db.seconds"]["kind"]) == ("s", "value")


@pytest.mark.skipif(not HAS["sqlalchemy"], reason="SQLAlchemy is not installed")
def test_sqlalchemy(crackle, database):
    url = "sqlite:///rows.db"
    if database is not None:
        url = "postgresql+psycopg://{user}@/{database}?host={host}".format(**database)
    crackle.pytester.makepyfile(SQLALCHEMY.format(url=url))
    check(crackle)


@pytest.mark.skipif(not HAS["django"], reason="Django is not installed")
def test_django(crackle, database):
    given = {"ENGINE": "django.db.backends.sqlite3", "NAME": "rows.db"}
    if database is not None:
        given = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": database["database"],
            "USER": database["user"],
            "HOST": database["host"],
        }
    crackle.pytester.makepyfile(
        test_rows=DJANGO, crackle_app=DJANGO_APP.format(database=given), conftest=IN_PATH
    )
    check(crackle, begins=database is None)  # on SQLite Django asks for BEGIN itself


IN_PATH = "import sys, pathlib; sys.path.insert(0, str(pathlib.Path(__file__).parent))"


@pytest.mark.skipif(not HAS["sqlalchemy"], reason="SQLAlchemy is not installed")
def test_with_workers(crackle, postgres):
    url = "postgresql+psycopg://{user}@/{database}?host={host}".format(**postgres)
    suite = SQLALCHEMY.format(url=url).replace("META.drop_all(connection)", "pass")
    crackle.pytester.makepyfile(suite)
    crackle.run("--crackle-meters=+db", subprocess=True).assert_outcomes(passed=7)  # makes tables
    check(crackle, "-n2")


@pytest.mark.skipif(not HAS["sqlalchemy"], reason="SQLAlchemy is not installed")
def test_a_library_that_comes_in_a_test_is_missing_there_and_counted_after(crackle):
    crackle.pytester.makepyfile(
        """
        def ask():
            import sqlalchemy as sa
            with sa.create_engine("sqlite://").connect() as connection:
                connection.execute(sa.text("select 1"))

        def test_a(): ask()
        def test_b(): ask()
        """
    )
    crackle.run("--crackle-meters=+db", subprocess=True).assert_outcomes(passed=2)
    assert "db.queries" not in crackle.tests["test_a"]["metrics"]
    assert crackle.tests["test_b"]["metrics"]["db.queries"] == 1.0
