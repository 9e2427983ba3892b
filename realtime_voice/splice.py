"""The relay's fast path: messages cross from socket to socket as the bytes they came in.

uvicorn and websockets do both handshakes, TLS, pings and closes. Once a leg's handshake is done,
its bytes come here first. Only frame headers are read: whole messages go straight to the other
leg's transport, control frames go to the library that owns the leg.

What holds, always:

- No extension was agreed on either leg, so a frame means the same on both. A browser's frames are
  masked, as a client's must be, and the upstream's are not, so neither needs a change on its way.
- A leg writes whole messages only. So the server's own event, and the libraries' pings and closes,
  may be written at any moment without landing inside a message.
- A message waits until it is whole, and its size is checked from the first header on: of one that
  is too big or illegal no byte reaches the other side.
- A leg keeps one unfinished message, and whole ones up to `hold_bytes` while the other leg cannot
  take them; then it stops reading, and TCP slows the sender.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.asyncio.client import ClientConnection
from websockets.protocol import OPEN

from realtime_voice.endings import (
    BLOCKED_SECONDS,
    DONE,
    PROTOCOL_ERROR,
    STALLED,
    TEXT_ONLY,
    TYPE_WITHIN_BYTES,
    to_ending,
    too_big,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.websockets import WebSocket
    from websockets.http11 import Request

    from realtime_voice.endings import Ending, Limits, Traffic

SILENT_PEER_MS = 20_000  # TCP gives up on a peer that acknowledges nothing for so long
SCOPE_KEY = "realtime_voice.leg"

FINAL, RESERVED, OPCODE = 0x80, 0x70, 0x0F
CONTINUATION, TEXT, BINARY, CLOSE, PONG = 0x0, 0x1, 0x2, 0x8, 0xA
WHOLE_TEXT = FINAL | TEXT
MASKED, LENGTH = 0x80, 0x7F
TWO_BYTES = 126  # as a length: it stands in the next two bytes; one more, and it stands in the next eight
SHORTEST_MASKED_BYTES = 6
MAX_CONTROL_BYTES = 125
WRITE_BUFFER_BYTES = 256 * 2**10  # as much as one read of uvloop's, so that reading does not stutter
EARLY_BYTES = 64 * 2**10  # what an upstream may say before there is a page, pings and pongs still being read
MAX_SERVER_EVENT_BYTES = 16 * 2**20  # some server events exceed websockets' own limit of 1 MiB
HEAD_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n"
END_OF_HEAD = b"\r\n\r\n"
SWITCHING_PROTOCOLS = 101
CLOSE_SECONDS = 1  # how long a browser may take to answer a close
LOOK_SECONDS = 0.5  # between looks at a browser that is not read
TCP_CLOSE, TCP_CLOSE_WAIT = 7, 8  # Linux's states of a socket whose peer has reset it, or sent its last byte
EVENTS_PER_SECOND = 2000  # one client may not keep the loop from the others; a microphone sends 25


Bytes = bytes | memoryview
Seen = Callable[[int, bytes, int], None]


class Walker:
    """Find the messages in a stream of frames without touching what is in them, and count them. Does no I/O.

    Args:
        masked: whether the sender must mask its frames, as clients do.
        binary: whether binary messages may pass.
        limit_bytes: the largest payload of one message.
        seen: called for each whole message with its payload's size, and the bytes in which the payload
            begins, and where; what is there has meaning only when the frames are not masked.

    Attributes:
        messages: how many whole messages came, and
        payload_bytes: the sum of their payloads.

    """

    __slots__ = ("between", "binary", "closed", "head", "held", "limit_bytes", "masked", "message_bytes", "messages", "need", "open", "partial", "payload_bytes", "seen")  # fmt: skip

    def __init__(self, *, masked: bool, binary: bool, limit_bytes: int, seen: Seen | None = None) -> None:
        self.masked = MASKED if masked else 0
        self.binary = binary
        self.limit_bytes = limit_bytes
        self.seen = seen
        self.messages = self.payload_bytes = 0
        self.between = True  # the next byte is the first of a message
        self.closed = False  # a close frame has come
        self.held = bytearray()  # the beginning of a frame
        self.need = 0  # how long `held` must be before it is worth another look
        self.open = False  # a message in several frames is on its way:
        self.partial = bytearray()  # its frames so far; one buffer, since a frame may hold a single byte
        self.message_bytes = 0  # their payload
        self.head = b""  # and how that begins

    def is_message(self, data: bytes) -> bool:
        """Tell whether bytes as they were read are one message and nothing else, as most reads are.

        Then it counts as seen. If not, nothing has changed, and they are to be fed.
        """
        size = len(data)
        if not self.between or size < SHORTEST_MASKED_BYTES or data[0] != WHOLE_TEXT:
            return False
        second = data[1] ^ self.masked  # a mask bit that is not as it must be makes it too large
        body = 6 if self.masked else 2
        if second == TWO_BYTES:
            body += 2
            second = data[2] << 8 | data[3]
        elif second > TWO_BYTES:
            return False
        if body + second != size or second > self.limit_bytes:
            return False
        self.messages += 1  # as in `note`, which would cost a call for each frame of each microphone
        self.payload_bytes += second
        if self.seen is not None:
            self.seen(second, data, body)
        return True

    def note(self, size: int, data: bytes, at: int) -> None:
        """Count a whole message."""
        self.messages += 1
        self.payload_bytes += size
        if self.seen is not None:
            self.seen(size, data, at)

    def feed(self, data: bytes) -> tuple[list[Bytes], bytes, Ending | None]:
        """Take bytes as they were read; return whole messages, control frames, and why to end, if so.

        Messages and control frames are as they came, headers and all; messages in a row come in one
        piece, and may be views of `data`. Nothing behind a close frame or an illegal one is looked at.
        """
        whole: list[Bytes] = []
        control, at, ending = b"", 0, None
        while self.held and not ending:
            missing = self.need - len(self.held)
            self.held += data[at : at + missing]
            at += missing
            if at > len(data):
                self.between = False
                return whole, control, None
            frame, self.held = bytes(self.held), bytearray()
            more, ending = self.scan(frame, 0, whole)
            control += more
        if at < len(data) and not ending:
            more, ending = self.scan(data, at, whole)
            control += more
        self.between = not (self.held or self.open or self.closed or ending)
        return whole, control, ending

    def scan(  # noqa: C901  the relay's innermost loop: a call a frame would cost more than the rest
        self, data: bytes, at: int, whole: list[Bytes]
    ) -> tuple[bytes, Ending | None]:
        """Walk the frames in `data[at:]` and add the messages to `whole`; hold a frame that is cut off."""
        size, run = len(data), at  # data[run:at] is whole messages in a row
        control, ending = b"", None
        while not self.closed:
            if size - at < 2:  # noqa: PLR2004  the shortest header
                self.need = 2
                break
            first, second = data[at], data[at + 1]
            length, body = second & LENGTH, at + 2
            if length >= TWO_BYTES:
                body += 2 if length == TWO_BYTES else 8
                length = int.from_bytes(data[at + 2 : body], "big") if body <= size else 0
            simple = first == WHOLE_TEXT and second & MASKED == self.masked and not self.open
            if not simple or length > self.limit_bytes:
                ending = self.check(first, second, length)
                if ending:
                    break
            body += 4 if self.masked else 0
            end = body + length
            if end > size:
                self.need = end - at
                break
            if simple:
                self.note(length, data, body)
                at = end
                continue
            if run < at:
                whole.append(memoryview(data)[run:at])
            frame = data[at:end]
            run = at = end
            if first & OPCODE >= CLOSE:
                control += frame
                self.closed = first & OPCODE == CLOSE
            elif message := self.gather(
                first, frame, length, data[body : min(end, body + TYPE_WITHIN_BYTES)]
            ):
                whole.append(message)
        if run < at:
            whole.append(data if at - run == size else memoryview(data)[run:at])
        if at < size and not ending and not self.closed:
            self.held += data[at:]
        return control, ending

    def check(self, first: int, second: int, length: int) -> Ending | None:
        """Return why a frame with this header must not pass, if so."""
        if second & MASKED != self.masked:
            return PROTOCOL_ERROR
        if first != WHOLE_TEXT or self.open:
            opcode = first & OPCODE
            if opcode >= CLOSE:
                legal = opcode <= PONG and first & FINAL and length <= MAX_CONTROL_BYTES
                return None if legal and not first & RESERVED else PROTOCOL_ERROR
            if opcode > BINARY or (opcode == CONTINUATION) != self.open or first & RESERVED:
                return PROTOCOL_ERROR
            if opcode == BINARY and not self.binary:
                return TEXT_ONLY
        return too_big(self.limit_bytes) if self.message_bytes + length > self.limit_bytes else None

    def gather(self, first: int, frame: bytes, length: int, head: bytes) -> bytes:
        """Keep one frame of a message in several; return the message when it is whole."""
        if not self.open:
            self.head = head
        self.open = not first & FINAL
        if length or not self.partial or not self.open:  # else it says nothing, and there may be any number
            self.partial += frame
        self.message_bytes += length
        if self.open:
            return b""
        self.note(self.message_bytes, self.head, 0)
        message = bytes(self.partial)
        self.partial, self.message_bytes = bytearray(), 0
        return message


class Leg(asyncio.Protocol):
    """One socket of a session, mixed into the protocol class of the library that opened it.

    All its methods run in the event loop's callbacks; none waits.
    """

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    walker: Walker | None = None  # from the handshake's end on
    other: Leg | None = None  # from the joining to the parting
    sink: asyncio.Transport | None = None  # the other's, while it takes what is written
    hold_bytes = 0
    allowed_messages: float = math.inf
    lost = False  # an illegal frame came, so where the next one begins is not known
    parted = False  # the session has ended: what still comes goes nowhere
    blocked: asyncio.TimerHandle | None = None  # while the peer does not read what it is sent
    blocked_at = 0.0
    blocked_seconds = 0.0
    resting: asyncio.TimerHandle | None = None  # while this leg is not read for a reason of its own

    def start(self, walker: Walker) -> None:
        """Begin to walk this leg's bytes; messages are held until it is joined."""
        self.walker = walker
        self.waiting: list[Bytes] = []
        self.waiting_bytes = 0
        self.ended: asyncio.Future[Ending] = self.loop.create_future()
        self.transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        sock = self.transport.get_extra_info("socket")
        if sock is None or self.transport.is_closing():
            return  # lost meanwhile
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENT_PEER_MS)

    def data_received(self, data: bytes) -> None:
        sink, walker = self.sink, self.walker
        if sink is None or walker is None or not walker.is_message(data):
            self.read(data)
            return
        if not sink.is_closing():  # else that leg has ended, and the session is about to
            sink.write(data)
        if walker.messages > self.allowed_messages:
            self.hurried()

    def read(self, data: bytes) -> None:
        """Take bytes that are not just one message for the other leg."""
        raise NotImplementedError

    def hurried(self) -> None:
        """Act on a peer that has sent more messages than were allowed so far."""

    def give(self, data: bytes) -> None:
        """Let the library that owns this leg take bytes."""
        super().data_received(data)

    def join(self, other: Leg) -> None:
        """Send what comes to another leg from now on."""
        self.other = other
        self.aim()

    def aim(self) -> None:
        """Find out whether the other leg takes what is written."""
        self.sink = self.other.transport if self.other is not None and self.other.blocked is None else None

    def walk(self, walker: Walker, data: bytes) -> bytes:
        """Pass on what is whole in the bytes just read; return the control frames among them."""
        if self.lost:
            return b""
        whole, control, ending = walker.feed(data)
        if whole:
            self.pass_on(whole)
        if ending:
            self.lost = True
            self.end(ending)
        return control

    def pass_on(self, whole: list[Bytes]) -> None:
        """Write messages to the other leg, or hold them while it cannot take them."""
        if self.parted:
            return
        if self.sink is not None:
            if not self.sink.is_closing():
                self.sink.writelines(whole)
            return
        self.waiting += whole
        self.waiting_bytes += sum(map(len, whole))
        if self.waiting_bytes > self.hold_bytes:
            self.pause()

    def release(self) -> None:
        """Write what was held, now that the other leg takes it, and read on."""
        waiting, self.waiting, self.waiting_bytes = self.waiting, [], 0
        self.pass_on(waiting)
        self.resume()

    def pause(self) -> None:
        """Stop reading, so that TCP slows the peer."""
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read again, unless there is a reason left not to."""
        if self.waiting_bytes <= self.hold_bytes and not self.resting and not self.transport.is_closing():
            self.transport.resume_reading()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.block()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.unblock()

    def block(self) -> None:
        """Note that the peer does not read; if that lasts, the session ends."""
        if self.walker is not None and self.blocked is None:
            self.blocked = self.loop.call_later(BLOCKED_SECONDS, self.end, STALLED)
            self.blocked_at = self.loop.time()
            if self.other is not None:
                self.other.aim()

    def unblock(self) -> None:
        """Note that the peer reads again, and send on what was held for it."""
        if self.blocked is not None:
            self.forget_block()
            if self.other is not None:
                self.other.aim()
                self.other.release()

    def forget_block(self) -> None:
        """Stop the clock of a block, if one runs."""
        if self.blocked is not None:
            self.blocked.cancel()
            self.blocked = None
            self.blocked_seconds += self.loop.time() - self.blocked_at

    def end(self, ending: Ending) -> None:
        """Note why this leg ended; the first reason counts, and none before the leg has started."""
        if self.walker is not None and not self.ended.done():
            self.ended.set_result(ending)

    def part(self) -> None:
        """Let go of the other leg and all that was held; read on, to see the peer's close."""
        self.parted, self.other, self.sink = True, None, None
        self.waiting, self.waiting_bytes = [], 0
        self.forget_block()
        if self.resting is not None:
            self.resting.cancel()
            self.resting = None
        self.resume()


