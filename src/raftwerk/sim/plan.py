"""What is to happen in a simulated world: data, so that a run can be kept and shrunk.

A seed decides a plan, and a plan decides the run: what the faults are and when, who the
clients are, and from which seed each draws. A fault says when, what and for how long;
whom it strikes is drawn from its own number when it is time, so that leaving one fault
out changes nothing about the others.
"""

from typing import Final, Literal

import msgspec

from raftwerk.errors import ConfigError

__all__ = ["PLAN_VERSION", "Fault", "Plan", "decode_plan", "encode_plan"]

PLAN_VERSION: Final = 1


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that goes wrong, or that an operator does.

    Parameters
    ----------
    at : float
        When, in seconds since the clients began.
    kind : str
        What; one of `raftwerk.sim.acts.ACTS`.
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
    text = msgspec.json.format(msgspec.json.encode(fields), indent=2).decode()
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
        If it is no plan.
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
    return plan
