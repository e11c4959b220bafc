"""A page of the docs as a session in one shell, with ports that are free here."""

import asyncio
import grp
import os
import pwd
import re
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

__all__ = ["Shell", "blocks_of", "user_for"]

_BLOCK: Final = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)

_DONE: Final = "-- done:"


def blocks_of(page: Path) -> list[str]:
    """Return what a page tells its reader to type, block by block."""
    return _BLOCK.findall(page.read_text())


def _as_user(user: str | None) -> list[str]:
    """Return what to put before a command so that a user runs it, with our Python.

    That may lie where only root looks; so the right to read stays, and no other.
    """
    if user is None:
        return []
    group = grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name
    return [
        *("setpriv", f"--reuid={user}", f"--regid={group}", "--init-groups"),
        *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
    ]


def user_for(*names: str) -> str | None:
    """Return who is to run what root may not; None for whoever runs the tests."""
    if os.geteuid() != 0:
        return None
    for name in names:
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise AssertionError(f"none of the users {', '.join(names)} is on this machine")


class Shell:
    """One bash in an empty directory of its own, for as long as the context is open.

    Parameters
    ----------
    user : str or None
        Whom it runs as; None for whoever runs the tests.
    ports : mapping of int to int
        Which ports of this machine stand for those that are written.
    """

    def __init__(self, user: str | None, ports: Mapping[int, int]) -> None:
        self._user = user
        self._ports = ports
        self._words = re.compile("|".join(rf"\b{port}\b" for port in ports))
        self._process: Process | None = None
        # Not pytest's: that is closed to other users.
        self.folder = Path(tempfile.mkdtemp(prefix="raftwerk-page-", dir="/tmp"))
        if user is not None:
            shutil.chown(self.folder, user)

    async def __aenter__(self) -> Self:
        here = Path(sys.executable).parent
        self._process = await asyncio.create_subprocess_exec(
            *_as_user(self._user),
            *("bash", "--noprofile", "--norc"),
            stdin=PIPE,
            stdout=PIPE,
            stderr=STDOUT,
            cwd=self.folder,
            env={"PATH": f"{here}:/usr/bin:/bin", "HOME": str(self.folder)},
            start_new_session=True,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        process = self._running()
        if error is not None:
            for log in sorted(self.folder.glob("*.log")):
                tail = log.read_text(errors="replace").splitlines()[-25:]
                print(f"==== {log.name}", *tail, sep="\n")
        # What the shell started is in its session, but for what left it on purpose.
        os.killpg(process.pid, signal.SIGKILL)
        for file in self.folder.glob("*/postmaster.pid"):
            with suppress(ProcessLookupError, ValueError):
                os.kill(int(file.read_text().split()[0]), signal.SIGKILL)
        await process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _running(self) -> Process:
        assert self._process is not None, "the shell is not open"
        return self._process

    def port(self, written: int) -> int:
        """Return the port that stands for a written one."""
        return self._ports[written]

    async def run(self, block: str, seconds: float = 30.0) -> str:
        """Run a block and return what it prints; fail if its last command failed."""
        process = self._running()
        assert process.stdin is not None and process.stdout is not None
        own = self._words.sub(lambda word: str(self._ports[int(word[0])]), block)
        process.stdin.write(f"{own}\necho {_DONE} $?\n".encode())
        printed = ""
        try:
            async with asyncio.timeout(seconds):
                while line := (await process.stdout.readline()).decode():
                    if line.startswith(_DONE):
                        assert line.split()[-1] == "0", f"{own}\n{printed}"
                        return printed
                    printed += line
        except TimeoutError:
            raise AssertionError(f"after {seconds:g} s:\n{own}\n{printed}") from None
        raise AssertionError(f"the shell has ended:\n{own}\n{printed}")
