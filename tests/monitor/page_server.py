"""The page on a port of its own, without any cluster: it can still play."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from raftwerk.monitor.app import make_app
from tests.e2e.ports import free_ports


@contextmanager
def serve_page() -> Iterator[str]:
    """Serve the page until the context ends."""
    port = free_ports(1)[0]
    config = uvicorn.Config(
        make_app(lambda: (), refresh_millis=1000),
        port=port,
        lifespan="off",
        log_level="error",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.should_exit = True
        thread.join()
