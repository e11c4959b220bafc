"""Which process listens on a port, where the system tells: Linux, by ``/proc``."""

from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["holder_of"]

_PROC: Final = Path("/proc")
_LISTENS: Final = "0A"
"""The state of a listening socket in ``/proc/net/tcp``."""


def holder_of(port: int, proc: Path = _PROC) -> str:
    """Return who listens on a TCP port of this machine.

    Parameters
    ----------
    port : int
        The port, on whatever address.
    proc : Path
        Where the system tells about its processes.

    Returns
    -------
    str
        "process 4711 (etcd)"; "another process" if it can't be found out: another
        user's processes show nothing, and not every system has such a place.
    """
    sockets = {
        f"socket:[{inode}]"
        for table in ("tcp", "tcp6")
        for inode in _listening_inodes(proc / "net" / table, port)
    }
    if sockets:
        for process in sorted(proc.glob("[0-9]*"), key=lambda path: int(path.name)):
            if not sockets.isdisjoint(_open_files(process)):
                return f"process {process.name} ({_name_of(process)})"
    return "another process"


def _listening_inodes(table: Path, port: int) -> list[str]:
    """Return the inodes of the sockets that listen on the port."""
    try:
        lines = table.read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return []
    fields = (line.split() for line in lines)
    # Columns: number, local address:port in hex, remote, state, …, inode as the tenth.
    return [
        field[9]
        for field in fields
        if field[3] == _LISTENS and int(field[1].rpartition(":")[2], 16) == port
    ]


def _open_files(process: Path) -> list[str]:
    """Return what a process has open; nothing if we may not look, or it has ended."""
    try:
        links = list((process / "fd").iterdir())
    except OSError:
        return []
    targets = []
    for link in links:
        with suppress(OSError):  # closed meanwhile, as the one that we listed them by
            targets.append(str(link.readlink()))
    return targets


def _name_of(process: Path) -> str:
    """Return the name of a process."""
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "ended meanwhile"
