"""Raw HTTP requests and websocket frames, for what no library would send."""

from __future__ import annotations

import base64
import contextlib
import os
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 20  # generous: the machine may be busy


@dataclass
class Answer:
    """A response: `headers` by lower-case name, `raw` every byte."""

    raw: bytes
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def __post_init__(self) -> None:
        head, _, self.body = self.raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split(" ")[1]) if first else 0
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def netloc(url: str) -> str:
    return urlsplit(url).netloc


def open_connection(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname or "", parts.port or 80), SECONDS)


def head(method: str, target: str, headers: list[tuple[str, str]], version: str = "1.1") -> bytes:
    lines = [f"{method} {target} HTTP/{version}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def read_all(sock: socket.socket) -> bytes:
    """Read until the other side closes."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while part := sock.recv(65536):
            data += part
    return data


def ask(  # noqa: PLR0913  each is a part of a request
    url: str,
    target: str = "/",
    *headers: tuple[str, str],
    method: str = "GET",
    host: str | None = None,
    body: bytes = b"",
    version: str = "1.1",
) -> Answer:
    """Send one request and return the answer. An empty `host` leaves the header out."""
    named = [] if host == "" else [("Host", host or netloc(url))]
    length = [("Content-Length", str(len(body)))] if body else []
    with open_connection(url) as sock:
        sock.sendall(
            head(method, target, [*named, ("Connection", "close"), *length, *headers], version) + body
        )
        return Answer(read_all(sock))


def upgrade_head(url: str, target: str, headers: tuple[tuple[str, str], ...], host: str | None) -> bytes:
    named = [] if host == "" else [("Host", host or netloc(url))]
    upgrade = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", base64.b64encode(os.urandom(16)).decode()),
        ("Sec-WebSocket-Version", "13"),
    ]
    return head("GET", target, [*named, *upgrade, *headers])


@contextlib.contextmanager
def upgrade(
    url: str, *headers: tuple[str, str], target: str = "/ws", host: str | None = None
) -> Iterator[tuple[socket.socket, Answer]]:
    """Ask for a websocket; yield the socket and the answer, with what came behind it as its body."""
    with open_connection(url) as sock:
        sock.sendall(upgrade_head(url, target, headers, host))
        data = b""
        while b"\r\n\r\n" not in data and (part := sock.recv(65536)):
            data += part
        yield sock, Answer(data)


def opens_websocket(
    url: str, *headers: tuple[str, str], target: str = "/ws", host: str | None = None
) -> bool:
    """Return whether the handshake opens a websocket."""
    with upgrade(url, *headers, target=target, host=host) as (_, answer):
        return answer.status == 101


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, reserved: int = 0, mask: bool = True
) -> bytes:
    """Return one frame, legal or not."""
    first, size, masked = (0x80 if fin else 0) | reserved << 4 | opcode, len(payload), 0x80 if mask else 0
    if size < 126:
        header = bytes([first, masked | size])
    elif size < 65536:
        header = bytes([first, masked | 126]) + size.to_bytes(2, "big")
    else:
        header = bytes([first, masked | 127]) + size.to_bytes(8, "big")
    return header + (bytes(4) if mask else b"") + payload  # a mask of zeros changes nothing
