"""What travels between members, and what becomes of it when the way is bad.

Raft asks little of a network: messages may be lost, doubled, late and out of order, and
still nothing wrong is ever decided (Raft paper §2, §5). What it does ask, no algorithm
above can give: a message must be the one that was sent, by the member that it names, in
this cluster. So all that is unreadable, too large, or from somebody else costs its
connection and one line in the log, and changes nothing.

From below to above, each ignorant of the next:

- `frame` and `codec`: checked pieces of a stream, and the messages in them.
- `parcel` and `lanes`: what waits for a peer, within bounds, the urgent first.
- `handshake`: who may talk to whom, and the words for those who may not.
- `peer` and `inbound`: the two ends of a connection, on bytes and time but no sockets;
  `pulse` and `backoff` say when to give up and when to come back, `door` how many may
  come in, `inbox` gives what arrived in one turn, `news` is what is worth a line.
- `tcp` joins them to sockets by `wire`; `memory` is the same between members of one
  process (`endpoint`, `link`, `route`), on a `network` that loses, delays and cuts as
  its `conditions` say. `http` is a third way, in JSON: `http_letter` is what is
  written, `http_peer` sends it, `http_desk` takes it in.

All three keep what `protocol` promises, within the bounds of `config`. Beside the
core's own messages travel `calls` to the leader, `chunks` of snapshots, `refusals` of
proposals and a `disk_report`. Who has no id yet asks a `question`, by `tcp_ask`.
`address` reads where a member listens, `port_holder` finds out who is there already.

Why it is so: decisions 20, 21 and 22 in ``docs/decisions``.
"""
