"""A page that shows a cluster: what happens, as it happens, or as it was recorded.

`follower` reads the stream of one node and misses it when it falls silent, `following`
knows whom to follow, `hub` gives what all of them say to any number of pages, `known`
keeps what a late one has to know, `pages` is what waits for one of them, `diagnosis`
says how the cluster is, `app` serves page and streams, `server` binds a port. The page
itself is in ``static``: plain modules, no build step. `poller` and `fetch` ask nodes
again and again, for ``/nodes`` and for whoever has no scripts.

It stands beside the nodes and asks as anybody could; nothing in a node knows of it.
"""
