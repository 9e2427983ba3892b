"""FrameWalker finds exactly the messages that a full parser finds, however the bytes are split into reads."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side

from realtime_voice.frames import FrameWalker

if TYPE_CHECKING:
    from realtime_voice.endings import CloseReason

LIMIT = 2**20
SIZES = st.sampled_from([0, 1, 125, 126, 127, 200, 65_535, 65_536, 70_000])


def text(fin: bool, opcode: Opcode, size: int) -> Frame:
    return Frame(opcode, b"x" * size, fin)


@dataclass
class Stream:
    """The frames that one side sends."""

    frames: list[Frame]

    def serialize(self, *, masked: bool) -> bytes:
        return b"".join(frame.serialize(mask=masked) for frame in self.frames)


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    """Return messages in one frame and in several, with pings and pongs anywhere between the frames."""
    frames: list[Frame] = []
    for _ in range(draw(st.integers(0, 6))):
        count = draw(st.integers(1, 4))
        for number in range(count):
            while draw(st.integers(0, 3)) == 0:
                opcode = draw(st.sampled_from([Opcode.PING, Opcode.PONG]))
                frames.append(Frame(opcode, draw(st.binary(max_size=125))))
            opcode = Opcode.CONT if number else Opcode.TEXT
            frames.append(text(number == count - 1, opcode, draw(SIZES)))
    return Stream(frames)


def split(data: bytes, places: list[int]) -> list[bytes]:
    """Split data at these places, taken modulo its length."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def walk(
    pieces: list[bytes], *, masked: bool, limit: int = LIMIT
) -> tuple[bytes, bytes, list[int], CloseReason | None]:
    """Feed pieces as reads; return the bytes of messages, the control frames, the sizes counted, and why to end."""
    sizes: list[int] = []
    walker = FrameWalker(
        masked=masked, binary=False, limit_bytes=limit, on_message=lambda size, _data, _at: sizes.append(size)
    )
    passed = control = b""
    for piece in pieces:
        if walker.take_single_message(piece):
            passed += piece
            continue
        whole, controls, violation = walker.feed(piece)
        passed += b"".join(whole)
        control += controls
        if violation:
            return passed, control, sizes, violation
    return passed, control, sizes, None


def parse(data: bytes, *, masked: bool) -> list[tuple[Opcode, bool, bytes]]:
    """Parse frames with websockets' own parser."""
    protocol = Protocol(Side.SERVER if masked else Side.CLIENT, max_size=None)
    protocol.receive_data(data)
    assert protocol.parser_exc is None
    return [
        (event.opcode, event.fin, bytes(event.data))
        for event in protocol.events_received()
        if isinstance(event, Frame)
    ]


@pytest.mark.thorough
@settings(deadline=None, max_examples=200)
@given(
    stream=streams(),
    places=st.lists(st.integers(0, 2**30), max_size=40),
    masked=st.booleans(),
    frame_by_frame=st.booleans(),
)
def test_messages_and_control_frames_are_separated_however_the_bytes_are_split(
    stream: Stream, places: list[int], masked: bool, frame_by_frame: bool
) -> None:
    written = [frame.serialize(mask=masked) for frame in stream.frames]
    data = b"".join(written)
    pieces = written if frame_by_frame else split(data, places)
    passed, control, sizes, violation = walk(pieces, masked=masked)
    assert violation is None
    frames = parse(data, masked=masked)
    empty = (Opcode.CONT, False, b"")  # the walker leaves these out
    data_frames = [frame for frame in frames if frame[0] < Opcode.CLOSE and frame != empty]
    assert parse(passed, masked=masked) == data_frames
    assert parse(control, masked=masked) == [frame for frame in frames if frame[0] >= Opcode.CLOSE]
    expected: list[int] = []
    for opcode, _, payload in parse(passed, masked=masked):
        if opcode is Opcode.CONT:
            expected[-1] += len(payload)
        else:
            expected.append(len(payload))
    assert sizes == expected


