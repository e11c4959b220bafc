"""A question over TCP, before there is a transport: who asks has no id yet."""

import asyncio

from raftwerk.errors import PeerError
from raftwerk.host.protocol import Timers
from raftwerk.transport.address import Address
from raftwerk.transport.config import TransportConfig
from raftwerk.transport.question import Asking
from raftwerk.transport.tcp import TlsContexts, words_of_loss
from raftwerk.transport.wire import Wire

__all__ = ["ask"]


async def ask(
    address: str,
    question: bytes,
    *,
    timers: Timers,
    config: TransportConfig = TransportConfig(),
    tls: TlsContexts | None = None,
) -> bytes:
    """Ask whoever listens at an address, once.

    Parameters
    ----------
    address : str
        ``host:port`` of a member's peer listener.
    question : bytes
        What to ask.
    timers : Timers
        Bound how long it may take: `TransportConfig.handshake_seconds`.
    config : TransportConfig
        Bounds.
    tls : TlsContexts, optional
        Without it, the connection is not encrypted.

    Returns
    -------
    bytes
        The answer.

    Raises
    ------
    PeerError
        If there is none; the message says why.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()

    def _fail(reason: str) -> None:
        """Say why there is no answer, if nothing was said yet."""
        if not answer.done():
            answer.set_exception(PeerError(reason))

    def _succeed(content: bytes) -> None:
        """Take the answer, if nothing was said yet."""
        if not answer.done():
            answer.set_result(content)

    wire = Wire(
        Asking(question, config.frame_bytes_max, on_answer=_succeed, on_failure=_fail),
        timers=timers,
        close_seconds=config.close_seconds,
        on_made=lambda wire, transport: None,
        on_gone=lambda wire: None,
        words_of=words_of_loss,
    )
    limit = timers.call_later(
        config.handshake_seconds, _fail, f"no answer in {config.handshake_seconds:g} s"
    )
    dialling = asyncio.ensure_future(_dial(Address.parse(address), wire, tls))
    try:
        return await answer
    finally:
        limit.cancel()
        dialling.cancel()
        await asyncio.gather(dialling, return_exceptions=True)
        wire.abort()


async def _dial(address: Address, wire: Wire, tls: TlsContexts | None) -> None:
    """Connect a wire, or tell it why not."""
    try:
        await asyncio.get_running_loop().create_connection(
            lambda: wire,
            address.host,
            address.port,
            ssl=tls.client if tls else None,
        )
    except OSError as error:
        wire.fail(error)
