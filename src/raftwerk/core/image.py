"""All that a member remembers as one value: to be stored, shown, and gone on from.

An image is taken between two inputs. With the log that storage holds at that moment it
is the whole of a member: one that is made from both answers every further input as the
first one did. Each class of the core stands here with one type, whose fields bear the
names of its attributes; a test holds the two against each other, so that whatever a
member learns to remember is part of its image or is named there as left out.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from raftwerk.core.config import CoreConfig
from raftwerk.core.inputs import Input
from raftwerk.core.messages import PeerMessage
from raftwerk.core.progress import Progress
from raftwerk.core.progress_view import ProgressState
from raftwerk.core.reads import ReadRequest, Round
from raftwerk.core.ready import ReadState, SoftState
from raftwerk.core.records import ConfState, Entry, HardState, Snapshot
from raftwerk.core.replica import Replica
from raftwerk.core.roles import Role
from raftwerk.core.stable import StableLog
from raftwerk.core.state import State
from raftwerk.types import LogIndex, NodeId, Term

__all__ = [
    "LeaseImage",
    "LogImage",
    "ProgressImage",
    "ReadsImage",
    "ReplicaImage",
    "SeenImage",
    "StateImage",
    "TrackerImage",
    "UnstableImage",
    "make_replica",
    "take_image",
]

Image = TypeVar("Image", bound=msgspec.Struct)


class UnstableImage(msgspec.Struct, frozen=True, kw_only=True):
    """An `UnstableLog`."""

    offset: LogIndex
    offset_in_progress: LogIndex
    entries: tuple[Entry, ...]
    snapshot: Snapshot | None
    is_snapshot_in_progress: bool


class LogImage(msgspec.Struct, frozen=True, kw_only=True):
    """A `RaftLog`, but for what storage has."""

    commit_index: LogIndex
    applying_index: LogIndex
    applied_index: LogIndex
    applying_bytes: int
    is_applying_paused: bool
    unstable: UnstableImage


class ProgressImage(msgspec.Struct, frozen=True, kw_only=True):
    """A `Progress`, with the appends in flight as last index and size of each."""

    match_index: LogIndex
    next_index: LogIndex
    state: ProgressState
    pending_snapshot_index: LogIndex
    snapshot_elapsed: int
    sent_commit_index: LogIndex
    is_recently_active: bool
    is_paused_by_probe: bool
    is_learner: bool
    inflights: tuple[tuple[LogIndex, int], ...]


class TrackerImage(msgspec.Struct, frozen=True, kw_only=True):
    """A `Tracker`: the configuration, what is known of each, who answered how."""

    conf_state: ConfState
    progress: tuple[tuple[NodeId, ProgressImage], ...]
    votes: tuple[tuple[NodeId, bool], ...]


class ReadsImage(msgspec.Struct, frozen=True, kw_only=True):
    """A leader's `Reads`."""

    number: int
    rounds: tuple[Round, ...]
    acknowledged: tuple[tuple[NodeId, int], ...]
    postponed: tuple[ReadRequest, ...]


class LeaseImage(msgspec.Struct, frozen=True, kw_only=True):
    """A leader's `Lease`: entries and rounds, each with the tick of its making."""

    now: int
    began: int | None
    has_ended: bool
    entries: tuple[tuple[int, int], ...]
    rounds: tuple[tuple[int, int], ...]


class SeenImage(msgspec.Struct, frozen=True, kw_only=True):
    """What the last step left."""

    term: Term
    commit_index: LogIndex


class StateImage(msgspec.Struct, frozen=True, kw_only=True):
    """A `State`, but for the events that nobody has taken yet."""

    config: CoreConfig
    term: Term
    vote: NodeId | None
    role: Role
    leader: NodeId | None
    election_elapsed: int
    heartbeat_elapsed: int
    election_timeout: int
    transferee: NodeId | None
    must_wait_out: bool
    pending_conf_index: LogIndex
    uncommitted_bytes: int
    conf_state_below_snapshot: ConfState
    messages: tuple[PeerMessage, ...]
    messages_after_sync: tuple[PeerMessage, ...]
    read_states: tuple[ReadState, ...]
    log: LogImage
    tracker: TrackerImage
    reads: ReadsImage
    lease: LeaseImage
    seen: SeenImage


