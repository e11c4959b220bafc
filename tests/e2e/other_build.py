"""A node of another build: the same program, which says that it speaks other versions.

    python -m tests.e2e.other_build PROTOCOL_MIN PROTOCOL_MAX READABLE serve …

Stands for an older or a newer release in tests of upgrades; the shipped program has no
such switch. What the numbers mean, is in `transport.handshake` and `runtime.versions`.

It is as strict as a build of that version: what a connection carries is encoded and
decoded by the version that both have agreed upon (`transport.codec`), so a message of a
later one closes the connection here as it would there; and what it stores is stamped
with the version of the cluster, beyond which it can't read.
"""

import importlib
import sys
from typing import Final

from raftwerk.cli import main

__all__ = ["program"]

HOLDERS: Final = {
    "raftwerk.transport.handshake": ("VERSION_MIN", "VERSION_MAX"),
    "raftwerk.transport.endpoint": ("VERSION_MIN", "VERSION_MAX"),
    "raftwerk.transport.peer": ("VERSION_MIN", "VERSION_MAX"),
    "raftwerk.transport.http_peer": ("VERSION_MIN", "VERSION_MAX"),
    "raftwerk.transport.http_letter": ("VERSION_MAX",),
    "raftwerk.service.deposition": ("VERSION_MIN", "VERSION_MAX"),
    "raftwerk.runtime.versions": ("READABLE_VERSION",),
    "raftwerk.runtime.publisher": ("READABLE_VERSION",),
}
"""Every module that holds one of the numbers."""


def program(protocol_min: int, protocol_max: int, readable: int) -> list[str]:
    """Return what Python is told to run for such a node."""
    return [
        *("-m", __name__),
        *map(str, (protocol_min, protocol_max, readable)),
    ]


def become(protocol_min: int, protocol_max: int, readable: int) -> None:
    """Have this process say that it speaks these versions."""
    numbers = {
        "VERSION_MIN": protocol_min,
        "VERSION_MAX": protocol_max,
        "READABLE_VERSION": readable,
    }
    for module_name, names in HOLDERS.items():
        module = importlib.import_module(module_name)
        for name in names:
            assert hasattr(module, name), f"{module_name} has no {name} any more"
            setattr(module, name, numbers[name])


if __name__ == "__main__":
    become(*(int(sys.argv.pop(1)) for _ in range(3)))
    main.main()
