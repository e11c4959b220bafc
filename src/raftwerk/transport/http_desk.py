"""Where letters of others arrive: who may write to us, and what we answer at once.

Everything is checked before anything is delivered: who refuses a letter has changed
nothing by reading it.
"""

import asyncio
import hmac
from collections.abc import Callable, Sequence
from typing import Final

from raftwerk.core.messages import (
    AppendEntries,
    Heartbeat,
    Message,
    RequestPreVote,
    RequestVote,
)
from raftwerk.errors import PeerError
from raftwerk.host.protocol import Timers
from raftwerk.transport.codec import may_say
from raftwerk.transport.handshake import Refusal, RefusalCode, answer
from raftwerk.transport.http_letter import Letter, Route, decode_letter, route_of
from raftwerk.transport.inbox import Inbox
from raftwerk.transport.news import News
from raftwerk.transport.protocol import Admission, Identity
from raftwerk.types import NodeId, Term

__all__ = [
    "ANSWER_SECONDS",
    "TERM_FIRST_MAX",
    "TERM_STEP_MAX",
    "HttpDesk",
    "LetterRefused",
    "WriterRemoved",
    "check_all",
    "check_terms",
]

ANSWER_SECONDS: Final = 0.025
"""How long a letter waits for its answer; what comes later travels by itself."""

TERM_STEP_MAX: Final = 1 << 20
"""How far ahead of ours a term may be: a million elections that we did not hear of."""

TERM_FIRST_MAX: Final = 1 << 32
"""How great a term may be that is the first we hear of: an election each second, for a
century. Whoever forges it leaves all but nothing of the 64 bits used up, and each
further letter has `TERM_STEP_MAX`."""

_ASKING: Final = (RequestVote, RequestPreVote, AppendEntries, Heartbeat)
"""What is answered by a message of its own, soon."""


class LetterRefused(PeerError):
    """A letter comes from somebody who may not write to us; nothing was changed."""


class WriterRemoved(LetterRefused):
    """A letter comes from somebody who was a member once."""


