"""Calls to the leader: answered there, whoever was asked; lost ones are said to be."""

import pytest

from raftwerk.errors import NotLeader, NotProposed, OutcomeUnknown

from .group import Group, Process, story


def echo(process: Process) -> None:
    """Have a member answer with its name, while it leads."""

    async def answer(content: bytes) -> bytes:
        if content == b"refuse":
            raise NotProposed("not now")
        if content == b"lose":
            raise OutcomeUnknown("who knows")
        if content == b"never":
            await process.host.timers.sleep(3600)
        return content + b" by %d" % process.node_id

    process.node.serve_calls("names", answer)


async def answering_group(timeout_millis: int = 7000) -> Group:
    group = await Group(request_timeout_millis=timeout_millis).start()
    for process in group:
        echo(process)
    return group


@story
async def test_whoever_is_asked_the_leader_answers() -> None:
    group = await answering_group()
    leader = group.leader
    for process in group:
        asked = process.process.start(process.node.ask_leader("names", b"ping"))
        assert await group.outcome(asked) == b"ping by %d" % leader.node_id


@story
async def test_a_refusal_and_an_unknown_outcome_stay_what_they_are() -> None:
    group = await answering_group()
    for process in (group.leader, group.followers[0]):
        error = await group.outcome(
            process.process.start(process.node.ask_leader("names", b"refuse"))
        )
        assert isinstance(error, NotProposed)
        assert "not now" in str(error)
        error = await group.outcome(
            process.process.start(process.node.ask_leader("names", b"lose"))
        )
        assert isinstance(error, OutcomeUnknown)


@story
async def test_a_member_that_serves_no_calls_refuses_them() -> None:
    group = await Group().start()
    follower = group.followers[0]
    asked = follower.process.start(follower.node.ask_leader("names", b"ping"))
    assert "answers no calls about names" in str(await group.outcome(asked))


@story
async def test_an_answer_that_died_with_the_leader_is_unknown() -> None:
    group = await answering_group()
    leader, follower = group.leader, group.followers[0]
    asked = follower.process.start(follower.node.ask_leader("names", b"never"))
    await group.sleep(0.05)
    leader.kill()
    error = await group.outcome(asked)
    assert isinstance(error, OutcomeUnknown)
    assert "connection to it was lost" in str(error)


@story
async def test_a_leader_that_hangs_ends_as_unknown_in_time() -> None:
    group = await answering_group(1000)
    follower = group.followers[0]
    begin = group.loop.time()
    error = await group.outcome(
        follower.process.start(follower.node.ask_leader("names", b"never"))
    )
    assert isinstance(error, OutcomeUnknown)
    assert group.loop.time() - begin == pytest.approx(1.0, abs=0.1)


@story
async def test_without_a_leader_nothing_happens_and_that_is_said() -> None:
    group = await answering_group(1000)
    alone = group.followers[0]
    group.isolate(alone.node_id)
    await group.until(lambda: alone.status.leader is None)
    error = await group.outcome(
        alone.process.start(alone.node.ask_leader("names", b"ping"))
    )
    assert isinstance(error, NotLeader)
    assert "no leader was found within 1 s" in str(error)


@story
async def test_a_call_waits_for_the_next_leader() -> None:
    group = await answering_group()
    old, asker = group.leader, group.followers[0]
    old.kill()
    await group.until(lambda: asker.status.leader is None)
    asked = asker.process.start(asker.node.ask_leader("names", b"ping"))
    answer = await group.outcome(asked)
    assert answer == b"ping by %d" % group.leader.node_id


@story
async def test_a_member_that_stops_ends_its_calls() -> None:
    group = await answering_group()
    follower = group.followers[0]
    asked = follower.process.start(follower.node.ask_leader("names", b"never"))
    await group.sleep(0.05)
    await follower.stop()
    error = await group.outcome(asked)
    assert isinstance(error, OutcomeUnknown)
    assert "was stopped meanwhile" in str(error)
