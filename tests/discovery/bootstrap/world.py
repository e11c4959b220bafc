"""Replicas that found a cluster while answers are lost, late, doubled and reordered.

One source of choices decides everything: which addresses a replica sees, who asks whom,
which answer arrives when and how often, who crashes with what on its disk, who loses
its data, who loses patience. After each step it is checked that no two clusters exist.
"""

from collections.abc import Callable
from typing import NamedTuple

from raftwerk.discovery.bootstrap import Bootstrap, Proposal, Record, Terms, View
from raftwerk.types import NodeId

MachineType = Callable[[Terms, Record], Bootstrap]
Below = Callable[[int], int]


class TwoClusters(AssertionError):
    """What must never be: somebody may lead in each of two sets."""


class Answer(NamedTuple):
    """An answer on its way; it may arrive at any time, and often."""

    asker: "Replica"
    address: str
    view: View


class Replica:
    """One address, the disk behind it, and a process while it runs."""

    def __init__(self, number: int, node_id: NodeId) -> None:
        self.address = f"10.0.0.{number}:2380"
        self.disk = Record(node_id=node_id)
        self.machine: Bootstrap | None = None
        self.writing: Record | None = None
        self.joined_as: View | None = None

    @property
    def running(self) -> Bootstrap:
        assert self.machine is not None
        return self.machine


