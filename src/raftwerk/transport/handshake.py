"""Who may talk to whom: both sides look at each other before any message passes.

A message that reaches the wrong member can break safety: an answer of another cluster
would be counted as a vote, and a member that lost its disk would vote twice in a term.
So the dialler says whom it wants, the listener says who it is, each refuses what does
not fit, and says why in words that tell the operator what to do.
"""

import enum
from typing import Final

import msgspec

from raftwerk.errors import PeerError
from raftwerk.transport.protocol import Admission, Identity, Objection
from raftwerk.types import NodeId

__all__ = [
    "VERSION_MAX",
    "VERSION_MIN",
    "Hello",
    "Refusal",
    "RefusalCode",
    "Welcome",
    "answer",
    "check_welcome",
    "object_to_stranger",
]

VERSION_MIN: Final = 1
"""The oldest version of the peer protocol that we speak."""
VERSION_MAX: Final = 2
"""The newest one; 2 tells the cluster's epoch, which is 0 for who doesn't tell it."""

_REASON_MAX: Final = 1000
"""Letters of a refusal that we pass on: enough for a sentence and a command."""


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """The dialler's first words."""

    version_min: int
    version_max: int
    receiver: NodeId
    """Whom the dialler believes to find at this address."""
    identity: Identity


class Welcome(msgspec.Struct, frozen=True, kw_only=True):
    """The listener agrees; messages may follow."""

    version: int
    """The newest that both speak."""
    identity: Identity


class RefusalCode(enum.StrEnum):
    """Why a connection was refused, for machines; others may come with versions."""

    VERSION = "version"
    CLUSTER = "cluster"
    EPOCH = "epoch"
    """The other one was left behind when the cluster was recovered."""
    RECEIVER = "receiver"
    SAME_ID = "same_id"
    NOT_ADMITTED = "not_admitted"
    REMOVED = "removed"
    """Who reads this was a member once, and will never be again with this data."""
    PROTOCOL = "protocol"
    """What was sent breaks the protocol."""
    BUSY = "busy"
    """Too many connections are in their handshake."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The listener's last words."""

    code: str
    reason: str

    @property
    def words(self) -> str:
        """The reason as one line that can do no harm in a log or on a terminal.

        Returns
        -------
        str
            Bounded, without control characters.
        """
        line = "".join(
            letter if letter.isprintable() else " " for letter in self.reason
        )
        return line[:_REASON_MAX]


def answer(hello: Hello, ours: Identity, admit: Admission) -> Welcome | Refusal:
    """Judge a dialler's first words.

    Parameters
    ----------
    hello : Hello
        What it said.
    ours : Identity
        Who we are.
    admit : Admission
        Asked last.

    Returns
    -------
    Welcome or Refusal
        What is to be sent back.
    """
    version = min(hello.version_max, VERSION_MAX)
    if version < max(hello.version_min, VERSION_MIN):
        return Refusal(
            code=RefusalCode.VERSION,
            reason=f"node {hello.identity.node_id:x} speaks versions"
            f" {hello.version_min} to {hello.version_max} of the peer protocol, node"
            f" {ours.node_id:x} {VERSION_MIN} to {VERSION_MAX}: upgrade the older one",
        )
    refusal = _misfit(hello.identity, ours, reader=hello.identity)
    if refusal is None and hello.receiver != ours.node_id:
        refusal = Refusal(
            code=RefusalCode.RECEIVER,
            reason=f"this is node {ours.node_id:x}, not node {hello.receiver:x}:"
            " correct the address",
        )
    if refusal is None:
        objection = admit(hello.identity)
        if objection is None:
            return Welcome(version=version, identity=ours)
        is_removed = objection.is_removed
        code = RefusalCode.REMOVED if is_removed else RefusalCode.NOT_ADMITTED
        refusal = Refusal(code=code, reason=objection.words)
    return refusal


def check_welcome(
    welcome: Welcome, ours: Identity, expected: NodeId, admit: Admission
) -> Refusal | None:
    """Judge a listener's answer, for it may lie in wait where a member once was.

    Parameters
    ----------
    welcome : Welcome
        What it said.
    ours : Identity
        Who we are.
    expected : NodeId
        Whom we wanted.
    admit : Admission
        Asked last.

    Returns
    -------
    Refusal or None
        Why we don't want to talk to it.

    Raises
    ------
    PeerError
        If it chose a version that we did not offer.
    """
    if not VERSION_MIN <= welcome.version <= VERSION_MAX:
        raise PeerError(f"version {welcome.version} was chosen and never offered")
    theirs = welcome.identity
    if theirs.node_id != expected:
        return Refusal(
            code=RefusalCode.RECEIVER,
            reason=f"node {theirs.node_id:x} answers at the address of node"
            f" {expected:x}: correct the address",
        )
    refusal = _misfit(theirs, ours, reader=ours)
    if refusal is None and (objection := admit(theirs)) is not None:
        # Not `REMOVED`, be it so: that is said of who reads it.
        refusal = Refusal(code=RefusalCode.NOT_ADMITTED, reason=objection.words)
    return refusal


def object_to_stranger(theirs: Identity, ours: Identity) -> Objection:
    """Say why a member is not admitted that is not among our peers.

    Parameters
    ----------
    theirs : Identity
        Who it says it is.
    ours : Identity
        Who we are.

    Returns
    -------
    Objection
        What its operator should read.
    """
    return Objection(
        f"node {theirs.node_id:x} is no member as far as node {ours.node_id:x} knows:"
        " add it to the cluster first, or wait until the change has arrived here"
    )


def _misfit(theirs: Identity, ours: Identity, reader: Identity) -> Refusal | None:
    """Return why these two can't belong together, for one of them to read."""
    for each in (theirs, ours):
        if not each.cluster_id:
            words = f"node {each.node_id:x} is in no cluster yet"
            return Refusal(code=RefusalCode.CLUSTER, reason=words)
    if theirs.cluster_id != ours.cluster_id:
        return Refusal(
            code=RefusalCode.CLUSTER,
            reason=f"node {theirs.node_id:x} belongs to cluster {theirs.cluster_id:x},"
            f" node {ours.node_id:x} to cluster {ours.cluster_id:x}: correct the"
            " address, or the setting that the cluster's id is made of",
        )
    if theirs.epoch != ours.epoch:
        is_old = reader.epoch < max(theirs.epoch, ours.epoch)
        code = RefusalCode.REMOVED if is_old else RefusalCode.EPOCH
        return Refusal(code=code, reason=_words_for_epochs(theirs, ours))
    if theirs.node_id == ours.node_id:
        return Refusal(
            code=RefusalCode.SAME_ID,
            reason=f"node {ours.node_id:x} met another node {ours.node_id:x}: two"
            " processes use one id, or an address leads back to where it came from",
        )
    return None


def _words_for_epochs(theirs: Identity, ours: Identity) -> str:
    """Say which of two members has no part in the cluster any more, and why."""
    old, new = sorted((theirs, ours), key=lambda each: each.epoch)
    return (
        f"node {old.node_id:x} is of epoch {old.epoch} of cluster {old.cluster_id:x},"
        f" which has lost its quorum since and was recovered as epoch {new.epoch}, in"
        f" which node {new.node_id:x} is: what node {old.node_id:x} has takes part no"
        " more. Stop it, put its data directory aside, and have it added anew with"
        " `raftwerk member add`"
    )
