"""Harness 1: nodes, a bag of messages between them, and the commands on both."""

from collections.abc import Callable, Collection, Iterator
from typing import Any, Final

from raftwerk.core.config import NO_LIMIT, CoreConfig
from raftwerk.core.inputs import (
    Campaign,
    ForgetLeader,
    Propose,
    ReadIndex,
    ReportSnapshot,
    ReportUnreachable,
    Tick,
    TransferLeadership,
)
from raftwerk.core.messages import InstallSnapshot, Proposal
from raftwerk.core.records import (
    ConfChange,
    ConfState,
    EntryKind,
    Snapshot,
    Transition,
)
from raftwerk.errors import MisuseError, NotProposed, RequestError, UnknownPeer
from raftwerk.types import LogIndex, NodeId, Term

from .changes import CommandError, parse_changes
from .format import ROLES, describe_entry, describe_progress_map
from .member import Member
from .output import Level, Output
from .script import Argument, Directive, ScriptError
from .storage import StorageRefusal
from .wire import WIRE_TYPES, Wire, wire_from_message

__all__ = ["Interaction"]

ELECTION_TICKS: Final = 3
HEARTBEAT_TICKS: Final = 1
TRANSITIONS: Final = {
    "auto": Transition.AUTO,
    "implicit": Transition.JOINT_IMPLICIT,
    "explicit": Transition.JOINT_EXPLICIT,
}
OPTIONS: Final[dict[str, tuple[str, Callable[[Argument], Any]]]] = {
    # option: field of the configuration, and how its value is read
    "inflight": ("inflight_messages_max", Argument.number),
    "inflight-bytes": ("inflight_bytes_max", Argument.number),
    "max-size-per-msg": ("append_bytes_max", Argument.number),
    "max-uncommitted-size": ("uncommitted_bytes_max", Argument.number),
    "max-committed-size-per-ready": ("committed_bytes_max", Argument.number),
    "async-storage-writes": ("asynchronous_storage", Argument.truth),
    "prevote": ("pre_vote", Argument.truth),
    "checkquorum": ("check_quorum", Argument.truth),
    "step-down-on-removal": ("step_down_on_removal", Argument.truth),
    "disable-conf-change-validation": (
        "validate_changes",
        lambda argument: not argument.truth(),
    ),
    "disable-proposal-forwarding": (
        "forward_proposals",
        lambda argument: not argument.truth(),
    ),
}
BOOTSTRAP_OPTIONS: Final = ("voters", "learners", "index", "content")


