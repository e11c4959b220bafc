"""What is chosen of what is left of a group, and what is made of it."""

import pytest

from raftwerk.core.records import (
    Change,
    ChangeKind,
    ConfChange,
    Entry,
    EntryKind,
    HardState,
    Snapshot,
)
from raftwerk.errors import ConfigError, StorageError, WalCorrupted
from raftwerk.runtime import Member, bootstrap_snapshot
from raftwerk.runtime.manifest import Manifest
from raftwerk.runtime.members import Members
from raftwerk.runtime.survivors import Survivor, decide, look_at, write_epoch
from raftwerk.storage.memory_disk import MemoryDisk
from raftwerk.storage.protocol import DirectoryIdentity
from raftwerk.storage.snapshots import SnapshotFiles
from raftwerk.storage.wal import Wal
from raftwerk.types import LogIndex, NodeId, Term

CLUSTER = 0xC1
FIVE = [
    Member(node_id=NodeId(number), name=f"n{number}", peer_urls=(f"http://h{number}",))
    for number in range(1, 6)
]

CASES = [
    # (term, entries) of each   who is chosen   why
    ({1: (2, 9), 2: (2, 7)}, 1, "of one term, the longer log"),
    ({1: (2, 9), 2: (3, 4)}, 2, "a later term wins over a longer log (§5.4.1)"),
    ({4: (2, 3)}, 4, "whoever is alone"),
]


def make(disk: MemoryDisk, number: int, term: int, entries: int, epoch: int = 0) -> str:
    """Leave the data directory of a member, with this many entries behind the first."""
    directory = f"/{number}"
    identity = DirectoryIdentity(CLUSTER, NodeId(number), 100 + number, epoch)
    log = Wal.create(disk, directory, identity, bootstrap_snapshot(FIVE))
    log.append(
        HardState(Term(term), NodeId(1), LogIndex(2)),
        [Entry(Term(term), LogIndex(2 + place)) for place in range(entries)],
    )
    log.close()
    return directory


@pytest.mark.parametrize(("logs", "chosen", "why"), CASES)
def test_the_most_complete_log_is_chosen(
    logs: dict[int, tuple[int, int]], chosen: int, why: str
) -> None:
    disk = MemoryDisk()
    survivors = [look_at(disk, make(disk, each, *logs[each])) for each in logs]
    decision = decide(survivors)
    assert decision.source.identity.node_id == chosen, why
    assert {each.identity.node_id for each in decision.keepers} == logs.keys()
    assert {each.node_id for each in decision.lost} == set(range(1, 6)) - logs.keys()
    assert decision.term == 1 + max(term for term, _ in logs.values())
    assert decision.epoch == 1
    assert not decision.has_quorum


def test_what_nobody_knows_to_be_committed_is_counted() -> None:
    disk = MemoryDisk()
    decision = decide([look_at(disk, make(disk, 1, 2, entries=9))])
    assert decision.source.last_index == 10
    assert decision.unsure == 8


def test_a_majority_needs_no_recovery() -> None:
    disk = MemoryDisk()
    three = [look_at(disk, make(disk, number, 1, 1)) for number in (1, 3, 5)]
    assert decide(three).has_quorum


def test_those_who_are_left_are_the_group_from_then_on() -> None:
    disk = MemoryDisk()
    survivors = [
        look_at(disk, make(disk, 2, 7, entries=5)),
        look_at(disk, make(disk, 4, 9, entries=3)),
    ]
    decision = decide(survivors)
    for keeper in decision.keepers:
        write_epoch(disk, decision, keeper, f"{keeper.directory}/new")
    for number in (2, 4):
        found = look_at(disk, f"/{number}/new")
        assert found.identity == DirectoryIdentity(
            CLUSTER, NodeId(number), 100 + number, 1
        )
        assert found.conf_state.voters == (2, 4)
        assert not found.conf_state.voters_outgoing
        assert found.hard_state == HardState(Term(10), None, found.last_index)
        assert found.last_term == 10
        assert [member.name for member in found.members] == ["n2", "n4"]
        # What was there is untouched.
        assert look_at(disk, f"/{number}").identity.epoch == 0


def test_the_state_of_the_snapshot_goes_along() -> None:
    disk = MemoryDisk()
    directory = make(disk, 1, 2, entries=4)
    SnapshotFiles(disk, directory).write(LogIndex(4), Term(2), [b"some", b"state"])
    log = Wal.open(disk, directory)
    manifest = Manifest(members=tuple(FIVE), chunks=(b"1", b"2"))
    conf_state = log.initial_state()[1]
    log.compact(Snapshot(LogIndex(4), Term(2), conf_state, manifest.encode()), 0)
    log.close()

    decision = decide([look_at(disk, directory)])
    write_epoch(disk, decision, decision.source, "/new")
    chunks = SnapshotFiles(disk, "/new").read_chunks(LogIndex(4), Term(2))
    assert b"".join(chunks) == b"somestate"
    assert look_at(disk, "/new").conf_state.voters == (1,)

    disk.remove(f"{directory}/snap/{4:016d}-{2:08d}.snap")
    with pytest.raises(WalCorrupted, match="is not there"):
        write_epoch(disk, decision, decision.source, "/again")


def test_a_change_that_was_under_way_counts() -> None:
    disk = MemoryDisk()
    directory = make(disk, 1, 2, entries=1)
    log = Wal.open(disk, directory)
    change = ConfChange((Change(ChangeKind.REMOVE, NodeId(5)),))
    data, kind = change.encode(), EntryKind.CONF_CHANGE
    log.append(None, [Entry(Term(2), LogIndex(3), data, kind)])
    log.close()
    found = look_at(disk, directory)
    assert found.conf_state.voters == (1, 2, 3, 4)
    assert 5 not in {member.node_id for member in found.members}


def test_what_does_not_belong_together_is_refused() -> None:
    disk = MemoryDisk()
    one = look_at(disk, make(disk, 1, 2, 3))
    with pytest.raises(ConfigError, match="of one and the same member"):
        decide([one, replaced(one, directory="/copy")])
    other = replaced(one, identity=DirectoryIdentity(0xC2, NodeId(2), 1))
    with pytest.raises(ConfigError, match="of several clusters"):
        decide([one, other])
    newer = replaced(one, identity=DirectoryIdentity(CLUSTER, NodeId(2), 1, 3))
    with pytest.raises(ConfigError, match="left behind when .* as epoch 3"):
        decide([one, newer])
    with pytest.raises(StorageError, match="has no log"):
        look_at(disk, "/nowhere")


def test_who_has_just_joined_has_nothing_to_go_on_with() -> None:
    disk = MemoryDisk()
    identity = DirectoryIdentity(CLUSTER, NodeId(6), 1)
    Wal.create(disk, "/6", identity).close()
    with pytest.raises(ConfigError, match="no log to go on with"):
        decide([look_at(disk, "/6")])


def test_who_was_removed_leads_nobody() -> None:
    disk = MemoryDisk()
    stranger = look_at(disk, make(disk, 9, 2, 3))
    assert Members(stranger.members).by_id.keys() == set(range(1, 6))
    with pytest.raises(ConfigError, match="was removed from the cluster"):
        decide([stranger])


def replaced(survivor: Survivor, **fields: object) -> Survivor:
    """Return a survivor with other fields."""
    values = {name: getattr(survivor, name) for name in survivor.__struct_fields__}
    return Survivor(**(values | fields))
