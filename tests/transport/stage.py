"""A member's surroundings on virtual time, with lists in the place of sockets."""

from collections.abc import Callable

from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import VirtualLoop, virtual_host
from raftwerk.transport.config import TransportConfig
from raftwerk.transport.inbox import Inbox
from raftwerk.transport.link import Session, Surroundings
from raftwerk.transport.news import News
from raftwerk.transport.protocol import Admission
from raftwerk.types import NodeId
from tests.transport.helpers import Lines, ListLink, Recorder, identity


class Stage:
    """Where sessions are tried out.

    Parameters
    ----------
    node_id : NodeId
        Who the member is.
    config : TransportConfig
        Its bounds.
    admit : Admission
        Whom it talks to.
    """

    def __init__(
        self,
        node_id: NodeId,
        config: TransportConfig = TransportConfig(),
        admit: Admission = lambda identity: None,
    ) -> None:
        self.loop = VirtualLoop()
        self.host = virtual_host(self.loop, SplitMix64(1))
        self.receiver = Recorder()
        self.lines = Lines()
        self.links: list[ListLink] = []
        """One for each attempt to dial; none is open yet."""
        self.calls_off = 0
        inbox = Inbox(self.host.timers)
        inbox.open(self.receiver)
        self.surroundings = Surroundings(
            identity=identity(node_id),
            config=config,
            host=self.host,
            admit=admit,
            inbox=inbox,
            news=News(self.lines),
            dial=self._dial,
        )

    def _dial(self, _address: str, session: Session) -> Callable[[], None]:
        self.links.append(ListLink(session))

        def call_off() -> None:
            self.calls_off += 1

        return call_off

    def wait(self, seconds: float) -> None:
        """Let time pass."""

        async def sleep() -> None:
            await self.host.timers.sleep(seconds)

        self.loop.run_until_complete(sleep())

    def close(self) -> None:
        """Take the stage down."""
        self.loop.close()
