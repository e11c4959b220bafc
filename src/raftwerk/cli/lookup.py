"""Where the others may be: among those who were named, or where a name in DNS leads."""

import structlog

from raftwerk.config import ServeConfig, Way
from raftwerk.discovery.names import Names
from raftwerk.discovery.static import StaticNames
from raftwerk.errors import ConfigError

__all__ = ["look_up"]

_log = structlog.get_logger("raftwerk.discovery")


def look_up(config: ServeConfig, way: Way, *, has_log: bool) -> Names:
    """Return where the others may be.

    Parameters
    ----------
    config : ServeConfig
        What the node was told.
    way : Way
        How they are found.
    has_log : bool
        Whether the node is a member already.

    Returns
    -------
    Names
        To be asked again and again.

    Raises
    ------
    ConfigError
        If nobody can be asked for names, and the node needs them.
    """
    discovery = config.discovery
    if way is Way.JOIN:
        return StaticNames(discovery.join)
    # A tenth of the time that it takes to start would go into this library.
    # pylint: disable-next=import-outside-toplevel
    from raftwerk.discovery.dns import DnsAddresses, DnsServices, Resolver

    try:
        resolver = Resolver(discovery.dns_servers)
    except ConfigError as error:
        if not has_log:
            raise
        # A member knows the others from its log; it must not fail for this.
        _log.warning("the others are not looked for", reason=str(error))
        return StaticNames(())
    if way is Way.SRV:
        return DnsServices(resolver, discovery.srv_domain)
    port = config.listen_peer_urls[0].port
    return DnsAddresses(resolver, discovery.app_name, port)
