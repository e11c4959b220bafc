"""What each call of etcd's API means, free of any wire form.

A service checks a request, has it agreed upon or reads where that is safe, and returns
values or raises a `RequestError`. HTTP is one thin face of it; the simulator is
another. Requests are the store's own types, so nothing is translated on the way into
the log. No call waits for ever: the node ends each within its own time, for it alone
can tell what became of a request by then.

====================================  ==================================================
to read                               for
====================================  ==================================================
node, header, errors                  what a service wants of a node; what stands above
                                      answers
kv, leader_reads                      put, range, delete, transaction; reads for a full
                                      disk
turns, queue                          work in steps; standing in line
watch, watch_messages, fragments      many watches on one stream, in parts
revisions, compactor, quota           waiting for a revision; letting go; how much there
                                      may be
lease, lease_calls, lease_node        leases, on any member
lessor, countdown                     and on the leader, who counts
lock, election                        one owner a name; one leader a name
cluster, cluster_calls, cluster_node  members and leadership, on any member
membership, rounds                    and on the leader, who judges; whether a learner
                                      keeps up
cluster_view, cluster_errors          what is told of it, and why it is refused
newcomers, roster, growth             who comes by itself, and a group that keeps its
                                      size
maintenance, drift                    one member; replicas that differ
backup, restoring                     the store in a file; the store as it was
explain, inquiry, interview           asking all members how they are
deposition, case                      what one says; what all say together
diagnose, symptoms, ways              what is wrong with it, in plain words
====================================  ==================================================
"""

from raftwerk.service.errors import MemberStops, RequestTooLarge, ServiceError
from raftwerk.service.header import Header
from raftwerk.service.kv import REQUEST_BYTES_MAX, KvService
from raftwerk.service.node import NodeLike

__all__ = [
    "REQUEST_BYTES_MAX",
    "Header",
    "KvService",
    "MemberStops",
    "NodeLike",
    "RequestTooLarge",
    "ServiceError",
]
