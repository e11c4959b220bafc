"""Elections among clients on whole groups, on virtual time."""

import msgspec
import pytest

from raftwerk.service.election import LeaderKey
from raftwerk.service.queue import RecipeError
from tests.runtime.group import story
from tests.service.recipes import recipes, settle


@story
async def test_a_leader_says_what_it_likes_until_it_resigns() -> None:
    group = await recipes()
    one, two, _ = group.members.group
    await group.members.grant(11, 60)
    await group.members.grant(12, 60)
    begin = group.members.begin
    elected = await begin(one, group.election(one).campaign(b"e", 11, b"one"))
    waiting = begin(two, group.election(two).campaign(b"e", 12, b"two"))
    await settle()
    await begin(two, group.election(two).proclaim(elected.leader, b"more"))
    found = await begin(one, group.election(one).leader(b"e"))
    assert (found.kv.value, found.kv.lease) == (b"more", 11)
    assert not waiting.done()
    await begin(one, group.election(one).resign(elected.leader))
    leader = (await waiting).leader
    assert (leader.lease, leader.key) == (12, b"e/c")
    for late in (elected.leader, LeaderKey(b"e", b"e/c", 1, 12)):
        with pytest.raises(RecipeError, match="election: not leader"):
            await begin(one, group.election(one).proclaim(late, b"late"))
        await begin(one, group.election(one).resign(late))
    assert (await begin(one, group.election(one).leader(b"e"))).kv.value == b"two"


@story
async def test_standing_again_says_something_else() -> None:
    group = await recipes(1)
    (one,) = group.members.group
    await group.members.grant(11, 60)
    election = group.election(one)
    first = await group.members.begin(one, election.campaign(b"e", 11, b"one"))
    again = await group.members.begin(one, election.campaign(b"e", 11, b"two"))
    assert again.leader == first.leader
    # As etcd has it: the revision at which it stood in line, not that of the new value.
    assert again.revision == first.revision
    assert (await group.members.begin(one, election.leader(b"e"))).kv.value == b"two"


@story
async def test_what_is_said_without_a_lease_gets_one_of_a_minute() -> None:
    group = await recipes(1)
    (one,) = group.members.group
    await group.members.grant(11, 60)
    election, begin = group.election(one), group.members.begin
    elected = await begin(one, election.campaign(b"e", 11, b"one"))
    without = msgspec.structs.replace(elected.leader, lease=0)
    await begin(one, election.proclaim(without, b"two"))
    said = await begin(one, election.leader(b"e"))
    assert said.kv.value == b"two"
    assert said.kv.lease not in (0, 11)


@story
async def test_nobody_leads_before_somebody_stands() -> None:
    group = await recipes(1)
    (one,) = group.members.group
    with pytest.raises(RecipeError, match="election: no leader"):
        await group.members.begin(one, group.election(one).leader(b"e"))


@story
async def test_a_candidate_whose_lease_ends_does_not_win() -> None:
    group = await recipes()
    one, two, _ = group.members.group
    await group.members.grant(11, 60)
    await group.members.grant(12, 2)
    begin = group.members.begin
    await begin(one, group.election(one).campaign(b"e", 11, b"one"))
    waiting = begin(two, group.election(two).campaign(b"e", 12, b"two"))
    with pytest.raises(RecipeError, match="election: not leader"):
        await waiting


@story
async def test_whoever_observes_hears_each_leader_and_all_it_says() -> None:
    group = await recipes()
    one, two, three = group.members.group
    begin = group.members.begin
    heard: list[bytes] = []

    async def observe() -> None:
        async for said in group.election(three).observe(b"e"):
            heard.append(said.kv.value)

    observing = begin(three, observe())
    await settle()
    assert not heard
    await group.members.grant(11, 60)
    await group.members.grant(12, 60)
    elected = await begin(one, group.election(one).campaign(b"e", 11, b"one"))
    waiting = begin(two, group.election(two).campaign(b"e", 12, b"two"))
    await settle()
    for value in (b"more", b"and more"):
        await begin(one, group.election(one).proclaim(elected.leader, value))
    await begin(one, group.election(one).resign(elected.leader))
    second = await waiting
    await settle()
    assert heard == [b"one", b"more", b"and more", b"two"]
    await begin(two, group.election(two).resign(second.leader))
    await settle()
    await begin(one, group.election(one).campaign(b"e", 11, b"again"))
    await settle()
    assert heard[4:] == [b"again"]
    observing.cancel()
