"""What the page knows of a node, as its answers come, fail or stay out."""

import asyncio
from collections.abc import Callable

from raftwerk.config import Url
from raftwerk.host.draw import SplitMix64
from raftwerk.host.protocol import Host
from raftwerk.host.virtual import VirtualLoop, run, virtual_host
from raftwerk.monitor.poller import Poller
from raftwerk.monitor.report import UNKNOWN, UNREACHABLE, FetchError, NodeReport

ONE, TWO, THREE = (Url(f"node-{number}", 2379) for number in (1, 2, 3))

OTHER_WAY_TO_ONE = Url("the-same", 2379)


def report(
    number: int,
    *,
    leader: str | None = "1",
    term: int = 3,
    members: dict[str, Url | None] | None = None,
) -> NodeReport:
    state = "LEADER" if leader == str(number) else "FOLLOWER"
    return NodeReport(
        id=str(number),
        name=f"n{number}",
        term=term,
        state=state,
        leader=leader,
        members=members or {},
    )


class FakeNodes:
    """Answers for each URL as the test says at the moment."""

    def __init__(self) -> None:
        self.answers: dict[Url, NodeReport | FetchError | None] = {
            ONE: report(1),
            TWO: report(2),
        }
        self.asked: list[Url] = []

    async def __call__(self, url: Url) -> NodeReport:
        self.asked.append(url)
        answer = self.answers[url]
        if answer is None:
            await asyncio.get_running_loop().create_future()  # never answers
        if isinstance(answer, FetchError):
            raise answer
        assert answer is not None
        return answer


def in_virtual_time(story: Callable[[FakeNodes, Poller, Host], object]) -> None:
    """Run a story beside a poller of two nodes; its awaits take no real time."""

    async def play() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        host = virtual_host(loop, SplitMix64(1))
        nodes = FakeNodes()
        poller = Poller((ONE, TWO), nodes, clock=host.clock, timers=host.timers)
        polling = asyncio.create_task(poller.run())
        told = story(nodes, poller, host)
        if asyncio.iscoroutine(told):
            await told
        polling.cancel()
        await asyncio.wait([polling])

    run(play())


def test_a_node_that_was_not_asked_yet_is_unknown() -> None:
    def story(_nodes: FakeNodes, poller: Poller, _host: Host) -> None:
        assert [view.state for view in poller.views()] == [UNKNOWN, UNKNOWN]

    in_virtual_time(story)


def test_a_leader_is_called_by_its_name() -> None:
    async def story(_nodes: FakeNodes, poller: Poller, host: Host) -> None:
        await host.timers.sleep(0.5)
        views = poller.views()
        assert [view.state for view in views] == ["LEADER", "FOLLOWER"]
        assert [view.leader for view in views] == ["n1", "n1"]

    in_virtual_time(story)


def test_a_leader_whose_name_nobody_told_is_called_by_its_id() -> None:
    async def story(nodes: FakeNodes, poller: Poller, host: Host) -> None:
        nodes.answers = {ONE: report(1, leader="77"), TWO: report(2, leader=None)}
        await host.timers.sleep(0.5)
        assert [view.leader for view in poller.views()] == ["77", None]

    in_virtual_time(story)


def test_an_unreachable_node_stays_with_who_it_was_and_since_when() -> None:
    async def story(nodes: FakeNodes, poller: Poller, host: Host) -> None:
        await host.timers.sleep(0.5)
        nodes.answers[TWO] = FetchError("connection refused")
        await host.timers.sleep(1.0)
        since = host.clock.wall()
        await host.timers.sleep(10.0)
        view = poller.views()[1]
        assert (view.id, view.name, view.term) == ("2", "n2", 3)
        assert (view.state, view.leader) == (UNREACHABLE, None)
        assert view.error == "connection refused"
        assert view.unreachable_since is not None
        assert since - 1.0 <= view.unreachable_since <= since

    in_virtual_time(story)


def test_a_node_that_answers_again_is_as_before() -> None:
    async def story(nodes: FakeNodes, poller: Poller, host: Host) -> None:
        nodes.answers[TWO] = FetchError("connection refused")
        await host.timers.sleep(3.5)
        nodes.answers[TWO] = report(2, term=4)
        await host.timers.sleep(1.0)
        view = poller.views()[1]
        assert (view.state, view.term) == ("FOLLOWER", 4)
        assert (view.unreachable_since, view.error) == (None, None)

    in_virtual_time(story)


def test_a_node_that_never_answers_delays_no_other() -> None:
    async def story(nodes: FakeNodes, poller: Poller, host: Host) -> None:
        nodes.answers[ONE] = None
        await host.timers.sleep(10.5)
        assert poller.views()[0].error == "no answer within 1 s"
        assert poller.views()[1].state == "FOLLOWER"
        assert nodes.asked.count(TWO) == 11
        assert nodes.asked.count(ONE) == 6

    in_virtual_time(story)


