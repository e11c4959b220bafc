"""What is worth a line in the log, once for each peer and reason."""

import logging
from typing import Final

from raftwerk.transport.protocol import Report

__all__ = ["News"]

_REMEMBERED_MAX: Final = 512
"""Troubles that are known as told; beyond that the oldest may be told again."""


class News:
    """Tells a trouble when it is new: a peer that is down is tried again for hours.

    Parameters
    ----------
    report : Report
        Where the lines go.
    """

    __slots__ = ("_report", "_told")

    def __init__(self, report: Report) -> None:
        """Have told nothing yet."""
        self._report = report
        self._told: dict[tuple[str, str], None] = {}

    def trouble(self, who: str, event: str, reason: str, kind: str = "") -> None:
        """Tell what went wrong with a peer, unless that was told.

        Parameters
        ----------
        who : str
            The peer.
        event : str
            What happened.
        reason : str
            Why, in words.
        kind : str
            Which reasons count as the same; the words themselves if empty.
        """
        key = (who, kind or reason)
        if key in self._told:
            return
        if len(self._told) >= _REMEMBERED_MAX:
            del self._told[next(iter(self._told))]
        self._told[key] = None
        self._report(logging.WARNING, event, peer=who, reason=reason)

    def good(self, who: str, event: str) -> None:
        """Tell that all is well with a peer; its troubles will be new again.

        Parameters
        ----------
        who : str
            The peer.
        event : str
            What happened.
        """
        for key in [key for key in self._told if key[0] == who]:
            del self._told[key]
        self._report(logging.INFO, event, peer=who)