@pytest.mark.thorough
@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
@pytest.mark.parametrize("masked", [True, False])
def test_a_split_anywhere_in_a_header_changes_nothing(size: int, masked: bool) -> None:
    stream = Stream(
        [text(True, Opcode.TEXT, size), Frame(Opcode.PING, b"ping"), text(True, Opcode.TEXT, size)]
    )
    data = stream.serialize(masked=masked)
    whole = walk([data], masked=masked)
    for place in [*range(16), *range(len(data) - size - 20, len(data))]:
        if 0 <= place <= len(data):
            assert walk([data[:place], data[place:]], masked=masked) == whole
    if size <= 126:
        assert walk([data[at : at + 1] for at in range(len(data))], masked=masked) == whole


def test_a_read_of_whole_messages_is_returned_without_a_copy() -> None:
    data = Stream([text(True, Opcode.TEXT, 1000)] * 3).serialize(masked=False)
    walker = FrameWalker(masked=False, binary=False, limit_bytes=LIMIT, on_message=lambda *_: None)
    (passed,), _, _ = walker.feed(data)
    assert passed is data


def test_the_first_bytes_of_a_server_event_can_be_read() -> None:
    heads: list[bytes] = []
    walker = FrameWalker(
        masked=False,
        binary=False,
        limit_bytes=LIMIT,
        on_message=lambda size, data, at: heads.append(data[at : at + size]),
    )
    event = b'{"type":"response.created"}'
    frames = [
        Frame(Opcode.TEXT, event),
        Frame(Opcode.TEXT, event[:9], fin=False),
        Frame(Opcode.CONT, event[9:]),
    ]
    walker.feed(Stream(frames).serialize(masked=False))
    assert heads == [event, event[:9]]


GOOD = Frame(Opcode.TEXT, b"good")
MASK = b"\x01\x02\x03\x04"
ILLEGAL = {
    "unmasked": (1002, GOOD.serialize(mask=False)),
    "reserved bit": (1002, b"\xc1\x80" + MASK),
    "reserved data opcode": (1002, b"\x83\x80" + MASK),
    "reserved control opcode": (1002, b"\x8b\x80" + MASK),
    "continuation of nothing": (1002, b"\x80\x80" + MASK),
    "text inside a message": (1002, b"\x01\x80" + MASK + b"\x81\x80" + MASK),
    "fragmented ping": (1002, b"\x09\x80" + MASK),
    "long ping": (1002, b"\x89\xfe\x00\x7e" + MASK + b"x" * 126),
    "reserved bit on a close": (1002, b"\xc8\x80" + MASK),
    "binary": (1003, b"\x82\x80" + MASK),
    "too big": (1009, b"\x81\xff" + (LIMIT + 1).to_bytes(8, "big") + MASK),
    "absurdly big": (1009, b"\x81\xff" + b"\xff" * 8 + MASK),
    "too big in fragments": (
        1009,
        b"\x01\xff" + LIMIT.to_bytes(8, "big") + MASK + b"x" * LIMIT + b"\x80\x81" + MASK,
    ),
}


@pytest.mark.parametrize("name", ILLEGAL)
def test_an_illegal_frame_is_a_violation_and_no_byte_of_it_is_returned(name: str) -> None:
    code, frames = ILLEGAL[name]
    good = GOOD.serialize(mask=True)
    data = good + frames
    for step in (len(data), len(data) // 2, max(1, len(data) // 1000)):
        passed, _, _, violation = walk(
            [data[at : at + step] for at in range(0, len(data), step)], masked=True
        )
        assert violation is not None
        assert violation.code == code
        assert passed == good


def test_bytes_after_a_close_frame_are_ignored() -> None:
    close = Frame(Opcode.CLOSE, b"\x03\xe8").serialize(mask=True)
    good = GOOD.serialize(mask=True)
    assert walk([good + close + b"\xff" * 50], masked=True)[:2] == (good, close)
