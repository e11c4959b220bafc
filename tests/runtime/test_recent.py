"""What is kept of the past: of each kind the newest, all in one order."""

from raftwerk.runtime.recent import Recent


def test_what_is_frequent_crowds_out_nothing() -> None:
    recent: Recent[int] = Recent(3)
    recent.add("election", 0)
    for number in range(1, 100):
        recent.add("question", number)
    recent.add("election", 100)
    assert list(recent) == [0, 97, 98, 99, 100]
