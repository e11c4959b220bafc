"""What a log says of members before it is applied, and what hangs on it."""

import msgspec

from raftwerk.core.log import RaftLog
from raftwerk.core.records import Entry, EntryKind
from raftwerk.runtime import Member
from raftwerk.runtime.envelope import EnvelopeKind, Sender
from raftwerk.runtime.evidence import said_directories
from raftwerk.runtime.members import PublishMember
from raftwerk.storage.memory import MemoryLog
from raftwerk.types import LogIndex, NodeId, Term

from .group import Group, story

SENDER = Sender(NodeId(1), 7)


def record_of(node_id: int, directory_id: int) -> bytes:
    member = Member(node_id=NodeId(node_id), directory_id=directory_id)
    content = msgspec.msgpack.encode(PublishMember(member))
    return SENDER.wrap(EnvelopeKind.RECORD, 1, content)


def log_of(*data: bytes, kind: EntryKind = EntryKind.COMMAND) -> RaftLog:
    store = MemoryLog()
    entries = [
        Entry(Term(1), LogIndex(index), each, kind)
        for index, each in enumerate(data, 1)
    ]
    store.append(None, entries)
    return RaftLog(store, NodeId(1), lambda event: None, 1024)


def test_records_behind_what_is_applied_are_read_the_newest_counts() -> None:
    command = SENDER.wrap(EnvelopeKind.COMMAND, 1, b"x")
    log = log_of(record_of(1, 5), b"", command, record_of(2, 6), record_of(2, 7))
    assert said_directories(log, LogIndex(0)) == {1: 5, 2: 7}
    assert said_directories(log, LogIndex(1)) == {2: 7}
    assert not said_directories(log, LogIndex(5))


def test_what_can_not_be_read_is_left_to_whoever_applies_it() -> None:
    garbage = SENDER.wrap(EnvelopeKind.RECORD, 1, b"\xc1")
    assert not said_directories(log_of(garbage), LogIndex(0))
    change = log_of(record_of(1, 5), kind=EntryKind.CONF_CHANGE)
    assert not said_directories(change, LogIndex(0))


@story
async def test_one_without_its_data_is_none_of_the_quorum_that_would_tell() -> None:
    """All stop at once; two come back, and one of them has lost all it had.

    The other has the record of the lost one in its log, but nobody to tell it that it
    is committed. Were the lost one let in for that, the two could lose what was
    acknowledged with the third one's help.
    """
    group = await Group().start()
    lost, kept, third = group.members.values()
    await group.outcome(group.leader.propose(b"x"))
    await group.until_equal()
    for process in group:
        process.kill()
    fresh = Group().members[lost.node_id]
    lost.log, lost.directory_id = fresh.log, lost.directory_id + 1000
    # The commit index on a disk is a hint and may be lost: nothing is applied then.
    hard_state, _ = kept.log.initial_state()
    kept.log.append(msgspec.structs.replace(hard_state, commit_index=LogIndex(1)), [])
    kept.log.sync()
    await kept.start()
    await lost.start()
    assert kept.status.applied_index == 1
    await group.sleep(5.0)
    assert not kept.is_leader
    assert not lost.is_leader
    assert any("lost its data directory" in line for line in group.lines)
    await third.start()
    await group.until(lambda: kept.is_leader or third.is_leader)
    await group.until(lambda: b"x" in kept.machine.commands)
