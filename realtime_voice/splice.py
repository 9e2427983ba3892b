"""The relay's fast path: pass messages from socket to socket as the bytes in which they came.

uvicorn and websockets do both opening handshakes, TLS, pings and closes. After a connection's
handshake its bytes come to the protocol classes below first. They read frame headers only: whole
messages go straight to the other side's transport, control frames go to the library.

This is the only file that uses insides of uvicorn and websockets. If a new version of them changes what it
relies on, the server relays message by message instead (self_check.py).

What always holds:

- No extension was agreed with either side, so a frame means the same to both. Frames of a browser
  are masked, as a client's must be, and those of the upstream are not, so both can stay as they are.
- Only whole messages are written. The server's own event, and the libraries' pings and closes, can
  therefore be written at any moment without landing inside a message.
- A message waits until it is whole, and its size is checked from the first header on: no byte of a
  message that is too big or illegal reaches the other side.
- Each side buffers one unfinished message, and whole messages up to `buffer_limit_bytes` while the
  other side accepts no data. Then it stops reading, and TCP slows the sender.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
from typing import TYPE_CHECKING, Any, cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.asyncio.client import ClientConnection
from websockets.protocol import OPEN

from realtime_voice.endings import BLOCKED_SECONDS, DONE, STALLED, closed_with
from realtime_voice.frames import MAX_MESSAGE_BYTES, FrameWalker
from realtime_voice.traffic import TYPE_WITHIN_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import h11
    from starlette.types import ASGIApp
    from starlette.websockets import WebSocket
    from websockets.http11 import Request

    from realtime_voice.endings import CloseReason
    from realtime_voice.frames import Bytes
    from realtime_voice.traffic import Limits, Traffic

SILENT_PEER_MS = 20_000  # TCP gives up on a peer that has acknowledged nothing for so long
SCOPE_KEY = "realtime_voice.browser_protocol"
STATE_KEY = "fast_path"  # of the lifespan's state: whether the fast path works
WRITE_BUFFER_BYTES = 256 * 2**10  # as much as uvloop reads at once, so that one read does not block writing
EARLY_BYTES = 64 * 2**10  # what an upstream may send before it is joined to a browser
HEADERS_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n"
END_OF_HEADERS = b"\r\n\r\n"
SWITCHING_PROTOCOLS = 101
CLOSE_SECONDS = 1  # how long a browser may take to answer a close frame
POLL_SECONDS = 0.5  # how often to check whether a browser that is not being read has left
TCP_CLOSE, TCP_CLOSE_WAIT = 7, 8  # Linux's states of a socket whose peer has reset it, or sent its last byte
EVENTS_PER_SECOND = 2000  # keeps one client from using up the event loop; a microphone sends 25


class SplicedProtocol(asyncio.Protocol):
    """One side of a session, mixed into the protocol class of the library that opened its connection.

    All methods run in callbacks of the event loop; none waits.
    """

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    walker: FrameWalker | None = None  # set when the handshake is done
    other: SplicedProtocol | None = None  # the other side, while joined
    target: asyncio.Transport | None = None  # the other side's transport, while it accepts data
    buffered_bytes = 0
    buffer_limit_bytes = 0
    message_allowance: float = math.inf  # how many messages may come before the rate is checked
    framing_lost = False  # after an illegal frame, nobody knows where the next frame begins
    separated = False  # the session has ended: messages that still come are dropped
    blocked_timer: asyncio.TimerHandle | None = None  # runs while this side accepts no data
    blocked_at = 0.0
    blocked_seconds = 0.0
    rate_timer: asyncio.TimerHandle | None = None  # runs while this side is not read because it sent too fast

    def start_walking(self, walker: FrameWalker) -> None:
        """Find this side's messages from now on; they are buffered until the sides are joined."""
        self.walker = walker
        self.buffered: list[Bytes] = []
        self.buffered_bytes = 0
        self.ended: asyncio.Future[CloseReason] = self.loop.create_future()
        self.transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        sock = self.transport.get_extra_info("socket")
        if sock is None or self.transport.is_closing():
            return  # the connection was lost meanwhile
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENT_PEER_MS)

    def data_received(self, data: bytes) -> None:
        target, walker = self.target, self.walker
        if target is None or walker is None or not walker.take_single_message(data):
            self.take_bytes(data)
            return
        if not target.is_closing():  # otherwise the other side has ended, and the session is about to
            target.write(data)
        if walker.messages > self.message_allowance:
            self.limit_rate()

    def take_bytes(self, data: bytes) -> None:
        """Take bytes that are not exactly one message, or that cannot be written at once."""
        raise NotImplementedError

    def limit_rate(self) -> None:
        """React to more messages than `message_allowance`."""

    def give_to_library(self, data: bytes) -> None:
        """Let the library process bytes as if they had just been read."""
        super().data_received(data)

    def join(self, other: SplicedProtocol) -> None:
        """Send this side's messages to the other side from now on."""
        self.other = other
        self.find_target()

    def find_target(self) -> None:
        """Set `target` according to whether the other side accepts data."""
        accepts = self.other is not None and self.other.blocked_timer is None
        self.target = self.other.transport if self.other is not None and accepts else None

    def walk(self, walker: FrameWalker, data: bytes) -> bytes:
        """Pass on the messages that the bytes just read complete; return the control frames among them."""
        if self.framing_lost:
            return b""
        whole, control, violation = walker.feed(data)
        if whole:
            self.pass_on(whole)
        if violation:
            self.framing_lost = True
            self.end(violation)
        return control

    def pass_on(self, whole: list[Bytes]) -> None:
        """Write messages to the other side, or buffer them while it accepts no data."""
        if self.separated:
            return
        if self.target is not None:
            if not self.target.is_closing():
                self.target.writelines(whole)
            return
        self.buffered += whole
        self.buffered_bytes += sum(map(len, whole))
        if self.buffered_bytes > self.buffer_limit_bytes:
            self.pause_reading()

    def flush(self) -> None:
        """Write the buffered messages now that the other side accepts data, and read on."""
        buffered, self.buffered, self.buffered_bytes = self.buffered, [], 0
        self.pass_on(buffered)
        self.resume_reading()

    def pause_reading(self) -> None:
        """Stop reading, so that TCP slows the sender."""
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again, unless the buffer is full or this side sent too fast."""
        if (
            self.buffered_bytes <= self.buffer_limit_bytes
            and not self.rate_timer
            and not self.transport.is_closing()
        ):
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.mark_blocked()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.mark_unblocked()

    def mark_blocked(self) -> None:
        """Stop writing to this side, and end the session if it stays blocked."""
        if self.walker is not None and self.blocked_timer is None:
            self.blocked_timer = self.loop.call_later(BLOCKED_SECONDS, self.end, STALLED)
            self.blocked_at = self.loop.time()
            if self.other is not None:
                self.other.find_target()

    def mark_unblocked(self) -> None:
        """Write to this side again, beginning with what was buffered for it."""
        if self.blocked_timer is not None:
            self.stop_blocked_timer()
            if self.other is not None:
                self.other.find_target()
                self.other.flush()

    def stop_blocked_timer(self) -> None:
        """Stop the timer, if it runs, and add its time to `blocked_seconds`."""
        if self.blocked_timer is not None:
            self.blocked_timer.cancel()
            self.blocked_timer = None
            self.blocked_seconds += self.loop.time() - self.blocked_at

    def end(self, close_reason: CloseReason) -> None:
        """Set why this side ended. Only the first reason counts, and none during the handshake."""
        if self.walker is not None and not self.ended.done():
            self.ended.set_result(close_reason)

    def separate(self) -> None:
        """Forget the other side and all that is buffered; read on, to receive the close frame."""
        self.separated, self.other, self.target = True, None, None
        self.buffered, self.buffered_bytes = [], 0
        self.stop_blocked_timer()
        if self.rate_timer is not None:
            self.rate_timer.cancel()
            self.rate_timer = None
        self.resume_reading()


class HandshakeProtocol(H11Protocol):
    """uvicorn's HTTP protocol, except that frames which come in the same read as the upgrade request are not lost."""

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        super().handle_websocket_upgrade(event)
        frames, _ = self.conn.trailing_data
        if frames:
            cast("asyncio.Protocol", self.transport.get_protocol()).data_received(frames)