class Interaction:
    """An environment with its nodes; it lives as long as one file is run.

    Parameters
    ----------
    draw : callable
        Where all election timeouts come from; no output depends on it.
    """

    def __init__(self, draw: Callable[[int], int]) -> None:
        self._draw = draw
        self._output = Output()
        self._members: list[Member] = []
        self._messages: list[Wire] = []
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
        self._output.clear()
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
        return f"{self._output.text()}{error}" or "ok"

    def _member(self, number: int) -> Member:
        """Return a node by its id."""
        if not 1 <= number <= len(self._members):
            raise ScriptError(f"there is no node {number}")
        return self._members[number - 1]

    def _named(self, directive: Directive) -> Member:
        """Return the node that the first argument names."""
        return self._member(directive.number(0))

    # ---- nodes --------------------------------------------------------------

    def _add_nodes(self, directive: Directive) -> None:
        """Make nodes with the next free ids."""
        count = directive.number(0)
        options = {one.key: one for one in directive.values()}
        snapshot = Snapshot()
        fields: dict[str, Any] = {}
        if not options.keys().isdisjoint(BOOTSTRAP_OPTIONS):
            snapshot = _bootstrap_snapshot(options)
            fields["applied_index"] = snapshot.index
        for key, argument in options.items():
            if key in BOOTSTRAP_OPTIONS:
                continue
            if key == "read-only":
                fields["lease_read"] = _is_lease_based(argument.value)
            elif key in OPTIONS:
                field, read = OPTIONS[key]
                fields[field] = read(argument)
            else:
                raise ScriptError(f"add-nodes has no option {key!r}")
        for _ in range(count):
            config = _configuration(NodeId(len(self._members) + 1), fields)
            member = Member(config, snapshot, self._draw, self._output)
            self._members.append(member)

    def _restart(self, directive: Directive) -> None:
        """Crash a node and start it again."""
        self._named(directive).restart()

    def _raft_state(self, _directive: Directive) -> None:
        """Print what each node takes itself for."""
        for member in self._members:
            status = member.replica.status()
            conf_state = status.conf_state
            voters = (*conf_state.voters, *conf_state.voters_outgoing)
            voter = "Voter" if member.id in voters else "Non-Voter"
            self._output.write(
                f"{member.id}: {ROLES[status.role]} ({voter}) Term:{status.term}"
                f" Lead:{status.leader or 0}\n"
            )

    def _status(self, directive: Directive) -> None:
        """Print the progress of all that a leader tracks."""
        progress = self._named(directive).replica.status().progress
        self._output.write(describe_progress_map(progress.items()))

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
        self._step_regardless(self._member(ends["from"]), transfer)

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

    def _step_regardless(self, member: Member, event: Any) -> None:
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
            self._output.write(
                f"log is empty: first index={storage.first_index()},"
                f" last index={storage.last_index()}"
            )
        for entry in entries:
            self._output.write(f"{describe_entry(entry)}\n")

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
        self._send(wire)
        self._output.write(wire.describe())

    # ---- work ---------------------------------------------------------------

    def _send(self, message: Wire) -> None:
        """Put a message into the bag."""
        self._messages.append(message)

    def _process_ready(self, directive: Directive) -> None:
        """Have nodes handle one Ready each."""
        for member in self._headed(directive, "handling Ready"):
            member.process_ready(self._send)

    def _process_append_thread(self, directive: Directive) -> None:
        """Have nodes do one order to append each."""
        for member in self._headed(directive, "processing append thread"):
            member.process_append_thread(self._send)

    def _process_apply_thread(self, directive: Directive) -> None:
        """Have nodes do one order to apply each."""
        for member in self._headed(directive, "processing apply thread"):
            member.process_apply_thread(self._send)

    def _headed(self, directive: Directive, does: str) -> Iterator[Member]:
        """Yield the named nodes; of several each gets a section of its own."""
        numbers = directive.bare_numbers()
        for number in numbers:
            member = self._member(number)
            if len(numbers) == 1:
                yield member
                continue
            self._output.write(f"> {number} {does}\n")
            with self._output.indented():
                yield member

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
            self._deliver(NodeId(number), wire_type, drop)
            for number, drop in recipients
        ]
        if not sum(taken):
            self._output.write("no messages\n")

    def _deliver(self, receiver: NodeId, wire_type: str | None, drop: bool) -> int:
        """Deliver or drop the messages to one node; return how many there were."""
        taken = self._take(receiver, wire_type, drop)
        for message in taken:
            if drop:
                self._output.write(f"dropped: {message.describe()}\n")
                continue
            self._output.write(f"{message.describe()}\n")
            if message.input is None:
                raise ScriptError(f"{message.type} is no message for a node")
            try:
                self._member(receiver).step(message.input)
            except NotProposed:
                self._output.write("raft proposal dropped\n")
            except UnknownPeer:
                self._output.write("raft: cannot step as peer not found\n")
        return len(taken)

    def _take(self, receiver: NodeId, wire_type: str | None, drop: bool) -> list[Wire]:
        """Take messages to one node out of the bag, all at once and in order."""

        def is_meant(message: Wire) -> bool:
            return (
                message.receiver == receiver
                and not (drop and message.is_local)
                and wire_type in (None, message.type)
            )

        taken = [message for message in self._messages if is_meant(message)]
        self._messages = [one for one in self._messages if not is_meant(one)]
        return taken

    # ---- until quiet --------------------------------------------------------

    def _stabilize(self, directive: Directive) -> None:
        """Run nodes until none has anything to do."""
        numbers = directive.bare_numbers()
        members = [self._member(number) for number in numbers] or self._members
        level = directive.option("log-level")
        chosen = self._output.level if level is None else _level(level.value)
        with self._output.at_level(chosen):
            while self._round(members):
                pass

    def _round(self, members: Collection[Member]) -> bool:
        """Let each node do each kind of work once; return whether there was any."""
        worked = False
        for member in members:
            if member.replica.has_ready():
                worked = True
                with self._section(member, "handling Ready"):
                    member.process_ready(self._send)
        for member in members:
            if any(message.receiver == member.id for message in self._messages):
                worked = True
                with self._section(member, "receiving messages"):
                    self._deliver(member.id, None, drop=False)
        for member in members:
            if member.append_work:
                worked = True
                self._output.write(f"> {member.id} processing append thread\n")
                while member.append_work:
                    with self._output.indented():
                        member.process_append_thread(self._send)
        for member in members:
            if member.apply_work:
                worked = True
                self._output.write(f"> {member.id} processing apply thread\n")
                while member.apply_work:
                    with self._output.indented():
                        member.process_apply_thread(self._send)
        return worked

    def _section(self, member: Member, does: str) -> Any:
        """Begin a section about one node."""
        self._output.write(f"> {member.id} {does}\n")
        return self._output.indented()

    # ---- output -------------------------------------------------------------

    def _log_level(self, directive: Directive) -> None:
        """Set the level at which is printed, from now on."""
        self._output.level = _level(directive.word(0))


def _configuration(node_id: NodeId, fields: dict[str, Any]) -> CoreConfig:
    """Return the configuration of a node: the scripts' defaults, then what is asked."""
    scripts: dict[str, Any] = {
        "node_id": node_id,
        "election_ticks_min": ELECTION_TICKS,
        "election_ticks_max": 2 * ELECTION_TICKS - 1,
        "heartbeat_ticks": HEARTBEAT_TICKS,
        "pre_vote": False,
        "check_quorum": False,
        "step_down_on_removal": False,
        "append_bytes_max": NO_LIMIT,
        "inflight_messages_max": 2**31 - 1,
        "inflight_bytes_max": NO_LIMIT,
        "uncommitted_bytes_max": NO_LIMIT,
        "committed_bytes_max": NO_LIMIT,
    }
    return CoreConfig(**(scripts | fields))


def _bootstrap_snapshot(options: dict[str, Argument]) -> Snapshot:
    """Return the snapshot that nodes start from."""

    def ids(key: str) -> tuple[NodeId, ...]:
        return (
            tuple(sorted(map(NodeId, options[key].numbers()))) if key in options else ()
        )

    index = options["index"].number() if "index" in options else 0
    if index <= 1:
        raise CommandError("index must be specified as > 1 due to bootstrap")
    return Snapshot(
        index=LogIndex(index),
        term=Term(1),
        conf_state=ConfState(voters=ids("voters"), learners=ids("learners")),
        data=options["content"].value.encode() if "content" in options else b"",
    )


def _is_lease_based(option: str) -> bool:
    """Return whether reads are answered by the clock."""
    if option not in ("safe", "lease-based"):
        raise CommandError(f'invalid read-only option "{option}"')
    return option == "lease-based"


def _level(name: str) -> Level:
    """Return a level by its name."""
    try:
        return Level[name.upper()]
    except KeyError:
        names = " ".join(level.name for level in Level)
        raise CommandError(f"log levels must be either of [{names}]") from None