class HttpDesk:
    """Takes letters for one member.

    Parameters
    ----------
    identity : Identity
        Who we are.
    secret : str
        What all members know; empty: only this machine may write to us.
    timers : Timers
        For answers that do not come.
    inbox : Inbox
        Where messages go.
    news : News
        Who is told of refusals.
    admit : Admission
        Says whom we know.
    term_now : callable
        Returns our term.
    heard : callable
        Called with the sender of each letter and its length in bytes.
    """

    def __init__(
        self,
        identity: Identity,
        secret: str,
        *,
        timers: Timers,
        inbox: Inbox,
        news: News,
        admit: Admission,
        term_now: Callable[[], Term],
        heard: Callable[[NodeId, int], None],
    ) -> None:
        self._identity = identity
        self._secret = secret.encode()
        self._timers = timers
        self._inbox = inbox
        self._news = news
        self._admit = admit
        self._term_now = term_now
        self._heard = heard
        self._waiting: dict[NodeId, list[asyncio.Future[list[Message]]]] = {}

    @property
    def term(self) -> Term:
        """Our term.

        Returns
        -------
        Term
            As of now.
        """
        return self._term_now()

    def require_secret(self, secret: bytes, *, is_near: bool, who: str) -> None:
        """Refuse who does not know what all members know, before a letter is read.

        Parameters
        ----------
        secret : bytes
            What a sender proves itself with.
        is_near : bool
            Whether it writes from this machine.
        who : str
            Where it writes from, for people.

        Raises
        ------
        LetterRefused
            If it may not write to us.
        """
        try:
            self._require_secret(secret, is_near=is_near)
        except LetterRefused as error:
            self._news.trouble(who, "letter refused", str(error))
            raise

    async def take(self, route: Route, body: bytes, *, who: str) -> list[Message]:
        """Deliver a letter, and return what we have to say to it at once.

        Its sender has passed `require_secret`.

        Parameters
        ----------
        route : Route
            Where it came.
        body : bytes
            What it says.
        who : str
            Where it came from, for people.

        Returns
        -------
        list of Message
            Perhaps none.

        Raises
        ------
        LetterRefused
            If its sender may not write to us.
        PeerError
            If it can't be read.
        """
        try:
            letter = decode_letter(body)
            self._require_known(letter)
            self._require_sound(letter, route)
        except LetterRefused as error:
            self._news.trouble(who, "letter refused", str(error))
            raise
        if not self._inbox.is_open:
            raise PeerError(f"node {self._identity.node_id:x} is stopping")
        sender = letter.hello.identity.node_id
        self._heard(sender, len(body))
        self._inbox.put_messages(letter.messages)
        if not any(isinstance(message, _ASKING) for message in letter.messages):
            return []
        replies = await self._answer_for(sender)
        version = letter.hello.version_max
        return [message for message in replies if may_say(message, version)]

    def intercept(self, messages: Sequence[Message]) -> list[Message]:
        """Answer letters that wait with what is sent, and return what is left of it.

        Parameters
        ----------
        messages : sequence of Message
            To any receivers.

        Returns
        -------
        list of Message
            To those whose letters do not wait.
        """
        if not self._waiting:
            return list(messages)
        answers: dict[NodeId, list[Message]] = {}
        left: list[Message] = []
        for message in messages:
            # State is too large to wait for; requests want answers of their own.
            if message.receiver in self._waiting and not isinstance(message, _ASKING):
                answers.setdefault(message.receiver, []).append(message)
            else:
                left.append(message)
        for receiver, replies in answers.items():
            self._waiting.pop(receiver).pop(0).set_result(replies)
        return left

    async def _answer_for(self, sender: NodeId) -> list[Message]:
        """Return what is sent to this member next, if that is soon."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(sender, []).append(future)
        timer = self._timers.call_later(ANSWER_SECONDS, self._give_up, sender, future)
        try:
            messages: list[Message] = await future
        finally:
            timer.cancel()
            self._forget(sender, future)
        return messages

    def _give_up(self, sender: NodeId, future: "asyncio.Future[list[Message]]") -> None:
        """Answer with nothing."""
        self._forget(sender, future)
        if not future.done():
            future.set_result([])

    def _forget(self, sender: NodeId, future: "asyncio.Future[list[Message]]") -> None:
        """Let a letter wait no more."""
        waiting = self._waiting.get(sender, [])
        if future in waiting:
            waiting.remove(future)
        if not waiting:
            self._waiting.pop(sender, None)

    def _require_secret(self, secret: bytes, *, is_near: bool) -> None:
        """Refuse who does not know what all members know."""
        if self._secret:
            if not hmac.compare_digest(secret, self._secret):
                raise LetterRefused(
                    "the cluster's secret is missing or wrong: members have it from"
                    " RAFTWERK_PEER_SECRET"
                )
        elif not is_near:
            raise LetterRefused(
                "letters from other machines need the cluster's secret: give all"
                " members the same RAFTWERK_PEER_SECRET"
            )

    def _require_known(self, letter: Letter) -> None:
        """Refuse who is no member, or wants another one."""
        verdict = answer(letter.hello, self._identity, self._admit)
        if isinstance(verdict, Refusal):
            is_removed = verdict.code == RefusalCode.REMOVED
            raise (WriterRemoved if is_removed else LetterRefused)(verdict.words)

    def _require_sound(self, letter: Letter, route: Route) -> None:
        """Refuse messages in another's name, on the wrong route, of absurd terms."""
        check_all(letter.messages, letter.hello.identity.node_id, self._identity)
        check_terms(letter.messages, self._term_now())
        for message in letter.messages:
            if route_of(message) is not route:
                raise LetterRefused(
                    f"a {type(message).__name__} goes to …/{route_of(message)}, not to"
                    f" …/{route}"
                )
            if not may_say(message, letter.hello.version_max):
                raise LetterRefused(
                    f"a {type(message).__name__} is none of version"
                    f" {letter.hello.version_max} of the peer protocol, which is all"
                    " that its sender says it speaks"
                )


def check_terms(messages: Sequence[Message], here: Term) -> None:
    """Let nobody name a term that no cluster like ours has come to.

    Who founds a cluster begins in term 1, so that this judges the first letter, too.
    Term 0 has who was added to one that exists, and has not heard of it since.

    Parameters
    ----------
    messages : sequence of Message
        What was said.
    here : Term
        Ours; 0 if none is known yet.

    Raises
    ------
    LetterRefused
        If a term is absurd.
    """
    greatest = here + TERM_STEP_MAX if here else TERM_FIRST_MAX
    for message in messages:
        if not 0 <= message.term <= greatest:
            known = f"term {here}" if here else "none"
            raise LetterRefused(
                f"term {message.term} is absurd where {known} is known: the greatest"
                f" that is believed here is {greatest}"
            )


def check_all(messages: Sequence[Message], sender: NodeId, ours: Identity) -> None:
    """Let nobody speak in another's name, or to another.

    Parameters
    ----------
    messages : sequence of Message
        What was said.
    sender : NodeId
        Who said it.
    ours : Identity
        Who heard it.

    Raises
    ------
    LetterRefused
        If one is not from the one to the other.
    """
    for message in messages:
        if message.sender != sender or message.receiver != ours.node_id:
            raise LetterRefused(
                f"a {type(message).__name__} from node {message.sender:x} to node"
                f" {message.receiver:x} came from node {sender:x} to node"
                f" {ours.node_id:x}"
            )
