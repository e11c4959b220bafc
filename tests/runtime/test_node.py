"""A group of whole nodes: elections, proposals, reads, and how each of them ends."""

from .group import Group, story


@story
async def test_three_members_elect_one_leader_and_apply_what_any_of_them_proposes() -> (
    None
):
    group = await Group().start()
    for process in group:
        assert isinstance(await process.propose(b"from %d" % process.node_id), int)
    await group.until_equal()
    for process in group:
        assert process.machine.commands == [b"from 1", b"from 2", b"from 3"]
