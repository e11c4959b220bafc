"""What a node says about where it is reached."""

import pytest

from raftwerk.cli.reachable import hint_for, is_same_place
from raftwerk.config import Url

HERE, ELSEWHERE, ANY = (
    Url(host, 2380) for host in ("127.0.0.1", "10.0.0.1", "0.0.0.0")
)

CASES = [
    (HERE, ELSEWHERE, True, "nobody else can reach it"),
    (HERE, Url("127.0.0.2", 2380), False, "all are on this machine"),
    (ANY, ELSEWHERE, False, "it answers everywhere"),
    (ELSEWHERE, ELSEWHERE, False, "it answers there"),
    (Url("localhost", 2380), ELSEWHERE, True, "by name"),
    (Url("::1", 2380), ELSEWHERE, True, "of the other kind"),
]


@pytest.mark.parametrize(("listened", "listed", "is_hint", "why"), CASES)
def test_who_answers_here_alone_is_told_so(
    listened: Url, listed: Url, is_hint: bool, why: str
) -> None:
    assert bool(hint_for([listened], [listed])) is is_hint, why


def test_who_sees_nobody_is_told_nothing_of_itself() -> None:
    assert not hint_for([HERE], [])


SAME = [
    (HERE, HERE, True, "written alike"),
    (Url("localhost", 2380), HERE, True, "a name of this machine"),
    (Url("localhost", 2381), HERE, False, "another port"),
    (ELSEWHERE, HERE, False, "another machine"),
    (Url("no-such-host.invalid", 2380), HERE, False, "a name that nobody knows"),
]


@pytest.mark.parametrize(("url", "other", "is_same", "why"), SAME)
def test_urls_lead_to_one_place_by_their_addresses(
    url: Url, other: Url, is_same: bool, why: str
) -> None:
    assert is_same_place(url, other) is is_same, why
