"""Proposals of whole nodes: batches, disk and network side by side, honest ends."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from raftwerk.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    ForwardProposal,
    ForwardReadIndex,
)
from raftwerk.errors import (
    MisuseError,
    NotLeader,
    NotProposed,
    QueueFull,
    RequestError,
)
from raftwerk.transport.refusals import ProposalsRefused
from raftwerk.types import LogIndex

from .group import Group, Process, story
from .machines import ListMachine


def entries_sent(process: Process, after: int) -> list[AppendEntries]:
    """Return the appends with entries above an index."""
    return [
        message
        for message in process.sent(AppendEntries)
        if isinstance(message, AppendEntries)
        and message.entries
        and message.entries[-1].index > after
    ]


# ---- one turn, one batch -------------------------------------------------------


@story
async def test_one_turn_makes_one_append_one_sync_and_one_message_a_peer() -> None:
    group = await Group().start()
    leader = group.leader
    await group.until_equal()
    await group.sleep(0.1)
    last, appends = leader.status.last_log_index, leader.log.appends
    syncs = len(leader.log.synced_at)
    asked = [leader.propose(b"%d" % number) for number in range(100)]
    assert await asyncio.gather(*asked) == list(range(1, 101))
    assert leader.log.appends == appends + 1
    assert len(leader.log.synced_at) == syncs + 1
    sent = entries_sent(leader, last)
    assert sorted((m.receiver, len(m.entries)) for m in sent) == [
        (p.node_id, 100) for p in group if p is not leader
    ]
    assert leader.machine.batches[-1] == 100
    for follower in group.followers:
        assert len(follower.log.synced_at) == len(set(follower.log.synced_at))


@story
async def test_a_follower_hands_all_of_a_turn_on_in_one_message() -> None:
    group = await Group().start()
    follower = group.followers[0]
    before = len(follower.sent(ForwardProposal))
    asked = [follower.propose(b"%d" % number) for number in range(100)]
    assert await asyncio.gather(*asked) == list(range(1, 101))
    (message,) = follower.sent(ForwardProposal)[before:]
    assert isinstance(message, ForwardProposal)
    assert len(message.proposals) == 100


@story
async def test_what_comes_while_the_disk_syncs_shares_the_next_sync() -> None:
    group = await Group(voters=1, latency=lambda worker: 0.01).start()
    process = group[1]
    await group.sleep(0.1)
    before = len(process.log.synced_at)
    asked = []
    for number in range(50):
        asked.append(process.propose(b"%d" % number))
        await group.sleep(0.001)
    await asyncio.gather(*asked)
    assert len(process.log.synced_at) - before <= 7


@story
async def test_a_batch_that_is_too_large_for_one_message_makes_several() -> None:
    group = await Group(append_bytes_max=1000).start()
    leader, last = group.leader, group.leader.status.last_log_index
    await asyncio.gather(*[leader.propose(b"x" * 300) for _ in range(12)])
    for message in entries_sent(leader, last):
        assert sum(len(entry.data) for entry in message.entries) <= 1000
    assert len(leader.machine.commands) == 12


class Clocked(ListMachine):
    """Notes in which turn of the loop each batch was applied."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = 0
        self.turns: list[int] = []

    def _count(self) -> None:
        self.turn += 1

    def apply(self, index: LogIndex, commands: Sequence[bytes]) -> Sequence[object]:
        self.turns.append(self.turn)
        asyncio.get_running_loop().call_soon(self._count)
        return super().apply(index, commands)


@story
async def test_pages_of_entries_leave_the_loop_to_others_in_between() -> None:
    group = Group(voters=1, committed_bytes_max=1000)
    machine = Clocked()
    await group[1].start(machine)
    await group.until(lambda: group[1].is_leader)
    await asyncio.gather(*[group[1].propose(b"x" * 100) for _ in range(100)])
    assert max(machine.batches) <= 10
    assert len(set(machine.turns)) == len(machine.turns)


# ---- disk and network side by side ----------------------------------------------


