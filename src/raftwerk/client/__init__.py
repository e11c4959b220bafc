"""A cluster as a caller from outside sees it.

`Client` is the face: keys, sessions, watches, leases, locks, members, leadership,
through whichever member answers.
`endpoints` decides who is asked and what may be asked again, `connections` speaks HTTP,
`values` is what is answered. Nothing here knows a server's code, only its API.
"""

from raftwerk.client.client import Client
from raftwerk.client.errors import LeaseLost, NoEndpoint, Refused, WatchCompacted
from raftwerk.client.kv import prefix_end
from raftwerk.client.lease import Granted, KeptAlive, KeptLease, LeaseList, TimeLeft
from raftwerk.client.lock import Held
from raftwerk.client.session import Session
from raftwerk.client.values import (
    Deleted,
    Done,
    Found,
    Header,
    KeyValue,
    Member,
    MemberList,
    MemberStatus,
    Written,
)
from raftwerk.client.watch import Told, WatchEvent

__all__ = [
    "Client",
    "Deleted",
    "Done",
    "Found",
    "Granted",
    "Header",
    "Held",
    "KeptAlive",
    "KeptLease",
    "KeyValue",
    "LeaseList",
    "LeaseLost",
    "Member",
    "MemberList",
    "MemberStatus",
    "NoEndpoint",
    "Refused",
    "Session",
    "TimeLeft",
    "Told",
    "WatchCompacted",
    "WatchEvent",
    "Written",
    "prefix_end",
]
