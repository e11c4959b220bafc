"""What every transport must do; all implementations inherit these tests."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec
import pytest

from raftwerk.core.messages import Message
from raftwerk.errors import ConfigError
from raftwerk.host.protocol import Timers
from raftwerk.transport.protocol import Admission, Identity, Objection, Transport
from raftwerk.types import NodeId
from tests.transport.helpers import (
    ONE,
    THREE,
    TWO,
    Lines,
    Recorder,
    append_entries,
    heartbeat,
    heartbeat_reply,
    identity,
    snapshot,
)

__all__ = ["Group", "Story", "TransportContract"]

WAIT_SECONDS_MAX = 20.0
"""How long anything may take that must happen."""

STILL_SECONDS = 0.3
"""How long we look whether something happens that must not."""


class Group:
    """Some members of a cluster, and what they receive.

    Parameters
    ----------
    timers : Timers
        Of the world in which they live.
    """

    def __init__(self, timers: Timers) -> None:
        self.timers = timers
        self.transports: dict[NodeId, Transport] = {}
        self.receivers: dict[NodeId, Recorder] = {}
        self.addresses: dict[NodeId, str] = {}
        self.lines = Lines()

    def make(
        self, who: Identity, address: str, admit: Admission | None = None
    ) -> Transport:
        """Return a transport of the kind that is tested."""
        raise NotImplementedError

    def free_address(self) -> str:
        """Return where a member may listen."""
        raise NotImplementedError

    def address_of(self, transport: Transport, address: str) -> str:
        """Return where a transport that was started on `address` listens."""
        raise NotImplementedError

    async def start(
        self,
        node_id: NodeId,
        admit: Admission | None = None,
        receiver: Recorder | None = None,
    ) -> Transport:
        """Start a member where it was before, or where there is room."""
        address = self.addresses.get(node_id) or self.free_address()
        transport = self.make(identity(node_id), address, admit)
        self.receivers[node_id] = receiver or Recorder()
        await transport.start(self.receivers[node_id])
        self.addresses[node_id] = self.address_of(transport, address)
        self.transports[node_id] = transport
        return transport

    async def start_pair(self) -> tuple[Transport, Transport]:
        """Start members 1 and 2, who know each other."""
        one, two = await self.start(ONE), await self.start(TWO)
        self.introduce()
        return one, two

    def introduce(self) -> None:
        """Have all members know all."""
        for transport in self.transports.values():
            transport.set_peers(self.addresses)

    async def stop(self, node_id: NodeId) -> None:
        """Stop a member; its address stays its own."""
        await self.transports.pop(node_id).stop()

    async def stop_all(self) -> None:
        """Stop all members."""
        for node_id in list(self.transports):
            await self.stop(node_id)

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is so, for a bounded time."""
        for _ in range(round(WAIT_SECONDS_MAX / 0.005)):
            if condition():
                return
            await self.timers.sleep(0.005)
        raise AssertionError(f"never came true: {self.lines.lines}")

    async def until_heard(self, sender: NodeId, receiver: NodeId) -> None:
        """Send heartbeats until one arrives, as a leader would."""
        told = self.receivers[receiver]
        before = len(told.messages)
        for _ in range(round(WAIT_SECONDS_MAX / 0.05)):
            self.transports[sender].send([heartbeat(0, sender, receiver)])
            await self.timers.sleep(0.05)
            if len(told.messages) > before:
                return
        raise AssertionError(f"nothing arrived: {self.lines.lines}")


Story = Callable[[Group], Coroutine[Any, Any, None]]


