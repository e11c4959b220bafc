"""Asking one member over HTTP what it knows."""

import msgspec

from raftwerk.client.http import Http, Lost, NotSent, Request
from raftwerk.config import Url
from raftwerk.host.patience import within
from raftwerk.host.protocol import Timers
from raftwerk.service.deposition import Deposition
from raftwerk.service.inquiry import Ask, NotHeard

__all__ = ["OWN_PATH", "interviewer"]

OWN_PATH = "/v1/explain/own"
"""Where a member says what it knows, below the prefix of its API."""


class _Envelope(msgspec.Struct):
    """An answer of the documented API."""

    data: Deposition


def interviewer(
    http: Http, timers: Timers, seconds: float, prefix: str = "/api"
) -> Ask:
    """Return what asks members.

    Parameters
    ----------
    http : Http
        The way to them.
    timers : Timers
        Bound how long that takes.
    seconds : float
        How long one may take.
    prefix : str
        Where the documented API begins.

    Returns
    -------
    Ask
        For `inquire`.
    """
    request = Request(method="GET", path=f"{prefix}{OWN_PATH}")

    async def _ask(url: Url) -> Deposition:
        """Ask one, once."""
        try:
            answer = await within(timers, seconds, http.ask(url, request))
        except NotSent as error:
            raise NotHeard(str(error) or "no connection") from error
        except Lost as error:
            raise NotHeard(str(error) or "the connection broke") from error
        except TimeoutError:
            raise NotHeard(f"no answer within {seconds:g} s") from None
        try:
            return msgspec.json.decode(answer.body, type=_Envelope).data
        except msgspec.MsgspecError:
            raise NotHeard(
                f"what answers there is no raftwerk that can explain itself (HTTP"
                f" status {answer.status})"
            ) from None

    return _ask
