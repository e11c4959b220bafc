"""Exactly once: lost answers, other members, other leaders, snapshots; virtual time."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from raftwerk.errors import (
    IdempotencyKeyReused,
    NotProposed,
    OutcomeUnknown,
    SessionExpired,
)
from raftwerk.kv import Put, Store, encode
from raftwerk.kv.errors import LeaseNotFound
from raftwerk.runtime import Node, answered
from raftwerk.runtime.answered import OfKey, OfSession
from raftwerk.runtime.chain import CHECK_ENTRIES
from raftwerk.runtime.once import KeyedRequest, keyed
from raftwerk.runtime.sessions import Session

from .group import Group, Process, story


async def started(machine: Any = None, **settings: Any) -> Group:
    group = Group(**settings)
    for process in group:
        await process.start(None if machine is None else machine())
    await group.until_led()
    await group.until(lambda: all(p.status.cluster_version == 2 for p in group))
    return group


async def opened(group: Group, process: Process) -> Session:
    session = await group.outcome(process.process.start(process.node.open_session()))
    assert isinstance(session, Session)
    return session


def asked(
    process: Process, session: int, sequence: int, command: bytes, lowest: int = 1
) -> "asyncio.Task[object]":
    once = OfSession(session, sequence, lowest)
    return process.process.start(process.node.propose_once(once, command))


@story
async def test_a_session_counts_its_commands_and_gives_their_results() -> None:
    group = await started()
    for process in group:
        session = await opened(group, process)
        before = len(process.machine.commands)
        results = [
            await group.outcome(process.process.start(session.propose(b"x")))
            for _ in range(3)
        ]
        assert results == [before + 1, before + 2, before + 3]
        assert session.next_sequence == 4


@story
async def test_a_command_that_is_repeated_on_any_member_is_done_once() -> None:
    group = await started()
    session = await opened(group, group.leader)
    first = await group.outcome(asked(group.leader, session.session_id, 1, b"x"))
    for process in group:
        again = asked(process, session.session_id, 1, b"x")
        assert await group.outcome(again) == first
    await group.until_equal()
    assert all(p.machine.commands == [b"x"] for p in group)


@story
async def test_commands_that_are_under_way_twice_are_done_once() -> None:
    group = await started()
    session = await opened(group, group.leader)
    tasks = [asked(p, session.session_id, 1, b"x") for p in group for _ in range(3)]
    outcomes = {await group.outcome(task) for task in tasks}
    assert outcomes == {1}
    await group.until_equal()
    assert all(p.machine.commands == [b"x"] for p in group)


@story
async def test_a_leader_that_dies_before_it_answers_leaves_no_doubt() -> None:
    group = await started()
    leader, other = group.leader, group.followers[0]
    session = await opened(group, leader)
    await group.until_equal()
    task = asked(leader, session.session_id, 1, b"x")
    # It is stored by a majority, and its client hears nothing.
    await group.until(lambda: other.status.last_log_index > other.status.commit_index)
    leader.kill()
    del task
    await group.until_led([p.node_id for p in group if p.is_up])
    for process in [p for p in group if p.is_up]:
        retried = asked(process, session.session_id, 1, b"x")
        assert await group.outcome(retried) == 1
    assert [p.machine.commands for p in group if p.is_up] == [[b"x"]] * 2


@story
async def test_a_session_asks_again_by_itself_when_nobody_knows() -> None:
    group = await started()
    odd = group.followers[0]
    session = await opened(group, odd)
    task = odd.process.start(session.propose(b"x"))
    # Its way out is open for a moment, then no answer comes.
    await group.sleep(0.0005)
    group.isolate(odd.node_id)
    await group.sleep(1)
    group.heal()
    assert await group.outcome(task) == 1
    await group.until_equal()
    assert all(p.machine.commands == [b"x"] for p in group)


@story
async def test_restarts_and_snapshots_forget_nothing() -> None:
    group = await started()
    leader = group.leader
    session = await opened(group, leader)
    assert await group.outcome(asked(leader, session.session_id, 1, b"x")) == 1
    await group.until_equal()
    for process in group:
        assert process.node.take_snapshot()
    await group.until(lambda: all(p.status.snapshot_index > 1 for p in group))
    await group.sleep(1)
    for process in group:
        process.kill()
    for process in group:
        await process.start()
    await group.until_led()
    for process in group:
        assert process.machine.restored == 1
        assert await group.outcome(asked(process, session.session_id, 1, b"x")) == 1
    assert all(p.machine.commands == [b"x"] for p in group)


@story
async def test_who_goes_on_from_another_s_snapshot_knows_what_was_answered() -> None:
    group = await started(snapshot_keep_entries=1)
    away = group.followers[0]
    session = await opened(group, group.leader)
    away.kill()
    for sequence in range(1, 20):
        await group.outcome(asked(group.leader, session.session_id, sequence, b"x"))
    for process in [p for p in group if p.is_up]:
        process.node.take_snapshot()
    await group.sleep(1)
    await away.start()
    await group.until_equal()
    assert away.machine.restored == 1
    for sequence in (1, 19):
        again = asked(away, session.session_id, sequence, b"x")
        assert await group.outcome(again) == sequence
    assert len(away.machine.commands) == 19


@pytest.fixture(name="seconds")
def fixture_seconds(monkeypatch: pytest.MonkeyPatch) -> int:
    """Have sessions end soon: an hour has many heartbeats."""
    monkeypatch.setattr(answered, "SESSION_SECONDS", 120)
    return 120


@story
async def test_an_expired_session_is_refused_and_its_command_never_done(
    seconds: int,
) -> None:
    group = await started()
    session = await opened(group, group.leader)
    await group.sleep(seconds + 30)
    before = group.leader.status.last_log_index
    for process in group:
        refused = process.process.start(session.propose(b"x"))
        assert isinstance(await group.outcome(refused), SessionExpired)
    assert not any(p.machine.commands for p in group)
    # With nothing to keep, nobody says that time passes.
    after = group.leader.status.last_log_index
    await group.sleep(30)
    assert group.leader.status.last_log_index == after > before


@story
async def test_time_passes_by_the_log_whoever_leads_and_not_too_fast(
    seconds: int,
) -> None:
    group = await started()
    session = await opened(group, group.leader)
    for _ in range(3):
        await group.sleep(seconds / 4)
        old = group.leader
        await old.process.start(old.node.hand_over())
        assert not old.is_leader
    # pylint: disable-next=protected-access  # nobody else wants to know
    passed = group.leader.node._driver().applier.answers.now
    assert seconds / 2 <= passed <= seconds * 3 / 4
    task = asked(group.followers[0], session.session_id, 1, b"x")
    assert await group.outcome(task) == 1


@story
async def test_a_closed_session_is_refused() -> None:
    group = await started()
    process = group.followers[0]
    session = await opened(group, process)
    await group.outcome(process.process.start(session.close()))
    refused = process.process.start(session.propose(b"x"))
    assert isinstance(await group.outcome(refused), SessionExpired)


@story
async def test_a_refusal_is_an_answer_like_any_other() -> None:
    group = await started(Store)
    session = await opened(group, group.leader)
    for _ in range(2):
        command = encode(Put(b"key", lease=7))
        task = asked(group.leader, session.session_id, 1, command)
        assert isinstance(await group.outcome(task), LeaseNotFound)


async def in_request(
    node: Node, commands: list[bytes], print_: bytes = b"print"
) -> tuple[list[object], bool]:
    with keyed(KeyedRequest(b"key", print_)) as request:
        results = [await node.propose(command) for command in commands]
    return results, request.is_replayed


@story
async def test_a_request_with_a_key_is_done_once_step_by_step() -> None:
    group = await started()
    commands = [b"one", b"two"]
    begun = group.leader.process.start(in_request(group.leader.node, commands[:1]))
    assert await group.outcome(begun) == ([1], False), "it comes to its first step"
    for process in group:
        task = process.process.start(in_request(process.node, commands))
        assert await group.outcome(task) == ([1, 2], True)
    await group.until_equal()
    assert all(p.machine.commands == commands for p in group)
    other = group.leader.process.start(
        in_request(group.leader.node, commands, b"another")
    )
    assert isinstance(await group.outcome(other), IdempotencyKeyReused)
    await group.outcome(group.leader.propose(b"three"))
    assert len(group.leader.machine.commands) == 3


@story
async def test_a_slow_machine_keeps_the_order_of_what_is_done_once() -> None:
    group = await started()
    leader = group.leader
    session = await opened(group, leader)
    tasks = []
    for number in range(1, 50):
        tasks.append(leader.propose(b"plain %d" % number))
        tasks.append(asked(leader, session.session_id, number, b"once %d" % number))
        tasks.append(asked(leader, session.session_id, number, b"once %d" % number))
    for task in tasks:
        assert not isinstance(await group.outcome(task), Exception)
    await group.until_equal()
    assert all(p.machine.commands == leader.machine.commands for p in group)
    assert len(leader.machine.commands) == 98


@story
async def test_older_members_are_not_told_what_they_would_not_understand() -> None:
    with pytest.MonkeyPatch.context() as older:
        older.setattr("raftwerk.runtime.publisher.READABLE_VERSION", 1)
        group = await Group().start()
        leader = group.leader
        opening = leader.process.start(leader.node.open_session())
        assert isinstance(await group.outcome(opening), NotProposed)
        once = leader.node.propose_once(OfKey(b"k", 0, b""), b"x")
        assert isinstance(await group.outcome(leader.process.start(once)), NotProposed)


@story
async def test_who_gives_up_is_told_that_nobody_knows() -> None:
    group = await started(request_timeout_millis=1000)
    odd = group.followers[0]
    session = await opened(group, odd)
    task = odd.process.start(session.propose(b"x"))
    await group.sleep(0.0005)
    group.isolate(odd.node_id)
    error = await group.outcome(task)
    assert isinstance(error, OutcomeUnknown | NotProposed)
    group.heal()
    again = odd.process.start(session.propose(b"x", sequence=1))
    assert await group.outcome(again) == 1
    await group.until_equal()
    assert all(p.machine.commands == [b"x"] for p in group)


def damage_session(process: Process) -> None:
    """Change an answer that is kept, as a bit that flips does."""
    # pylint: disable-next=protected-access  # no command does this
    answers = process.node._driver().applier.answers
    # pylint: disable-next=protected-access  # as above
    (kept,) = answers._sessions.values()
    kept.answers[1] = b"flipped"


def damage_keys(process: Process) -> None:
    """Forget a key."""
    # pylint: disable-next=protected-access  # no command does this
    answers = process.node._driver().applier.answers
    # pylint: disable-next=protected-access  # as above
    (kept,) = answers._keys.values()
    kept.fingerprint = b"another"


@pytest.mark.parametrize("damage", [damage_session, damage_keys])
@story
async def test_a_table_that_differs_is_found_and_healed(
    damage: Callable[[Process], None],
) -> None:
    group = await started()
    leader, odd = group.leader, group.followers[0]
    session = await opened(group, leader)
    first = await group.outcome(asked(leader, session.session_id, 1, b"x"))
    once = leader.node.propose_once(OfKey(b"k", 0, b"print"), b"y")
    second = await group.outcome(leader.process.start(once))
    await group.until_equal()
    damage(odd)
    for number in range(2 * CHECK_ENTRIES):
        assert isinstance(await group.outcome(leader.propose(b"%d" % number)), int)
    await group.until(lambda: odd.node.status().compared_index > 0)
    await group.until(lambda: not odd.status.quarantined)
    # It has their state by now: the answers are those of the first time.
    assert odd.machine.restored == 1, "it was healed by a snapshot of the others"
    again = await group.outcome(asked(odd, session.session_id, 1, b"x"))
    assert again == first
    repeated = odd.node.propose_once(OfKey(b"k", 0, b"print"), b"y")
    assert await group.outcome(odd.process.start(repeated)) == second
