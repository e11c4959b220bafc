"""The world as a node meets it: time, timers, threads, draws.

Whoever needs one of them takes a `protocol.Host` and asks it. Two are made here. The
one of `real` is the machine we run on. The one of `virtual` lives on an event loop
whose clock stands still while anything happens and jumps to the next timer when nothing
does: hours pass in seconds, no two things happen in an order that the seed did not
decide, and what went wrong once goes wrong again. Both pass the same contract tests
(`tests/host/contract.py`). Why the loop is replaced rather than the clock patched:
``docs/decisions/0005-virtual-event-loop.md``.
"""
