"""What a process says while it runs: lines for a machine, or colours for a person."""

import logging
import sys
from collections.abc import Mapping
from typing import Final, TextIO

import structlog

__all__ = ["set_up_log"]

LEVELS: Final[Mapping[str, int]] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "panic": logging.CRITICAL,
    "fatal": logging.CRITICAL,
}


def set_up_log(level: str, stream: TextIO = sys.stderr) -> None:
    """Write structured lines from now on: coloured on a terminal, else JSON.

    What libraries log in the standard way is written in the same form.

    Parameters
    ----------
    level : str
        The least level that is written; one of `raftwerk.config.LOG_LEVELS`.
    stream : file
        Where to.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendered: list[structlog.typing.Processor]
    if stream.isatty():
        rendered = [structlog.dev.ConsoleRenderer()]
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
