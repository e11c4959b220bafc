"""What arrived in one turn is handed over in one go, in the next."""

from collections.abc import Sequence

from raftwerk.core.messages import Message
from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import VirtualLoop, virtual_host
from raftwerk.transport.inbox import Inbox
from tests.transport.helpers import ONE, THREE, TWO, Recorder, heartbeat


def play(inbox_of: "type[Recorder]" = Recorder) -> tuple[VirtualLoop, Inbox, Recorder]:
    loop = VirtualLoop()
    inbox = Inbox(virtual_host(loop, SplitMix64(1)).timers)
    receiver = inbox_of()
    inbox.open(receiver)
    return loop, inbox, receiver


def finish(loop: VirtualLoop) -> None:
    """Let all happen that is due."""

    async def wait() -> None:
        await virtual_host(loop, SplitMix64(1)).timers.sleep(1.0)

    loop.run_until_complete(wait())
    loop.close()


def test_all_of_one_turn_is_one_batch() -> None:
    loop, inbox, receiver = play()
    inbox.put_messages([heartbeat(1), heartbeat(2)])
    inbox.put_messages([heartbeat(3, sender=THREE)])
    assert not receiver.messages, "nothing is delivered from within a call"
    finish(loop)
    assert receiver.batches == [3]


def test_a_peer_is_unreachable_once_a_turn_and_each_snapshot_is_told() -> None:
    loop, inbox, receiver = play()
    inbox.put_unreachable(TWO)
    inbox.put_snapshot(TWO, False)
    inbox.put_unreachable(TWO)
    inbox.put_snapshot(TWO, True)
    finish(loop)
    assert receiver.unreachable == [TWO]
    assert receiver.snapshots == [(TWO, False), (TWO, True)]


def test_nothing_is_delivered_after_closing() -> None:
    loop, inbox, receiver = play()
    inbox.put_messages([heartbeat()])
    inbox.close()
    inbox.put_messages([heartbeat()])
    inbox.put_unreachable(TWO)
    finish(loop)
    assert not receiver.messages and not receiver.unreachable


class _Closer(Recorder):
    """Closes the inbox from within the first call."""

    inbox: Inbox

    def on_messages(self, messages: Sequence[Message]) -> None:
        super().on_messages(messages)
        self.inbox.close()


def test_a_receiver_may_stop_the_transport_from_within_a_call() -> None:
    loop, inbox, receiver = play(_Closer)
    assert isinstance(receiver, _Closer)
    receiver.inbox = inbox
    inbox.put_messages([heartbeat()])
    inbox.put_unreachable(ONE)
    inbox.put_snapshot(ONE, True)
    finish(loop)
    assert len(receiver.messages) == 1
    assert not receiver.unreachable and not receiver.snapshots