class BrowserProtocol(SplicedProtocol, WebSocketsSansIOProtocol):
    """uvicorn's websocket protocol for the browser's connection; the ASGI scope leads to it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.close_timeout = CLOSE_SECONDS
        self.second_began = 0.0
        self.message_allowance = EVENTS_PER_SECOND
        self.poll_timer: asyncio.TimerHandle | None = None
        self.is_accepting = False  # the upgrade request is complete, and the app has not accepted it yet
        self.early = b""  # frames that came meanwhile

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == SWITCHING_PROTOCOLS:  # otherwise uvicorn makes no scope
            cast("dict[str, Any]", self.scope["extensions"])[SCOPE_KEY] = self
            self.transport.pause_reading()  # until there is a walker: some clients send frames at once
            self.is_accepting = True

    def take_early(self) -> None:
        """Process the frames that came before the app accepted the connection, and read on."""
        self.is_accepting = False
        early, self.early = self.early, b""
        if early:
            self.data_received(early)
        self.resume_reading()

    def take_bytes(self, data: bytes) -> None:
        if self.is_accepting:
            self.early += data
            return
        if self.walker is None:
            self.give_to_library(data)
            # Without this, uvicorn would never close a connection whose headers exceed its limit.
            if self.conn.handshake_exc and not self.handshake_initiated:
                self.transport.write(HEADERS_TOO_LARGE)
                self.transport.close()
            return
        control = self.walk(self.walker, data)
        if self.walker.messages > self.message_allowance:
            self.limit_rate()
        if control:
            self.give_to_library(control)
            if self.conn.close_rcvd:
                self.end(DONE)

    def handle_ping(self) -> None:
        """Answer a ping, unless the browser does not read: the answers would pile up."""
        if self.blocked_timer is None:
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def pause_reading(self) -> None:
        super().pause_reading()
        if hasattr(socket, "TCP_INFO") and self.poll_timer is None:  # Linux
            self.poll_timer = self.loop.call_later(POLL_SECONDS, self.poll)

    def poll(self) -> None:
        """Check whether the browser has left while it is not being read, since no read can report it then."""
        self.poll_timer = None
        if self.transport.is_closing() or self.transport.is_reading():
            return
        sock = self.transport.get_extra_info("socket")
        if sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in {TCP_CLOSE, TCP_CLOSE_WAIT}:
            self.end(DONE)
        else:
            self.poll_timer = self.loop.call_later(POLL_SECONDS, self.poll)

    def limit_rate(self) -> None:
        """Stop reading until a second is over in which EVENTS_PER_SECOND messages have come."""
        if self.rate_timer is not None:
            return
        left = self.second_began + 1 - self.loop.time()
        if left > 0:
            self.pause_reading()
            self.rate_timer = self.loop.call_later(left, self.end_rate_limit)
        else:
            self.begin_second()

    def begin_second(self) -> None:
        """Allow EVENTS_PER_SECOND more messages."""
        self.second_began = self.loop.time()
        self.message_allowance = (self.walker.messages if self.walker else 0) + EVENTS_PER_SECOND

    def end_rate_limit(self) -> None:
        """Read again in a new second."""
        self.rate_timer = None
        self.begin_second()
        self.resume_reading()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.transport.abort()  # a silent peer would not acknowledge the close frame either

    def eof_received(self) -> None:
        super().eof_received()
        self.end(DONE)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.end(DONE)


class UpstreamProtocol(SplicedProtocol, ClientConnection):
    """websockets' client connection; its messages are buffered from the handshake until it is joined."""

    buffer_limit_bytes = EARLY_BYTES

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.headers_tail = b""  # the last bytes of the response's headers so far
        self.uncounted: list[tuple[int, bytes, int]] = []  # messages that came before the joining

    def take_bytes(self, data: bytes) -> None:
        if self.walker is not None:
            if control := self.walk(self.walker, data):
                self.give_to_library(control)
                if self.protocol.close_rcvd:
                    self.end_as_closed()
            return
        end = (self.headers_tail + data).find(END_OF_HEADERS)
        if end < 0:
            self.headers_tail = (self.headers_tail + data)[1 - len(END_OF_HEADERS) :]
            self.give_to_library(data)
            return
        first_frame = end + len(END_OF_HEADERS) - len(self.headers_tail)
        self.give_to_library(data[:first_frame])
        if self.protocol.state is OPEN and not self.protocol.extensions:
            self.start_walking(
                FrameWalker(
                    masked=False,
                    binary=True,
                    limit_bytes=MAX_MESSAGE_BYTES,
                    on_message=self.count_later,
                )
            )
        if first_frame < len(data):
            self.data_received(data[first_frame:])

    def count_later(self, size: int, data: bytes, at: int) -> None:
        """Keep what `Traffic.count_down` needs of a message until the joining."""
        self.uncounted.append((size, data[at : at + TYPE_WITHIN_BYTES], 0))

    def count_with(self, traffic: Traffic) -> None:
        """Count the messages that have come, and all that come from now on."""
        for size, head, at in self.uncounted:
            traffic.count_down(size, head, at)
        self.uncounted = []
        if self.walker is not None:
            self.walker.on_message = traffic.count_down

    def end_as_closed(self) -> None:
        """End with what the upstream's close frame says, or as lost without one."""
        close = self.protocol.close_rcvd
        self.end(closed_with(close.code, close.reason) if close else closed_with(None))

    def eof_received(self) -> None:
        super().eof_received()
        self.end_as_closed()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.end_as_closed()


