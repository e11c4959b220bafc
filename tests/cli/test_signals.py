"""Being asked to stop, by real signals to a real process."""

import os
import pty
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.e2e

WAIT_SECONDS = 20

PROGRAM = """
import asyncio, os, sys
from raftwerk.cli.signals import StopSignals

if "terminal" in sys.argv:  # who leads a session and opens one has it
    os.close(os.open(os.ttyname(0), os.O_RDWR))

async def main():
    with StopSignals() as signals:
        if "reloads" in sys.argv:
            signals.on_reload = lambda: print("reloading", flush=True)
        print("ready", flush=True)
        await signals.wait()
        print("stopping", flush=True)
        if "linger" in sys.argv:
            await asyncio.get_running_loop().create_future()

asyncio.run(main())
"""


def start(*arguments: str, ignoring: signal.Signals | None = None) -> "Process":
    """Start a program that waits to be stopped, some signal ignored from the start."""
    before = signal.signal(ignoring, signal.SIG_IGN) if ignoring is not None else None
    try:
        process = subprocess.Popen(  # pylint: disable=consider-using-with  # tests do
            [sys.executable, "-c", PROGRAM, *arguments],
            stdout=subprocess.PIPE,
            text=True,
        )
    finally:
        if ignoring is not None:
            signal.signal(ignoring, before)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


Process = subprocess.Popen[str]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_first_signal_is_a_request(number: signal.Signals) -> None:
    with start() as process:
        process.send_signal(number)
        said, _ = process.communicate(timeout=WAIT_SECONDS)
        assert (process.returncode, said) == (0, "stopping\n")


def test_a_background_job_obeys_ctrl_c_too() -> None:
    """A shell without job control starts it with SIGINT ignored."""
    with start(ignoring=signal.SIGINT) as process:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=WAIT_SECONDS)
        assert (process.returncode, said) == (0, "stopping\n")


def test_who_was_started_by_nohup_survives_the_terminal() -> None:
    with start(ignoring=signal.SIGHUP) as process:
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=WAIT_SECONDS)
        # Had the first one counted, the second would have ended it at once.
        assert (process.returncode, said) == (0, "stopping\n")


def test_hanging_up_asks_to_read_settings_again_where_that_means_something() -> None:
    with start("reloads") as process:
        assert process.stdout is not None
        for _ in range(2):
            process.send_signal(signal.SIGHUP)
            assert process.stdout.readline() == "reloading\n"
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=WAIT_SECONDS)
        assert (process.returncode, said) == (0, "stopping\n")


def test_hanging_up_for_a_closed_terminal_is_a_request_to_stop() -> None:
    terminal, its_end = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "reloads", "terminal"],
        stdin=its_end,
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as process:
        os.close(its_end)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.close(terminal)
        said, _ = process.communicate(timeout=WAIT_SECONDS)
        assert (process.returncode, said) == (0, "stopping\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_second_signal_ends_at_once(number: signal.Signals) -> None:
    with start("linger") as process:
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        assert process.stdout.readline() == "stopping\n"
        process.send_signal(number)
        assert process.wait(WAIT_SECONDS) == -number
