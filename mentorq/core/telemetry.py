"""Structured logs and Prometheus' numbers."""

import logging
import re
import sys
from io import StringIO
from typing import Any, TextIO

import orjson
import structlog
from prometheus_client import Counter, Gauge, Histogram

from mentorq.settings import Settings

REQUEST_SECONDS = Histogram(
    "mentorq_request_seconds",
    "Duration of requests, by route template.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
REQUEST_STATEMENTS = Histogram(
    "mentorq_request_statements",
    "SQL statements of a request, by route template.",
    ["method", "route"],
    buckets=(0, 1, 2, 3, 5, 8, 13, 21),
)
REQUESTS_IN_FLIGHT = Gauge("mentorq_requests_in_flight", "Requests that are being answered.")
OPEN_STREAMS = Gauge("mentorq_open_streams", "Streams of server-sent events that are open.")
OPEN_SOCKETS = Gauge("mentorq_open_sockets", "WebSockets that are open.")
JOB_SECONDS = Histogram("mentorq_job_seconds", "Duration of jobs.", ["task"])
JOB_FAILURES = Counter("mentorq_job_failures", "Attempts of jobs that failed.", ["task"])
JOB_LAG = Histogram(
    "mentorq_job_lag_seconds", "How late a job was taken.", buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 3600)
)
MAILS = Counter("mentorq_mails", "Mails, by what became of them.", ["state"])


def configure_logging(settings: Settings) -> None:
    """One line for each event: coloured for people, or JSON for programs. Never bodies, tokens or e-mails."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if settings.log_format == "json":
        last: list[Any] = [
            structlog.processors.format_exc_info,
            _hide_values,
            structlog.processors.JSONRenderer(serializer=_dumps),
        ]
    else:
        last = [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                exception_formatter=_traceback,
            )
        ]
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(
        level=max(level, logging.WARNING), stream=sys.stderr, format="%(levelname)s %(name)s %(message)s"
    )


VALUES = re.compile(r"DETAIL:.*|(?<=invalid input for query argument ).*")
"""Where PostgreSQL and its driver quote what they were given."""


def _hide_values(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if "exception" in event:
        event["exception"] = VALUES.sub("…", event["exception"])
    return event


def _traceback(stream: TextIO, error: structlog.typing.ExcInfo) -> None:
    """Without the values of variables, which structlog would print, too."""
    text = StringIO()
    structlog.dev.plain_traceback(text, error)
    stream.write(VALUES.sub("…", text.getvalue()))


def _dumps(value: object, **_: object) -> str:
    return orjson.dumps(value, default=str).decode()
