"""The client port on a real address."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx
import pytest

from raftwerk.api import ApiServer
from raftwerk.api.asgi import Receive, Scope, Send, send_answer, text_answer
from raftwerk.config import Url
from raftwerk.errors import ConfigError
from tests.api.member import Member

pytestmark = pytest.mark.e2e

ANY_PORT = Url("127.0.0.1", 0)


@asynccontextmanager
async def serving(server: ApiServer) -> AsyncIterator[tuple[Url, ...]]:
    """Serve for a while."""
    urls = await server.start()
    try:
        yield urls
    finally:
        await server.stop()


@contextmanager
def taken_port() -> Iterator[int]:
    """Have a port that somebody listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_put_and_a_range_over_http() -> None:
    async def story() -> None:
        async with serving(ApiServer(Member().app, [ANY_PORT])) as (url,):
            assert url.port != 0
            async with httpx.AsyncClient(base_url=str(url), trust_env=False) as client:
                put = await client.post("/v3/kv/put", content='{"key":"YQ=="}')
                assert put.json()["header"]["revision"] == "2"
                found = await client.post("/v3/kv/range", content='{"key":"YQ=="}')
                assert found.json()["count"] == "1"
                assert "server" not in found.headers

    asyncio.run(story())


def test_a_body_that_is_too_large_gets_its_answer() -> None:
    async def story() -> None:
        async with serving(ApiServer(Member().app, [ANY_PORT])) as (url,):
            async with httpx.AsyncClient(base_url=str(url), trust_env=False) as client:
                for _ in range(2):
                    reply = await client.post("/v3/kv/put", content=b"x" * 8_000_000)
                    assert reply.json()["message"] == "etcdserver: request is too large"
                fine = await client.post("/v3/kv/put", content='{"key":"YQ=="}')
                assert fine.status_code == 200

    asyncio.run(story())


def test_several_addresses_are_served() -> None:
    async def story() -> None:
        async with serving(ApiServer(Member().app, [ANY_PORT, ANY_PORT])) as urls:
            async with httpx.AsyncClient(trust_env=False) as client:
                for url in urls:
                    assert (await client.get(f"{url}/version")).status_code == 200
            assert len({url.port for url in urls}) == 2

    asyncio.run(story())


def test_a_taken_port_is_named_with_its_holder() -> None:
    with taken_port() as port:
        urls = [ANY_PORT, Url("127.0.0.1", port)]
        known = ApiServer(Member().app, urls, holder_of=lambda port: "process 7 (etcd)")
        said = f"at http://127.0.0.1:{port}: port {port} is taken by process 7"
        with pytest.raises(ConfigError, match=said):
            asyncio.run(known.start())
        with pytest.raises(ConfigError, match="is taken by another process"):
            asyncio.run(ApiServer(Member().app, urls).start())


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("192.0.2.1", "clients can't be served at http://192.0.2.1:1: "),
        ("nowhere.invalid", "that host is not known here"),
    ],
)
def test_an_address_that_is_not_ours_is_named(host: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        asyncio.run(ApiServer(Member().app, [Url(host, 1)]).start())


def test_clients_may_leave_before_their_connections_are_closed() -> None:
    async def story() -> None:
        member = Member()
        server = ApiServer(member.app, [ANY_PORT])
        (url,) = await server.start()
        async with httpx.AsyncClient(base_url=str(url), trust_env=False) as client:
            assert (await client.get("/livez")).status_code == 200
            member.app.drain()
            leaving = asyncio.ensure_future(server.drain(30.0))
            await asyncio.sleep(0)
            last = await client.get("/livez")
            assert (last.status_code, last.headers["connection"]) == (200, "close")
            await leaving
            with pytest.raises(httpx.ConnectError):
                await client.get("/livez")
            await server.stop()

    asyncio.run(story())


def test_who_does_not_leave_is_not_waited_for() -> None:
    async def story() -> None:
        server = ApiServer(Member().app, [ANY_PORT])
        async with serving(server) as (url,):
            async with httpx.AsyncClient(base_url=str(url), trust_env=False) as client:
                assert (await client.get("/livez")).status_code == 200
                await server.drain(0.02)
                # It is served as long as it stays.
                assert (await client.get("/livez")).status_code == 200

    asyncio.run(story())


def test_a_request_in_flight_ends_before_the_server_does() -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_scope: Scope, _receive: Receive, send: Send) -> None:
        arrived.set()
        await go_on.wait()
        await send_answer(send, text_answer(200, "done"))

    async def story() -> None:
        server = ApiServer(slow, [ANY_PORT])
        (url,) = await server.start()
        async with httpx.AsyncClient(trust_env=False) as client:
            asking = asyncio.ensure_future(client.get(str(url)))
            await arrived.wait()
            stopping = asyncio.ensure_future(server.stop())
            await asyncio.sleep(0)
            go_on.set()
            assert (await asking).text == "done"
            await stopping
            with pytest.raises(httpx.ConnectError):
                await client.get(str(url))

    asyncio.run(story())


def test_a_request_that_never_ends_does_not_keep_the_server() -> None:
    arrived = asyncio.Event()

    async def stuck(_scope: Scope, _receive: Receive, _send: Send) -> None:
        arrived.set()
        await asyncio.Event().wait()

    async def story() -> None:
        server = ApiServer(stuck, [ANY_PORT], stop_seconds=1)
        (url,) = await server.start()
        async with httpx.AsyncClient(trust_env=False) as client:
            asking = asyncio.ensure_future(client.get(str(url)))
            await arrived.wait()
            await server.stop()
            try:
                assert (await asking).status_code == 500
            except httpx.RemoteProtocolError:
                pass  # cut off: as honest

    asyncio.run(story())


def test_an_idle_connection_does_not_keep_the_server() -> None:
    async def story() -> None:
        server = ApiServer(Member().app, [ANY_PORT])
        (url,) = await server.start()
        _, writer = await asyncio.open_connection(url.host, url.port)
        await server.stop()
        writer.close()
        await server.stop()

    asyncio.run(story())


def test_connections_of_machines_that_are_gone_end() -> None:
    async def story() -> None:
        server = ApiServer(Member().app, [ANY_PORT])
        async with serving(server):
            # pylint: disable-next=protected-access  # nothing else shows its sockets
            (listening,) = server._server.servers[0].sockets
            asks = listening.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert asks == 1, "what it takes in inherits this"

    asyncio.run(story())
