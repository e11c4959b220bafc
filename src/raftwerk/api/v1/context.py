"""What the routes of all families are given."""

from collections.abc import Callable, Sequence

import msgspec

from raftwerk.api.streams import Streams
from raftwerk.config import ApiSettings
from raftwerk.core.records import Entry
from raftwerk.runtime.hooks import Hooks
from raftwerk.runtime.sessions import OpensSessions
from raftwerk.service import KvService, NodeLike
from raftwerk.service.cluster import ClusterService
from raftwerk.service.explain import Explainer
from raftwerk.service.revisions import Revisions
from raftwerk.service.watch import WatchService
from raftwerk.types import LogIndex

__all__ = ["ApiContext"]


class ApiContext(msgspec.Struct, frozen=True, kw_only=True):
    """The member and its services, as the routes see them.

    Parameters
    ----------
    node : NodeLike
        The member.
    kv : KvService
        Its key-value calls.
    cluster : ClusterService or None
        Its calls about members and the leader; None where there is no group.
    hooks : Hooks or None
        Its role scripts; None where it has none.
    watch : WatchService or None
        Its watches; None where nobody can watch.
    revisions : Revisions or None
        Lets readers wait for a revision; without it, they ask the leader.
    streams : Streams or None
        Says when streams are to end.
    sessions : OpensSessions or None
        Opens sessions; None where there are none.
    explainer : Explainer or None
        Says what is wrong with the cluster; None where there is none.
    entries : callable or None
        Reads entries of its log: from an index to before another, so many bytes.
    settings : ApiSettings
        How the API presents itself.
    """

    node: NodeLike
    kv: KvService
    cluster: ClusterService | None = None
    hooks: Hooks | None = None
    watch: WatchService | None = None
    revisions: Revisions | None = None
    streams: Streams | None = None
    sessions: OpensSessions | None = None
    explainer: Explainer | None = None
    entries: Callable[[LogIndex, LogIndex, int], Sequence[Entry]] | None = None
    settings: ApiSettings = ApiSettings()
