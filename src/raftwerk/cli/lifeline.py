"""A child that does not outlive its parent, however the parent ends.

Two ways, for neither is enough alone. Where the kernel offers it (Linux), it kills the
child when the parent ends: that also reaches a child that was stopped, but is void if
the parent ended before the child asked for it. And the child's standard input is a pipe
that its parent holds open and never writes to: its end is read whenever the child gets
to look, so nothing is missed, on any system.

The kernel's word for parent is the *thread* that started the child, so children must be
started from a thread that lives as long as they may.
"""

import ctypes
import os
import signal
import sys
import threading
from typing import Final

__all__ = ["exit_with_parent"]

PR_SET_PDEATHSIG: Final = 1
"""From ``linux/prctl.h``."""

STANDARD_INPUT: Final = 0

_THREAD_NAME: Final = "lifeline"


def exit_with_parent() -> None:
    """Have this process killed as soon as its parent ends; wait for nothing.

    What is lost by that is what a crash loses: nothing that was acknowledged.
    """
    if any(thread.name == _THREAD_NAME for thread in threading.enumerate()):
        return  # it was asked for already
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    # A thread and no callback: it works while the event loop is stuck, too.
    threading.Thread(target=_watch, name=_THREAD_NAME, daemon=True).start()


def _watch() -> None:
    """Wait for the end of standard input, then end without ceremony."""
    try:
        while os.read(STANDARD_INPUT, 4096):
            pass  # nobody writes there; if somebody does, it means nothing
    except OSError:
        pass  # closed: nobody holds us
    os.kill(os.getpid(), signal.SIGKILL)
