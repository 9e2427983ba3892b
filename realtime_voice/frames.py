"""Find the messages in a stream of websocket frames (RFC 6455, section 5). Pure: no I/O, no event loop."""

from __future__ import annotations

from collections.abc import Callable

from realtime_voice.endings import PROTOCOL_ERROR, TEXT_ONLY, CloseReason, too_big
from realtime_voice.traffic import TYPE_WITHIN_BYTES

MAX_MESSAGE_BYTES = 16 * 2**20  # bound of one message, either way; the client's own is MAX_EVENT_BYTES

FINAL, RESERVED, OPCODE = 0x80, 0x70, 0x0F  # bits of a frame's first byte
CONTINUATION, TEXT, BINARY, CLOSE, PONG = 0x0, 0x1, 0x2, 0x8, 0xA
FINAL_TEXT = FINAL | TEXT  # the first byte of nearly every frame: a text message in one frame
MASKED, LENGTH = 0x80, 0x7F  # bits of the second byte
LENGTH_16_BITS = 126  # 126: a 16-bit length follows. 127: a 64-bit length follows (RFC 6455, 5.2)
SHORTEST_HEADER_BYTES = 2
SHORTEST_MASKED_BYTES = 6
MASK_BYTES = 4
MAX_CONTROL_BYTES = 125

Bytes = bytes | memoryview
OnMessage = Callable[[int, bytes, int], None]


