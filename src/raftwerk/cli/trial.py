"""What ``raftwerk sim`` is told of a user's machine: names of things in modules."""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from raftwerk.config import bad_setting
from raftwerk.errors import ConfigError
from raftwerk.sim.trial import Trial

__all__ = ["NamedTrial", "read_trial"]


class NamedTrial(msgspec.Struct, frozen=True):
    """What a user wants tried, and the words for it.

    Parameters
    ----------
    trial : Trial or None
        None: nothing of a user's; the group keeps keys and values.
    words : str
        What names it on a command line; to be appended to one.
    modules : sequence of str
        In which its parts are.
    """

    trial: Trial | None = None
    words: str = ""
    modules: Sequence[str] = ()


def read_trial(
    machine: str | None,
    client: str | None,
    invariants: Sequence[str],
    judge: str | None,
    clients: int | None = None,
) -> NamedTrial:
    """Return what a user wants tried.

    Parameters
    ----------
    machine : str or None
        ``module:name`` of what makes the machine; None: nothing of a user's is tried.
    client : str or None
        The same of the client.
    invariants : sequence of str
        The same of what must hold.
    judge : str or None
        The same of who judges the history.
    clients : int or None
        How many clients there are; none of our business but that it needs a machine.

    Returns
    -------
    NamedTrial
        With all that could be imported.

    Raises
    ------
    ConfigError
        If something is not there, or there is a client of no machine.
    """
    given = [("client", client), *(("invariant", each) for each in invariants)]
    given.append(("judge", judge))
    if machine is None and clients is not None:
        given.append(("clients", str(clients)))
    named = [(option, name) for option, name in given if name is not None]
    if machine is None:
        if named:
            raise ConfigError(f"{named[0][0]} is given; it needs a machine beside it")
        return NamedTrial()
    named.insert(0, ("machine", machine))
    return NamedTrial(
        Trial(
            machine=_find("machine", machine),
            client=None if client is None else _find("client", client),
            invariants=tuple(_find("invariant", name) for name in invariants),
            judge=None if judge is None else _find("judge", judge),
        ),
        "".join(f" --{option} {name}" for option, name in named),
        sorted({name.partition(":")[0] for _, name in named}),
    )


def _find(setting: str, name: str) -> Any:
    """Return what a module has under a name."""
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise bad_setting(setting, name, "module:name")
    here = str(Path.cwd())
    if here not in sys.path:  # as `python -m` has it
        sys.path.insert(0, here)
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        allowed = f"module:name of something that can be imported ({error})"
        raise bad_setting(setting, name, allowed) from error
    # pylint: disable-next=broad-exception-caught  # a module may do whatever it likes
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        allowed = f"module:name of something that can be imported ({what})"
        raise bad_setting(setting, name, allowed) from error
    if not callable(found):
        raise bad_setting(setting, name, "something that can be called")
    return found
