"""The page on a real port."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from raftwerk.errors import ConfigError
from raftwerk.monitor.server import PageServer


async def say_hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


APP = Starlette(routes=[Route("/", say_hello)])


@pytest.mark.e2e
def test_a_page_is_served_until_it_is_stopped() -> None:
    async def story() -> None:
        server = PageServer(APP)
        port = await server.start("127.0.0.1", 0)
        url = f"http://127.0.0.1:{port}/"
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(url)).text == "hello"
            await server.stop()
            with pytest.raises(httpx.TransportError):
                await client.get(url)

    asyncio.run(story())


@pytest.mark.e2e
def test_a_taken_port_is_named() -> None:
    async def story() -> None:
        first, second = PageServer(APP), PageServer(APP)
        port = await first.start("127.0.0.1", 0)
        with pytest.raises(ConfigError, match=f"on 127.0.0.1 port {port}: Address"):
            await second.start("127.0.0.1", port)
        await first.stop()
        await second.stop()

    asyncio.run(story())


@pytest.mark.e2e
def test_an_address_of_another_machine_is_named() -> None:
    async def story() -> None:
        with pytest.raises(ConfigError, match="on 192.0.2.1 port 8000: Cannot assign"):
            await PageServer(APP).start("192.0.2.1", 8000)

    asyncio.run(story())
