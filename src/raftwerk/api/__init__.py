"""The client port: etcd's JSON under ``/v3``, the seed's API under ``/api``, probes.

`app` puts the routes together, `server` serves them on an address. The gateway's routes
are plain ASGI, for they are the hot ones: `gateway` knows the paths, `kv_json` the
messages, `proto_json` how a field is read and written, `status` how an error is said.
What is documented for people, `v1`, is FastAPI.
"""

from raftwerk.api.app import ClientApp
from raftwerk.api.server import ApiServer

__all__ = ["ApiServer", "ClientApp"]
