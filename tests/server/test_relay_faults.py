"""Every way in which one end can fail, at every moment of a session: the other end is closed, and nothing is left open."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from endpoints import Azure, Browser, Endpoint, open_browser
from mock_azure import KEY
from processes import open_files, resident_bytes

from realtime_voice.endings import BLOCKED_SECONDS

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable

    from server_process import Server, StartServer

FAULTS = ("close", "FIN", "RST", "silence", "stall")
MOMENTS = ("connecting", "idle", "up", "down", "both")
SILENT = {"silence", "stall"}  # faults that only a timeout reveals
EVENT = b'{"type":"response.audio.delta","delta":"' + b"A" * 8000 + b'"}'

# The close that the page gets after each fault of the upstream.
CLOSES = {
    "close": (1000, "done"),
    "FIN": (1014, "upstream_lost"),
    "RST": (1014, "upstream_lost"),
    "silence": (1014, "upstream_lost"),
    "stall": (1014, "upstream_lost"),
}
CLOSES_CONNECTING = {
    "close": (1014, "upstream_failed"),
    "FIN": (1014, "upstream_unreachable"),
    "RST": (1014, "upstream_unreachable"),
    "silence": (1014, "upstream_timeout"),
    "stall": (1014, "upstream_timeout"),
}


class Upstream:
    """The listener of the upstream: queues its end of each session when the handshake request arrives."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[Azure] = asyncio.Queue()

    def accept(self) -> Azure:
        arrived = self.arrived

        class Arriving(Azure):
            hesitates = True

            def handshake(self, head: bytes) -> None:
                super().handshake(head)
                arrived.put_nowait(self)

        return Arriving()


@contextlib.asynccontextmanager
async def listening(tls: ssl.SSLContext) -> AsyncIterator[tuple[Upstream, str]]:
    upstream = Upstream()
    listener = await asyncio.get_running_loop().create_server(upstream.accept, "127.0.0.1", 0, ssl=tls)
    async with listener:
        yield upstream, f"https://localhost:{listener.sockets[0].getsockname()[1]}"


@dataclass
class Outcome:
    """The result of one fault at one moment."""

    side: str
    fault: str
    moment: str
    seconds: float = 0.0  # from the fault to the other end's close
    close: tuple[int, str] | None = None  # the close frame that the other end got


def fail(end: Endpoint, fault: str) -> None:
    """Make one end fail."""
    end.answers = False
    match fault:
        case "close" if not end.opened.done():
            end.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        case "close":
            end.answers = True
            end.close()
        case "FIN":
            end.transport.close()
        case "RST":
            end.reset()
        case "stall":
            end.transport.pause_reading()


async def send_events(end: Endpoint) -> None:
    """Send an event every 40 ms, or as fast as they are accepted, until the connection is lost."""
    while not end.lost.done():
        await end.writable.wait()
        end.send(EVENT)
        await asyncio.sleep(0.04)


async def run_fault(outcome: Outcome, browser: Browser, azure: Azure) -> None:
    """Bring one session to its moment, make one end fail, and note when and how the other end is closed."""
    if outcome.moment != "connecting":
        azure.accept()
    sending = [
        asyncio.create_task(send_events(end))
        for end, moments in ((browser, {"up", "both"}), (azure, {"down", "both"}))
        if outcome.moment in moments
    ]
    for end, moments in ((azure, {"up", "both"}), (browser, {"down", "both"})):
        if outcome.moment in moments:
            await end.tally.reach(5)
    failing, other = (browser, azure) if outcome.side == "page" else (azure, browser)
    failed_at = time.monotonic()
    fail(failing, outcome.fault)
    async with asyncio.timeout(60):
        await other.lost
    outcome.seconds, outcome.close = time.monotonic() - failed_at, other.closed_with
    failing.transport.abort()
    for task in sending:
        task.cancel()
    await asyncio.gather(*sending, return_exceptions=True)


async def wait_for_open_files(server: Server, files: int) -> None:
    """Wait until the server has no more open files than that."""
    async with asyncio.timeout(30):
        while open_files(server.process.pid) > files:  # noqa: ASYNC110  another process's files send no event
            await asyncio.sleep(0.1)


def to_table(outcomes: list[Outcome]) -> str:
    lines = ["fault     moment      page fails: upstream closed after   upstream fails: page closed with"]
    for page, above in zip(outcomes[:25], outcomes[25:], strict=True):
        lines.append(
            f"{page.fault:9} {page.moment:11} {page.seconds:27.3f} s {above.seconds:15.3f} s  {above.close}"
        )
    return "\n".join(lines)


