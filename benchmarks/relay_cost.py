"""Measure what the relay costs beside a plain one and nginx, interleaved in one run.

    python benchmarks/relay_cost.py [--sessions 200] [--seconds 10] [--rounds 3] [--beside CHECKOUT]

With `--beside`, the server of another checkout is measured in the same run, and the ratio of both is printed.

This process is both ends of every session, the browser and the TLS upstream, so that one clock
times a message from end to end. Each relay is a process of its own; its processor time and memory are read
from /proc. Shared machines are noisy: compare the columns of one run, not two runs.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import shutil
import ssl
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import trustme
import uvloop
from endpoints import Azure, Browser, Tally, open_browser, to_frame
from processes import ROOT, free_port, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

FRAMES_PER_SECOND = 25  # a microphone's
APPEND = b'{"type":"input_audio_buffer.append","audio":"' + base64.b64encode(bytes(1920)) + b'"}'
AUDIO = b'{"type":"response.audio.delta","delta":"' + base64.b64encode(bytes(4800)) + b'"}'
TRANSCRIPT = (
    b'{"type":"response.audio_transcript.delta","delta":" word","response_id":"resp_1","item_id":"item_1"}'
)
DOWN_EVERY = 5  # microphone frames between two audio deltas of 100 ms: the assistant speaks half of the time
TURN_FRAMES = 6  # of each microphone, before another relay is measured
TURN_SECONDS = TURN_FRAMES / FRAMES_PER_SECOND
TURN_MESSAGES = 2000  # of 6 KiB
BIG = b'{"type":"response.audio.delta","delta":"' + b"A" * (6144 - 42) + b'"}'


@dataclass
class Relay:
    """One relay under test: its name, port, processes and measurements."""

    name: str
    port: int
    tls: ssl.SSLContext | None = None
    processes: list[int] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)  # per session-minute
    delays: list[int] = field(default_factory=list)  # ns
    throughput: list[float] = field(default_factory=list)  # messages per second
    message_us: list[float] = field(default_factory=list)  # processor time of one message
    idle_kib: float = 0.0

    def cpu_seconds(self) -> float:
        """Return the processor time of all threads so far; schedstat counts in ns, /proc/PID/stat in 10 ms."""
        threads = (thread for process in self.processes for thread in Path(f"/proc/{process}/task").iterdir())
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9

    def memory_kib(self) -> int:
        total = 0
        for process in self.processes:
            status = Path(f"/proc/{process}/smaps_rollup").read_text()
            total += next(
                int(line.split()[1]) for line in status.splitlines() if line.startswith("Private_Dirty:")
            )
        return total


Pairs = list[tuple[Browser, Azure]]
Turn = tuple[Relay, Pairs]


class Bench:
    """The upstream, the browsers, and one method for each measurement."""

    def __init__(self, server_tls: ssl.SSLContext) -> None:
        self.server_tls = server_tls
        self.up, self.down = Tally(), Tally()
        self.arrived: asyncio.Queue[Azure] = asyncio.Queue()

    async def listen(self) -> int:
        def accept() -> Azure:
            end = Azure(self.up)
            end.opened.add_done_callback(lambda _: self.arrived.put_nowait(end))
            return end

        self.server = await asyncio.get_running_loop().create_server(
            accept, "127.0.0.1", 0, ssl=self.server_tls
        )
        return int(self.server.sockets[0].getsockname()[1])

    @contextlib.asynccontextmanager
    async def sessions(self, relay: Relay, count: int) -> AsyncIterator[Pairs]:
        """Open sessions through a relay, one after the other, and close them all."""
        pairs = []
        for _ in range(count):
            browser = await open_browser(relay.port, self.down, relay.tls)
            pairs.append((browser, await self.arrived.get()))
        try:
            yield pairs
        finally:
            for browser, azure in pairs:
                browser.transport.abort()
                azure.transport.abort()
            await asyncio.sleep(1)  # let the relay notice it before the next measurement

    @contextlib.asynccontextmanager
    async def turns(self, relays: list[Relay], count: int, turns: int) -> AsyncIterator[Iterator[Turn]]:
        """Open sessions through every relay; yield each relay with its sessions, one turn after the other.

        All sessions stay open, and the turns are short: the speed of a shared machine changes from one second
        to the next, and so affects all relays alike.
        """
        async with contextlib.AsyncExitStack() as stack:
            pairs = [await stack.enter_async_context(self.sessions(relay, count)) for relay in relays]
            order = list(zip(relays, pairs, strict=True))
            yield (
                turn
                for number in range(turns)
                for turn in order[number % len(order) :] + order[: number % len(order)]
            )

    async def converse(self, relays: list[Relay], count: int, seconds: float) -> None:
        """Send audio both ways in all sessions in real time; record each relay's processor time."""
        turns = max(1, round(seconds / TURN_SECONDS))
        spent = dict.fromkeys((relay.name for relay in relays), 0.0)
        async with self.turns(relays, count, turns) as order:
            for relay, pairs in order:
                before = relay.cpu_seconds()
                await self.converse_one_turn(pairs)
                spent[relay.name] += relay.cpu_seconds() - before
        for relay in relays:
            relay.cpu_ms.append(spent[relay.name] * 1000 / (count * turns * TURN_SECONDS / 60))

    async def converse_one_turn(self, pairs: Pairs) -> None:
        """Send the audio of one turn in each session, and wait until all of it has arrived."""
        append, audio, transcript = (
            to_frame(APPEND, masked=True),
            to_frame(AUDIO, masked=False),
            to_frame(TRANSCRIPT, masked=False),
        )
        up, down = self.up.messages, self.down.messages
        began = time.monotonic()
        for tick in range(TURN_FRAMES):
            for number, (browser, azure) in enumerate(pairs):
                # Microphones are not synchronous: their frames are spread over the 40 ms of a frame.
                due = began + (tick + number / len(pairs)) / FRAMES_PER_SECOND
                while time.monotonic() < due:  # noqa: ASYNC110  timers are too coarse, and the event loop must keep running
                    await asyncio.sleep(0)
                browser.transport.write(append)
                up += 1
                if (tick + number) % DOWN_EVERY == 0:
                    azure.transport.write(audio)
                    azure.transport.write(transcript)
                    down += 2
        await self.up.reach(up)
        await self.down.reach(down)

    async def probe(self, relay: Relay, count: int) -> None:
        """Time single messages in a session without other traffic."""
        async with self.sessions(relay, 1) as ((browser, _),):
            self.up.delays.clear()
            for _ in range(count):
                browser.probe()
                await self.up.reach(self.up.messages + 1)
                await asyncio.sleep(0.001)
            relay.delays += self.up.delays[10:]

    async def push(self, relays: list[Relay], count: int) -> None:
        """Send 6 KiB messages down four sessions as fast as they pass; record rate and processor time."""
        frame, turns = to_frame(BIG, masked=False), max(1, count // TURN_MESSAGES)
        took, spent = (dict.fromkeys((relay.name for relay in relays), 0.0) for _ in range(2))
        async with self.turns(relays, 4, turns) as order:
            for relay, pairs in order:
                begun, before, first = time.monotonic(), relay.cpu_seconds(), self.down.messages

                async def pour(azure: Azure) -> None:
                    for _ in range(TURN_MESSAGES // 4):
                        await azure.writable.wait()
                        azure.transport.write(frame)

                await asyncio.gather(*(pour(azure) for _, azure in pairs))
                await self.down.reach(first + TURN_MESSAGES)
                took[relay.name] += time.monotonic() - begun
                spent[relay.name] += relay.cpu_seconds() - before
        for relay in relays:
            relay.throughput.append(turns * TURN_MESSAGES / took[relay.name])
            relay.message_us.append(spent[relay.name] * 1e6 / (turns * TURN_MESSAGES))

    async def idle(self, relay: Relay, count: int) -> None:
        """Measure the memory of sessions without traffic, after others have filled the allocators once."""
        async with self.sessions(relay, count // 4):
            before = relay.memory_kib()
        async with self.sessions(relay, count // 4):
            before = relay.memory_kib()
            async with self.sessions(relay, count):
                relay.idle_kib = (relay.memory_kib() - before) / count


NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{ access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{port};
    location / {{ proxy_pass {upstream}; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade; proxy_set_header Host localhost; proxy_read_timeout 1h;
      proxy_ssl_verify on; proxy_ssl_name localhost; proxy_ssl_server_name on; proxy_ssl_trusted_certificate {ca}; }} }} }}
"""


def table(relays: list[Relay], direct: Relay) -> Iterator[str]:
    """Yield the lines of the table; every figure is the median of the rounds."""

    def quantile(delays: list[int], share: float) -> float:
        return sorted(delays)[int(len(delays) * share)] / 1000

    yield f"{'':22}{'ms CPU per':>14}{'x nginx':>9}{'added p50':>11}{'added p99':>11}{'6 KiB msg/s':>13}{'x nginx':>9}{'us CPU each':>13}{'idle KiB':>10}"
    yield f"{'':22}{'session-minute':>14}{'':9}{'us':>11}{'us':>11}"
    nginx = relays[-1]
    for relay in relays:
        cpu, rate = statistics.median(relay.cpu_ms), statistics.median(relay.throughput)
        yield (
            f"{relay.name:22}{cpu:14.1f}{cpu / statistics.median(nginx.cpu_ms):9.2f}"
            f"{quantile(relay.delays, 0.5) - quantile(direct.delays, 0.5):11.0f}"
            f"{quantile(relay.delays, 0.99) - quantile(direct.delays, 0.99):11.0f}"
            f"{rate:13.0f}{rate / statistics.median(nginx.throughput):9.2f}"
            f"{statistics.median(relay.message_us):13.1f}{relay.idle_kib:10.0f}"
        )


async def measure(options: argparse.Namespace) -> None:
    authority, folder = trustme.CA(), Path(tempfile.mkdtemp())
    ca = folder / "ca.pem"
    authority.cert_pem.write_to_path(ca)
    server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(server_tls)
    bench = Bench(server_tls)
    upstream = await bench.listen()
    direct = Relay("direct", upstream, tls=ssl.create_default_context(cafile=ca))
    ours, plain, nginx = (
        Relay(name, free_port()) for name in ("this relay", "plain Starlette relay", "nginx")
    )
    config = folder / "nginx.conf"
    config.write_text(
        NGINX.format(folder=folder, port=nginx.port, upstream=f"https://127.0.0.1:{upstream}", ca=ca)
    )
    common = {"SSL_CERT_FILE": str(ca), "AZURE_OPENAI_ENDPOINT": f"https://localhost:{upstream}"}
    servers = [(ours, ROOT)]
    if options.beside:
        servers.append((Relay("the other checkout", free_port()), options.beside.resolve()))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        for relay, command, environment in (
            *((server, [sys.executable, str(checkout / "server.py")], {**common, "AZURE_OPENAI_API_KEY": "key", "PORT": str(server.port), "MAX_SESSIONS": "5000"}) for server, checkout in servers),
            (plain, [sys.executable, "-m", "uvicorn", "--app-dir", "benchmarks", "plain_relay:app", "--port", str(plain.port), "--ws-per-message-deflate", "false", "--log-level", "critical"], {**common, "UPSTREAM": f"wss://localhost:{upstream}"}),
            (nginx, [shutil.which("nginx") or "/usr/sbin/nginx", "-c", str(config), "-p", str(folder)], {}),
        ):  # fmt: skip
            relay.processes = stack.enter_context(running(command, environment, relay.port))
        relays = [*(server for server, _ in servers), plain, nginx]
        for number in range(options.rounds):
            await bench.converse(relays, options.sessions, options.seconds)
            await bench.push(relays, options.messages)
            for relay in [direct, *relays]:
                await bench.probe(relay, options.probes)
            print(f"round {number + 1} of {options.rounds} done", file=sys.stderr)
        for relay in relays:
            await bench.idle(relay, options.sessions)
        print("\n".join(table(relays, direct)))
        for other, _ in servers[1:]:
            ratios = sorted(mine / theirs for mine, theirs in zip(ours.cpu_ms, other.cpu_ms, strict=True))
            shown = ", ".join(f"{ratio:.3f}" for ratio in ratios)
            print(f"CPU per session-minute: {statistics.median(ratios):.3f} x {other.name}, by round {shown}")
    bench.server.close()


def main() -> None:
    """Read the options, measure, print the table."""
    parser = argparse.ArgumentParser(description="Measure the relay beside a plain one and nginx.")
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10, help="of conversation in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--beside", type=Path, help="another checkout, whose server is measured too")
    parser.add_argument("--messages", type=int, default=20_000, help="of 6 KiB in each round")
    parser.add_argument("--probes", type=int, default=500, help="timed messages in each round")
    uvloop.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