class FrameWalker:
    """Find whole messages in a stream of frames, and count them, without changing or decoding a byte.

    Args:
        masked: whether the sender must mask its frames, as clients must.
        binary: whether binary messages are allowed.
        limit_bytes: the largest allowed payload of one message.
        on_message: called for each whole message with its payload's size, a bytes object, and the index in
            it at which the payload begins. Those bytes are readable only when frames are not masked.

    Attributes:
        messages: how many whole messages have come.
        payload_bytes: the sum of their payloads.

    """

    __slots__ = ("at_boundary", "binary", "close_received", "fragmented", "fragments", "head", "limit_bytes", "masked", "message_bytes", "messages", "needed_bytes", "on_message", "payload_bytes", "unfinished")  # fmt: skip

    def __init__(
        self, *, masked: bool, binary: bool, limit_bytes: int, on_message: OnMessage | None = None
    ) -> None:
        self.masked = MASKED if masked else 0
        self.binary = binary
        self.limit_bytes = limit_bytes
        self.on_message = on_message
        self.messages = self.payload_bytes = 0
        self.at_boundary = True  # the next byte is the first of a message
        self.close_received = False
        self.unfinished = bytearray()  # the first bytes of a frame whose rest has not come yet
        self.needed_bytes = 0  # how long `unfinished` must grow before it is worth parsing again
        self.fragmented = False  # a message in several frames has begun and not ended
        self.fragments = bytearray()  # its frames so far; one buffer, since a frame may carry a single byte
        self.message_bytes = 0  # the payload of its frames so far
        self.head = b""  # the first bytes of its payload

    def take_single_message(self, data: bytes) -> bool:
        """Count `data` if it is exactly one whole message in one frame, as most reads are.

        If it returns False, nothing has changed, and `data` must go to `feed`.
        """
        size = len(data)
        if not self.at_boundary or size < SHORTEST_MASKED_BYTES or data[0] != FINAL_TEXT:
            return False
        length = data[1] ^ self.masked  # a wrong mask bit leaves a length above 127, which fails below
        body = 6 if self.masked else 2
        if length == LENGTH_16_BITS:
            body += 2
            length = data[2] << 8 | data[3]
        elif length > LENGTH_16_BITS:
            return False
        if body + length != size or length > self.limit_bytes:
            return False
        self.messages += 1  # the same as `count`, without a call for each frame of each microphone
        self.payload_bytes += length
        if self.on_message is not None:
            self.on_message(length, data, body)
        return True

    def count(self, size: int, data: bytes, at: int) -> None:
        """Count a whole message."""
        self.messages += 1
        self.payload_bytes += size
        if self.on_message is not None:
            self.on_message(size, data, at)

    def feed(self, data: bytes) -> tuple[list[Bytes], bytes, CloseReason | None]:
        """Take bytes as they were read; return whole messages, control frames, and why to end, if so.

        Messages and control frames are returned as they came, headers included. Messages in a row are
        one item, which may be a view of `data`. Bytes after a close frame or an illegal frame are ignored.
        """
        whole: list[Bytes] = []
        control, at, violation = b"", 0, None
        while self.unfinished and not violation:
            missing = self.needed_bytes - len(self.unfinished)
            self.unfinished += data[at : at + missing]
            at += missing
            if at > len(data):
                self.at_boundary = False
                return whole, control, None
            frame, self.unfinished = bytes(self.unfinished), bytearray()
            more, violation = self.scan(frame, 0, whole)
            control += more
        if at < len(data) and not violation:
            more, violation = self.scan(data, at, whole)
            control += more
        self.at_boundary = not (self.unfinished or self.fragmented or self.close_received or violation)
        return whole, control, violation

    def scan(  # noqa: C901  the relay's innermost loop: a call for each frame would cost more than the rest
        self, data: bytes, at: int, whole: list[Bytes]
    ) -> tuple[bytes, CloseReason | None]:
        """Walk the frames in `data[at:]`, append messages to `whole`, and keep a frame that is cut off.

        Returns:
            The control frames, and why to end, if so.

        """
        size, first_unsent = len(data), at  # data[first_unsent:at] is whole messages in a row
        control, violation = b"", None
        while not self.close_received:
            if size - at < SHORTEST_HEADER_BYTES:
                self.needed_bytes = SHORTEST_HEADER_BYTES
                break
            first, second = data[at], data[at + 1]
            length, body = second & LENGTH, at + 2
            if length >= LENGTH_16_BITS:
                body += 2 if length == LENGTH_16_BITS else 8
                length = int.from_bytes(data[at + 2 : body], "big") if body <= size else 0
            simple = first == FINAL_TEXT and second & MASKED == self.masked and not self.fragmented
            if not simple or length > self.limit_bytes:
                violation = self.to_violation(first, second, length)
                if violation:
                    break
            body += MASK_BYTES if self.masked else 0
            end = body + length
            if end > size:
                self.needed_bytes = end - at
                break
            if simple:
                self.count(length, data, body)
                at = end
                continue
            if first_unsent < at:
                whole.append(memoryview(data)[first_unsent:at])
            frame = data[at:end]
            first_unsent = at = end
            if first & OPCODE >= CLOSE:
                control += frame
                self.close_received = first & OPCODE == CLOSE
            elif message := self.add_fragment(
                first, frame, length, data[body : min(end, body + TYPE_WITHIN_BYTES)]
            ):
                whole.append(message)
        if first_unsent < at:
            whole.append(data if at - first_unsent == size else memoryview(data)[first_unsent:at])
        if at < size and not violation and not self.close_received:
            self.unfinished += data[at:]
        return control, violation

    def to_violation(self, first: int, second: int, length: int) -> CloseReason | None:
        """Return why a frame with this header is not allowed here, or None if it is."""
        if second & MASKED != self.masked:
            return PROTOCOL_ERROR
        if first != FINAL_TEXT or self.fragmented:
            opcode = first & OPCODE
            if opcode >= CLOSE:
                legal = opcode <= PONG and first & FINAL and length <= MAX_CONTROL_BYTES
                return None if legal and not first & RESERVED else PROTOCOL_ERROR
            if opcode > BINARY or (opcode == CONTINUATION) != self.fragmented or first & RESERVED:
                return PROTOCOL_ERROR
            if opcode == BINARY and not self.binary:
                return TEXT_ONLY
        return too_big(self.limit_bytes) if self.message_bytes + length > self.limit_bytes else None

    def add_fragment(self, first: int, frame: bytes, length: int, head: bytes) -> bytes:
        """Keep one frame of a message in several; return the whole message after its last frame, else b""."""
        if not self.fragmented:
            self.head = head
        self.fragmented = not first & FINAL
        # An empty frame inside a message carries nothing, and a client may send any number: leave it out.
        if length or not self.fragments or not self.fragmented:
            self.fragments += frame
        self.message_bytes += length
        if self.fragmented:
            return b""
        self.count(self.message_bytes, self.head, 0)
        message = bytes(self.fragments)
        self.fragments, self.message_bytes = bytearray(), 0
        return message
