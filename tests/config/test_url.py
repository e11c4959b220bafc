"""Addresses: which forms are read, and that equal ones look equal."""

import pytest

from raftwerk.config import Url
from raftwerk.errors import ConfigError

READ = [
    ("http://127.0.0.1:2379", "http://127.0.0.1:2379"),
    ("HTTP://LocalHost:80", "http://localhost:80"),
    ("http://[0:0::1]:2379", "http://[::1]:2379"),
    ("http://node_1.raft-werk:65535", "http://node_1.raft-werk:65535"),
]

REFUSED = [
    "",
    "127.0.0.1:2379",
    "http://127.0.0.1",
    "http://127.0.0.1:",
    "http://127.0.0.1:0",
    "http://127.0.0.1:65536",
    "http://127.0.0.1:2379/",
    "http://127.0.0.1:2379?",
    "http://user@127.0.0.1:2379",
    "http://:2379",
    "http://[::1:2379",
    "http://[::1::]:2379",
    "http://127.0.0.1:2379\n",
    "http://127.0.0.1:\u0662\u0663",
    "https://127.0.0.1:2379",
    "unix://127.0.0.1:2379",
]


@pytest.mark.parametrize(("text", "canonical"), READ)
def test_equal_addresses_are_read_as_equal(text: str, canonical: str) -> None:
    url = Url.parse("listen-client-urls", text)
    assert str(url) == canonical
    assert Url.parse("listen-client-urls", canonical) == url


@pytest.mark.parametrize("text", REFUSED)
def test_any_other_form_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Url.parse("listen-client-urls", text)
    message = str(refused.value)
    assert message.startswith("listen-client-urls is ")
    assert message.endswith("; it must be of the form http://HOST:PORT")
    assert message.isprintable()