class BrowserLeg(Leg, WebSocketsSansIOProtocol):
    """uvicorn's websocket protocol, found by its session in the scope."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.close_timeout = CLOSE_SECONDS
        self.second_began = 0.0
        self.allowed_messages = EVENTS_PER_SECOND
        self.looking: asyncio.TimerHandle | None = None

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == SWITCHING_PROTOCOLS:  # only then there is a scope
            cast("dict[str, Any]", self.scope["extensions"])[SCOPE_KEY] = self
            self.transport.pause_reading()  # so that not even a hasty client's frames come before the walker

    def read(self, data: bytes) -> None:
        if self.walker is None:
            self.give(data)
            if (
                self.conn.handshake_exc and not self.handshake_initiated
            ):  # uvicorn would leave it open for ever
                self.transport.write(HEAD_TOO_LARGE)
                self.transport.close()
            return
        control = self.walk(self.walker, data)
        if self.walker.messages > self.allowed_messages:
            self.hurried()
        if control:
            self.give(control)
            if self.conn.close_rcvd:
                self.end(DONE)

    def handle_ping(self) -> None:
        """Answer a ping, but not of a browser that does not read: the answers would pile up."""
        if self.blocked is None:
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def pause(self) -> None:
        super().pause()
        if hasattr(socket, "TCP_INFO") and self.looking is None:  # Linux
            self.looking = self.loop.call_later(LOOK_SECONDS, self.look)

    def look(self) -> None:
        """See whether the browser has left, for as long as it is not read: then no read tells."""
        self.looking = None
        if self.transport.is_closing() or self.transport.is_reading():
            return
        sock = self.transport.get_extra_info("socket")
        if sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in {TCP_CLOSE, TCP_CLOSE_WAIT}:
            self.end(DONE)
        else:
            self.looking = self.loop.call_later(LOOK_SECONDS, self.look)

    def hurried(self) -> None:
        """Rest until the second is over, if it is not."""
        left = self.second_began + 1 - self.loop.time()
        if self.resting is not None:
            return
        if left > 0:
            self.pause()
            self.resting = self.loop.call_later(left, self.rested)
        else:
            self.begin_second()

    def begin_second(self) -> None:
        """Allow the messages of another second."""
        self.second_began = self.loop.time()
        self.allowed_messages = (self.walker.messages if self.walker else 0) + EVENTS_PER_SECOND

    def rested(self) -> None:
        self.resting = None
        self.begin_second()
        self.resume()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.transport.abort()  # a peer that is silent would not let the close frame out either

    def eof_received(self) -> None:
        super().eof_received()
        self.end(DONE)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.end(DONE)


class UpstreamLeg(Leg, ClientConnection):
    """websockets' client connection; from the handshake on its messages wait here for the joining."""

    hold_bytes = EARLY_BYTES

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.before = b""  # the last bytes of the response's head so far
        self.uncounted: list[tuple[int, bytes, int]] = []  # what was seen before there was anyone to count it

    def read(self, data: bytes) -> None:
        if self.walker is not None:
            if control := self.walk(self.walker, data):
                self.give(control)
                if self.protocol.close_rcvd:
                    self.end(to_ending(self))
            return
        end = (self.before + data).find(END_OF_HEAD)
        if end < 0:
            self.before = (self.before + data)[1 - len(END_OF_HEAD) :]
            self.give(data)
            return
        cut = end + len(END_OF_HEAD) - len(self.before)
        self.give(data[:cut])
        if self.protocol.state is OPEN and not self.protocol.extensions:
            self.start(Walker(masked=False, binary=True, limit_bytes=MAX_SERVER_EVENT_BYTES, seen=self.note))
        if cut < len(data):
            self.data_received(data[cut:])

    def note(self, size: int, data: bytes, at: int) -> None:
        """Keep the count of a message until the joining."""
        self.uncounted.append((size, data[at : at + TYPE_WITHIN_BYTES], 0))

    def count_with(self, traffic: Traffic) -> None:
        """Count this leg's messages from now on, and those that came before."""
        for size, head, at in self.uncounted:
            traffic.down(size, head, at)
        self.uncounted = []
        if self.walker is not None:
            self.walker.seen = traffic.down

    def eof_received(self) -> None:
        super().eof_received()
        self.end(to_ending(self))

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.end(to_ending(self))


