"""A child ends with its parent: each of the two ways alone, on real processes."""

import os
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.e2e

WAIT_SECONDS = 20

CHILD = """
import sys
from raftwerk.cli.lifeline import exit_with_parent
exit_with_parent()
print("held", flush=True)
while True:
    try:
        sys.stdin.close  # busy in some way that never looks at standard input
    except BaseException:
        pass
    import signal
    signal.pause()
"""

PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}], stdin=subprocess.PIPE)
print(child.pid, flush=True)
child.wait()
"""


def start(program: str) -> subprocess.Popen[str]:
    return (
        subprocess.Popen(  # pylint: disable=consider-using-with  # ended in each test
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    )


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_child_whose_lifeline_is_let_go_is_killed() -> None:
    with start(CHILD) as child:
        assert read_line(child) == "held"
        assert child.stdin is not None
        child.stdin.close()
        assert child.wait(WAIT_SECONDS) == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of parents")
def test_even_a_paused_child_ends_with_a_killed_parent() -> None:
    with start(PARENT) as parent:
        child_pid = int(read_line(parent))
        assert read_line(parent) == "held"
        os.kill(child_pid, signal.SIGSTOP)
        parent.kill()
        assert parent.wait(WAIT_SECONDS) == -signal.SIGKILL
        # The child has the same standard output: that ends only when both are gone.
        parent.communicate(timeout=WAIT_SECONDS)