def test_watchers_are_called_when_something_changed_and_only_then() -> None:
    async def story(nodes: FakeNodes, poller: Poller, host: Host) -> None:
        calls: list[int] = []
        poller.watch(lambda: calls.append(1))
        await host.timers.sleep(5.5)
        assert len(calls) == 2  # from unknown to known, for each node
        nodes.answers[ONE] = report(1, term=9)
        await host.timers.sleep(5.0)
        assert len(calls) == 3

    in_virtual_time(story)


def endpoints(poller: Poller) -> list[str]:
    return [view.endpoint for view in poller.views()]


def test_members_that_a_node_names_are_asked_as_well() -> None:
    async def story(nodes: FakeNodes, poller: Poller, host: Host) -> None:
        everyone: dict[str, Url | None] = {"1": ONE, "2": TWO, "3": THREE, "4": None}
        nodes.answers[ONE] = report(1, members=everyone)
        nodes.answers[THREE] = report(3)
        await host.timers.sleep(2.5)
        assert endpoints(poller) == [str(ONE), str(TWO), str(THREE)]
        assert poller.views()[2].name == "n3"
        # It is asked on when it is away, and forgotten when nobody names it any more.
        nodes.answers[THREE] = FetchError("connection refused")
        await host.timers.sleep(2.5)
        assert poller.views()[2].state == UNREACHABLE
        nodes.answers[ONE] = report(1, members={"1": ONE, "2": TWO})
        await host.timers.sleep(2.5)
        assert endpoints(poller) == [str(ONE), str(TWO)]
        asked = nodes.asked.count(THREE)
        await host.timers.sleep(2.5)
        assert nodes.asked.count(THREE) == asked

    in_virtual_time(story)


def test_a_member_whom_one_node_names_stays_if_another_does_not_know_it_yet() -> None:
    async def story(nodes: FakeNodes, _poller: Poller, host: Host) -> None:
        nodes.answers[ONE] = report(1, members={"1": ONE, "2": TWO, "3": THREE})
        nodes.answers[TWO] = report(2, members={"1": ONE, "2": TWO})
        nodes.answers[THREE] = report(3)
        await host.timers.sleep(1.5)
        asked = nodes.asked.count(THREE)
        await host.timers.sleep(10.0)
        assert nodes.asked.count(THREE) == asked + 10  # once a second, and never anew

    in_virtual_time(story)


def test_two_ways_to_one_node_are_one_row() -> None:
    async def story(nodes: FakeNodes, poller: Poller, host: Host) -> None:
        nodes.answers[ONE] = report(1, members={"1": OTHER_WAY_TO_ONE, "2": TWO})
        nodes.answers[OTHER_WAY_TO_ONE] = report(1)
        await host.timers.sleep(2.5)
        assert endpoints(poller) == [str(ONE), str(TWO)]
        # Also if only the other way was known when it was named.
        nodes.answers[ONE] = FetchError("connection refused")
        poller.remove(ONE)
        nodes.answers[TWO] = report(2, members={"1": OTHER_WAY_TO_ONE, "2": TWO})
        await host.timers.sleep(2.5)
        assert endpoints(poller) == [str(TWO), str(OTHER_WAY_TO_ONE)]
        nodes.answers[ONE] = report(1)
        poller.add(ONE)
        await host.timers.sleep(2.5)
        assert endpoints(poller) == [str(TWO), str(ONE)]

    in_virtual_time(story)


def test_a_node_may_be_added_that_was_found_before() -> None:
    async def story(nodes: FakeNodes, poller: Poller, host: Host) -> None:
        nodes.answers[ONE] = report(1, members={"1": ONE, "2": TWO, "3": THREE})
        nodes.answers[THREE] = report(3)
        await host.timers.sleep(2.5)
        poller.add(THREE)
        nodes.answers[ONE] = report(1, members={"1": ONE, "2": TWO})
        await host.timers.sleep(2.5)
        assert endpoints(poller) == [str(ONE), str(TWO), str(THREE)]
        poller.remove(THREE)
        assert endpoints(poller) == [str(ONE), str(TWO)]

    in_virtual_time(story)


def test_nodes_are_asked_that_come_when_there_was_none() -> None:
    async def play() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        host = virtual_host(loop, SplitMix64(1))
        poller = Poller((), FakeNodes(), clock=host.clock, timers=host.timers)
        polling = asyncio.create_task(poller.run())
        await host.timers.sleep(1.0)
        poller.add(ONE)
        await host.timers.sleep(1.0)
        assert [view.state for view in poller.views()] == ["LEADER"]
        polling.cancel()
        await asyncio.wait([polling])

    run(play())