@story
async def test_the_leaders_message_leaves_before_its_own_sync_ends() -> None:
    group = await Group().start()
    leader = group.leader
    await group.sleep(0.1)
    leader.latency = lambda worker: 0.05
    begin = group.loop.time()
    asked = leader.propose(b"x")
    await group.sleep(0.001)
    sent = [
        at
        for at, message in leader.transport.sent
        if at >= begin and isinstance(message, AppendEntries) and message.entries
    ]
    assert sent == [begin, begin]
    assert leader.log.unsynced
    assert await asked == 1


@story
async def test_followers_may_commit_before_the_leaders_disk_is_done() -> None:
    group = await Group().start()
    leader = group.leader
    await group.sleep(0.1)
    leader.latency = lambda worker: 1.0 if worker == "disk" else 0.0
    begin = group.loop.time()
    asked = leader.propose(b"x")
    followers = group.followers
    await group.until(lambda: all(f.machine.commands == [b"x"] for f in followers), 0.5)
    assert not leader.machine.commands, "it applies what its own disk has"
    assert not asked.done()
    assert await asked == 1
    assert group.loop.time() - begin > 0.99


@story
async def test_a_follower_answers_only_when_its_disk_has_it() -> None:
    group = await Group().start()
    follower = group.followers[0]
    await group.sleep(0.1)
    follower.latency = lambda worker: 0.5
    begin, last = group.loop.time(), group.leader.status.last_log_index
    await group.leader.propose(b"x")
    await group.sleep(1.0)
    answers = [
        at
        for at, message in follower.transport.sent
        if isinstance(message, AppendEntriesReply) and message.match_index > last
    ]
    assert answers
    assert min(answers) >= begin + 0.5


# ---- how a proposal ends ----------------------------------------------------------


@story
async def test_without_a_leader_nothing_is_proposed_and_that_is_said_in_time() -> None:
    group = Group(request_timeout_millis=500)
    await group[1].start()
    begin = group.loop.time()
    error = await group.outcome(group[1].propose(b"x"))
    assert isinstance(error, NotProposed)
    assert 0.5 <= group.loop.time() - begin < 0.6


@story
async def test_time_is_up_in_a_member_that_has_no_deadline_of_its_own() -> None:
    # A stranger to the group never stands for an election, so nothing wakes it.
    group = Group(request_timeout_millis=500)
    stranger = group.add(9)
    await stranger.start()
    await group.sleep(5.0)
    begin = group.loop.time()
    proposed, read = stranger.propose(b"x"), stranger.read()
    assert isinstance(await group.outcome(proposed), NotProposed)
    assert isinstance(await group.outcome(read), NotLeader)
    assert group.loop.time() - begin < 0.6


@story
async def test_what_is_held_is_proposed_when_a_leader_is_there() -> None:
    group = Group()
    await group[1].start()
    held = [group[1].propose(b"%d" % number) for number in range(3)]
    await group.sleep(1.0)
    await group[2].start()
    assert await asyncio.gather(*held) == [1, 2, 3]


@story
async def test_what_a_cut_off_leader_took_is_proposed_again_and_applied_once() -> None:
    group = await Group().start()
    old = group.leader
    group.isolate(old.node_id)
    lost = old.propose(b"lost in its log")
    await group.sleep(0.01)
    others = [p.node_id for p in group if p is not old]
    await group.until(lambda: not old.is_leader)
    new = await group.until_led(others)
    await new.propose(b"meanwhile")
    group.heal()
    assert await lost == 2
    await group.until_equal()
    for process in group:
        assert process.machine.commands == [b"meanwhile", b"lost in its log"]


@story
async def test_what_was_handed_to_a_leader_that_died_goes_to_the_next() -> None:
    group = await Group().start()
    leader, follower = group.leader, group.followers[0]
    asked = follower.propose(b"handed on")
    await group.sleep(0)
    await group.sleep(0)
    assert follower.sent(ForwardProposal)
    leader.kill()
    begin = group.loop.time()
    assert await asked == 1
    assert group.loop.time() - begin < 1.0, "settled by the new term, not by the clock"


