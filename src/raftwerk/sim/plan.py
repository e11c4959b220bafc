"""What is to happen in a simulated world: data, so that a run can be kept and shrunk.

A seed decides a plan, and a plan decides the run: what the faults are and when, who the
clients are, and from which seed each draws. A fault says when, what and for how long;
whom it strikes is drawn from its own number when it is time, so that leaving one fault
out changes nothing about the others.
"""

from collections.abc import Iterator, Mapping
from typing import Final, Literal

import msgspec

from raftwerk.errors import ConfigError

__all__ = [
    "KINDS",
    "NODES_MAX",
    "PLAN_VERSION",
    "SECONDS_MAX",
    "SEED_MAX",
    "SORTS",
    "Fault",
    "Plan",
    "check_plan",
    "decode_plan",
    "encode_plan",
]

PLAN_VERSION: Final = 1

SEED_MAX: Final = 2**64 - 1
"""Draws have 64 bits, so a greater seed would be another one in disguise."""

NODES_MAX: Final = 9

SECONDS_MAX: Final = 30 * 24 * 3600.0

CLIENTS_MAX: Final = 1_000
"""Of one sort."""

KINDS: Final = frozenset(
    ("amid", "between", "blackout", "clock", "compact", "crash", "crashloop", "cut")
    + ("depose", "during")
    + ("fail", "full", "kill", "member", "partition", "rot", "slow", "snapshot")
    + ("stall", "stop", "stranger", "transfer", "weather")
)
"""What may go wrong; `raftwerk.sim.acts` says how each is done."""

SORTS: Final[Mapping[str, str]] = {
    "writers": "writers",
    "bankers": "bankers",
    "holders": "holders of locks",
    "leaseholders": "holders of leases",
    "watchers": "watchers",
    "readers": "readers",
    "repeaters": "repeaters",
    "sweepers": "sweepers",
}
"""Clients, by the name of the field that says how many there are: what a story calls
them."""


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that goes wrong, or that an operator does.

    Parameters
    ----------
    at : float
        When, in seconds since the clients began.
    kind : str
        What; one of `KINDS`.
    seconds : float
        How long it lasts.
    draw : int
        Decides whom it strikes, and how.
    """

    at: float
    kind: str
    seconds: float = 0.0
    draw: int = 0


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that decides a run.

    Parameters
    ----------
    seed : int
        Decides all that is drawn.
    nodes : int
        Members of the first configuration.
    seconds : float
        How long clients work and faults happen.
    faults : tuple of Fault
        In order of time.
    writers, holders, watchers, bankers, leaseholders, readers, repeaters : int
        How many clients there are of each sort.
    sweepers : int
        How many of one more sort: they change more keys at once than others together.
    pace_seconds : float
        How long a client waits on average before its next call.
    snapshot_entries : int
        Entries from one snapshot of a member to the next.
    wires : str
        What is between members: ``messages``, each of which may be lost, doubled or
        overtaken, or ``streams`` of bytes, as between sockets.
    machine : str
        Of a user's machine that is tried: the options that name it and what belongs to
        it, to be given beside this plan. Empty: the group keeps keys and values.
    version : int
        Of this form.
    """

    seed: int
    nodes: int = 5
    seconds: float = 60.0
    faults: tuple[Fault, ...] = ()
    writers: int = 6
    holders: int = 2
    watchers: int = 2
    bankers: int = 2
    leaseholders: int = 2
    readers: int = 2
    repeaters: int = 2
    sweepers: int = 0
    pace_seconds: float = 0.1
    snapshot_entries: int = 300
    wires: Literal["messages", "streams"] = "messages"
    machine: str = ""
    version: int = PLAN_VERSION


def encode_plan(plan: Plan) -> bytes:
    """Return a plan as a text, one fault a line, to be kept in a file.

    Parameters
    ----------
    plan : Plan
        Any.

    Returns
    -------
    bytes
        JSON.
    """
    fields = msgspec.to_builtins(plan)
    faults = [msgspec.json.encode(fault).decode() for fault in plan.faults]
    fields["faults"] = []
    if not plan.machine:
        del fields["machine"]  # as a plan of keys and values has always been
    text = msgspec.json.format(msgspec.json.encode(fields), indent=2).decode()
    if not faults:
        return text.encode()
    listed = ",\n    ".join(faults)
    return text.replace('"faults": []', f'"faults": [\n    {listed}\n  ]').encode()


def decode_plan(data: bytes, name: str) -> Plan:
    """Return the plan that a file holds.

    Parameters
    ----------
    data : bytes
        What `encode_plan` returned, or a person wrote.
    name : str
        Of the file, for messages.

    Returns
    -------
    Plan
        To be run.

    Raises
    ------
    ConfigError
        If it is no plan, or none that can be carried out.
    """
    try:
        plan = msgspec.json.decode(data, type=Plan)
    except msgspec.DecodeError as error:
        raise ConfigError(f"{name} is no scenario: {error}") from None
    if plan.version > PLAN_VERSION:
        raise ConfigError(
            f"{name} is a scenario of version {plan.version}; this raftwerk reads"
            f" version {PLAN_VERSION}"
        )
    check_plan(plan, f"{name} is no scenario: ")
    return plan


def check_plan(plan: Plan, where: str = "") -> None:
    """Make sure that a plan can be carried out.

    Parameters
    ----------
    plan : Plan
        Any.
    where : str
        Words for the front of a message.

    Raises
    ------
    ConfigError
        If one of its values can't work; the message names the first.
    """
    for name, value, lowest, highest in _bounds(plan):
        if not lowest <= value <= highest:  # nor is it in order if it is no number
            raise ConfigError(
                f"{where}{name} is {value}; it must be {lowest} to {highest}"
            )
    if not plan.seconds > 0:
        raise ConfigError(f"{where}seconds is {plan.seconds}; it must be more than 0")
    for number, fault in enumerate(plan.faults):
        if fault.kind not in KINDS:
            known = ", ".join(sorted(KINDS))
            raise ConfigError(
                f"{where}faults[{number}].kind is {fault.kind}; it must be one of"
                f" {known}"
            )


def _bounds(plan: Plan) -> Iterator[tuple[str, float, float, float]]:
    """Return each number in a plan with its name, the least and the greatest."""
    yield "seed", plan.seed, 0, SEED_MAX
    yield "nodes", plan.nodes, 1, NODES_MAX
    yield "seconds", plan.seconds, 0, SECONDS_MAX
    for name in SORTS:
        yield name, getattr(plan, name), 0, CLIENTS_MAX
    yield "pace_seconds", plan.pace_seconds, 0.001, SECONDS_MAX
    yield "snapshot_entries", plan.snapshot_entries, 1, 10**9
    yield "version", plan.version, 1, PLAN_VERSION
    earliest = 0.0
    for number, fault in enumerate(plan.faults):
        # They are begun one after the other, so their order is that of time.
        yield f"faults[{number}].at", fault.at, earliest, SECONDS_MAX
        yield f"faults[{number}].seconds", fault.seconds, 0, SECONDS_MAX
        yield f"faults[{number}].draw", fault.draw, 0, SEED_MAX
        earliest = fault.at
