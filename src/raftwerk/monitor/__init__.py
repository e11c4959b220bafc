"""A page that shows a cluster: what each node says of itself, again and again.

`status` asks the nodes and remembers what they said, `fetch` carries one question over
HTTP, `app` serves the page and the same as JSON, `server` binds a port for it. It
stands beside the nodes and asks as anybody could; nothing in a node knows of it.
"""