class ReplicaImage(msgspec.Struct, frozen=True, kw_only=True):
    """A `Replica`: its state, and what of it was handed out."""

    state: StateImage
    hard_state: HardState
    soft_state: SoftState
    on_advance: tuple[Input, ...]
    awaited: bool


def take_image(replica: Replica) -> ReplicaImage:
    """Return all that a member remembers.

    Parameters
    ----------
    replica : Replica
        Between two inputs.

    Returns
    -------
    ReplicaImage
        A copy that nothing changes any more.

    Examples
    --------
    >>> from raftwerk.core.inputs import Tick
    >>> from raftwerk.storage.memory import MemoryLog
    >>> config, log = CoreConfig(node_id=NodeId(7)), MemoryLog()
    >>> replica = Replica(config, log, draw=lambda bound: 0)
    >>> replica.step(Tick(3))
    >>> image = take_image(replica)
    >>> image.state.election_elapsed
    3
    >>> take_image(make_replica(image, log, draw=lambda bound: 0)) == image
    True
    """
    state = replica.state
    log, tracker = state.log, state.tracker
    unstable = _look(log.unstable, UnstableImage)
    progress = tuple(
        (each, _look_at(known)) for each, known in tracker.progress.items()
    )
    return _look(
        replica,
        ReplicaImage,
        state=_look(
            state,
            StateImage,
            log=_look(log, LogImage, unstable=unstable),
            tracker=_look(tracker, TrackerImage, progress=progress),
            reads=_look(state.reads, ReadsImage),
            lease=_look(state.lease, LeaseImage),
            seen=_look(state.seen, SeenImage),
        ),
    )


def make_replica(
    image: ReplicaImage, log: StableLog, draw: Callable[[int], int]
) -> Replica:
    """Return a member that goes on from an image.

    Parameters
    ----------
    image : ReplicaImage
        What it remembers.
    log : StableLog
        What storage held when the image was taken.
    draw : callable
        As `Replica` has it.

    Returns
    -------
    Replica
        With no events.
    """
    known = image.state
    state = State(known.config, log, draw)
    tracker = state.tracker
    tracker.restore(known.tracker.conf_state, log.last_index())
    for node_id, each in known.tracker.progress:
        progress = tracker.progress[node_id]
        _put(progress, each, "inflights")
        for last_index, size_bytes in each.inflights:
            progress.inflights.add(last_index, size_bytes)
    _put(tracker, known.tracker, "progress")
    _put(state.log, known.log, "unstable")
    _put(state.log.unstable, known.log.unstable)
    _put(state.reads, known.reads)
    _put(state.lease, known.lease)
    _put(state.seen, known.seen)
    _put(state, known, "config", "log", "tracker", "reads", "lease", "seen")
    replica = Replica.of_state(state)
    _put(replica, image, "state")
    return replica


_PLAIN: Final = (list, deque, dict)
"""What is copied into a tuple, and out of it."""


def _slot_of(thing: object, field: str) -> str:
    """Return what an attribute is called in its class."""
    return field if hasattr(type(thing), field) else f"_{field}"


def _value_of(thing: object, field: str) -> Any:
    """Return an attribute, by its name in the image."""
    return getattr(thing, _slot_of(thing, field))


def _look(thing: object, image: type[Image], **known: object) -> Image:
    """Return the image of something; what is known of it already is not looked at."""
    values: dict[str, object] = {}
    for field in image.__struct_fields__:
        if field in known:
            values[field] = known[field]
            continue
        value = _value_of(thing, field)
        if isinstance(value, dict):
            value = tuple(value.items())
        values[field] = tuple(value) if isinstance(value, (list, deque)) else value
    return image(**values)


def _look_at(progress: Progress) -> ProgressImage:
    """Return the image of what is known of one member."""
    return _look(progress, ProgressImage, inflights=progress.inflights.sent)


def _put(thing: object, image: msgspec.Struct, *but: str) -> None:
    """Make something new as its image says; some fields are put there otherwise."""
    for field in image.__struct_fields__:
        if field not in but:
            slot = _slot_of(thing, field)
            kind = type(getattr(thing, slot))
            value = getattr(image, field)
            setattr(thing, slot, kind(value) if kind in _PLAIN else value)
