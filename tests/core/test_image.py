"""An image is the whole of a member: nothing that it remembers is forgotten."""

import msgspec
import pytest

from raftwerk.core import image
from raftwerk.core.lease import Lease
from raftwerk.core.log import RaftLog
from raftwerk.core.progress import Progress
from raftwerk.core.reads import Reads
from raftwerk.core.replica import Replica
from raftwerk.core.state import Seen, State
from raftwerk.core.tracker import Tracker
from raftwerk.core.unstable import UnstableLog

LEFT_OUT: dict[type, set[str]] = {
    # The world, and what is made of the rest.
    State: {"draw", "events", "id"},
    Replica: {"may_apply_unstable"},
    RaftLog: {"stable", "node_id", "observe", "committed_bytes_max"},
    Tracker: {
        "member_ids",
        "voter_ids",
        "incoming",
        "outgoing",
        "inflight_messages_max",
        "inflight_bytes_max",
    },
    Lease: {"duration"},
}

PAIRS: list[tuple[type, type[msgspec.Struct]]] = [
    (Replica, image.ReplicaImage),
    (State, image.StateImage),
    (RaftLog, image.LogImage),
    (UnstableLog, image.UnstableImage),
    (Tracker, image.TrackerImage),
    (Progress, image.ProgressImage),
    (Reads, image.ReadsImage),
    (Lease, image.LeaseImage),
    (Seen, image.SeenImage),
]


@pytest.mark.parametrize(("kind", "of_it"), PAIRS)
def test_an_image_has_all_that_its_class_remembers(
    kind: type, of_it: type[msgspec.Struct]
) -> None:
    slots = {name.removeprefix("_") for name in kind.__dict__["__slots__"]}
    assert set(of_it.__struct_fields__) == slots - LEFT_OUT.get(kind, set())
