"""Nodes of one name in DNS: who comes, who leaves, and who is only missing a moment."""

from raftwerk.config import Url
from raftwerk.monitor.names import MISSED_MAX, Names

ONE, TWO = Url("10.0.0.1", 2379), Url("10.0.0.2", 2379)


class Watched:
    """Keeps who is looked at."""

    def __init__(self) -> None:
        self.urls: list[Url] = []

    def add(self, url: Url) -> None:
        self.urls.append(url)

    def remove(self, url: Url) -> None:
        self.urls.remove(url)


def test_who_is_named_is_watched_once() -> None:
    names, watched = Names("node", 2379), Watched()
    for _ in range(3):
        names.take([ONE, TWO], [watched])
    assert watched.urls == [ONE, TWO]


def test_a_replica_that_starts_again_is_kept_and_one_that_left_is_let_go() -> None:
    names, watched = Names("node", 2379), Watched()
    names.take([ONE, TWO], [watched])
    for _ in range(MISSED_MAX - 1):
        names.take([ONE], [watched])
    assert watched.urls == [ONE, TWO]
    names.take([ONE, TWO], [watched])
    for _ in range(MISSED_MAX):
        names.take([ONE], [watched])
    assert watched.urls == [ONE]