@pytest.mark.parametrize("debug", ["", "1"], ids=["", "asyncio-debug"])
@pytest.mark.long
async def test_every_fault_at_every_moment_closes_the_other_end_and_leaves_nothing_open(
    server: StartServer,
    azure_tls: ssl.SSLContext,
    ca_file: str,
    debug: str,
    show: Callable[[str], None],
) -> None:
    async with listening(azure_tls) as (upstream, origin):
        running = server(
            AZURE_OPENAI_ENDPOINT=origin,
            AZURE_OPENAI_API_KEY=KEY,
            SSL_CERT_FILE=ca_file,
            MAX_SESSIONS="100",
            PYTHONASYNCIODEBUG=debug,
        )
        port = int(running.url.rpartition(":")[2])
        browser = await open_browser(port)  # a first session opens what the server opens once and keeps
        azure = await upstream.arrived.get()
        azure.accept()
        browser.close()
        await asyncio.gather(browser.lost, azure.lost)
        files = open_files(running.process.pid)
        outcomes = [Outcome(*cell) for cell in itertools.product(("page", "upstream"), FAULTS, MOMENTS)]
        async with asyncio.TaskGroup() as faults:
            for outcome in outcomes:  # each begins at once: the server waits 10 s for an upstream to accept
                browser = await open_browser(port)
                faults.create_task(run_fault(outcome, browser, await upstream.arrived.get()))
        await wait_for_open_files(running, files)
        await asyncio.to_thread(running.wait_until_all_ended)
    show(to_table(outcomes))
    for outcome in outcomes:
        if outcome.side == "upstream":
            closes = CLOSES_CONNECTING if outcome.moment == "connecting" else CLOSES
            expected = {closes[outcome.fault]}
            if outcome.fault == "stall" and outcome.moment in {"up", "both"}:
                expected.add((1011, "stalled"))
            assert outcome.close in expected, outcome
    # An end that closes its connection is noticed before one that falls silent.
    slow = min(o.seconds for o in outcomes if o.fault in SILENT and o.moment != "connecting")
    assert max(o.seconds for o in outcomes if o.fault not in SILENT) < slow
    log = running.log()
    assert log.count(" started ") == len(outcomes) + 1
    for trouble in ("Traceback", "never awaited", "was destroyed", "ResourceWarning", "ERROR"):
        assert trouble not in log, log


async def test_a_page_that_stops_reading_stops_the_upstream_and_uses_no_memory(
    server: StartServer, azure_tls: ssl.SSLContext, ca_file: str
) -> None:
    async with listening(azure_tls) as (upstream, origin):
        running = server(AZURE_OPENAI_ENDPOINT=origin, AZURE_OPENAI_API_KEY=KEY, SSL_CERT_FILE=ca_file)
        browser = await open_browser(int(running.url.rpartition(":")[2]))
        azure = await upstream.arrived.get()
        azure.accept()
        azure.send(EVENT)
        await browser.tally.reach(1)
        before = resident_bytes(running.process.pid)
        browser.transport.pause_reading()
        pushed = 0
        while azure.writable.is_set() and pushed < 200_000_000:
            azure.send(EVENT)
            pushed += len(EVENT)
            if pushed % 100 == 0:
                await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert pushed < 100_000_000  # what fits into the buffers of the kernel and the relay
        assert resident_bytes(running.process.pid) - before < 8 * 2**20
        browser.transport.resume_reading()
        await browser.tally.reach(1 + pushed // len(EVENT))
        browser.transport.abort()
        async with asyncio.timeout(20):
            await azure.lost


async def test_the_leaving_of_a_page_that_floods_a_blocked_upstream_is_noticed_at_once(
    server: StartServer, azure_tls: ssl.SSLContext, ca_file: str
) -> None:
    async with listening(azure_tls) as (upstream, origin):
        running = server(
            AZURE_OPENAI_ENDPOINT=origin,
            AZURE_OPENAI_API_KEY=KEY,
            SSL_CERT_FILE=ca_file,
            MAX_EVENT_BYTES=str(len(EVENT)),
        )
        browser = await open_browser(int(running.url.rpartition(":")[2]))
        azure = await upstream.arrived.get()
        azure.accept()
        azure.transport.pause_reading()
        while browser.writable.is_set():  # until every buffer on the way is full
            browser.send(EVENT)
            await asyncio.sleep(0)
        browser.reset()
        left_at = time.monotonic()
        await asyncio.to_thread(running.wait_for_log, "ended .* reason=done")
        assert (
            time.monotonic() - left_at < BLOCKED_SECONDS / 2
        )  # so neither the blocked timer nor a ping has ended it
        azure.transport.abort()
