"""What operators see: metrics and spans as a collector receives them, and logs as JSON."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from mock_azure import GA, KEY, PREVIEW
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from websockets.asyncio.client import connect

from realtime_voice.log import JsonLines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mock_azure import Azure
    from opentelemetry.proto.trace.v1.trace_pb2 import Span
    from server_process import Server, StartServer

Points = dict[tuple[str, ...], Any]


class Collector:
    """An OpenTelemetry collector on loopback that keeps every request's body."""

    def __init__(self) -> None:
        self.bodies: list[tuple[str, bytes]] = []
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                bodies.append((self.path, body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.environment = {
            "FASTAPI_OTEL_AUTO_CONFIGURE": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.server.server_address[1]}",
        }

    def points(self, name: str) -> Points:
        """Return the last values of a metric by its attributes' values: numbers, or histogram points."""
        found: Points = {}
        for path, body in self.bodies:
            if path == "/v1/metrics":
                request = ExportMetricsServiceRequest.FromString(body)
                for metric in (
                    metric
                    for resource in request.resource_metrics
                    for scope in resource.scope_metrics
                    for metric in scope.metrics
                ):
                    if metric.name == f"realtime_voice.{name}":
                        for point in [*metric.sum.data_points, *metric.histogram.data_points]:
                            values = tuple(
                                one.value.string_value or str(one.value.int_value) for one in point.attributes
                            )
                            is_number = metric.HasField("sum")
                            found[values] = (point.as_double or point.as_int) if is_number else point
        return found

    def spans(self) -> dict[str, Span]:
        return {
            span.name: span
            for path, body in self.bodies
            if path == "/v1/traces"
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    with collector.server as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield collector
        serving.shutdown()
        thread.join()


@pytest.fixture
def measured(server: StartServer, azure: Azure, ca_file: str, collector: Collector) -> Server:
    return server(**azure.environment(SSL_CERT_FILE=ca_file), **collector.environment)


def open_page(server: Server, query: str = "") -> connect:
    return connect(f"{server.ws_url}/ws{query}", proxy=None, max_size=None, close_timeout=2)


async def stop(server: Server) -> None:
    """Stop the server, which then exports what it has not exported yet."""
    await asyncio.to_thread(server.stop)


async def test_a_session_is_exported_with_its_counts_and_close_code(
    measured: Server, azure: Azure, collector: Collector
) -> None:
    async with open_page(measured, "?api-key=a-secret-in-the-query") as page:
        session = await azure.sessions.get()
        await page.send("up")
        assert await session.recv() == "up"
        await session.send("down!")
        assert await page.recv() == "down!"
    measured.wait_for_log("ended code=1000")
    await stop(measured)
    assert collector.points("events") == {("up",): 1, ("down",): 1}
    assert collector.points("bytes") == {("up",): 2, ("down",): 5}
    assert collector.points("sessions.live") == {(): 0}
    assert collector.points("session.duration")[("1000",)].count == 1
    opened = collector.points("upstream.connect.duration")[("open",)]
    assert opened.count == 1
    assert 0 < opened.sum < 10
    spans = collector.spans()
    assert spans["connect upstream"].parent_span_id == spans["session"].span_id
    sent = b"".join(body for _, body in collector.bodies)
    assert b"a-secret" not in sent
    assert KEY.encode() not in sent


async def test_a_refusal_is_exported_with_its_reason(
    measured: Server, azure: Azure, collector: Collector
) -> None:
    azure.refusals = {PREVIEW: 401, GA: 401}
    azure.body = KEY.encode()
    async with open_page(measured) as page:
        await page.wait_closed()
    measured.wait_for_log("ended code=4401")
    await stop(measured)
    assert collector.points("upstream.connect.duration")[("upstream_unauthorized",)].count == 1
    assert collector.points("session.duration")[("4401",)].count == 1
    assert collector.spans()["connect upstream"].status.message == "upstream_unauthorized"
    assert KEY.encode() not in b"".join(body for _, body in collector.bodies)


async def test_the_time_in_which_a_page_does_not_read_is_exported(
    measured: Server, azure: Azure, collector: Collector
) -> None:
    async with open_page(measured) as page:
        session = await azure.sessions.get()
        page.transport.pause_reading()
        sending = asyncio.create_task(session.send("x" * 16_000_000))
        await asyncio.sleep(1)  # the time to measure
        page.transport.resume_reading()
        await page.recv()
        await sending
    measured.wait_for_log("ended code=1000")
    await stop(measured)
    blocked = collector.points("blocked.duration")
    assert blocked[("down",)] > 10 * blocked[("up",)]


async def test_every_line_of_a_json_log_is_an_object_and_the_end_of_a_session_has_its_counts(
    server: StartServer, azure: Azure, ca_file: str
) -> None:
    running = server(**azure.environment(SSL_CERT_FILE=ca_file, LOG_FORMAT="json"))
    async with open_page(running):
        await azure.sessions.get()
    running.wait_for_log("ended code=1000")
    await stop(running)
    lines = [json.loads(line) for line in running.lines]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    (ended,) = (line for line in lines if "ended" in line["message"])
    (started,) = (line for line in lines if "started" in line["message"])
    assert started["session"] == ended["session"]
    figures = ("code", "reason", "events_up", "bytes_up", "events_down", "bytes_down")
    assert [ended[name] for name in figures] == [1000, "done", 0, 0, 0, 0]


def test_an_exception_is_logged_on_one_line() -> None:
    try:
        int("line\nbreak")
    except ValueError as error:
        record = logging.LogRecord(
            "x", logging.ERROR, "", 0, "a\nb", None, (type(error), error, error.__traceback__)
        )
    line = JsonLines().format(record)
    assert "\n" not in line
    assert json.loads(line)["message"] == "a\nb"
    assert "ValueError" in json.loads(line)["exception"]
