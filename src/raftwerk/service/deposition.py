"""What a member can say of itself and of the others, for whoever looks for a fault."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from raftwerk import __version__
from raftwerk.config import NodeConfig
from raftwerk.core.events import BecameCandidate, BecamePreCandidate, Event
from raftwerk.host.protocol import Clock
from raftwerk.runtime import Node
from raftwerk.runtime.status import role_word
from raftwerk.transport.handshake import VERSION_MAX, VERSION_MIN
from raftwerk.types import NodeId

__all__ = ["ELECTION_WINDOW_SECONDS", "Acquaintance", "Deponent", "Sight", "Deposition"]

ELECTION_WINDOW_SECONDS: Final = 30.0
"""How far back a member counts its attempts to be elected."""

ATTEMPTS_KEPT: Final = 1000


class Acquaintance(msgspec.Struct, frozen=True, kw_only=True):
    """A member as another one knows it from the log.

    Parameters
    ----------
    id : str
        Who, in hexadecimal.
    name : str
        For people; empty until it has started.
    client_urls : tuple of str
        Where clients reach it.
    peer_urls : tuple of str
        Where members reach it.
    has_started : bool
        Whether it was ever seen.
    """

    id: str
    name: str = ""
    client_urls: tuple[str, ...] = ()
    peer_urls: tuple[str, ...] = ()
    has_started: bool = True


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """How the way to another member is.

    Parameters
    ----------
    id : str
        To whom, in hexadecimal.
    is_connected : bool
        Whether what is sent now has a way to it.
    since : float
        When that last changed, in seconds since 1970.
    trouble : str
        Why there is no connection, in words.
    """

    id: str
    is_connected: bool
    since: float
    trouble: str = ""


class Deposition(msgspec.Struct, frozen=True, kw_only=True):
    """All that one member says.

    Parameters
    ----------
    id, name : str
        Who says it.
    cluster_id : str
        Of which cluster, in hexadecimal.
    version : str
        Of raftwerk.
    protocol_min, protocol_max : int
        Which versions of the peer protocol it speaks; -1 if that is not known.
    waits_for : str
        Why it takes no part yet, in words; empty if it does.
    state : str
        Its role.
    term : int
        As it knows it.
    leader : str
        Whom it follows, in hexadecimal; empty for nobody.
    commit_index, last_log_index : int
        How far its log is.
    voters, voters_outgoing, learners : tuple of str
        Who belongs to the group.
    members : tuple of Acquaintance
        Names and addresses.
    sights : tuple of Sight
        The ways to the others.
    lags : dict of str to int
        By member, how many entries it lacks; what only a leader knows.
    attempts : int
        How often it asked for votes within `ELECTION_WINDOW_SECONDS`.
    heartbeat_millis, election_min_millis, election_max_millis : int
        Its timeouts.
    sync_millis : float
        What its disk took for a sync of late; 0 if that is not known.
    disk_free_bytes : int
        Room where its data is; -1 if that is not known.
    alarms : tuple of str
        What it has raised, as etcd names it.
    quarantined : tuple of str
        Whose state differs from that of a majority.
    disagreement_index : int
        Where replicas differed and there was no majority; 0: nowhere.
    disagreement : dict of str to str
        By member, what it was like there: a hash.
    """

    id: str = ""
    name: str
    cluster_id: str = ""
    version: str = __version__
    protocol_min: int = -1
    protocol_max: int = -1
    waits_for: str = ""
    state: str = "FOLLOWER"
    term: int = 0
    leader: str = ""
    commit_index: int = 0
    last_log_index: int = 0
    voters: tuple[str, ...] = ()
    voters_outgoing: tuple[str, ...] = ()
    learners: tuple[str, ...] = ()
    members: tuple[Acquaintance, ...] = ()
    sights: tuple[Sight, ...] = ()
    lags: dict[str, int] = {}
    attempts: int = 0
    heartbeat_millis: int = 50
    election_min_millis: int = 150
    election_max_millis: int = 300
    sync_millis: float = 0.0
    disk_free_bytes: int = -1
    alarms: tuple[str, ...] = ()
    quarantined: tuple[str, ...] = ()
    disagreement_index: int = 0
    disagreement: dict[str, str] = {}


class Deponent:
    """Says what its node knows, whenever it is asked.

    Parameters
    ----------
    node : Node
        It runs.
    config : NodeConfig
        What it was told.
    clock : Clock
        Time.
    disk_free_bytes : callable
        Returns how much room is where its data is.
    sync_seconds : callable
        Returns what the disk took for a sync of late.
    alarms : callable
        Returns the names of the alarms that are raised.
    """

    def __init__(
        self,
        node: Node,
        config: NodeConfig,
        clock: Clock,
        *,
        disk_free_bytes: Callable[[], int] = lambda: -1,
        sync_seconds: Callable[[], float] = lambda: 0.0,
        alarms: Callable[[], Sequence[str]] = lambda: (),
    ) -> None:
        self._node = node
        self._config = config
        self._clock = clock
        self._disk_free_bytes = disk_free_bytes
        self._sync_seconds = sync_seconds
        self._alarms = alarms
        self._attempts: deque[float] = deque(maxlen=ATTEMPTS_KEPT)
        node.observe(self._count)

    def _count(self, events: Sequence[Event]) -> None:
        """Remember each attempt to be elected."""
        for event in events:
            if isinstance(event, BecamePreCandidate | BecameCandidate):
                self._attempts.append(self._clock.now())

    def testify(self) -> Deposition:
        """Return what the node knows now.

        Returns
        -------
        Deposition
            Of this moment.

        Raises
        ------
        NotLeader
            If the node does not run.
        """
        node, config = self._node, self._config
        status, now = node.status(), self._clock.now()
        conf_state, quarrel = status.conf_state, status.disagreement
        return Deposition(
            id=_text(status.node_id),
            name=status.name,
            cluster_id=f"{status.cluster_id:x}",
            protocol_min=VERSION_MIN,
            protocol_max=VERSION_MAX,
            state=role_word(status.role, status.is_learner),
            term=status.term,
            leader="" if status.leader is None else _text(status.leader),
            commit_index=status.commit_index,
            last_log_index=status.last_log_index,
            voters=_texts(conf_state.voters),
            voters_outgoing=_texts(conf_state.voters_outgoing),
            learners=_texts((*conf_state.learners, *conf_state.learners_next)),
            members=tuple(
                Acquaintance(
                    id=_text(member.node_id),
                    name=member.name,
                    client_urls=member.client_urls,
                    peer_urls=member.peer_urls,
                    has_started=member.has_started,
                )
                for member in node.members
            ),
            sights=tuple(
                Sight(
                    id=_text(peer),
                    is_connected=view.is_connected,
                    since=self._clock.wall() - (now - view.since),
                    trouble=view.trouble,
                )
                for peer, view in node.peers().items()
            ),
            lags={
                _text(peer): max(status.last_log_index - view.match_index, 0)
                for peer, view in node.progress().items()
            },
            attempts=sum(now - t <= ELECTION_WINDOW_SECONDS for t in self._attempts),
            heartbeat_millis=config.heartbeat_millis,
            election_min_millis=config.election_timeout_min_millis,
            election_max_millis=config.election_timeout_max_millis,
            sync_millis=round(self._sync_seconds() * 1000, 3),
            disk_free_bytes=self._disk_free_bytes(),
            alarms=tuple(self._alarms()),
            quarantined=_texts(status.quarantined),
            disagreement_index=quarrel.index if quarrel else 0,
            disagreement=(
                {_text(node): link.hex() for node, link in quarrel.links}
                if quarrel
                else {}
            ),
        )


def _text(node_id: NodeId) -> str:
    """Return an id as people see it."""
    return f"{node_id:x}"


def _texts(node_ids: Sequence[NodeId]) -> tuple[str, ...]:
    """Return ids as people see them."""
    return tuple(map(_text, node_ids))
