"""A client port with a store behind it and no group around it."""

from raftwerk.api import ClientApp
from raftwerk.api.v1.context import ApiContext
from raftwerk.config import ApiSettings
from raftwerk.kv import Store
from raftwerk.service import REQUEST_BYTES_MAX, KvService
from tests.api.asgi import Reply, ask_now
from tests.service.fake_node import FakeNode

__all__ = ["Member"]


class Member:
    """All of it, each part at hand."""

    def __init__(
        self,
        settings: ApiSettings | None = None,
        request_bytes_max: int = REQUEST_BYTES_MAX,
    ) -> None:
        self.store = Store()
        self.node = FakeNode(self.store)
        self.app = ClientApp(
            ApiContext(
                node=self.node,
                kv=KvService(
                    self.node, self.store, request_bytes_max=request_bytes_max
                ),
                settings=settings or ApiSettings(),
            )
        )

    def post(self, path: str, body: bytes | str = b"", **headers: str) -> Reply:
        """Return the answer to a POST."""
        data = body.encode() if isinstance(body, str) else body
        return ask_now(self.app, "POST", path, data, headers)

    def get(self, path: str, **headers: str) -> Reply:
        """Return the answer to a GET."""
        return ask_now(self.app, "GET", path, None, headers)
