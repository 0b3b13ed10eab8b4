"""Logs of every process: one line an event on stderr, with its time, level and named values.

Values may be a stranger's words, so nothing in them begins a line or steers a terminal. A traceback is the exception:
it has several lines, and each begins with a bar, which no event does.
"""

from __future__ import annotations

import io
import logging
import sys
from contextlib import suppress
from typing import TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, WrappedLogger

from aftersend.printable import on_one_line


def configure(level: str) -> None:
    """Log from ``level`` on (``debug``, ``info``, ``warning``, ``error``; anything else means ``info``)."""
    lowest = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _harmless,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_traceback),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
        logger_factory=structlog.PrintLoggerFactory(_Forgiving(sys.stderr)),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )


def _harmless(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    # What is no text is shown by its repr, which writes out what isn't printable.
    return {name: on_one_line(value) if isinstance(value, str) else value for name, value in event.items()}


def _traceback(out: TextIO, exception: ExcInfo) -> None:
    """A plain one: the pretty ones print local variables, and with them addresses and secrets."""
    plain = io.StringIO()
    structlog.dev.plain_traceback(plain, exception)
    out.write("".join(f"\n  | {on_one_line(line)}" for line in plain.getvalue().strip("\n").split("\n")))


class _Forgiving:
    """A stream for logs. What can't be written (the disk is full, the reader is gone) is lost, and the work goes on."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()