def create_browser_protocol(
    config: uvicorn.Config, server_state: ServerState, app_state: dict[str, Any]
) -> WebSocketsSansIOProtocol:
    """Return the protocol for a browser's connection; uvicorn calls this for each one, as its option `ws`.

    It is uvicorn's own when the lifespan has found that the fast path does not work.
    """
    protocol = BrowserProtocol if app_state.get(STATE_KEY, True) else WebSocketsSansIOProtocol
    return protocol(config, server_state, app_state)


def browser_protocol_factory(app: ASGIApp) -> Callable[[], asyncio.Protocol]:
    """Return a function that makes the protocol of one connection to an app, as uvicorn's server does."""
    config = uvicorn.Config(
        app,
        http=HandshakeProtocol,
        ws=cast("type[asyncio.Protocol]", create_browser_protocol),
        ws_per_message_deflate=False,
        log_config=None,
        lifespan="off",
    )
    config.load()
    return lambda: config.http_protocol_class(config=config, server_state=ServerState(), app_state={})  # type: ignore[call-arg]


def browser_protocol_of(browser: WebSocket) -> BrowserProtocol | None:
    """Return the protocol of a browser's connection, or None when the server does not use BrowserProtocol."""
    protocol: BrowserProtocol | None = browser.scope["extensions"].get(SCOPE_KEY)
    return protocol