def leg_of(browser: WebSocket) -> BrowserLeg | None:
    """Return the protocol that drives a browser's socket, when the server runs with BrowserLeg."""
    leg: BrowserLeg | None = browser.scope["extensions"].get(SCOPE_KEY)
    return leg


def begin(browser: WebSocket, limits: Limits) -> bool:
    """Hold an accepted browser's messages for the upstream to come; tell whether its leg can be spliced.

    It cannot when the app runs under another server, or uvicorn under other settings, than main's.
    """
    leg = leg_of(browser)
    if leg is None:
        return False
    if leg.conn.extensions:
        leg.transport.resume_reading()
        return False
    leg.hold_bytes = limits.event_bytes
    leg.start(Walker(masked=True, binary=False, limit_bytes=limits.event_bytes))
    leg.resume()
    return True


@contextlib.contextmanager
def joined(browser: WebSocket, upstream: ClientConnection, traffic: Traffic) -> Iterator[tuple[Leg, ...]]:
    """Join a browser's leg and the upstream's while the block runs, and yield both; or yield nothing.

    Nothing, when the browser's leg could not begin and the upstream is therefore no leg either: then
    the messages are to be read from the sockets themselves.
    """
    leg = leg_of(browser)
    if leg is None or not isinstance(upstream, UpstreamLeg):
        yield ()
        return
    upstream.count_with(traffic)
    upstream.hold_bytes = 0  # from now on a page that does not read stops the upstream at once
    leg.join(upstream)
    upstream.join(leg)
    try:
        leg.release()
        upstream.release()
        yield leg, upstream
    finally:
        leg.part()
        upstream.part()
        if leg.walker is not None:
            traffic.events_up, traffic.bytes_up = leg.walker.messages, leg.walker.payload_bytes
        traffic.blocked_up_seconds = upstream.blocked_seconds
        traffic.blocked_down_seconds = leg.blocked_seconds


def abort(browser: WebSocket) -> None:
    """Cut a browser's connection at once, whatever is still to be written."""
    leg = leg_of(browser)
    if leg is not None:
        leg.transport.abort()
