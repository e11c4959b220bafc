"""Which endpoint is asked, and what is asked again elsewhere: only what is safe.

A request that only reads may be repeated whatever happened. One that writes is repeated
while it is certain that nothing was done: no connection was had, or a member says so.
Once it has left and the answer is lost, nobody knows, and that is what the caller gets.
Source: etcd's clientv3, whose retries of writes follow the same rule.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Final

import msgspec

from raftwerk.client.errors import NoEndpoint, Refused
from raftwerk.client.http import Answer, Http, Lost, NotSent, Request, StreamRefused
from raftwerk.config import Url
from raftwerk.errors import OutcomeUnknown, SessionExpired
from raftwerk.host.patience import within
from raftwerk.host.protocol import Clock, Timers

__all__ = ["Endpoints"]

NOTHING_HAPPENED: Final = frozenset(
    {
        "etcdserver: no leader",
        "etcdserver: too many requests",
        "etcdserver: server stopped",
    }
)
"""Texts with which a member says that a request was not done and never will be."""

NOT_YET: Final = "raftwerk: "
"""How texts begin that etcd has no words for: a node looks for its cluster, say."""

REFUSED: Final = frozenset({"etcdserver: unhealthy cluster"})
"""Texts of refusals that come with a status which says "try again"."""

EXPIRED_STATUS: Final = 410
"""HTTP's "gone": the session of a numbered write has ended."""

AGAIN_SECONDS: Final = 0.05
"""From one round through all endpoints to the next; it doubles each time, up to
`AGAIN_MAX_SECONDS`."""

AGAIN_MAX_SECONDS: Final = 0.5

NOBODY_SECONDS: Final = 2.0
"""How long to go on where no endpoint can be connected to at all: whoever is asked for
at the wrong address should not have to wait for the end of all patience."""

READ_SECONDS: Final = 1.5
"""How long one endpoint may take for a read while there are others to ask."""


class _Said(msgspec.Struct):
    """The form of an error of etcd's gateway."""

    message: str
    code: int


class _Error(msgspec.Struct):
    """What a refusal of the documented API says."""

    id: str
    message: str


class _Envelope(msgspec.Struct):
    """The form of an error of the documented API."""

    error: _Error


class _Refusal(msgspec.Struct, frozen=True):
    """Why a request was not answered with a result."""

    words: str
    code: int = 0
    is_unknown: bool = False

    @property
    def is_nothing(self) -> bool:
        """Whether nothing happened, and another member may do it."""
        return self.words in NOTHING_HAPPENED or self.words.startswith(NOT_YET)

    def as_refusal(self, http_status: int) -> Refused | SessionExpired:
        """Return it as an error."""
        if http_status == EXPIRED_STATUS:
            return SessionExpired(self.words)
        return Refused(self.words, http_status, self.code)


def _read_error(answer: Answer) -> _Refusal:
    """Return why a request was refused, in whichever form that was said."""
    try:
        said = msgspec.json.decode(answer.body, type=_Said)
        # What a member does not say to have refused may have been done.
        is_unknown = answer.status >= 500 and said.message not in REFUSED
        return _Refusal(said.message, said.code, is_unknown)
    except msgspec.MsgspecError:
        pass
    try:
        error = msgspec.json.decode(answer.body, type=_Envelope).error
    except msgspec.MsgspecError:
        words = answer.body.decode(errors="replace").strip()[:200]
        return _Refusal(words, is_unknown=answer.status >= 500)
    is_unknown = error.id.endswith((".OUTCOME_UNKNOWN", ".INTERNAL"))
    return _Refusal(error.message, is_unknown=is_unknown)


class _Tried:
    """Who was asked so far, and why that was to no avail."""

    def __init__(self) -> None:
        self.reasons: dict[Url, str] = {}
        self.has_reached_any = False
        self.may_be_done = False
        """Whether a request left whose answer is lost."""
        self.slowest_seconds = 0.0
        """How long it took at most to be told that nothing has happened."""

    def __str__(self) -> str:
        told = "; ".join(f"{url}: {reason}" for url, reason in self.reasons.items())
        return f"no member could be asked: {told or 'there was no time'}"