def start_fast_path(browser: WebSocket, limits: Limits) -> bool:
    """Buffer an accepted browser's messages until `joined`; tell whether its connection can be spliced.

    It cannot when the app runs under another server than main's, or under other settings of uvicorn.
    """
    protocol = browser_protocol_of(browser)
    if protocol is None:
        return False
    if protocol.conn.extensions:
        protocol.take_early()
        return False
    protocol.buffer_limit_bytes = limits.event_bytes
    protocol.start_walking(FrameWalker(masked=True, binary=False, limit_bytes=limits.event_bytes))
    protocol.take_early()
    return True


@contextlib.contextmanager
def joined(browser: WebSocket, upstream: object, traffic: Traffic) -> Iterator[tuple[SplicedProtocol, ...]]:
    """Pass messages between browser and upstream while the block runs; yield the protocols of both sides.

    Yields nothing when either side cannot be spliced: then the messages have to be read and written
    one by one. When the block ends, `traffic` has the counts.
    """
    protocol = browser_protocol_of(browser)
    if protocol is None or not isinstance(upstream, UpstreamProtocol):
        yield ()
        return
    upstream.count_with(traffic)
    upstream.buffer_limit_bytes = 0  # from now on, a page that does not read stops the upstream at once
    protocol.join(upstream)
    upstream.join(protocol)
    try:
        protocol.flush()
        upstream.flush()
        yield protocol, upstream
    finally:
        protocol.separate()
        upstream.separate()
        if protocol.walker is not None:
            traffic.events_up, traffic.bytes_up = protocol.walker.messages, protocol.walker.payload_bytes
        traffic.blocked_up_seconds = upstream.blocked_seconds
        traffic.blocked_down_seconds = protocol.blocked_seconds


def abort(browser: WebSocket) -> None:
    """Cut a browser's connection at once and drop what has not been written yet."""
    protocol = browser_protocol_of(browser)
    if protocol is not None:
        protocol.transport.abort()
