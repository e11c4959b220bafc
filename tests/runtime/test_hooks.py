"""What an application is told when its node begins or ceases to lead."""

import asyncio
import functools

import pytest

from raftwerk.core.roles import Role
from raftwerk.errors import HookFailed
from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import VirtualLoop, virtual_host
from raftwerk.runtime.hooks import (
    HookOutcome,
    HookRun,
    Hooks,
    RoleChange,
    fencing_token,
)
from raftwerk.types import NodeId, Term

from .group import Group, story

LEADER = Role.LEADER
FOLLOWER = Role.FOLLOWER


def change(role: Role, term: int) -> RoleChange:
    return RoleChange(
        role=role,
        term=Term(term),
        leader="n1" if role is LEADER else "",
        node="n1",
        fencing_token=fencing_token(Term(term), role, voted_for_itself=True),
    )


class Application:
    """Hooks that write down when they began and ended, and for how long they work."""

    def __init__(
        self, work_seconds: float = 0.0, timeout_seconds: float = 30.0
    ) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.loop = loop
        self.work_seconds = work_seconds
        self.lines: list[str] = []
        self.running = 0
        self.reports: list[tuple[Role, HookOutcome]] = []
        self.hooks = Hooks(
            virtual_host(loop, SplitMix64(1)),
            self.report,
            on_leader=self.work,
            on_follower=self.work,
            timeout_seconds=timeout_seconds,
        )

    def report(self, run: HookRun) -> None:
        self.reports.append((run.change.role, run.outcome))

    async def work(self, told: RoleChange) -> None:
        assert self.running == 0, "two hooks run at once"
        self.running += 1
        self.lines.append(f"{told.role.value} {told.term} began")
        try:
            await asyncio.sleep(self.work_seconds)
        except asyncio.CancelledError:
            await asyncio.sleep(0.5)  # what it started needs a while to end
            self.lines.append(f"{told.role.value} {told.term} was ended")
            raise
        else:
            self.lines.append(f"{told.role.value} {told.term} was done")
        finally:
            self.running -= 1

    def outcomes(self) -> list[str]:
        return [f"{run.change.role.value} {run.outcome}" for run in self.hooks.runs]


@story
async def test_each_change_of_role_runs_its_hook_once() -> None:
    application = Application()
    for now in (
        change(FOLLOWER, 1),
        change(FOLLOWER, 2),
        change(LEADER, 3),
        change(LEADER, 3),
        change(FOLLOWER, 4),
    ):
        application.hooks.look(now)
        await asyncio.sleep(1)
    assert application.outcomes() == ["FOLLOWER done", "LEADER done", "FOLLOWER done"]
    tokens = [run.change.fencing_token for run in application.hooks.runs]
    assert tokens == sorted(set(tokens))


@story
async def test_a_leaders_hook_is_ended_when_the_role_is_lost() -> None:
    application = Application(work_seconds=10)
    application.hooks.look(change(LEADER, 1))
    await asyncio.sleep(1)
    application.hooks.look(change(FOLLOWER, 2))
    await asyncio.sleep(20)
    assert application.lines == [
        "LEADER 1 began",
        "LEADER 1 was ended",
        "FOLLOWER 2 began",
        "FOLLOWER 2 was done",
    ]
    assert application.outcomes() == ["LEADER ended", "FOLLOWER done"]


@story
async def test_a_followers_hook_is_done_before_the_leaders_begins() -> None:
    application = Application(work_seconds=10)
    application.hooks.look(change(FOLLOWER, 1))
    await asyncio.sleep(1)
    application.hooks.look(change(LEADER, 2))
    await asyncio.sleep(30)
    assert application.lines[1] == "FOLLOWER 1 was done"
    assert application.lines[2] == "LEADER 2 began"


@story
async def test_of_roles_that_flap_only_the_newest_counts() -> None:
    application = Application(work_seconds=10)
    application.hooks.look(change(FOLLOWER, 1))
    await asyncio.sleep(1)
    for term in range(2, 8):
        application.hooks.look(change(LEADER, term))
        application.hooks.look(change(FOLLOWER, term))
    application.hooks.look(change(LEADER, 9))
    await asyncio.sleep(60)
    assert application.outcomes() == ["FOLLOWER done", "LEADER done"]
    assert application.hooks.runs[-1].change.term == 9


@story
async def test_a_leader_that_was_another_meanwhile_is_told_its_new_term() -> None:
    application = Application(work_seconds=10)
    application.hooks.look(change(LEADER, 1))
    await asyncio.sleep(1)
    application.hooks.look(change(LEADER, 3))  # both changes came in one turn
    await asyncio.sleep(30)
    assert application.outcomes() == ["LEADER ended", "LEADER done"]


