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
  `pulse` and `backoff` say when to give up and when to come back.
- `tcp` joins them to sockets by `wire`; `memory` is the same between members of one
  process, on a `network` that loses, delays and cuts on command.

Why it is so: decisions 20, 21 and 22 in ``docs/decisions``.
"""
