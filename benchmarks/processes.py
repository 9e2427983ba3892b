"""The programs that are measured: a free port, a process that listens, what it holds, its descendants."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent


def free_port() -> int:
    """Return a port to listen on later.

    It is none of those that the system deals out, so nobody who asked for any port gets it meanwhile.
    """
    dealt_out_from = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = 10_000 + secrets.randbelow(max(dealt_out_from - 10_000, 10_000))
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def open_files(process: int) -> int:
    """Return how many files a process holds open, sockets among them."""
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


def resident_bytes(process: int) -> int:
    """Return how much of a process's memory is in RAM."""
    status = Path(f"/proc/{process}/status").read_text()
    return 1024 * int(status.partition("VmRSS:")[2].split()[0])


def descendants(process: int) -> list[int]:
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [process, *(each for child in children for each in descendants(int(child)))]


@contextlib.contextmanager
def running(command: list[str], environment: dict[str, str], port: int) -> Iterator[list[int]]:
    """Run a relay until the block ends; yield its processes once it listens."""
    process = subprocess.Popen(  # noqa: S603  the commands below
        command, env={**os.environ, **environment}, cwd=ROOT, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield descendants(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