@story
async def test_a_hook_that_takes_too_long_is_ended_and_said() -> None:
    application = Application(work_seconds=100, timeout_seconds=5)
    application.hooks.look(change(FOLLOWER, 1))
    await asyncio.sleep(5.4)
    assert application.running == 1, "it was given no time to end"
    await asyncio.sleep(1)
    assert application.outcomes() == ["FOLLOWER timed out"]
    assert application.reports[-1] == (FOLLOWER, HookOutcome.TIMED_OUT)
    assert application.hooks.runs[-1].reason == "it took longer than 5 s"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (HookFailed("s.sh ended with exit code 3"), "exit code 3"),
        (KeyError(), "KeyErr"),
    ],
)
def test_a_hook_that_fails_is_reported_and_harms_nothing(
    error: Exception, reason: str
) -> None:
    @story
    async def tell() -> None:
        application = Application()

        async def fail(_told: RoleChange) -> None:
            raise error

        application.hooks.replace(on_leader=fail, on_follower=application.work)
        application.hooks.look(change(LEADER, 1))
        await asyncio.sleep(1)
        application.hooks.look(change(FOLLOWER, 2))
        await asyncio.sleep(1)
        assert application.outcomes() == ["LEADER failed", "FOLLOWER done"]
        assert reason in application.hooks.runs[0].reason

    tell()


@story
async def test_a_followers_hook_that_takes_long_does_not_hold_up_a_stop() -> None:
    application = Application(work_seconds=22)
    application.hooks.look(change(FOLLOWER, 1))
    await asyncio.sleep(1)
    began = application.loop.time()
    await application.hooks.stop()
    assert 4 < application.loop.time() - began < 7
    assert application.outcomes() == ["FOLLOWER ended"]


@story
async def test_who_stops_ends_a_leaders_hook_and_waits_for_a_followers() -> None:
    leader = Application(work_seconds=10)
    leader.hooks.look(change(LEADER, 1))
    follower = Application(work_seconds=4)
    follower.hooks.look(change(FOLLOWER, 1))
    await asyncio.sleep(1)
    await leader.hooks.stop()
    assert leader.loop.time() < 2
    await follower.hooks.stop()
    assert (leader.outcomes(), follower.outcomes()) == (
        ["LEADER ended"],
        ["FOLLOWER done"],
    )
    follower.hooks.look(change(LEADER, 2))
    await asyncio.sleep(20)
    assert follower.outcomes() == ["FOLLOWER done"]


def test_tokens_of_leaders_grow_with_their_terms_and_no_token_goes_back() -> None:
    last = leaders_last = -1
    for term in map(Term, range(1, 50)):
        before = fencing_token(term, FOLLOWER, voted_for_itself=False)
        leads = fencing_token(term, LEADER, voted_for_itself=True)
        after = fencing_token(term, FOLLOWER, voted_for_itself=True)
        # Who voted for itself and lost may not shut out the one that has won.
        assert last < before < leads == after
        assert leads > leaders_last
        last, leaders_last = after, leads


@story
async def test_hooks_follow_the_role_of_whole_nodes() -> None:
    group = await Group(3).start()
    newest: dict[NodeId, RoleChange] = {}

    async def write_down(node_id: NodeId, now: RoleChange) -> None:
        newest[node_id] = now

    for process in group:
        hook = functools.partial(write_down, process.node_id)
        hooks = Hooks(process.host, print, on_leader=hook, on_follower=hook)
        hooks.watch(process.node)
    await asyncio.sleep(1)
    first = leader_of(newest)
    group.network.partition([first], [each for each in newest if each != first])
    token = newest[first].fencing_token
    await group.until(
        lambda: newest[first].role is FOLLOWER and leader_of(newest) != 0, 5
    )
    second = leader_of(newest)
    assert second != first, "the one that is cut off has stepped down"
    assert newest[second].fencing_token > token
    assert newest[second].leader == newest[second].node == f"node{second}"


@story
async def test_a_node_that_hands_leadership_over_as_it_stops_does_not_fail() -> None:
    group = await Group(3).start()

    async def do_nothing(_change: RoleChange) -> None:
        """Whatever it is."""

    old = group.leader
    hooks = Hooks(old.host, print, on_leader=do_nothing, on_follower=do_nothing)
    hooks.watch(old.node)
    await old.process.start(old.node.stop())
    await old.process.start(old.node.wait_ended())
    assert await group.until_led([p.node_id for p in group if p is not old])


def leader_of(newest: dict[NodeId, RoleChange]) -> NodeId:
    """Return the one that was told last that it leads, or 0."""
    leaders = [node_id for node_id, now in newest.items() if now.role is LEADER]
    return leaders[0] if len(leaders) == 1 else NodeId(0)
