"""What the routes of all families are given."""

import msgspec

from raftwerk.api.settings import ApiSettings
from raftwerk.service import KvService, NodeLike

__all__ = ["ApiContext"]


class ApiContext(msgspec.Struct, frozen=True, kw_only=True):
    """The member and its services, as the routes see them.

    Parameters
    ----------
    node : NodeLike
        The member.
    kv : KvService
        Its key-value calls.
    settings : ApiSettings
        How the API presents itself.
    """

    node: NodeLike
    kv: KvService
    settings: ApiSettings
