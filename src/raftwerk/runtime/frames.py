"""The periodic frame: all that a node knows of itself at one moment, as a record."""

from typing import Final

from raftwerk.core.progress_view import ProgressView
from raftwerk.errors import EntryCompacted, EntryUnavailable
from raftwerk.runtime.event_format import (
    Record,
    describe_conf_state,
    id_text,
)
from raftwerk.runtime.log_sizes import LogSizes
from raftwerk.runtime.meter import Meter
from raftwerk.runtime.node import Node
from raftwerk.runtime.status import role_word
from raftwerk.storage.protocol import LogStore
from raftwerk.types import NodeId

__all__ = ["Frames"]

MILLIS: Final = 1000


class Frames:
    """Makes the frames of one node.

    Parameters
    ----------
    node : Node
        It must run whenever a frame is asked for.
    log : LogStore
        Its log, to know its size.
    meter : Meter
        What was measured since the last frame.
    """

    def __init__(self, node: Node, log: LogStore, meter: Meter) -> None:
        self._node = node
        self._meter = meter
        self._sizes = LogSizes(log)
        self._applied_index = 0
        self._last_t: float | None = None

    def reset(self) -> None:
        """Begin anew: nobody looked for a while."""
        self._sizes.reset()
        self._meter.reset()
        self._last_t = None

    def state(self, t: float) -> Record:
        """Return the state of this moment.

        Parameters
        ----------
        t : float
            Seconds since 1970.

        Returns
        -------
        dict
            A record of type ``state``.

        Raises
        ------
        NotLeader
            If the node does not run.
        """
        status = self._node.status()
        replica = self._node.replica
        elapsed, timeout = self._node.election_timer()
        try:
            self._sizes.look()
        except (EntryCompacted, EntryUnavailable):
            self._sizes.reset()  # It changed under our eyes: the next frame knows.
        record: Record = {
            "type": "state",
            "t": t,
            "node": str(status.node_id),
            "name": status.name,
            "role": role_word(status.role, status.is_learner),
            "term": status.term,
            "leader": id_text(status.leader),
            "vote": id_text(replica.state.vote),
            "transferee": id_text(replica.state.transferee),
            "log": {
                "first": status.first_index,
                "snapshot": status.snapshot_index,
                "committed": status.commit_index,
                "applied": status.applied_index,
                "appended": status.last_log_index,
                "bytes": self._sizes.total_bytes,
            },
            "timer": {
                "elapsed": round(elapsed * MILLIS),
                "timeout": round(timeout * MILLIS),
            },
            "window": self._window(t, status.applied_index),
        }
        if status.is_quarantined:
            record["is_quarantined"] = True
        progress = self._node.progress()
        if progress:
            record["progress"] = {
                str(peer): self._lag(view, status.last_log_index)
                for peer, view in progress.items()
                if peer != status.node_id
            }
        return record

    def _window(self, t: float, applied_index: int) -> Record:
        """Return what happened since the last frame."""
        seconds = None if self._last_t is None else max(t - self._last_t, 0.0)
        applied = 0 if self._last_t is None else applied_index - self._applied_index
        self._last_t = t
        self._applied_index = applied_index
        window: Record = {"seconds": seconds, "applied": max(applied, 0)}
        for name, durations in (
            ("writes", self._meter.writes),
            ("reads", self._meter.reads),
            ("syncs", self._meter.syncs),
        ):
            count, ranks = durations.take()
            window[name] = count
            if ranks is not None:
                window[f"{name}_millis"] = [round(each * MILLIS, 3) for each in ranks]
        return window

    def _lag(self, view: ProgressView, last_index: int) -> Record:
        """Return a follower's progress."""
        return {
            "state": view.state.value,
            "match": view.match_index,
            "next": view.next_index,
            "lag_entries": max(last_index - view.match_index, 0),
            "lag_bytes": self._sizes.bytes_after(view.match_index),
            "inflight": view.inflight_count,
            "is_active": view.is_recently_active,
            "is_learner": view.is_learner,
        }

    def members(self, t: float) -> Record:
        """Return who the members are.

        Parameters
        ----------
        t : float
            Seconds since 1970.

        Returns
        -------
        dict
            A record of type ``members``.

        Raises
        ------
        NotLeader
            If the node does not run.
        """
        status = self._node.status()
        return {
            "type": "members",
            "t": t,
            "node": str(status.node_id),
            "members": [
                {
                    "id": str(member.node_id),
                    "name": member.name,
                    "peer_urls": list(member.peer_urls),
                    "client_urls": list(member.client_urls),
                    "has_started": member.has_started,
                }
                for member in self._node.members
            ],
            "conf": describe_conf_state(status.conf_state),
        }

    def peers(self, t: float) -> dict[NodeId, Record]:
        """Return how the ways to the others are.

        Parameters
        ----------
        t : float
            Seconds since 1970.

        Returns
        -------
        dict of NodeId to dict
            A record of type ``peer`` for each.

        Raises
        ------
        NotLeader
            If the node does not run.
        """
        own = self._node.status().node_id
        return {
            peer: {
                "type": "peer",
                "t": t,
                "node": str(own),
                "peer": str(peer),
                "is_connected": view.is_connected,
                "trouble": view.trouble,
            }
            for peer, view in self._node.peers().items()
        }
