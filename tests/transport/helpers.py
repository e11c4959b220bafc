"""What the tests of the transport share: messages, receivers, and a link of lists."""

from collections.abc import Callable, Sequence

import msgspec

from raftwerk.core.messages import (
    AppendEntries,
    Heartbeat,
    HeartbeatReply,
    InstallSnapshot,
    Message,
)
from raftwerk.core.records import Entry, Snapshot
from raftwerk.transport.chunks import SnapshotChunk
from raftwerk.transport.codec import Assembler, FrameKind
from raftwerk.transport.disk_report import DiskReport
from raftwerk.transport.frame import Frame, FrameDecoder
from raftwerk.transport.link import Link, Session
from raftwerk.transport.protocol import Identity
from raftwerk.types import LogIndex, NodeId, Term

__all__ = [
    "CLUSTER",
    "ONE",
    "THREE",
    "TWO",
    "Lines",
    "ListLink",
    "Recorder",
    "append_entries",
    "chunk",
    "example_of",
    "heartbeat",
    "heartbeat_reply",
    "identity",
    "messages_of",
    "snapshot",
]

CLUSTER = 0xC1
ONE, TWO, THREE = NodeId(1), NodeId(2), NodeId(3)


def identity(node_id: NodeId, cluster_id: int = CLUSTER) -> Identity:
    """Return who a member of the usual cluster is."""
    return Identity(cluster_id=cluster_id, node_id=node_id)


def append_entries(
    number: int, size: int = 8, sender: NodeId = ONE, receiver: NodeId = TWO
) -> AppendEntries:
    """Return a message that its number tells from others."""
    entry = Entry(Term(1), LogIndex(number + 1), bytes(size))
    return AppendEntries(
        sender=sender,
        receiver=receiver,
        term=Term(1),
        prev_log_index=LogIndex(number),
        prev_log_term=Term(1),
        commit_index=LogIndex(0),
        entries=(entry,),
    )


def heartbeat(
    number: int = 0, sender: NodeId = ONE, receiver: NodeId = TWO
) -> Heartbeat:
    """Return a small and urgent message."""
    return Heartbeat(sender=sender, receiver=receiver, read_round=number)


def heartbeat_reply(
    number: int = 0, sender: NodeId = ONE, receiver: NodeId = TWO
) -> HeartbeatReply:
    """Return another one."""
    return HeartbeatReply(sender=sender, receiver=receiver, read_round=number)


def snapshot(
    size: int, sender: NodeId = ONE, receiver: NodeId = TWO
) -> InstallSnapshot:
    """Return a message of about so many bytes."""
    data = Snapshot(index=LogIndex(7), term=Term(1), data=bytes(size))
    return InstallSnapshot(sender=sender, receiver=receiver, snapshot=data)


def chunk(size: int, sender: NodeId = ONE, receiver: NodeId = TWO) -> SnapshotChunk:
    """Return a part of a state."""
    return SnapshotChunk(
        sender=sender,
        receiver=receiver,
        snapshot_index=LogIndex(7),
        snapshot_term=Term(1),
        number=0,
        data=bytes(size),
    )


class Recorder:
    """A receiver that keeps what it is given, in order."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.batches: list[int] = []
        self.unreachable: list[NodeId] = []
        self.snapshots: list[tuple[NodeId, bool]] = []
        self.removed: list[str] = []
        self.on_any: Callable[[], object] = int

    def on_messages(self, messages: Sequence[Message]) -> None:
        self.messages += messages
        self.batches.append(len(messages))
        self.on_any()

    def on_unreachable(self, peer: NodeId) -> None:
        self.unreachable.append(peer)
        self.on_any()

    def on_snapshot(self, peer: NodeId, arrived: bool) -> None:
        self.snapshots.append((peer, arrived))
        self.on_any()

    def on_removed(self, words: str) -> None:
        self.removed.append(words)
        self.on_any()

    @property
    def numbers(self) -> list[int]:
        """The numbers of the `AppendEntries` that arrived."""
        return [
            message.prev_log_index
            for message in self.messages
            if isinstance(message, AppendEntries)
        ]


class Lines:
    """A report that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, level: int, event: str, /, **fields: object) -> None:
        told = "; ".join(str(field) for field in fields.values())
        self.lines.append(f"{level} {event}: {told}")

    def about(self, words: str) -> list[str]:
        """Return the lines with these words in them."""
        return [line for line in self.lines if words in line]


class ListLink:
    """A link without a socket: what is written is kept as frames."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.frames: list[Frame] = []
        self.end: str = ""
        self.takes = 10**9
        """How many bytes it takes until it tells the session to pause."""
        self._decoder = FrameDecoder(2**24)

    def open(self) -> None:
        """Tell the session that there is a connection."""
        self.session.opened(self)

    def remote(self) -> str:
        return "198.51.100.7"

    def write(self, frames: Sequence[bytes]) -> None:
        assert not self.end, "nothing is written to a closed link"
        data = b"".join(frames)
        self.frames += self._decoder.feed(data)
        self.takes -= len(data)
        if self.takes <= 0:
            self.session.paused()

    def close(self) -> None:
        self.end = self.end or "closed"

    def abort(self) -> None:
        self.end = self.end or "aborted"

    def kinds(self) -> list[str]:
        """Return the names of the kinds of all frames written so far."""
        return [FrameKind(frame.kind).name for frame in self.frames]


def messages_of(frames: Sequence[Frame]) -> list[Message]:
    """Return the messages in frames, in the order in which they become complete."""
    assembler = Assembler(2**30)
    carriers = (FrameKind.MESSAGES, FrameKind.PART, FrameKind.LAST_PART)
    return [
        message
        for frame in frames
        if frame.kind in carriers
        for message in assembler.take(frame)
    ]


def disk_report(sender: NodeId = ONE, receiver: NodeId = TWO) -> DiskReport:
    """Return a message that members of the first version do not know."""
    return DiskReport(sender=sender, receiver=receiver, term=Term(0), sync_seconds=0.1)


def example_of(kind: type[Message]) -> Message:
    """Return a message with a number in each field that takes one."""
    fields: dict[str, object] = {"type": kind.__name__}
    for number, field in enumerate(msgspec.structs.fields(kind), start=1):
        kind_of_field = str(field.type)
        if "bool" in kind_of_field:
            fields[field.name] = True
        elif field.name == "entries":
            fields[field.name] = [[3, 4, b"data", 0]]
        elif field.name == "proposals":
            fields[field.name] = [[b"data", 2]]
        elif field.name in ("content", "data"):
            fields[field.name] = b"data"
        elif field.name == "tickets":
            fields[field.name] = [b"ticket"]
        elif field.name in ("topic", "shortage", "refusal"):
            fields[field.name] = field.name
        elif field.name == "outcome":
            fields[field.name] = 1
        elif field.name == "snapshot":
            fields[field.name] = {"index": 5, "term": 6, "data": b"state"}
        else:
            fields[field.name] = number * 1000
    return msgspec.convert(fields, type=kind)


def _is_link(link: ListLink) -> Link:
    """Have the type checker hold `ListLink` against the protocol."""
    return link
