"""Why a change of members or of the leader is refused; each is a text of etcd's."""

from raftwerk.service.errors import ServiceError

__all__ = [
    "BadTransferee",
    "ClusterRefusal",
    "LearnerLags",
    "MemberNotFound",
    "MemberUrlsInvalid",
    "NotALearner",
    "PeerUrlsTaken",
    "TooFewMembers",
    "TransferFailed",
    "UnhealthyCluster",
]


class ClusterRefusal(ServiceError):
    """The leader refused; nothing happened and nothing will."""


class MemberNotFound(ClusterRefusal):
    """No member has this id."""


class MemberUrlsInvalid(ClusterRefusal):
    """A member has no peer URL, or one of another form than ``http://HOST:PORT``."""


class PeerUrlsTaken(ClusterRefusal):
    """Another member has one of these peer URLs."""


class NotALearner(ClusterRefusal):
    """Only a learner can be promoted."""


class LearnerLags(ClusterRefusal):
    """A learner that has not caught up would leave a quorum waiting for it."""


class TooFewMembers(ClusterRefusal):
    """No voter would be left."""


class UnhealthyCluster(ClusterRefusal):
    """With the change, the members that are in touch would be no quorum."""


class BadTransferee(ClusterRefusal):
    """Who is to lead does not vote, or is no member."""


class TransferFailed(ClusterRefusal):
    """The member that was to lead did not come to lead in time."""
