"""What an operator sees of sessions: log lines, and metrics and spans through OpenTelemetry's API.

The API does nothing until an SDK is set up, by FastAPI or by `opentelemetry-instrument`.
Nothing of it contains text of a client, the upstream or an exception.
"""

from __future__ import annotations

import contextlib
import logging
import re
import time
from typing import TYPE_CHECKING

from opentelemetry import metrics, trace

from realtime_voice.endings import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from realtime_voice.endings import CloseReason
    from realtime_voice.traffic import Traffic

log = logging.getLogger("realtime_voice")
NAME = "realtime_voice"
# A close reason may be the upstream's own text: only one that looks like an identifier is logged.
IDENTIFIER = re.compile(r"[\w.]{1,64}", re.ASCII)


class Telemetry:
    """The instruments of one server."""

    def __init__(self) -> None:
        meter = metrics.get_meter(NAME)
        self.tracer = trace.get_tracer(NAME)
        self.live = meter.create_up_down_counter(
            f"{NAME}.sessions.live", "{session}", "Sessions that are open"
        )
        self.lengths = meter.create_histogram(
            f"{NAME}.session.duration", "s", "Duration of sessions, by close code"
        )
        self.connects = meter.create_histogram(
            f"{NAME}.upstream.connect.duration", "s", "Time to open the upstream's websocket, by outcome"
        )
        self.events = meter.create_counter(f"{NAME}.events", "{event}", "Events relayed, by direction")
        self.bytes = meter.create_counter(
            f"{NAME}.bytes", "By", "Payload bytes of the events relayed, by direction"
        )
        self.blocked = meter.create_counter(
            f"{NAME}.blocked.duration",
            "s",
            "Seconds during which writes to this side were blocked by back-pressure",
        )

    @contextlib.contextmanager
    def session(self, name: str, dialect: str, traffic: Traffic) -> Iterator[Report]:
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

    @contextlib.contextmanager
    def connecting(self) -> Iterator[None]:
        """Measure how long the block takes to open the upstream, and how it ended."""
        began_at, outcome = time.monotonic(), "given_up"
        with self.tracer.start_as_current_span(
            "connect upstream",
            kind=trace.SpanKind.CLIENT,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
                outcome = "open"
            except RefusedError as refused:
                outcome = refused.close_reason.reason
                span.set_status(trace.StatusCode.ERROR, outcome)
                raise
            finally:
                self.connects.record(time.monotonic() - began_at, {"outcome": outcome})


class Report:
    """The report of one session, written when it has ended."""

    def __init__(self, telemetry: Telemetry, name: str, traffic: Traffic, span: trace.Span) -> None:
        self.telemetry, self.name, self.traffic, self.span = telemetry, name, traffic, span

    def ended(self, close_reason: CloseReason) -> None:
        """Log and record why the session ended, and its counts."""
        traffic, telemetry = self.traffic, self.telemetry
        seconds = time.monotonic() - traffic.started_at
        fields = {
            "session": self.name,
            "code": close_reason.code,
            "reason": close_reason.reason if IDENTIFIER.fullmatch(close_reason.reason) else "-",
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
        self.span.set_attribute("close.code", close_reason.code)
        telemetry.lengths.record(seconds, {"close.code": close_reason.code})
        up, down = {"direction": "up"}, {"direction": "down"}
        telemetry.events.add(traffic.events_up, up)
        telemetry.events.add(traffic.events_down, down)
        telemetry.bytes.add(traffic.bytes_up, up)
        telemetry.bytes.add(traffic.bytes_down, down)
        telemetry.blocked.add(traffic.blocked_up_seconds, up)
        telemetry.blocked.add(traffic.blocked_down_seconds, down)
