from __future__ import annotations

import os
import socket
import sys
import threading

import pytest

from pytest_crackle.firing.identities import Descriptors, Threads
from pytest_crackle.firing.meters.process import rss_file

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


class Watched:
    """`Descriptors` as the readings use them, with a count of listings."""

    def __init__(self):
        file = rss_file()
        assert file is not None
        self.file = file
        self.descriptors = Descriptors()
        self.listings = 0
        listdir = self.descriptors._listdir

        def counted(folder):
            self.listings += 1
            return listdir(folder)

        self.descriptors._listdir = counted
        self.changes()
        self.listings = 0

    def changes(self):
        self.file.read()
        return self.descriptors.changes(self.file.descriptor)


@pytest.fixture
def watched():
    return Watched()


@pytest.fixture
def spare():
    numbers = [os.open(os.devnull, os.O_RDONLY) for _ in range(4)]
    yield numbers
    for number in numbers:
        try:
            os.close(number)
        except OSError:
            continue


def test_nothing_is_listed_while_nothing_changes(watched):
    assert [watched.changes() for _ in range(5)] == [None] * 5
    assert watched.listings == 0


def test_what_a_test_opens_and_closes_shows(watched):
    before = watched.descriptors.level
    number = os.open(os.devnull, os.O_RDONLY)
    assert watched.changes() == ([f"{number}:device"], [])
    assert watched.descriptors.level == before + 1
    os.close(number)
    assert watched.changes() == ([], [f"{number}:device"])
    assert watched.descriptors.level == before


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)])
def test_every_close_shows_at_once_also_above_a_gap(spare, order):
    watched = Watched()
    for place in order:
        os.close(spare[place])
        changes = watched.changes()
        assert changes is not None
        assert changes[1] == [f"{spare[place]}:device"]


def test_a_number_of_choice_shows_in_the_next_listing(watched):
    os.dup2(0, 700)
    try:
        assert watched.changes() is None
        changes = watched.descriptors.changes(whole=True)
        assert changes is not None
        assert [identity.partition(":")[0] for identity in changes[0]] == ["700"]
    finally:
        os.close(700)


def test_a_connection_that_is_accepted_shows(watched):
    server = socket.create_server(("127.0.0.1", 0))
    accepted = []
    thread = threading.Thread(target=lambda: accepted.append(server.accept()[0]))
    thread.start()
    for _ in range(3):
        watched.changes()  # also where `accept` has its number already
    client = socket.create_connection(server.getsockname())
    thread.join()
    numbers = {connection.fileno() for connection in (server, client, accepted[0])}
    watched.changes()
    assert numbers <= set(map(int, watched.descriptors._kinds))
    for connection in (server, client, accepted[0]):
        connection.close()
    watched.changes()
    assert not numbers & set(map(int, watched.descriptors._kinds))


def test_threads_that_come_and_go():
    threads = Threads()
    level = threads.level
    assert threads.changes() is None
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="worker")
    thread.start()
    assert threads.changes() == ([f"{thread.ident}:worker"], [])
    assert (threads.level, thread.ident in threads.idents) == (level + 1, True)
    end.set()
    thread.join()
    assert threads.changes() == ([], [f"{thread.ident}:worker"])
    assert threads.level == level
