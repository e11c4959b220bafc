"""What a process says while it runs: lines for a machine, or colours for a person."""

import datetime
import logging
import sys
from collections.abc import Mapping
from typing import Final, TextIO

import structlog

__all__ = ["set_log_level", "set_up_log"]

LEVELS: Final[Mapping[str, int]] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "panic": logging.CRITICAL,
    "fatal": logging.CRITICAL,
}

CHATTY: Final = ("httpx", "httpcore")
"""Libraries that log what is no event of ours; at level debug they may."""


def set_log_level(level: str) -> None:
    """Write lines of other levels from now on.

    Parameters
    ----------
    level : str
        The least level that is written; one of `raftwerk.config.LOG_LEVELS`.
    """
    logging.getLogger().setLevel(LEVELS[level])
    # It logs each request as information: a line for each heartbeat between members
    # that speak HTTP, and for each look of the monitor's.
    theirs = logging.DEBUG if level == "debug" else max(logging.WARNING, LEVELS[level])
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(theirs)


def set_up_log(level: str, stream: TextIO | None = None, *, form: str = "auto") -> None:
    """Write structured lines from now on: coloured on a terminal, else JSON.

    What libraries log in the standard way is written in the same form.

    Parameters
    ----------
    level : str
        The least level that is written; one of `raftwerk.config.LOG_LEVELS`.
    stream : file, optional
        Where to; without it, standard error.
    form : str
        For whom; one of `raftwerk.config.LOG_FORMATS`.
    """
    if stream is None:
        stream = sys.stderr
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        _add_time,
    ]
    rendered: list[structlog.typing.Processor]
    if form == "console" or (form == "auto" and stream.isatty()):
        rendered = [structlog.dev.ConsoleRenderer(colors=stream.isatty())]
    else:
        rendered = [
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(),
        ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *rendered,
            ],
        )
    )
    logging.basicConfig(level=LEVELS[level], handlers=[handler], force=True)
    set_log_level(level)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _add_time(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Say when: in UTC, as ISO 8601 has it, with milliseconds."""
    now = datetime.datetime.now(datetime.UTC)
    event["timestamp"] = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return event
