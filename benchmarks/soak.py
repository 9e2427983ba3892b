"""Run many sessions through a relay with random faults, and count the events that were lost.

    python benchmarks/soak.py [--sessions 50] [--minutes 10] [--seed 1]

Each end numbers its events. An event that arrives must be the next one, whole, with the audio with which
it was sent; in a session without a fault, every event must arrive. At the end the relay must have no more files
open than at half-time and use at most a tenth more memory, and its log must contain as many ends of sessions
as starts. Prints the counts, and exits with code 1 when one of them is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import functools
import os
import random
import re
import ssl
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import trustme
import uvloop
from endpoints import Azure, Endpoint, open_browser
from processes import open_files, resident_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
SAMPLES = 960  # 40 ms of audio in an event
FAULT_SECONDS = 20  # a session has a fault about so often
LAST_EVENTS_SECONDS = 20
MAX_GROWTH = 0.1
TYPES = {True: b"input_audio_buffer.append", False: b"response.audio.delta"}


@functools.lru_cache(maxsize=8192)  # all sessions send and compare the same events
def to_event(number: int, *, client: bool) -> bytes:
    """Return event `number` of one side: a ramp of samples that continues the last event's."""
    ramp = struct.pack(f"<{SAMPLES}H", *((number * SAMPLES + at) % 65536 for at in range(SAMPLES)))
    return b'{"type":"%s","number":%d,"audio":"%s"}' % (TYPES[client], number, base64.b64encode(ramp))


@dataclass
class Counts:
    """What has happened so far."""

    sessions: int = 0
    faults: int = 0
    events: int = 0
    wrong: list[str] = field(default_factory=list)


class Side:
    """One end: the number of events that it has sent, and of those that it has received."""

    def __init__(self, end: Endpoint, counts: Counts) -> None:
        self.end = end
        self.counts = counts
        self.sent = 0
        self.received = 0
        end.on_message = self.check

    def check(self, message: bytes) -> None:
        """Check that a message is the next one of the other side."""
        if b'"relay_error"' in message[:200]:
            return
        if message != to_event(self.received, client=not self.end.client):
            self.counts.wrong.append(f"instead of event {self.received}: {message[:60]!r}")
        self.received += 1
        self.counts.events += 1

    def send(self) -> None:
        """Send the next event, unless the connection is closed or accepts no data."""
        if self.end.writable.is_set() and not self.end.transport.is_closing():
            self.end.send(to_event(self.sent, client=self.end.client))
            self.sent += 1


def inject_fault(end: Endpoint, dice: random.Random) -> None:
    """Make an end fail in one of several ways."""
    fault: Callable[[], None] = dice.choice((end.close, end.reset, end.transport.close, end.transport.abort))
    if dice.random() < 0.2:
        end.write(unfinished_message(end))
    fault()


def unfinished_message(end: Endpoint) -> bytes:
    """Return the beginning of a message whose rest will never come."""
    return bytes([0x81, 0xFE if end.client else 0x7E]) + struct.pack("!H", 5000) + b"half"


@dataclass
class Relay:
    """The relay under test: its port, and the upstream's ends in the order of their arrival."""

    port: int
    arrivals: asyncio.Queue[Azure]
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)


async def run_sessions(relay: Relay, until: float, dice: random.Random, counts: Counts) -> None:
    """Run one session after the other until the time is over."""
    while time.monotonic() < until:
        async with relay.opening:  # so that the end that arrives belongs to this browser
            browser = await open_browser(relay.port)
            azure = await relay.arrivals.get()
        counts.sessions += 1
        sides = (Side(browser, counts), Side(azure, counts))
        fault_at = time.monotonic() + dice.expovariate(1 / FAULT_SECONDS)
        while time.monotonic() < min(fault_at, until):
            for side in sides:
                side.send()
            if dice.random() < 0.02:  # an end that sometimes stops reading
                end = dice.choice(sides).end
                end.transport.pause_reading()
                await asyncio.sleep(dice.random())
                end.transport.resume_reading()
            await asyncio.sleep(0.04)
        if fault_at <= until:
            counts.faults += 1
            inject_fault(dice.choice((browser, azure)), dice)
        else:
            await wait_for_all_events(sides, counts)
            browser.close()
        async with asyncio.timeout(30):
            await asyncio.gather(browser.lost, azure.lost)