@story
async def test_what_was_handed_on_in_one_term_is_not_taken_in_another() -> None:
    """Even by the same leader: by then its follower has proposed it again."""
    group = await Group().start()
    leader, follower = group.leader, group.followers[0]
    assert await follower.propose(b"once") == 1
    (message,) = follower.sent(ForwardProposal)[-1:]
    assert message.term == leader.status.term
    for heir in (follower, leader):
        led = group.leader
        led.process.call(led.node.transfer_leadership, heir.node_id)
        await group.until_led([heir.node_id])
    assert leader.status.term > message.term
    driver = leader.node._driver()  # pylint: disable=protected-access  # the network's
    leader.process.call(driver.on_messages, [message])
    assert await leader.propose(b"next") == 2
    await group.until_equal()
    for process in group:
        assert process.machine.commands == [b"once", b"next"]


@story
async def test_a_change_of_leader_leaves_no_proposal_of_a_follower_unknown() -> None:
    group = await Group().start()
    asked: list[asyncio.Task[object]] = []
    for _ in range(5):
        for number in range(40):
            if number == 20:
                led, heir = group.leader, group.followers[0]
                led.process.call(led.node.transfer_leadership, heir.node_id)
            asked += [process.propose(b"%d" % len(asked)) for process in group]
            await group.sleep(0.001)
    results = await asyncio.gather(*asked)
    # Each was applied, and once: the machine counts.
    assert sorted(map(str, results)) == sorted(
        str(1 + number) for number in range(len(asked))
    )


async def full_leader(seconds: float, **settings: Any) -> tuple[Group, list[Any]]:
    """Return a group whose leader takes no more for so long, and what it took."""
    group = await Group(uncommitted_bytes_max=1000, **settings).start()
    for process in group:
        process.latency = lambda worker: seconds if worker == "disk" else 0.001
    taken = []
    for _ in range(4):
        taken.append(group.leader.propose(b"x" * 400))
        await group.sleep(0.002)
    return group, taken


@story
async def test_what_a_full_leader_hands_back_is_handed_on_again() -> None:
    group, taken = await full_leader(0.4)
    leader, follower = group.leader, group.followers[0]
    asked = follower.propose(b"y" * 400)
    results = await asyncio.gather(asked, *taken)
    assert sorted(results) == [1, 2, 3, 4, 5]
    assert leader.sent(ProposalsRefused)
    assert len(follower.sent(ForwardProposal)) < 40, "not with every turn"
    assert leader.machine.commands.count(b"y" * 400) == 1


@story
async def test_what_was_handed_back_to_the_end_was_not_proposed_and_that_is_said() -> (
    None
):
    group, taken = await full_leader(60.0, request_timeout_millis=300)
    error = await group.outcome(group.followers[0].propose(b"y" * 400))
    assert isinstance(error, NotLeader)
    assert "it was not made" in str(error)
    for asked in taken:
        assert isinstance(await group.outcome(asked), RequestError)


@story
async def test_what_comes_to_a_leader_that_hands_over_goes_to_the_next_at_once() -> (
    None
):
    group = await Group().start()
    leader, heir = group.leader, group.followers[0]
    follower = group.followers[1]
    group.network.cut(leader.node_id, heir.node_id)  # The order does not get there.
    leader.process.call(leader.node.transfer_leadership, heir.node_id)
    await group.sleep(0.001)
    begin = group.loop.time()
    assert await follower.propose(b"x") == 1
    assert leader.sent(ProposalsRefused)
    assert group.loop.time() - begin < 1.0
    assert follower.machine.commands == [b"x"]


@story
async def test_what_was_handed_on_and_got_through_has_its_result() -> None:
    group = await Group().start()
    leader, follower = group.leader, group.followers[0]
    asked = follower.propose(b"in time")
    await group.until(lambda: leader.status.commit_index > 5)
    await group.until(lambda: leader.machine.commands == [b"in time"])
    await group.sleep(0.002)
    leader.kill()
    assert await group.outcome(asked) == 1


