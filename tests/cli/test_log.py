"""Log lines: JSON for machines, colours for people, one form for all who log."""

import io
import json
import logging
from collections.abc import Iterator

import httpx
import pytest
import structlog

from raftwerk.cli.log import set_log_level, set_up_log
from raftwerk.config import LOG_LEVELS


class Terminal(io.StringIO):
    """Says that a person is looking."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    yield
    set_log_level("info")  # for the libraries' own loggers
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    structlog.reset_defaults()


def test_lines_are_json_where_nobody_looks() -> None:
    stream = io.StringIO()
    set_up_log("info", stream)
    structlog.get_logger("raftwerk.test").info("it happened", term=3)
    logging.getLogger("library").warning("something of %s", "theirs")
    ours, theirs = map(json.loads, stream.getvalue().splitlines())
    assert (ours["event"], ours["level"], ours["term"]) == ("it happened", "info", 3)
    assert (theirs["event"], theirs["level"]) == ("something of theirs", "warning")
    assert ours.keys() - {"term"} == theirs.keys()


def test_an_exception_stays_on_its_line() -> None:
    stream = io.StringIO()
    set_up_log("info", stream)
    try:
        raise ValueError("no\nway")
    except ValueError:
        structlog.get_logger().exception("it failed")
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["exception"][0]["exc_value"] == "no\nway"


def test_a_person_sees_words() -> None:
    stream = Terminal()
    set_up_log("info", stream)
    structlog.get_logger().info("it happened", term=3)
    assert "it happened" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


@pytest.mark.parametrize("level", LOG_LEVELS)
def test_every_level_of_etcd_is_understood(level: str) -> None:
    stream = io.StringIO()
    set_up_log(level, stream)
    log = structlog.get_logger()
    log.critical("loud")
    log.debug("quiet")
    assert "loud" in stream.getvalue()
    assert ("quiet" in stream.getvalue()) == (level == "debug")


@pytest.mark.parametrize(("level", "is_told"), [("info", False), ("debug", True)])
def test_a_request_of_ours_is_no_line_by_default(level: str, is_told: bool) -> None:
    """One for each heartbeat, where members speak HTTP: a thousand in half a minute."""
    stream = io.StringIO()
    set_up_log("error", stream)
    set_log_level(level)  # as SIGHUP does
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    with httpx.Client(transport=transport) as client:
        client.get("http://n2:2380/api/v1/raft/log")
    assert ("n2:2380" in stream.getvalue()) == is_told
