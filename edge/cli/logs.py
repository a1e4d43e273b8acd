"""Log lines of every process: static event names, ids in keywords, columns or JSON."""

import functools
import logging
import sys
from typing import Literal

import structlog


def configure(
    process: str, *, level: str = "info", format: Literal["auto", "console", "json"] = "auto"
) -> None:
    """Write to standard error: columns where somebody looks on, JSON elsewhere."""
    columns = format == "console" or (format == "auto" and sys.stderr.isatty())
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer: structlog.typing.Processor
    if columns:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            pad_event_to=24,
            # rich's, taken where rich is installed, prints local variables, and secrets with them
            exception_formatter=structlog.dev.plain_traceback,
        )
        stamp = structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)
    else:
        renderer = structlog.processors.JSONRenderer()
        stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            functools.partial(_named, process),
            structlog.processors.add_log_level,
            stamp,
            structlog.processors.StackInfoRenderer(),
            *([] if columns else [structlog.processors.format_exc_info]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        level=max(number, logging.WARNING), format=f"%(asctime)s [{process}] %(name)s: %(message)s"
    )


def of_command(least: int = logging.ERROR) -> None:
    """Have what is logged from ``least`` on go to standard error; the other is the command's.

    Each line goes where standard error is at that moment: commands also run within tests.
    """
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _named(
    process: str, _: object, __: str, line: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    line["process"] = process
    return line
