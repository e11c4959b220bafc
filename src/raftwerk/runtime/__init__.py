"""All that happens around the core: the only owner of time, disk and sockets.

A `Node` is one member of a group. Everything that arrives in one turn of the event loop
is one batch; disk and network work in parallel; every request has an honest end: its
result, "nothing happened", or "unknown".

======================================  ================================================
to read                                 for
======================================  ================================================
node, node_requests, node_view          the face: how it lives, what can be asked, what
                                        is seen
state_machine, status                   what a user implements; what a node says of
                                        itself
driver, effects                         the loop around the core: inputs, one `Ready`,
                                        its orders
duties                                  what a member sees to by itself
core_settings, ticker, timekeeper       milliseconds as ticks; when the next turn is due
syncer, log_syncs                       one sync for all that waits, in the quickest way
worker, timed_threads                   threads beside the loop
machine_queue, apply                    committed entries into the state machine, in
                                        order
requests, proposing, waiters, waiter    proposals on their way: held, batched, answered
handed_on, notices, barriers            the leader is elsewhere; news of commits; reads
envelope, records, versions             what stands in the log, and who can read it
members, changes, presence              who belongs to the group, and how that changes
publisher, address_book, evidence       what is known of each: names, addresses, first
                                        starts
removal, leading, handover              how membership, leadership and a node end
calls                                   questions that the leader answers for all
sessions, once, answered, log_time      exactly once, by a time that the log keeps
snapshots, manifest, log_sizes          all about snapshots: when, of what, how large
snapshot_taking, snapshot_writing       one is made while entries go on being applied
snapshot_serving, snapshot_fetching     one travels, chunk by chunk
snapshot_reading                        and becomes the state
archiver                                all that was committed, in a folder of its own
chain, comparison, drift                replicas that differ are found
soundness, healing                      and brought back, or shut out
sync_times, disk_watch, disk_guard      a disk that hangs or is full
meter, metrics, loop_lag, recent        what is counted and timed
event_feed, event_format, frames, tap   what is told to those who watch, and how
flight, flight_replica, flight_log      the flight recorder: all that a core was told
flight_form, flight_ring                its files; the ring of them
flight_writer, flight_shape             what writes them; files without payloads
flight_replay, flight_words             flown again, and told in words
flight_events                           as the events of which the page is made
hooks, script_hook                      what an application does when its node leads
survivors, replay                       a log that nobody runs any more; a lost quorum
======================================  ================================================
"""

from raftwerk.config import NodeConfig
from raftwerk.runtime.manifest import bootstrap_snapshot
from raftwerk.runtime.members import Member
from raftwerk.runtime.node import Node
from raftwerk.runtime.state_machine import StateMachine
from raftwerk.runtime.status import NodeStatus

__all__ = [
    "Member",
    "Node",
    "NodeConfig",
    "NodeStatus",
    "StateMachine",
    "bootstrap_snapshot",
]
