"""From one text to one value: numbers, URLs, lists, addresses.

Each function takes the texts that were given, by setting, and what holds otherwise.
"""

import ipaddress
from collections.abc import Mapping
from typing import Final

from raftwerk.config import BadSetting, InitialMember, MonitorConfig, Url, bad_setting

__all__ = [
    "callable_urls",
    "endpoints",
    "host_ports",
    "initial_cluster",
    "integer",
    "items",
    "page_address",
    "urls",
]

INTEGER_DIGITS_MAX: Final = 12

DNS_PORT: Final = 53


def integer(texts: Mapping[str, str], setting: str, otherwise: int) -> int:
    """Return a whole number in decimal digits; its bounds are the configuration's.

    Parameters
    ----------
    texts : mapping of str to str
        The text of each setting that was given.
    setting : str
        Which is wanted.
    otherwise : int
        What holds if it was not given.

    Returns
    -------
    int
        The number.

    Raises
    ------
    ConfigError
        If the text is none.

    Examples
    --------
    >>> integer({"port": " 8000 "}, "port", 80)
    8000
    """
    if setting not in texts:
        return otherwise
    text = texts[setting].strip()
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > INTEGER_DIGITS_MAX:
        raise bad_setting(setting, texts[setting], "a whole number")
    return int(text)


def items(texts: Mapping[str, str], setting: str) -> tuple[str, ...]:
    """Return what was separated by commas; nothing if nothing was given.

    Parameters
    ----------
    texts : mapping of str to str
        The text of each setting that was given.
    setting : str
        Which is wanted.

    Returns
    -------
    tuple of str
        Each once, none of them empty.
    """
    found = (item.strip() for item in texts.get(setting, "").split(","))
    return tuple(dict.fromkeys(item for item in found if item))


def urls(
    texts: Mapping[str, str], setting: str, otherwise: tuple[Url, ...]
) -> tuple[Url, ...]:
    """Return URLs that were separated by commas.

    Parameters
    ----------
    texts : mapping of str to str
        The text of each setting that was given.
    setting : str
        Which is wanted.
    otherwise : tuple of Url
        What holds if it was not given.

    Returns
    -------
    tuple of Url
        Each once.

    Raises
    ------
    ConfigError
        If one of them is of another form.
    """
    if setting not in texts:
        return otherwise
    parts = [part.strip() for part in texts[setting].split(",")]
    return tuple(dict.fromkeys(Url.parse(setting, part) for part in parts))


def endpoints(texts: Mapping[str, str], otherwise: tuple[Url, ...]) -> tuple[Url, ...]:
    """Return client URLs; as with etcdctl, ``http://`` may be left out.

    Parameters
    ----------
    texts : mapping of str to str
        The text of each setting that was given.
    otherwise : tuple of Url
        What holds if there are none.

    Returns
    -------
    tuple of Url
        Each once.

    Raises
    ------
    ConfigError
        If one of them is of another form.
    """
    if "endpoints" not in texts:
        return otherwise
    parts = [part.strip().removesuffix("/") for part in texts["endpoints"].split(",")]
    whole = [part if "://" in part else f"http://{part}" for part in parts]
    return urls({"endpoints": ",".join(whole)}, "endpoints", ())


def initial_cluster(
    texts: Mapping[str, str], otherwise: tuple[InitialMember, ...]
) -> tuple[InitialMember, ...]:
    """Return ``name=url,…`` by member; a name that is repeated has several URLs.

    Parameters
    ----------
    texts : mapping of str to str
        The text of each setting that was given.
    otherwise : tuple of InitialMember
        What holds if there are none.

    Returns
    -------
    tuple of InitialMember
        In the order in which they were named.

    Raises
    ------
    ConfigError
        If the text is of another form.
    """
    setting = "initial-cluster"
    if setting not in texts:
        return otherwise
    urls_by_name: dict[str, list[Url]] = {}
    for item in texts[setting].split(","):
        name, equals, text = item.strip().partition("=")
        if not (name and equals):
            raise bad_setting(setting, texts[setting], "of the form NAME=URL,NAME=URL")
        urls_by_name.setdefault(name, []).append(Url.parse(setting, text))
    return tuple(
        InitialMember(name, tuple(urls)) for name, urls in urls_by_name.items()
    )


def callable_urls(listened: tuple[Url, ...]) -> tuple[Url, ...]:
    """Return the URLs with an address that can be called in place of "any".

    Parameters
    ----------
    listened : tuple of Url
        Where something is answered.

    Returns
    -------
    tuple of Url
        Where it can be asked from this machine.
    """
    return tuple(Url(_callable_host(url.host), url.port) for url in listened)


def page_address(texts: Mapping[str, str], usual: MonitorConfig) -> tuple[str, int]:
    """Return where the page is served: ``ADDRESS`` may hold a port, too.

    Parameters
    ----------
    texts : mapping of str to str
        The text of each setting that was given.
    usual : MonitorConfig
        What holds otherwise.

    Returns
    -------
    tuple of str and int
        Host and port; a port that was given by itself wins.

    Raises
    ------
    ConfigError
        If the port is no number.
    """
    host = texts.get("host", usual.host)
    try:
        address = Url.parse("host", f"http://{host}")
    except BadSetting:
        return host, integer(texts, "port", usual.port)
    return address.host, integer(texts, "port", address.port)


def host_ports(texts: Mapping[str, str], setting: str) -> tuple[str, ...]:
    """Return addresses of servers of DNS; each may leave out its port.

    Parameters
    ----------
    texts : mapping of str to str
        The text of each setting that was given.
    setting : str
        Which is wanted.

    Returns
    -------
    tuple of str
        Each as ``HOST:PORT``.

    Raises
    ------
    ConfigError
        If one of them is no address.
    """
    return tuple(_host_port(setting, item) for item in items(texts, setting))


def _host_port(setting: str, text: str) -> str:
    """Return an address with its port."""
    for candidate in (text, f"{text}:{DNS_PORT}"):
        try:
            return Url.parse(setting, f"http://{candidate}").host_port
        except BadSetting:
            continue
    raise bad_setting(setting, text, "HOST or HOST:PORT, separated by commas")


def _callable_host(host: str) -> str:
    """Return this machine's own address in place of "any", else the host as it is."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host  # a name
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"
