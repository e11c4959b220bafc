"""A flight as an event file: what the page would have been told by the node.

States are told where something changed in them, not ten times a second; what only a
whole node knows (names, addresses, sizes and durations) is left open.
"""

from collections.abc import Iterator

from raftwerk.core.messages import PeerMessage
from raftwerk.core.ready import Ready
from raftwerk.core.replica import Status
from raftwerk.core.roles import Role
from raftwerk.runtime.event_format import (
    Record,
    describe_conf_state,
    describe_event,
    describe_message,
    header_record,
    id_text,
)
from raftwerk.runtime.flight_replay import FlightReplay, Moment
from raftwerk.runtime.status import role_word

__all__ = ["FlightTold"]

MILLIS = 1000


class FlightTold:
    """Tells one file's story as event records.

    Parameters
    ----------
    replay : FlightReplay
        At its beginning; the caller takes it forward.
    """

    def __init__(self, replay: FlightReplay) -> None:
        self._replay = replay
        self._began = replay.beginning.wall_seconds
        self._known: Record = {}
        self._conf: Record = {}

    def beginning(self) -> list[Record]:
        """Return how the story begins.

        Returns
        -------
        list of dict
            Header, members and state.
        """
        known = self._replay.beginning
        config = known.image.state.config
        tick_millis = known.heartbeat_millis // config.heartbeat_ticks
        header = header_record(
            "node",
            self._began,
            node=str(known.node_id),
            name=f"{known.node_id:x}",
            heartbeat_millis=known.heartbeat_millis,
            election_timeout_millis=[
                config.election_ticks_min * tick_millis,
                config.election_ticks_max * tick_millis,
            ],
        )
        return [header, *self._standing(self._began)]

    def after(self, moment: Moment) -> list[Record]:
        """Return what one record led to.

        Parameters
        ----------
        moment : Moment
            The last one.

        Returns
        -------
        list of dict
            Events, messages, and how things stand if that is news.
        """
        t = self._began + moment.record.at_millis / MILLIS
        records = [describe_event(event, t) for event in moment.events]
        if moment.ready is not None:
            own = self._replay.beginning.node_id
            records += [
                describe_message(message, t, 1)
                for message in _messages_of(moment.ready)
                if message.receiver != own
            ]
        return [*records, *self._standing(t)]

    def _standing(self, t: float) -> Iterator[Record]:
        """Yield members and state, where they are others than before."""
        status = self._replay.replica.status()
        conf = describe_conf_state(status.conf_state)
        if conf != self._conf:
            self._conf = conf
            ids = {*conf["voters"], *conf["voters_outgoing"], *conf["learners"]}
            yield {
                "type": "members",
                "t": t,
                "node": str(status.node_id),
                "members": [_member(int(each)) for each in sorted(ids, key=int)],
                "conf": conf,
            }
        state = self._state(status)
        if state != self._known:
            self._known = state
            yield {"type": "state", "t": t, **state}

    def _state(self, status: Status) -> Record:
        """Return how the member stands, but for the time."""
        state = self._replay.replica.state
        is_learner = status.node_id in status.conf_state.learners
        is_leader = status.role is Role.LEADER
        tick_millis = (
            self._replay.beginning.heartbeat_millis // state.config.heartbeat_ticks
        )
        timeout = (
            state.config.election_ticks_min if is_leader else state.election_timeout
        )
        record: Record = {
            "node": str(status.node_id),
            "name": f"{status.node_id:x}",
            "role": role_word(status.role, is_learner),
            "term": status.term,
            "leader": id_text(status.leader),
            "vote": id_text(status.vote),
            "transferee": id_text(status.transferee),
            "log": {
                "first": status.first_index,
                "snapshot": state.log.stable.snapshot().index,
                "committed": status.commit_index,
                "applied": status.applied_index,
                "appended": status.last_log_index,
                "bytes": 0,
            },
            "timer": {
                "elapsed": state.election_elapsed * tick_millis,
                "timeout": timeout * tick_millis,
            },
            "window": {"seconds": None, "applied": 0}
            | {"writes": 0, "reads": 0, "syncs": 0},
        }
        if is_leader:
            record["progress"] = {
                str(peer): {
                    "state": view.state.value,
                    "match": view.match_index,
                    "next": view.next_index,
                    "lag_entries": max(status.last_log_index - view.match_index, 0),
                    "lag_bytes": 0,
                    "inflight": view.inflight_count,
                    "is_active": view.is_recently_active,
                    "is_learner": view.is_learner,
                }
                for peer, view in status.progress.items()
                if peer != status.node_id
            }
        return record


def _member(node_id: int) -> Record:
    """Return what is known of a member."""
    return {
        "id": str(node_id),
        "name": f"{node_id:x}",
        "peer_urls": [],
        "client_urls": [],
        "has_started": True,
    }


def _messages_of(ready: Ready) -> list[PeerMessage]:
    """Return all messages that a `Ready` lets out, now or once storage has its part."""
    late = ready.messages_after_sync
    if ready.append is not None:
        late = ready.append.replies
    return [*ready.messages, *late]
