"""A page that shows a cluster: what happens, as it happens, or as it was recorded.

`follower` reads the stream of one node and misses it when it falls silent, `hub` gives
what all of them say to any number of pages, `pages` is what waits for one of these,
`app` serves page and streams, `server` binds a port. The page itself is in ``static``:
plain modules, no build step. `status` and `fetch` ask nodes again and again, for
``/nodes`` and for whoever has no scripts.

It stands beside the nodes and asks as anybody could; nothing in a node knows of it.
"""
