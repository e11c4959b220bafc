"""Asking all members, through those whom one knows."""

import asyncio

from raftwerk.config import Url
from raftwerk.service.deposition import Acquaintance, Deposition
from raftwerk.service.inquiry import NotHeard, inquire


def url(number: int) -> Url:
    return Url("127.0.0.1", number)


def acquaintance(number: int) -> Acquaintance:
    return Acquaintance(id=f"{number}", client_urls=(str(url(number)),))


def test_whom_a_member_knows_is_asked_too_and_each_only_once() -> None:
    asked: list[int] = []
    knows = {1: (1, 2), 2: (1, 3), 3: (4,)}

    async def ask(where: Url) -> Deposition:
        asked.append(where.port)
        if where.port not in knows:
            raise NotHeard("no answer within 1 s")
        others = tuple(acquaintance(each) for each in knows[where.port])
        return Deposition(id=f"{where.port}", name="", members=others)

    case = asyncio.run(inquire([url(1)], ask))
    assert asked == [1, 2, 3, 4]
    assert [each.id for each in case.depositions] == ["1", "2", "3"]
    (silent,) = case.silent
    assert (silent.url, silent.reason) == (str(url(4)), "no answer within 1 s")


def test_a_member_is_not_asked_for_what_it_said_already() -> None:
    async def ask(where: Url) -> Deposition:
        raise AssertionError(where)

    own = Deposition(id="1", name="n1", members=(acquaintance(1),))
    case = asyncio.run(inquire([], ask, [own]))
    assert case.depositions == (own,)


def test_an_address_that_is_none_is_passed_over() -> None:
    async def ask(where: Url) -> Deposition:
        raise AssertionError(where)

    odd = Acquaintance(id="2", client_urls=("unix:///run/x", "nowhere"))
    case = asyncio.run(inquire([], ask, [Deposition(id="1", name="", members=(odd,))]))
    assert not case.silent