async def wait_for_all_events(sides: tuple[Side, Side], counts: Counts) -> None:
    """Wait until each side has received every event of the other."""
    try:
        async with asyncio.timeout(LAST_EVENTS_SECONDS):
            for side, other in (sides, sides[::-1]):
                while side.received < other.sent:
                    side.end.tally.changed.clear()
                    await side.end.tally.changed.wait()
    except TimeoutError:
        for side, other in (sides, sides[::-1]):
            if side.received < other.sent:
                counts.wrong.append(f"{other.sent - side.received} of {other.sent} events did not arrive")


async def until_true(check: Callable[[], bool]) -> None:
    """Wait up to 30 s for another process to reach a state."""
    for _ in range(300):
        if check():
            return
        await asyncio.sleep(0.1)


async def soak(options: argparse.Namespace) -> int:
    """Run the soak; return the exit code."""
    authority, folder = trustme.CA(), Path(tempfile.mkdtemp())
    authority.cert_pem.write_to_path(folder / "ca.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    arrivals: asyncio.Queue[Azure] = asyncio.Queue()

    def accept() -> Azure:
        end = Azure()
        end.opened.add_done_callback(lambda _: arrivals.put_nowait(end))
        return end

    listener = await asyncio.get_running_loop().create_server(accept, "127.0.0.1", 0, ssl=tls)
    log_path = folder / "server.log"
    with log_path.open("w") as log:
        server = subprocess.Popen(  # noqa: ASYNC220  started before anything is measured; this program itself
            [sys.executable, "server.py"], cwd=ROOT, stderr=log,
            env={
                **os.environ, "PORT": "0", "MAX_SESSIONS": "1000", "SSL_CERT_FILE": str(folder / "ca.pem"),
                "AZURE_OPENAI_ENDPOINT": f"https://localhost:{listener.sockets[0].getsockname()[1]}",
                "AZURE_OPENAI_API_KEY": "key",
            },
        )  # fmt: skip

    def logged(pattern: str) -> list[str]:
        return re.findall(pattern, log_path.read_text())

    await until_true(lambda: bool(logged(r"open http://localhost:(\d+)")))
    port = int(logged(r"open http://localhost:(\d+)")[0])
    relay, counts = Relay(port, arrivals), Counts()

    async def run_all(seconds: float, seed: str) -> None:
        until = time.monotonic() + seconds
        dice = (random.Random(f"{seed}-{number}") for number in range(options.sessions))
        await asyncio.gather(*(run_sessions(relay, until, each, counts) for each in dice))
        await until_true(lambda: len(logged(" ended ")) == len(logged(" started ")))
        await asyncio.sleep(1)  # a session's sockets are closed shortly after its end is logged

    await run_all(options.minutes * 30, f"{options.seed}, first half")
    # The memory that allocators keep settles within minutes; a leak continues.
    files_at_half, memory_at_half = open_files(server.pid), resident_bytes(server.pid)
    await run_all(options.minutes * 30, f"{options.seed}, second half")
    await until_true(lambda: open_files(server.pid) <= files_at_half)
    leaked = open_files(server.pid) - files_at_half
    grown = resident_bytes(server.pid) / memory_at_half - 1
    started, ended = len(logged(" started ")), len(logged(" ended "))
    server.terminate()
    server.wait()
    listener.close()
    print(
        f"{counts.sessions} sessions, {counts.faults} faults, {counts.events} events; lost, doubled or out of order:"
        f" {len(counts.wrong)}; in the second half, files leaked: {leaked}, memory: {grown:+.1%};"
        f" log: {started} starts, {ended} ends"
    )
    for wrong in counts.wrong[:10]:
        print(wrong)
    errors = logged("Traceback|ERROR")
    return int(bool(counts.wrong or leaked > 0 or grown > MAX_GROWTH or started != ended or errors))


def main() -> None:
    """Read the options, run the soak, and exit with its code."""
    parser = argparse.ArgumentParser(description="Run sessions through a relay with random faults.")
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    sys.exit(uvloop.run(soak(parser.parse_args())))


if __name__ == "__main__":
    main()