class World:
    """A name with replicas behind it.

    Parameters
    ----------
    below : callable
        Draws from 0 up to its argument.
    replicas : int
        How many are to found a cluster.
    started_max : int
        How many replicas may ever be started; one that lost its data is another one.
    make_machine : callable
        Makes the machine under test.
    """

    def __init__(
        self,
        below: Below,
        *,
        replicas: int = 3,
        started_max: int = 3,
        make_machine: MachineType = Bootstrap,
    ) -> None:
        self.below = below
        self.terms = Terms(app_name="node", replicas=replicas, token="token")
        self.started_max = started_max
        self.make_machine = make_machine
        self.replicas: list[Replica] = []
        self.started_count = 0
        self.answers: list[Answer] = []
        self.proposals: dict[int, Proposal] = {}
        self.has_promised: dict[int, set[NodeId]] = {}
        self.has_started: dict[int, set[NodeId]] = {}
        self.existing: set[int] = set()
        self.calm = 2 + below(20)
        """How much more of the usual happens than of the rare."""

    # ---- what may happen ----------------------------------------------------

    def step(self) -> None:
        """Have one thing happen."""
        if len(self.replicas) < self.terms.replicas <= self.started_max:
            self.start_new()
            return
        replica = self.replicas[self.below(len(self.replicas))]
        if replica.machine is None:
            self.start_again(replica)
            return
        usual = [
            self.look,
            self.ask,
            self.ask_all,
            self.deliver,
            self.deliver_all,
            self.write,
            self.write,
            self.go_on,
            self.join,
        ]
        rare = [self.crash, self.lose_patience, self.wipe, self.start_one_more]
        if self.below(self.calm):
            usual[self.below(len(usual))](replica)
        else:
            rare[self.below(len(rare))](replica)

    def _new_id(self) -> NodeId:
        """Draw an id; low ones, so that it shows who is lowest."""
        self.started_count += 1
        return NodeId(1 + 100 * self.below(100) + self.started_count)

    def start_new(self) -> None:
        """Start a replica on an empty disk, if there may be one more."""
        if self.started_count < self.started_max:
            replica = Replica(len(self.replicas) + 1, self._new_id())
            self.replicas.append(replica)
            self.start_again(replica)
            self.look(replica)

    def start_one_more(self, replica: Replica) -> None:
        """Start a replica while another one goes on."""
        del replica
        self.start_new()

    def start_again(self, replica: Replica) -> None:
        """Start a replica with what it has on its disk."""
        replica.machine = self.make_machine(self.terms, replica.disk)

    def look(self, replica: Replica) -> None:
        """Let it see all addresses, as many as it waits for, or any of them."""
        others = [each.address for each in self.replicas if each is not replica]
        size = len(others)
        keep = (size, self.terms.replicas - 1, self.below(size + 1))[self.below(3)]
        while len(others) > keep:
            others.pop(self.below(len(others)))
        replica.running.list_addresses([*others, replica.address])

    def ask(self, replica: Replica) -> None:
        """Have it ask one other, or itself; the answer comes when it comes."""
        other = self.replicas[self.below(len(self.replicas))]
        if other.machine is not None:
            self.answers.append(Answer(replica, other.address, self.answer(other)))

    def ask_all(self, replica: Replica) -> None:
        """Have it ask all, and hear them at once."""
        for other in self.replicas:
            if other.machine is not None:
                replica.running.hear(other.address, self.answer(other))
            else:
                replica.running.hear_nothing(other.address, "down")

    def go_on(self, replica: Replica) -> None:
        """Have it ask all, and write what comes of that."""
        self.ask_all(replica)
        self.write(replica)
        self.write(replica)

    def answer(self, replica: Replica) -> View:
        """Return what a replica says."""
        if replica.joined_as is not None:
            return replica.joined_as
        return replica.running.view()

    def deliver(self, replica: Replica) -> None:
        """Have some answer arrive, perhaps not for the last time."""
        del replica
        if not self.answers:
            return
        place = self.below(len(self.answers))
        asker, address, view = self.answers[place]
        if self.below(3):
            del self.answers[place]
        if asker.machine is not None:
            asker.machine.hear(address, view)

    def deliver_all(self, replica: Replica) -> None:
        """Have all answers to a replica arrive, the last first."""
        for answer in reversed(self.answers):
            if answer.asker is replica:
                replica.running.hear(answer.address, answer.view)

    def write(self, replica: Replica) -> None:
        """Go on with writing: begin, or end what was begun."""
        machine = replica.running
        if replica.joined_as is not None:
            return
        if replica.writing is not None:
            self._put(replica, replica.writing)
            machine.saved(replica.writing)
            replica.writing = None
        elif machine.next_record() != machine.record:
            replica.writing = machine.next_record()

    def crash(self, replica: Replica) -> None:
        """End a process; what it was writing may be there, or not."""
        if replica.writing is not None and self.below(2):
            self._put(replica, replica.writing)
        replica.writing = None
        replica.machine = None

    def lose_patience(self, replica: Replica) -> None:
        replica.running.lose_patience()

    def wipe(self, replica: Replica) -> None:
        """Let it lose its data, which makes it another replica."""
        if self.started_count < self.started_max:
            replica.writing = None
            replica.joined_as = None
            replica.disk = Record(node_id=self._new_id())
            self.start_again(replica)

    def join(self, replica: Replica) -> None:
        """Let it join a cluster that exists, where it would."""
        member = replica.running.cluster_to_join()
        machine = replica.running
        if (
            member is not None
            and member.cluster_id in self.existing
            and machine.next_record() == machine.record
            and replica.joined_as is None
        ):
            replica.joined_as = View(
                node_id=NodeId(1_000_000 + machine.record.node_id),
                former=machine.record.node_id,
                voids=machine.record.voids,
                cluster_id=member.cluster_id,
            )

    # ---- what must be true --------------------------------------------------

    def _put(self, replica: Replica, record: Record) -> None:
        """Make a record durable, and look at what that means."""
        before, replica.disk = replica.disk, record
        self._check_promise(before, record)
        if record.promise is None:
            return
        number = record.promise.cluster_id
        self.proposals[number] = record.promise
        assert record.node_id in record.promise.node_ids
        self.has_promised.setdefault(number, set()).add(record.node_id)
        if record.has_started and not before.has_started:
            assert not record.refuses(record.promise), "who voided never starts"
            promised = self.has_promised[number]
            assert promised == record.promise.node_ids, "a start needs all promises"
            started = self.has_started.setdefault(number, set())
            started.add(record.node_id)
            if len(started) >= record.promise.quorum:
                self.existing.add(number)
        if len(self.existing) > 1:
            raise TwoClusters(f"clusters {self.existing} exist at once")

    def _check_promise(self, before: Record, after: Record) -> None:
        """Fail if a promise was broken that a majority has not voided."""
        promise = before.promise
        if promise is None or after.promise == promise:
            return
        voiders = {
            replica.disk.node_id
            for replica in self.replicas
            if replica.disk.node_id in promise.node_ids
            and replica.disk.refuses(promise)
        }
        # Who was wiped since has not voided any more, and nobody can ask it.
        present = {replica.disk.node_id for replica in self.replicas}
        voiders |= promise.node_ids - present
        assert len(voiders) >= promise.voids_min, "a promise is void by many words"

    # ---- a better world -----------------------------------------------------

    def heal(self, rounds: int = 40) -> None:
        """Let all run, see all, ask all and write at once; patience ends at times."""
        self.answers.clear()
        for number in range(1, rounds + 1):
            for replica in self.replicas:
                if replica.machine is None:
                    self.start_again(replica)
                replica.running.list_addresses(self.addresses)
                self.ask_all(replica)
                for _ in range(8):
                    if self._has_work(replica):
                        self.write(replica)
                self.join(replica)
                if number % 8 == 0:
                    replica.running.lose_patience()

    def _has_work(self, replica: Replica) -> bool:
        """Tell whether it has something to write."""
        machine = replica.running
        return replica.joined_as is None and (
            replica.writing is not None or machine.next_record() != machine.record
        )

    @property
    def addresses(self) -> list[str]:
        """All that there are."""
        return [replica.address for replica in self.replicas]

    def cluster_of(self, replica: Replica) -> int:
        """Return the cluster that a replica takes part in; 0: none."""
        return self.answer(replica).cluster_id
