"""Measure how much sooner the first event arrives with WARM_START, from the moment when a page connects.

    python benchmarks/warm_start.py [--pages 20] [--handshake-ms 200]

The mock upstream answers a handshake after `--handshake-ms`; Azure takes some hundred milliseconds, TLS included.
"""

from __future__ import annotations

import argparse
import asyncio
import ssl
import statistics
import sys
import tempfile
import time
from pathlib import Path

import trustme
import uvloop
from endpoints import Azure, open_browser
from processes import free_port, running


async def seconds_to_first_event(port: int, pages: int) -> float:
    """Return the median over pages that connect one after the other, with a second between them."""
    taken = []
    for _ in range(pages):
        await asyncio.sleep(1)  # time for the server to open a warm session
        began_at = time.monotonic()
        browser = await open_browser(port)
        await browser.tally.reach(1)
        taken.append(time.monotonic() - began_at)
        browser.close()
        await browser.lost
    return statistics.median(taken)


async def measure(options: argparse.Namespace) -> None:
    """Measure with and without WARM_START, and print both."""
    authority, folder = trustme.CA(), Path(tempfile.mkdtemp())
    authority.cert_pem.write_to_path(folder / "ca.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)

    class SlowAzure(Azure):
        hesitates = True

        def handshake(self, head: bytes) -> None:
            super().handshake(head)
            asyncio.get_running_loop().call_later(options.handshake_ms / 1000, self.greet)

        def greet(self) -> None:
            self.accept()
            self.send(b'{"type":"session.created"}')

    listener = await asyncio.get_running_loop().create_server(SlowAzure, "127.0.0.1", 0, ssl=tls)
    environment = {
        "SSL_CERT_FILE": str(folder / "ca.pem"),
        "AZURE_OPENAI_ENDPOINT": f"https://localhost:{listener.sockets[0].getsockname()[1]}",
        "AZURE_OPENAI_API_KEY": "key",
    }
    found = {}
    for warm in ("off", "on"):
        port = free_port()
        settings = {**environment, "PORT": str(port), "WARM_START": warm}
        with running([sys.executable, "server.py"], settings, port):
            found[warm] = await seconds_to_first_event(port, options.pages)
    listener.close()
    print(
        f"to the first event: cold {found['off'] * 1000:.0f} ms, warm {found['on'] * 1000:.1f} ms,"
        f" {found['off'] / found['on']:.0f} times sooner"
    )


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(
        description="Measure how much sooner the first event arrives with WARM_START."
    )
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--handshake-ms", type=float, default=200)
    uvloop.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
