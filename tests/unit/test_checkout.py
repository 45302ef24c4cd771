from __future__ import annotations

import subprocess

import pytest

from pytest_crackle.checkout import Checkout, checkout_of
from pytest_crackle.environment import environment_key

SHA = "0123456789" * 4
HEAD = f"# branch.oid {SHA}\n"


def answer(monkeypatch, text="", status=0, error=None):
    def run(command, **given):
        if error is not None:
            raise error
        return subprocess.CompletedProcess(command, status, text.encode(), b"")

    monkeypatch.setattr(subprocess, "run", run)


@pytest.mark.parametrize(
    ("text", "environment", "expected"),
    [
        (HEAD + "# branch.head main\n", {}, Checkout(SHA, "main")),
        (HEAD + "# branch.head main\n1 .M N... 100644 x\n", {}, Checkout(SHA, "main", dirty=True)),
        ("# branch.oid (initial)\n# branch.head main\n", {}, Checkout(None, "main")),
        (HEAD + "# branch.head (detached)\n", {}, Checkout(SHA)),
        (
            HEAD + "# branch.head (detached)\n",
            {"GITHUB_SHA": SHA, "GITHUB_HEAD_REF": "", "GITHUB_REF_NAME": "dev"},
            Checkout(SHA, "dev"),
        ),
        (
            HEAD + "# branch.head (detached)\n",
            {"GITHUB_SHA": "other", "GITHUB_REF_NAME": "dev"},
            Checkout(SHA),
        ),
        ("", {"CI_COMMIT_SHA": SHA}, Checkout()),
    ],
)
def test_what_git_says(monkeypatch, tmp_path, text, environment, expected):
    answer(monkeypatch, text)
    assert checkout_of(tmp_path, environment) == expected


@pytest.mark.parametrize(
    "error", [FileNotFoundError("git"), subprocess.TimeoutExpired("git", 10), ValueError("cwd")]
)
def test_without_git_ci_is_asked(monkeypatch, tmp_path, error):
    answer(monkeypatch, error=error)
    ci = {"CI_COMMIT_SHA": SHA, "CI_COMMIT_BRANCH": "dev"}
    assert checkout_of(tmp_path, ci) == Checkout(SHA, "dev")
    assert checkout_of(tmp_path, {}) == Checkout()


def test_outside_of_a_checkout_ci_is_asked(monkeypatch, tmp_path):
    answer(monkeypatch, "fatal: not a git repository", status=128)
    assert checkout_of(tmp_path, {"GITHUB_SHA": SHA}) == Checkout(SHA)


def test_the_environment_key_is_the_same_again_and_names_no_host():
    import socket

    key = environment_key()
    assert key == environment_key()
    assert len(socket.gethostname()) < 4 or socket.gethostname() not in key