class TransportContract:
    """The tests; a subclass says in which world a story is played."""

    counts_bytes = True

    def play(self, story: Story) -> None:
        """Play a story with a new group, and stop its members."""
        raise NotImplementedError

    def test_messages_arrive_in_order(self) -> None:
        async def story(group: Group) -> None:
            one, two = await group.start_pair()
            told = group.receivers[TWO]
            for start in range(0, 1000, 50):
                one.send([append_entries(start + number) for number in range(50)])
                await group.timers.sleep(0.0)
            two.send([heartbeat_reply(7, TWO, ONE)])
            await group.until(lambda: len(told.messages) == 1000)
            await group.until(lambda: group.receivers[ONE].messages)
            assert told.numbers == list(range(1000))
            assert group.receivers[ONE].messages == [heartbeat_reply(7, TWO, ONE)]

        self.play(story)

    def test_what_was_sent_in_one_call_arrives_in_one_batch(self) -> None:
        async def story(group: Group) -> None:
            one, _ = await group.start_pair()
            await group.until_heard(ONE, TWO)
            told = group.receivers[TWO]
            one.send([append_entries(number) for number in range(100)])
            await group.until(lambda: len(told.numbers) == 100)
            assert told.batches[-1] == 100

        self.play(story)

    def test_a_message_as_large_as_a_snapshot_arrives_whole(self) -> None:
        async def story(group: Group) -> None:
            one, _ = await group.start_pair()
            one.send([snapshot(1_000_000)])
            await group.until(lambda: group.receivers[ONE].snapshots)
            assert group.receivers[ONE].snapshots == [(TWO, True)]
            assert group.receivers[TWO].messages == [snapshot(1_000_000)]

        self.play(story)

    def test_an_unknown_peer_is_reported_unreachable(self) -> None:
        async def story(group: Group) -> None:
            one = await group.start(ONE)
            one.send([heartbeat(), snapshot(10)])
            told = group.receivers[ONE]
            assert not told.unreachable, "not from within the call"
            await group.until(lambda: told.unreachable and told.snapshots)
            assert told.unreachable == [TWO]
            assert told.snapshots == [(TWO, False)]

        self.play(story)

    def test_a_peer_that_is_gone_is_reported_once_and_each_snapshot_for_it(
        self,
    ) -> None:
        async def story(group: Group) -> None:
            one, _ = await group.start_pair()
            await group.until_heard(ONE, TWO)
            await group.stop(TWO)
            told = group.receivers[ONE]
            one.send([snapshot(10)])
            for _ in range(10):
                one.send([heartbeat()])
                await group.timers.sleep(STILL_SECONDS / 10)
            await group.until(lambda: told.unreachable and told.snapshots)
            one.send([snapshot(10)])
            await group.until(lambda: len(told.snapshots) == 2)
            assert told.unreachable == [TWO]
            assert told.snapshots == 2 * [(TWO, False)]
            assert not one.peers()[TWO].is_connected
            assert one.peers()[TWO].trouble

        self.play(story)

    def test_a_peer_that_comes_back_is_reconnected(self) -> None:
        async def story(group: Group) -> None:
            one, _ = await group.start_pair()
            await group.until_heard(ONE, TWO)
            since = one.peers()[TWO].since
            for _ in range(3):
                await group.stop(TWO)
                one.send([heartbeat()])
                await group.timers.sleep(0.1)
                two = await group.start(TWO)
                two.set_peers(group.addresses)
                await group.until_heard(ONE, TWO)
                await group.until_heard(TWO, ONE)
            view = one.peers()[TWO]
            assert view.is_connected and not view.trouble
            assert view.since > since

        self.play(story)

    def test_nothing_is_delivered_after_stop(self) -> None:
        async def story(group: Group) -> None:
            one, _ = await group.start_pair()
            await group.until_heard(ONE, TWO)
            told = group.receivers[TWO]
            one.send([append_entries(number) for number in range(100)])
            two = group.transports[TWO]
            await group.stop(TWO)
            before = len(told.messages), len(told.unreachable), len(told.snapshots)
            one.send([heartbeat()])
            two.send([heartbeat(0, TWO, ONE), snapshot(10, TWO, THREE)])
            await group.timers.sleep(STILL_SECONDS)
            after = len(told.messages), len(told.unreachable), len(told.snapshots)
            assert before == after

        self.play(story)

    def test_a_transport_may_be_stopped_twice_or_before_it_started(self) -> None:
        async def story(group: Group) -> None:
            one = await group.start(ONE)
            await one.stop()
            await one.stop()
            await group.make(identity(TWO), group.free_address()).stop()

        self.play(story)

    def test_messages_sent_before_anyone_listens_do_no_harm(self) -> None:
        async def story(group: Group) -> None:
            two = await group.start(TWO)
            one = group.make(identity(ONE), group.free_address())
            one.set_peers(group.addresses)
            one.send([heartbeat()])
            group.receivers[ONE] = Recorder()
            await one.start(group.receivers[ONE])
            two.set_peers({ONE: "127.0.0.1:1"})
            group.transports[ONE] = one
            await group.until_heard(ONE, TWO)

        self.play(story)

    def test_a_receiver_may_answer_from_within_the_call(self) -> None:
        class Echo(Recorder):
            transport: Transport

            def on_messages(self, messages: Sequence[Message]) -> None:
                super().on_messages(messages)
                self.transport.send([heartbeat_reply(1, TWO, ONE) for _ in messages])

        async def story(group: Group) -> None:
            echo = Echo()
            one = await group.start(ONE)
            echo.transport = await group.start(TWO, receiver=echo)
            group.introduce()
            one.send([heartbeat(), heartbeat()])
            told = group.receivers[ONE].messages
            await group.until(lambda: len(told) == 2)

        self.play(story)

    def test_a_stranger_is_refused_and_told_why(self) -> None:
        async def story(group: Group) -> None:
            await group.start_pair()
            three = await group.start(THREE)
            three.set_peers(group.addresses)
            for _ in range(5):
                three.send([heartbeat(0, THREE, ONE)])
                await group.timers.sleep(STILL_SECONDS / 5)
            await group.until(lambda: group.receivers[THREE].unreachable)
            trouble = three.peers()[ONE].trouble
            assert trouble.startswith("node 3 is no member as far as node 1 knows")
            assert not group.receivers[ONE].messages
            # Once where it was refused, and once where it was told.
            assert len(group.lines.about("no member as far as node 1 knows")) == 2

        self.play(story)

    def test_a_member_of_another_cluster_is_refused(self) -> None:
        async def story(group: Group) -> None:
            one = await group.start(ONE)
            other = group.make(identity(TWO, cluster_id=0xBAD), group.free_address())
            await other.start(Recorder())
            one.set_peers({TWO: "127.0.0.1:1"})
            other.set_peers(group.addresses)
            other.send([heartbeat(0, TWO, ONE)])
            await group.until(lambda: "cluster bad" in other.peers()[ONE].trouble)
            await other.stop()
            assert not group.receivers[ONE].messages

        self.play(story)

    def test_nobody_else_is_looked_for_where_we_are(self) -> None:
        async def story(group: Group) -> None:
            here = msgspec.structs.replace(identity(ONE), address="here:1")
            one = group.make(here, group.free_address())
            one.set_peers({TWO: "here:1", THREE: "there:1"})
            assert list(one.peers()) == [THREE]

        self.play(story)

    def test_a_wrong_address_is_noticed(self) -> None:
        async def story(group: Group) -> None:
            one, _ = await group.start_pair()
            one.set_peers({TWO: group.addresses[TWO], THREE: group.addresses[TWO]})
            one.send([append_entries(1, receiver=THREE)])
            words = "this is node 2, not node 3: correct the address"
            await group.until(lambda: one.peers()[THREE].trouble == words)
            await group.timers.sleep(STILL_SECONDS)
            assert not group.receivers[TWO].messages

        self.play(story)

    def test_the_owner_may_refuse_a_member_in_its_own_words(self) -> None:
        def admit(theirs: Identity) -> Objection | None:
            words = f"node {theirs.node_id} lost its data"
            return Objection(words) if theirs.node_id == 2 else None

        async def story(group: Group) -> None:
            await group.start(ONE, admit=admit)
            two = await group.start(TWO)
            group.introduce()
            two.send([heartbeat(0, TWO, ONE)])
            words = "node 2 lost its data"
            await group.until(lambda: two.peers()[ONE].trouble == words)
            assert not group.receivers[ONE].messages
            assert not group.receivers[TWO].removed

        self.play(story)

    def test_who_was_removed_is_told_so_and_nobody_else_is(self) -> None:
        def admit(theirs: Identity) -> Objection | None:
            is_two = theirs.node_id == 2
            return Objection("node 2 was removed", is_removed=True) if is_two else None

        async def story(group: Group) -> None:
            one = await group.start(ONE, admit=admit)
            two = await group.start(TWO)
            group.introduce()
            one.send([heartbeat(0, ONE, TWO)])
            two.send([heartbeat(0, TWO, ONE)])
            await group.until(lambda: group.receivers[TWO].removed)
            assert group.receivers[TWO].removed[0] == "node 2 was removed"
            assert not group.receivers[ONE].messages
            assert not group.receivers[ONE].removed, "it is we who refuse"

        self.play(story)

    def test_the_owner_may_admit_whom_it_hears_of_for_the_first_time(self) -> None:
        async def story(group: Group) -> None:
            def admit(theirs: Identity) -> None:
                group.transports[ONE].set_peers({theirs.node_id: group.addresses[TWO]})

            await group.start(ONE, admit=admit)
            two = await group.start(TWO)
            two.set_peers(group.addresses)
            await group.until_heard(TWO, ONE)
            await group.until_heard(ONE, TWO)

        self.play(story)

    def test_a_member_that_was_removed_neither_hears_nor_is_heard(self) -> None:
        async def story(group: Group) -> None:
            one, two = await group.start_pair()
            await group.until_heard(ONE, TWO)
            await group.until_heard(TWO, ONE)
            one.set_peers({})
            await group.until(lambda: group.receivers[ONE].unreachable)
            told = [group.receivers[node_id] for node_id in (ONE, TWO)]
            before = [len(receiver.messages) for receiver in told]
            one.send([heartbeat()])
            two.send([heartbeat(0, TWO, ONE)])
            await group.timers.sleep(STILL_SECONDS)
            assert before == [len(receiver.messages) for receiver in told]
            assert not one.peers()

        self.play(story)

    def test_a_member_that_moved_is_found_at_its_new_address(self) -> None:
        async def story(group: Group) -> None:
            await group.start_pair()
            await group.until_heard(ONE, TWO)
            await group.stop(TWO)
            del group.addresses[TWO]
            await group.start(TWO)
            group.introduce()
            await group.until_heard(ONE, TWO)
            await group.until_heard(TWO, ONE)

        self.play(story)

    def test_an_address_that_is_taken_is_named(self) -> None:
        async def story(group: Group) -> None:
            await group.start(ONE)
            taken = group.addresses[ONE]
            late = group.make(identity(TWO), taken)
            with pytest.raises(
                ConfigError, match=f"cannot listen on {taken} for peers"
            ):
                await late.start(Recorder())
            await late.stop()

        self.play(story)

    def test_what_is_no_address_changes_nothing(self) -> None:
        async def story(group: Group) -> None:
            one, _ = await group.start_pair()
            await group.until_heard(ONE, TWO)
            with pytest.raises(ConfigError, match="'nowhere' is no address"):
                one.set_peers({THREE: "nowhere"})
            assert list(one.peers()) == [TWO]
            await group.until_heard(ONE, TWO)

        self.play(story)

    def test_what_is_known_of_a_peer_is_told(self) -> None:
        async def story(group: Group) -> None:
            one, two = await group.start_pair()
            assert not one.peers()[TWO].is_connected
            await group.until_heard(ONE, TWO)
            await group.until_heard(TWO, ONE)
            view = one.peers()[TWO]
            assert view.is_connected
            assert (view.sent_bytes > 0) == self.counts_bytes
            assert (two.peers()[ONE].received_bytes > 0) == self.counts_bytes
            assert view.dropped_messages == 0

        self.play(story)

    def test_members_that_talk_at_once_are_all_heard(self) -> None:
        async def story(group: Group) -> None:
            members = [NodeId(number) for number in range(1, 6)]
            for node_id in members:
                await group.start(node_id)
            group.introduce()
            for sender in members:
                others = [node_id for node_id in members if node_id != sender]
                for receiver in others:
                    messages = [
                        append_entries(n, 8, sender, receiver) for n in range(9)
                    ]
                    group.transports[sender].send(messages)
            told = group.receivers.values()
            await group.until(lambda: all(len(r.messages) == 36 for r in told))

        self.play(story)
