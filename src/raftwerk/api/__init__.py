"""The client port: etcd's JSON under ``/v3``, a documented API under ``/api``, probes.

`app` puts the routes together, `server` serves them on an address. The gateway's routes
are plain ASGI, for they are the hot ones: `gateway` knows the paths, `kv_json` the
messages, `proto_json` how a field is read and written, `status` how an error is said.
What is documented for people, `v1`, is FastAPI.

=================================  =====================================================
to read                            for
=================================  =====================================================
server, limits, budget             a port, bound; what a connection may cost before it
                                   asks
app, doorway, lazy                 who answers which path; before there is a cluster;
                                   late
asgi, values, errors, status       plain requests and answers; each error as a status,
                                   once
hot                                a short way for the few requests that are nearly all
gateway, route, streams            etcd's calls: which path, one answer or many
proto_json                         how etcd's messages are read from JSON
kv_calls, kv_json                  ``/v3/kv``: what is asked, what is answered
watch_json, lease_json, lock_json  ``/v3/watch``, ``lease``, ``lock`` and ``election``
cluster_json, maintenance_json     ``/v3/cluster`` and ``maintenance``
shapes, gateway_document           the same calls in the document of the API
idempotency, origin                requests done once; pages of others, refused
raft_status, peer_routes           a member's status; routes between members
probes, metrics, metrics_table     what machines ask: health, version, numbers
=================================  =====================================================
"""

from raftwerk.api.app import ClientApp
from raftwerk.api.server import ApiServer

__all__ = ["ApiServer", "ClientApp"]