@story
async def test_a_full_queue_refuses_at_once() -> None:
    group = Group(queue_max=4)  # One place is taken: what the member tells of itself.
    await group[1].start()
    held = [group[1].propose(b"x") for _ in range(3)]
    refused = group[1].propose(b"one too many")
    assert isinstance(await group.outcome(refused), QueueFull)
    for process in (group[2], group[3]):
        await process.start()
    assert await asyncio.gather(*held) == [1, 2, 3]
    assert await group[1].propose(b"there is room again") == 4


@story
async def test_a_cut_off_leader_holds_back_what_it_can_t_get_rid_of() -> None:
    group = await Group(uncommitted_bytes_max=1000).start()
    leader = group.leader
    group.isolate(leader.node_id)
    asked = []
    for _ in range(5):
        asked.append(leader.propose(b"x" * 400))
        await group.sleep(0.01)
    assert leader.status.last_log_index <= 8
    group.heal()
    assert len(await asyncio.gather(*asked)) == 5
    assert len(leader.machine.commands) == 5


@story
async def test_what_is_too_large_for_any_peer_is_refused_before_it_is_in_the_way() -> (
    None
):
    group = await Group(command_bytes_max=1000).start()
    error = await group.outcome(group.leader.propose(b"x" * 1001))
    assert isinstance(error, MisuseError)
    assert "command_bytes_max is 1000" in str(error)
    assert await group.leader.propose(b"x" * 1000) == 1


@story
async def test_whoever_gives_up_a_held_proposal_did_not_make_it() -> None:
    group = Group()
    await group[1].start()
    given_up, wanted = group[1].propose(b"given up"), group[1].propose(b"wanted")
    await group.sleep(0.1)
    given_up.cancel()
    for process in (group[2], group[3]):
        await process.start()
    assert await wanted == 1
    assert group[1].machine.commands == [b"wanted"]


@story
async def test_whoever_gives_up_a_proposal_on_its_way_disturbs_nobody() -> None:
    group = await Group().start()
    given_up = group.leader.propose(b"given up")
    await group.sleep(0.0001)
    given_up.cancel()
    assert await group.leader.propose(b"next") == 2


@story
async def test_while_leadership_is_handed_over_proposals_are_held() -> None:
    group = await Group().start()
    leader, heir = group.leader, group.followers[0]
    group.isolate(heir.node_id)
    await group.leader.propose(b"something the heir lacks")
    leader.process.call(leader.node.transfer_leadership, heir.node_id)
    await group.sleep(0.001)
    asked = leader.propose(b"held")
    await group.sleep(0.05)
    assert not asked.done()
    assert await asked == 2


@story
async def test_a_member_hands_nothing_on_in_the_name_of_another() -> None:
    # No peer takes from a connection what somebody else says: it would be closed.
    group = await Group().start()
    old, follower = group.leader, group.followers[0]
    heir = group.followers[1]
    old.process.call(old.node.transfer_leadership, heir.node_id)
    # Until it hears of the new leader, the follower sends to the old one.
    group.network.cut(heir.node_id, follower.node_id)
    await group.until(lambda: heir.is_leader and not old.is_leader)
    assert follower.status.leader == old.node_id
    proposed, read = follower.propose(b"x"), follower.read()
    await group.sleep(0.05)
    group.heal()
    assert await proposed == 1
    assert isinstance(await group.outcome(read), int)
    for process in group:
        for message in process.sent(ForwardProposal, ForwardReadIndex):
            assert message.sender == process.node_id


@pytest.mark.parametrize("kind", ["leader", "follower"])
def test_results_are_those_of_the_member_that_was_asked(kind: str) -> None:
    @story
    async def body() -> None:
        group = await Group().start()
        asked = group.leader if kind == "leader" else group.followers[0]
        assert await asked.propose(b"a") == 1
        assert asked.machine.commands == [b"a"], "it is applied here when it is told"

    body()
