"""Harness 1: the commands on a group of nodes and the messages between them."""

from collections.abc import Callable
from typing import Final

from raftwerk.core.inputs import (
    Campaign,
    ForgetLeader,
    Input,
    Propose,
    ReadIndex,
    ReportSnapshot,
    ReportUnreachable,
    Tick,
    TransferLeadership,
)
from raftwerk.core.messages import InstallSnapshot, Proposal
from raftwerk.core.records import ConfChange, EntryKind, Transition
from raftwerk.errors import MisuseError, NotProposed, RequestError
from raftwerk.types import LogIndex, NodeId

from .changes import CommandError, parse_changes
from .environment import Environment
from .format import ROLES, describe_entry, describe_progress_map
from .member import Member, Send
from .options import ELECTION_TICKS, HEARTBEAT_TICKS
from .output import Level
from .script import Directive, ScriptError
from .storage import StorageRefusal
from .wire import WIRE_TYPES, wire_from_message

__all__ = ["Interaction"]

TRANSITIONS: Final = {
    "auto": Transition.AUTO,
    "implicit": Transition.JOINT_IMPLICIT,
    "explicit": Transition.JOINT_EXPLICIT,
}


class Interaction:
    """An environment with its nodes; it lives as long as one file is run.

    Parameters
    ----------
    draw : callable
        Where all election timeouts come from; no output depends on it.
    """

    def __init__(self, draw: Callable[[int], int]) -> None:
        self._env = Environment(draw)
        self._commands: dict[str, Callable[[Directive], None]] = {
            "_breakpoint": lambda directive: None,
            "add-nodes": self._add_nodes,
            "campaign": self._campaign,
            "compact": self._compact,
            "deliver-msgs": self._deliver_msgs,
            "forget-leader": self._forget_leader,
            "log-level": self._log_level,
            "process-append-thread": self._process_append_thread,
            "process-apply-thread": self._process_apply_thread,
            "process-ready": self._process_ready,
            "propose": self._propose,
            "propose-conf-change": self._propose_conf_change,
            "raft-log": self._raft_log,
            "raft-state": self._raft_state,
            "read-index": self._read_index,
            "report-snapshot": self._report_snapshot,
            "report-unreachable": self._report_unreachable,
            "restart": self._restart,
            "send-snapshot": self._send_snapshot,
            "set-randomized-election-timeout": self._set_election_timeout,
            "stabilize": self._stabilize,
            "status": self._status,
            "tick-election": self._tick_election,
            "tick-heartbeat": self._tick_heartbeat,
            "transfer-leadership": self._transfer_leadership,
        }

    def handle(self, directive: Directive) -> str:
        """Carry out one directive and return what it printed."""
        self._env.output.clear()
        error = ""
        try:
            command = self._commands.get(directive.command)
            if command is None:
                raise CommandError("unknown command")
            command(directive)
        except NotProposed:
            error = "raft proposal dropped"
        except (CommandError, StorageRefusal) as refusal:
            error = str(refusal)
        # An error is never silent; and where nothing is said, all went well.
        return f"{self._env.output.text()}{error}" or "ok"

    def _named(self, directive: Directive) -> Member:
        """Return the node that the first argument names."""
        return self._env.member(directive.number(0))

    # ---- nodes --------------------------------------------------------------

    def _add_nodes(self, directive: Directive) -> None:
        """Make nodes with the next free ids."""
        options = {one.key: one for one in directive.values()}
        self._env.add(directive.number(0), options)

    def _restart(self, directive: Directive) -> None:
        """Crash a node and start it again."""
        self._named(directive).restart()

    def _raft_state(self, _directive: Directive) -> None:
        """Print what each node takes itself for."""
        for member in self._env.members:
            status = member.replica.status()
            conf_state = status.conf_state
            voters = (*conf_state.voters, *conf_state.voters_outgoing)
            voter = "Voter" if member.id in voters else "Non-Voter"
            self._env.output.write(
                f"{member.id}: {ROLES[status.role]} ({voter}) Term:{status.term}"
                f" Lead:{status.leader or 0}\n"
            )

    def _status(self, directive: Directive) -> None:
        """Print the progress of all that a leader tracks."""
        progress = self._named(directive).replica.status().progress
        self._env.output.write(describe_progress_map(progress.items()))

    # ---- what a driver says -------------------------------------------------

    def _campaign(self, directive: Directive) -> None:
        """Have a node stand for election."""
        self._named(directive).step(Campaign())

    def _propose(self, directive: Directive) -> None:
        """Propose one word."""
        data = directive.word(1).encode()
        self._named(directive).step(Propose((Proposal(data),)))

    def _propose_conf_change(self, directive: Directive) -> None:
        """Propose a change of the configuration."""
        is_simple, transition = False, Transition.AUTO
        for argument in directive.values():
            if argument.key == "v1":
                is_simple = argument.truth()
            elif argument.key != "transition":
                raise CommandError(f"unknown command {argument.key}")
            elif argument.value not in TRANSITIONS:
                raise CommandError(f"unknown transition {argument.value}")
            else:
                transition = TRANSITIONS[argument.value]
        changes = parse_changes(directive.input)
        kind = EntryKind.CONF_CHANGE
        if is_simple:
            kind = EntryKind.SIMPLE_CHANGE
            if len(changes) != 1 or transition is not Transition.AUTO:
                raise CommandError(
                    "v1 conf change can only have one operation and no transition"
                )
        data = ConfChange(changes, transition).encode()
        self._named(directive).step(Propose((Proposal(data, kind),)))

    def _transfer_leadership(self, directive: Directive) -> None:
        """Have a node hand its leadership to another."""
        ends = {one.key: one.number() for one in directive.values()}
        if ends.keys() != {"from", "to"}:
            raise ScriptError("transfer-leadership needs from=<id> and to=<id>")
        transfer = TransferLeadership(NodeId(ends["to"]))
        self._step_regardless(self._env.member(ends["from"]), transfer)

    def _forget_leader(self, directive: Directive) -> None:
        """Have a node forget who leads."""
        self._step_regardless(self._named(directive), ForgetLeader())

    def _report_unreachable(self, directive: Directive) -> None:
        """Tell a node that messages to another were lost."""
        report = ReportUnreachable(NodeId(directive.number(1)))
        self._step_regardless(self._named(directive), report)

    def _report_snapshot(self, directive: Directive) -> None:
        """Tell a node what became of the snapshot that it sent to another."""
        succeeded = directive.option("succeeded")
        if succeeded is None:
            raise ScriptError("report-snapshot needs succeeded=<bool>")
        report = ReportSnapshot(NodeId(directive.number(1)), succeeded.truth())
        self._step_regardless(self._named(directive), report)

    def _read_index(self, directive: Directive) -> None:
        """Have a node find an index from which a read is linearizable."""
        read = ReadIndex(directive.number(1))
        self._step_regardless(self._named(directive), read)

    def _step_regardless(self, member: Member, event: Input) -> None:
        """Tell a node something whose refusal nobody waits for."""
        try:
            member.step(event)
        except (MisuseError, RequestError):
            pass

    # ---- time ---------------------------------------------------------------

    def _tick_election(self, directive: Directive) -> None:
        """Let an election timeout pass on one node, by the fixed value."""
        self._tick(self._named(directive), ELECTION_TICKS)

    def _tick_heartbeat(self, directive: Directive) -> None:
        """Let the time between two heartbeats pass on one node."""
        self._tick(self._named(directive), HEARTBEAT_TICKS)

    def _tick(self, member: Member, count: int) -> None:
        """Let time pass on one node, tick by tick."""
        for _ in range(count):
            member.step(Tick())

    def _set_election_timeout(self, directive: Directive) -> None:
        """Replace the timeout that a node has drawn."""
        timeout = directive.option("timeout")
        if timeout is None:
            raise ScriptError("set-randomized-election-timeout needs timeout=<ticks>")
        self._named(directive).replica.set_election_timeout(timeout.number())

    # ---- storage ------------------------------------------------------------

    def _compact(self, directive: Directive) -> None:
        """Compact what a node has stored, and print what is left."""
        self._named(directive).storage.compact(LogIndex(directive.number(1)))
        self._raft_log(directive)

    def _raft_log(self, directive: Directive) -> None:
        """Print the entries that a node has stored."""
        storage = self._named(directive).storage
        entries = storage.entries()
        if not entries:
            self._env.output.write(
                f"log is empty: first index={storage.first_index()},"
                f" last index={storage.last_index()}"
            )
        for entry in entries:
            self._env.output.write(f"{describe_entry(entry)}\n")

    def _send_snapshot(self, directive: Directive) -> None:
        """Send a node's newest snapshot to another, behind the core's back."""
        member = self._named(directive)
        wire = wire_from_message(
            InstallSnapshot(
                sender=member.id,
                receiver=NodeId(directive.number(1)),
                term=member.replica.status().term,
                snapshot=member.storage.snapshot(),
            )
        )
        self._env.send(wire)
        self._env.output.write(wire.describe())

    # ---- work ---------------------------------------------------------------

    def _process_ready(self, directive: Directive) -> None:
        """Have nodes handle one Ready each."""
        self._each(directive, "handling Ready", Member.process_ready)

    def _process_append_thread(self, directive: Directive) -> None:
        """Have nodes do one order to append each."""
        self._each(directive, "processing append thread", Member.process_append_thread)

    def _process_apply_thread(self, directive: Directive) -> None:
        """Have nodes do one order to apply each."""
        self._each(directive, "processing apply thread", Member.process_apply_thread)

    def _each(
        self, directive: Directive, does: str, work: Callable[[Member, Send], None]
    ) -> None:
        """Have the named nodes work; of several each gets a section of its own."""
        numbers = directive.bare_numbers()
        for number in numbers:
            member = self._env.member(number)
            if len(numbers) == 1:
                work(member, self._env.send)
                continue
            with self._env.section(member, does):
                work(member, self._env.send)

    def _deliver_msgs(self, directive: Directive) -> None:
        """Deliver the messages to some nodes, and drop those to others."""
        delivered: list[int] = []
        dropped: list[int] = []
        wire_type: str | None = None
        recipients: list[tuple[int, bool]] = []
        for argument in directive.arguments:
            if not argument.values and argument.text == argument.key:
                delivered.append(directive.number(directive.arguments.index(argument)))
                recipients.append((delivered[-1], False))
            elif argument.key == "drop":
                dropped += argument.numbers()
                recipients += ((number, True) for number in argument.numbers())
            elif argument.key == "type":
                wire_type = argument.value
            else:
                raise ScriptError(f"deliver-msgs has no option {argument.key!r}")
        if not set(delivered).isdisjoint(dropped):
            raise ScriptError("can't both deliver and drop messages to one node")
        if wire_type is not None and wire_type not in WIRE_TYPES:
            raise ScriptError(f"there is no message type {wire_type!r}")
        taken = [
            self._env.deliver(NodeId(number), wire_type, drop)
            for number, drop in recipients
        ]
        if not sum(taken):
            self._env.output.write("no messages\n")

    # ---- until quiet --------------------------------------------------------

    def _stabilize(self, directive: Directive) -> None:
        """Run nodes until none has anything to do."""
        numbers = directive.bare_numbers()
        members = [self._env.member(number) for number in numbers] or self._env.members
        level = directive.option("log-level")
        chosen = self._env.output.level if level is None else _level(level.value)
        with self._env.output.at_level(chosen):
            self._env.stabilize(members)

    # ---- output -------------------------------------------------------------

    def _log_level(self, directive: Directive) -> None:
        """Set the level at which is printed, from now on."""
        self._env.output.level = _level(directive.word(0))


def _level(name: str) -> Level:
    """Return a level by its name."""
    try:
        return Level[name.upper()]
    except KeyError:
        names = " ".join(level.name for level in Level)
        raise CommandError(f"log levels must be either of [{names}]") from None
