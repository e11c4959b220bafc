"""What the routes of all families are given."""

import msgspec

from raftwerk.config import ApiSettings
from raftwerk.runtime.hooks import Hooks
from raftwerk.service import KvService, NodeLike
from raftwerk.service.cluster import ClusterService

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
    settings : ApiSettings
        How the API presents itself.
    """

    node: NodeLike
    kv: KvService
    cluster: ClusterService | None = None
    hooks: Hooks | None = None
    settings: ApiSettings = ApiSettings()
