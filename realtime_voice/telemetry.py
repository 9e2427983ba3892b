"""What an operator sees: the log, and metrics and spans through OpenTelemetry's API.

The API does nothing until an SDK is set up, by FastAPI or by `opentelemetry-instrument`.
No text from a client, the upstream or an exception gets into any of it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import sys
import time
from typing import TYPE_CHECKING

from opentelemetry import metrics, trace

from realtime_voice.upstream import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from websockets.asyncio.client import ClientConnection

    from realtime_voice.endings import Ending, Traffic
    from realtime_voice.upstream import Dialect, Upstream

log = logging.getLogger("realtime_voice")
NAME = "realtime_voice"
WORD = re.compile(
    r"[\w.]{1,64}", re.ASCII
)  # what may be logged of a reason, which the upstream may have chosen


class Telemetry:
    """The instruments of one server."""

    def __init__(self) -> None:
        meter = metrics.get_meter(NAME)
        self.tracer = trace.get_tracer(NAME)
        self.live = meter.create_up_down_counter(f"{NAME}.sessions.live", "{session}", "Sessions open now")
        self.lengths = meter.create_histogram(
            f"{NAME}.session.duration", "s", "Length of sessions, by close code"
        )
        self.connects = meter.create_histogram(
            f"{NAME}.upstream.connect.duration", "s", "Time to open the upstream"
        )
        self.events = meter.create_counter(f"{NAME}.events", "{event}", "Events relayed")
        self.bytes = meter.create_counter(f"{NAME}.bytes", "By", "Payload of the events relayed")
        self.blocked = meter.create_counter(
            f"{NAME}.blocked.duration", "s", "Time in which a side did not take what was there for it"
        )

    @contextlib.contextmanager
    def session(self, name: str, dialect: Dialect, traffic: Traffic) -> Iterator[Report]:
        """Measure and log one session while the block runs."""
        log.info("session %s started dialect=%s", name, dialect, extra={"fields": {"session": name}})
        self.live.add(1)
        with self.tracer.start_as_current_span(
            "session",
            kind=trace.SpanKind.SERVER,
            attributes={"session.id": name, "dialect": dialect},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield Report(self, name, traffic, span)
            finally:
                self.live.add(-1)

    async def connect(
        self, upstream: Upstream, dialect: Dialect | None, *, spliced: bool
    ) -> ClientConnection:
        """Open an upstream session, and measure how long that takes."""
        began_at, outcome = time.monotonic(), "given_up"
        with self.tracer.start_as_current_span(
            "connect upstream",
            kind=trace.SpanKind.CLIENT,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                connection = await upstream.open(dialect, spliced=spliced)
                outcome = "open"
            except Refused as refused:
                outcome = refused.ending.reason
                span.set_status(trace.StatusCode.ERROR, outcome)
                raise
            finally:
                self.connects.record(time.monotonic() - began_at, {"outcome": outcome})
        return connection


class Report:
    """What is known of one session, told when it has ended."""

    def __init__(self, telemetry: Telemetry, name: str, traffic: Traffic, span: trace.Span) -> None:
        self.telemetry, self.name, self.traffic, self.span = telemetry, name, traffic, span

    def ended(self, ending: Ending) -> None:
        """Log and record the ending, and all that has passed."""
        traffic, to = self.traffic, self.telemetry
        seconds = time.monotonic() - traffic.started_at
        fields = {
            "session": self.name,
            "code": ending.code,
            "reason": ending.reason if WORD.fullmatch(ending.reason) else "-",
            "seconds": round(seconds, 1),
            "events_up": traffic.events_up,
            "bytes_up": traffic.bytes_up,
            "events_down": traffic.events_down,
            "bytes_down": traffic.bytes_down,
        }
        log.info(
            "session %(session)s ended code=%(code)d reason=%(reason)s seconds=%(seconds).1f "
            "up=%(events_up)d events, %(bytes_up)d bytes down=%(events_down)d events, %(bytes_down)d bytes",
            fields,
            extra={"fields": fields},
        )
        self.span.set_attribute("close.code", ending.code)
        to.lengths.record(seconds, {"close.code": ending.code})
        up, down = {"direction": "up"}, {"direction": "down"}
        to.events.add(traffic.events_up, up)
        to.events.add(traffic.events_down, down)
        to.bytes.add(traffic.bytes_up, up)
        to.bytes.add(traffic.bytes_down, down)
        to.blocked.add(traffic.blocked_up_seconds, up)
        to.blocked.add(traffic.blocked_down_seconds, down)


class JsonLines(logging.Formatter):
    """Write each record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def set_up_log(level: str, style: str) -> None:
    """Log to stderr, as text or JSON.

    The level is the product's own: libraries write handshake headers and tokens at DEBUG, and uvicorn
    every websocket's query at INFO, so theirs stays at WARNING.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonLines() if style == "json" else logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    log.setLevel(level)
