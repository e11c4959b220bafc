"""Whom the monitor follows: the nodes that it was told of, and whom these name."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from raftwerk.config import Url
from raftwerk.errors import ConfigError
from raftwerk.monitor.follower import Follower

__all__ = ["Contact", "Following", "Membership"]


class Contact(msgspec.Struct):
    """Where a member answers clients."""

    id: str
    client_urls: tuple[str, ...] = ()


class Membership(msgspec.Struct):
    """What is read of a record of members."""

    members: tuple[Contact, ...]


class Following:
    """One follower a node, while anybody looks.

    Parameters
    ----------
    endpoints : sequence of Url
        Nodes to begin with.
    make : callable
        Returns a follower that is still to be started.
    dropped : callable
        Called with each follower of a node that is followed no more, though somebody
        looks.
    """

    def __init__(
        self,
        endpoints: Sequence[Url],
        make: Callable[[Url], Follower],
        dropped: Callable[[Follower], None],
    ) -> None:
        self._configured = list(endpoints)
        self._make = make
        self._dropped = dropped
        self._followers: dict[Url, Follower] = {}
        self._is_on = False

    @property
    def urls(self) -> list[Url]:
        """Where nodes are known to answer, in the order in which they became known."""
        return list(dict.fromkeys((*self._configured, *self._followers)))

    @property
    def count(self) -> int:
        """How many nodes are followed now."""
        return len(self._followers)

    @property
    def nodes(self) -> set[str | None]:
        """The ids of those who are followed; None for who has not said it yet."""
        return {follower.node for follower in self._followers.values()}

    def begin(self) -> None:
        """Follow all that we were told of."""
        self._is_on = True
        for url in self._configured:
            self._follow(url)

    def end(self) -> list[Follower]:
        """Follow nobody any more.

        Returns
        -------
        list of Follower
            Those who are ending.
        """
        self._is_on = False
        followers, self._followers = list(self._followers.values()), {}
        for follower in followers:
            follower.cancel()
        return followers

    async def stop(self) -> None:
        """End, and wait until that is done."""
        await asyncio.gather(*(each.wait() for each in self.end()))

    def add(self, url: Url) -> None:
        """Follow one more node whenever anybody looks.

        Parameters
        ----------
        url : Url
            Where it answers clients.
        """
        self._configured.append(url)
        if self._is_on:
            self._follow(url)

    def remove(self, url: Url) -> None:
        """Follow a node no more, unless the others name it as a member.

        Parameters
        ----------
        url : Url
            What `add` was given.
        """
        self._configured.remove(url)
        if url in self._followers:
            self._drop(url)

    def meet(self, membership: Membership) -> None:
        """Follow members that nobody follows yet; let go of those that left.

        Parameters
        ----------
        membership : Membership
            As a node tells it.
        """
        everyone = {each.id: each for each in membership.members}
        followed = self.nodes
        undecided = any(
            follower.node is None and follower.trouble is None
            for follower in self._followers.values()
        )
        for member in everyone.values():
            if member.id in followed or not member.client_urls or undecided:
                continue
            try:
                self._follow(Url.parse("client-urls", member.client_urls[0]))
            except ConfigError:
                continue  # it says so of itself; we can't go there
        for url, follower in list(self._followers.items()):
            is_gone = follower.node is not None and follower.node not in everyone
            if is_gone and url not in self._configured:
                self._drop(url)

    def know(self, follower: Follower, node: str) -> None:
        """Note whose stream this is; two ways to one node are one too many.

        Parameters
        ----------
        follower : Follower
            One of ours.
        node : str
            The id of the node that it follows.
        """
        follower.node = node
        for url, other in list(self._followers.items()):
            is_double = other is not follower and other.node == node
            if is_double and url not in self._configured:
                self._drop(url)

    def _follow(self, url: Url) -> None:
        """Follow one node, once."""
        if url not in self._followers and self._is_on:
            self._followers[url] = follower = self._make(url)
            follower.start()

    def _drop(self, url: Url) -> None:
        """Follow a node no more."""
        follower = self._followers.pop(url)
        follower.cancel()
        self._dropped(follower)
