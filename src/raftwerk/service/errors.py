"""Why a service refuses a request by itself; what the store refuses is a `KvError`."""

from raftwerk.errors import RequestError

__all__ = [
    "DowngradeUnsupported",
    "DowngradeVersionInvalid",
    "DowngradeVersionMalformed",
    "NoDowngrade",
    "MemberStops",
    "RequestTooLarge",
    "ServiceError",
]


class ServiceError(RequestError):
    """A service refused a request; nothing happened and nothing will."""


class RequestTooLarge(ServiceError):
    """A request has more bytes than one entry of the log may have."""


class MemberStops(ServiceError):
    """This member stops and ends what goes on; another member will take it up."""


class DowngradeVersionMalformed(ServiceError):
    """What a cluster is to go back to is no version."""


class DowngradeVersionInvalid(ServiceError):
    """A cluster can't go back to this version."""


class NoDowngrade(ServiceError):
    """There is no way back to an older version under way that could be given up."""


class DowngradeUnsupported(ServiceError):
    """A cluster goes back to an older version in another way than this call's."""