class Endpoints:
    """Asks the members behind some addresses.

    Parameters
    ----------
    urls : sequence of Url
        Where members answer clients; the first is asked first.
    http : Http
        Asks one of them.
    clock : Clock
        For the end of patience.
    timers : Timers
        For waits between two rounds.
    timeout_seconds : float
        How long a request may take in all.
    """

    def __init__(
        self,
        urls: Sequence[Url],
        http: Http,
        *,
        clock: Clock,
        timers: Timers,
        timeout_seconds: float,
    ) -> None:
        self._urls = list(dict.fromkeys(urls))
        self._http = http
        self._clock = clock
        self._timers = timers
        self._timeout_seconds = timeout_seconds

    @property
    def urls(self) -> tuple[Url, ...]:
        """All of them; the one that is asked first is the first."""
        return tuple(self._urls)

    def prefer(self, url: Url) -> None:
        """Ask this one first from now on.

        Parameters
        ----------
        url : Url
            One of them, or a new one.
        """
        if url in self._urls:
            self._urls.remove(url)
        self._urls.insert(0, url)

    def replace(self, urls: Sequence[Url]) -> None:
        """Ask these from now on, and no others.

        Parameters
        ----------
        urls : sequence of Url
            At least one.
        """
        first = self._urls[0]
        self._urls = list(dict.fromkeys(urls))
        if first in self._urls:
            self.prefer(first)

    async def ask(
        self, request: Request, *, is_read: bool, is_done_once: bool = False
    ) -> Answer:
        """Ask one member after the other until one answers.

        Parameters
        ----------
        request : Request
            What.
        is_read : bool
            Whether it may be repeated whatever happened.
        is_done_once : bool
            Whether the same is true of a write, for it has a key.

        Returns
        -------
        Answer
            A success.

        Raises
        ------
        Refused
            If the cluster refused it.
        SessionExpired
            If it is one of a session that has ended.
        NoEndpoint
            If nothing happened, and nobody could be asked in time.
        OutcomeUnknown
            If it writes, and the answer is lost.
        """
        begin = self._clock.now()
        deadline = begin + self._timeout_seconds
        pause = AGAIN_SECONDS
        tried = _Tried()
        while True:
            for url in tuple(self._urls):
                left = deadline - self._clock.now()
                if left <= tried.slowest_seconds:
                    # It would take as long again, and we would not hear the end of it.
                    break
                may_repeat = is_read or is_done_once
                if may_repeat and len(self._urls) > 1:
                    left = min(left, READ_SECONDS)
                answer = await self._ask_one(url, request, left, may_repeat, tried)
                if answer is not None:
                    self.prefer(url)
                    return answer
            if not tried.has_reached_any:
                deadline = min(deadline, begin + NOBODY_SECONDS)
            if self._clock.now() + pause >= deadline - tried.slowest_seconds:
                if tried.may_be_done and not is_read:
                    raise OutcomeUnknown(f"the request may be done: {tried}")
                raise NoEndpoint(str(tried))
            await self._timers.sleep(pause)
            pause = min(2 * pause, AGAIN_MAX_SECONDS)

    async def ask_one(
        self, url: Url, request: Request, timeout_seconds: float | None = None
    ) -> Answer:
        """Ask one member, once, for what it alone can say.

        Parameters
        ----------
        url : Url
            Where it is.
        request : Request
            A read.
        timeout_seconds : float, optional
            How long it may take; without it, as long as any request.

        Returns
        -------
        Answer
            A success.

        Raises
        ------
        Refused
            If it refused.
        NoEndpoint
            If it did not answer in time.
        """
        tried = _Tried()
        seconds = timeout_seconds or self._timeout_seconds
        answer = await self._ask_one(url, request, seconds, True, tried)
        if answer is None:
            raise NoEndpoint(str(tried))
        return answer

    async def stream(self, request: Request) -> AsyncIterator[bytes]:
        """Ask for an answer that has no end, of the first member that gives one.

        Parameters
        ----------
        request : Request
            A read.

        Yields
        ------
        bytes
            Each line.

        Raises
        ------
        Refused
            If the cluster refuses it.
        NoEndpoint
            If nobody gives one.
        Lost
            If the connection breaks later.
        """
        tried = _Tried()
        for url in tuple(self._urls):
            has_begun = False
            try:
                async for line in self._http.stream(url, request):
                    has_begun = True
                    yield line
                return
            except NotSent as error:
                tried.reasons[url] = str(error)
            except StreamRefused as refusal:
                said = _read_error(refusal.answer)
                if refusal.answer.status < 500:
                    raise said.as_refusal(refusal.answer.status) from None
                tried.reasons[url] = said.words
            except Lost as error:
                if has_begun:
                    raise
                tried.reasons[url] = str(error)
        raise NoEndpoint(str(tried))

    async def stream_of(
        self, url: Url, request: Request
    ) -> AsyncGenerator[bytes, None]:
        """Ask one member for an answer that has no end.

        Parameters
        ----------
        url : Url
            Where it is.
        request : Request
            A read.

        Yields
        ------
        bytes
            Each line.

        Raises
        ------
        Refused
            If the cluster refuses it, and any member would.
        NoEndpoint
            If this member gives none, or the connection breaks: another one may be
            asked.
        """
        try:
            async for line in self._http.stream(url, request):
                yield line
        except (NotSent, Lost) as error:
            raise NoEndpoint(f"{url}: {error}") from None
        except StreamRefused as refusal:
            said = _read_error(refusal.answer)
            if refusal.answer.status < 500:
                raise said.as_refusal(refusal.answer.status) from None
            raise NoEndpoint(f"{url}: {said.words}") from None

    async def _ask_one(
        self,
        url: Url,
        request: Request,
        seconds: float,
        may_repeat: bool,
        tried: _Tried,
    ) -> Answer | None:
        """Return an answer; None if another one may be asked, with the reason."""
        begin = self._clock.now()
        try:
            answer = await within(self._timers, seconds, self._http.ask(url, request))
        except NotSent as error:
            tried.reasons[url] = str(error)
            return None
        except (Lost, TimeoutError) as error:
            tried.has_reached_any = True
            words = f"{url}: {error}"
            if not may_repeat:
                raise OutcomeUnknown(
                    f"the request was sent, and its outcome is not known: {words}"
                ) from None
            tried.may_be_done = True
            tried.reasons[url] = str(error)
            return None
        tried.has_reached_any = True
        if 200 <= answer.status < 300:
            return answer
        said = _read_error(answer)
        if said.is_nothing or (may_repeat and answer.status >= 500):
            took = self._clock.now() - begin
            tried.slowest_seconds = max(tried.slowest_seconds, took)
            tried.may_be_done = tried.may_be_done or not said.is_nothing
            tried.reasons[url] = said.words
            return None
        if said.is_unknown:
            raise OutcomeUnknown(f"{url}: {said.words}")
        raise said.as_refusal(answer.status)
