"""What each call of etcd's API means, free of any wire form.

A service checks a request, has it agreed upon or reads where that is safe, and returns
values or raises a `RequestError`. HTTP is one thin face of it; gRPC and the simulator
are others. Requests are the store's own types, so nothing is translated on the way into
the log. No call waits for ever: the node ends each within its own time, for it alone
can tell what became of a request by then.
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
