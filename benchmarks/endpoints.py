"""The two ends of a relayed session on plain sockets, for measurements and for faults.

They do the opening handshake themselves and write any frames, so they can also do what no library
does: vanish, fall silent, stop reading, or violate the protocol.
"""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import struct
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from websockets.frames import Frame, Opcode
from websockets.utils import accept_key, apply_mask

sys.path.insert(0, str(Path(__file__).parent.parent))
from realtime_voice.frames import Bytes, FrameWalker

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

PROBE_BYTES = 20


def to_frame(payload: bytes, *, masked: bool, opcode: Opcode = Opcode.TEXT) -> bytes:
    """Return the bytes of one frame."""
    return Frame(opcode, payload).serialize(mask=masked)


@dataclass
class Tally:
    """What has arrived at all ends of one kind, and how long timed messages took."""

    messages: int = 0
    delays: list[int] = field(default_factory=list)  # ns
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def reach(self, messages: int) -> None:
        """Wait until so many messages have arrived."""
        while self.messages < messages:
            self.changed.clear()
            await self.changed.wait()


class Endpoint(asyncio.Protocol):
    """One end of a session. `on_message` is called with each message, unmasked, when it is set."""

    client: ClassVar[bool]

    def __init__(self, tally: Tally | None = None) -> None:
        self.tally = tally or Tally()
        self.head = b""
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed_with: tuple[int, str] | None = None  # code and reason of the close frame received
        self.on_message: Callable[[bytes], None] | None = None
        self.answers = True  # whether it answers pings and closes
        self.writable = asyncio.Event()
        self.writable.set()
        self.walker = FrameWalker(
            masked=not self.client, binary=True, limit_bytes=2**24, on_message=self.seen
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one by shape, not by class

    def connection_lost(self, _: Exception | None) -> None:
        self.lost.set_result(None)
        if not self.opened.done():
            self.opened.cancel()

    def data_received(self, data: bytes) -> None:
        if not self.opened.done():
            self.head += data
            head, end, data = self.head.partition(b"\r\n\r\n")
            if not end:
                return
            self.handshake(head)
        if data:
            whole, control, _ = self.walker.feed(data)
            for frames in whole:
                self.read(frames)
            if control:
                self.answer(control)
            self.tally.changed.set()

    def handshake(self, head: bytes) -> None:
        raise NotImplementedError

    def seen(self, _size: int, _data: bytes, _at: int) -> None:
        self.tally.messages += 1

    def read(self, frames: Bytes) -> None:
        """Record the delay of a probe; pass other messages to `on_message`."""
        header = 2 if self.client else 6
        if len(frames) == header + PROBE_BYTES and not self.client:
            sent = int(apply_mask(bytes(frames[6:]), bytes(frames[2:6])))
            self.tally.delays.append(time.monotonic_ns() - sent)
        elif self.on_message is not None:
            for _, payload in self.frames(bytes(frames)):
                self.on_message(payload)

    def frames(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield opcode and unmasked payload of the frames in `data`."""
        at = 0
        while at < len(data):
            opcode, length, body = data[at] & 0x0F, data[at + 1] & 0x7F, at + 2
            if length >= 126:
                body += 2 if length == 126 else 8
                length = int.from_bytes(data[at + 2 : body], "big")
            mask = b"" if self.client else data[body : body + 4]
            body += len(mask)
            at = body + length
            yield opcode, apply_mask(data[body:at], mask) if mask else data[body:at]

    def answer(self, control: bytes) -> None:
        """Answer pings and a close frame."""
        for opcode, payload in self.frames(control):
            if opcode == Opcode.CLOSE:
                code = int.from_bytes(payload[:2], "big") if payload else 1005
                self.closed_with = (code, payload[2:].decode())
            if self.answers and opcode != Opcode.PONG:
                reply = Opcode.PONG if opcode == Opcode.PING else Opcode.CLOSE
                self.write(to_frame(payload, masked=self.client, opcode=reply))
                if opcode == Opcode.CLOSE:
                    self.transport.close()

    def write(self, data: bytes) -> None:
        """Write bytes, unless the connection is closed."""
        if not self.transport.is_closing():
            self.transport.write(data)

    def send(self, payload: bytes) -> None:
        """Send one message."""
        self.write(to_frame(payload, masked=self.client))

    def close(self, code: int = 1000) -> None:
        """Begin the closing handshake."""
        self.write(to_frame(struct.pack("!H", code), masked=self.client, opcode=Opcode.CLOSE))

    def reset(self) -> None:
        """Cut the connection with a RST."""
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()


class Browser(Endpoint):
    """The browser's end of a session."""

    client = True
    path = "/ws"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        host, port = transport.get_extra_info("peername")[:2]
        key = base64.b64encode(os.urandom(16)).decode()
        self.transport.write(
            f"GET {self.path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def handshake(self, head: bytes) -> None:
        if not head.startswith(b"HTTP/1.1 101"):
            raise ConnectionRefusedError(head.decode())
        self.opened.set_result(None)

    def probe(self) -> None:
        """Send a message that contains its time of sending."""
        self.send(b"%020d" % time.monotonic_ns())


class Azure(Endpoint):
    """The upstream's end of a session; accepts it at once, unless `hesitates` is set."""

    client = False
    hesitates = False

    def handshake(self, head: bytes) -> None:
        lines = head.split(b"\r\n")
        self.key = next(
            line[19:].strip() for line in lines if line[:19].lower() == b"sec-websocket-key: "
        ).decode()
        if not self.hesitates:
            self.accept()

    def accept(self) -> None:
        """Finish the opening handshake."""
        self.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept_key(self.key).encode() + b"\r\n\r\n"
        )
        self.opened.set_result(None)


async def open_browser(port: int, tally: Tally | None = None, tls: ssl.SSLContext | None = None) -> Browser:
    """Connect a browser to a relay, or over TLS to the upstream itself."""
    _, browser = await asyncio.get_running_loop().create_connection(
        lambda: Browser(tally), "127.0.0.1", port, ssl=tls, server_hostname="localhost" if tls else None
    )
    await browser.opened
    return browser
