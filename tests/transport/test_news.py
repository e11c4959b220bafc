"""Lines for the log: once for each peer and reason, until all was well again."""

from raftwerk.transport.news import News
from tests.transport.helpers import Lines


def test_a_trouble_is_told_once_for_each_peer_and_reason() -> None:
    lines = Lines()
    news = News(lines)
    for _ in range(3):
        news.trouble("node 2", "lost", "connection refused")
        news.trouble("node 3", "lost", "connection refused")
        news.trouble("node 2", "lost", "no answer")
    assert lines.lines == [
        "30 lost: node 2; connection refused",
        "30 lost: node 3; connection refused",
        "30 lost: node 2; no answer",
    ]


def test_reasons_of_one_kind_count_as_the_same() -> None:
    lines = Lines()
    news = News(lines)
    news.trouble("node 2", "refused", "a frame of 77 bytes", kind="protocol")
    news.trouble("node 2", "refused", "a frame of 99 bytes", kind="protocol")
    assert lines.lines == ["30 refused: node 2; a frame of 77 bytes"]


def test_after_good_news_a_trouble_is_new_again() -> None:
    lines = Lines()
    news = News(lines)
    for peer in ("node 2", "node 3", "node 2", "node 3"):
        news.trouble(peer, "lost", "no answer")
        if peer == "node 2":
            news.good("node 2", "connected")
    assert lines.lines == [
        "30 lost: node 2; no answer",
        "20 connected: node 2",
        "30 lost: node 3; no answer",
        "30 lost: node 2; no answer",
        "20 connected: node 2",
    ]


def test_what_is_remembered_is_bounded() -> None:
    lines = Lines()
    news = News(lines)
    for number in range(513):
        news.trouble(f"node {number}", "lost", "no answer")
    news.trouble("node 512", "lost", "no answer")
    news.trouble("node 0", "lost", "no answer")
    assert len(lines.lines) == 514
