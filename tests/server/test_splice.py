"""The walker finds exactly the messages that a full parser finds, however the bytes are cut."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side

from realtime_voice.frames import FrameWalker
from realtime_voice.splice import SplicedProtocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mock_azure import Azure
    from server_process import StartServer

    from realtime_voice.endings import CloseReason

LIMIT = 2**20
SIZES = st.sampled_from([0, 1, 125, 126, 127, 200, 65_535, 65_536, 70_000])


def text(fin: bool, opcode: Opcode, size: int) -> Frame:
    return Frame(opcode, b"x" * size, fin)


@dataclass
class Stream:
    """Frames of one side, and what must pass of them."""

    frames: list[Frame]

    def written(self, *, masked: bool) -> bytes:
        return b"".join(frame.serialize(mask=masked) for frame in self.frames)


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    """Return messages whole and in fragments, with pings and pongs anywhere between the frames."""
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


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def walk(
    pieces: list[bytes], *, masked: bool, limit: int = LIMIT
) -> tuple[bytes, bytes, list[int], CloseReason | None]:
    """Return all that passed, all control frames, the sizes seen, and the ending."""
    sizes: list[int] = []
    walker = FrameWalker(
        masked=masked, binary=False, limit_bytes=limit, on_message=lambda size, _data, _at: sizes.append(size)
    )
    passed = control = b""
    for piece in pieces:
        if walker.take_single_message(piece):
            passed += piece
            continue
        whole, controls, ending = walker.feed(piece)
        passed += b"".join(whole)
        control += controls
        if ending:
            return passed, control, sizes, ending
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


@settings(deadline=None, max_examples=200)
@given(
    stream=streams(),
    places=st.lists(st.integers(0, 2**30), max_size=40),
    masked=st.booleans(),
    frame_by_frame=st.booleans(),
)
def test_messages_pass_and_control_frames_stay_however_the_bytes_are_cut(
    stream: Stream, places: list[int], masked: bool, frame_by_frame: bool
) -> None:
    written = [frame.serialize(mask=masked) for frame in stream.frames]
    data = b"".join(written)
    pieces = written if frame_by_frame else cut(data, places)
    passed, control, sizes, ending = walk(pieces, masked=masked)
    assert ending is None
    frames = parse(data, masked=masked)
    nothing = (Opcode.CONT, False, b"")  # left out: there may be any number of them
    data_frames = [frame for frame in frames if frame[0] < Opcode.CLOSE and frame != nothing]
    assert parse(passed, masked=masked) == data_frames
    assert parse(control, masked=masked) == [frame for frame in frames if frame[0] >= Opcode.CLOSE]
    expected: list[int] = []
    for opcode, _, payload in parse(passed, masked=masked):
        if opcode is Opcode.CONT:
            expected[-1] += len(payload)
        else:
            expected.append(len(payload))
    assert sizes == expected


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
@pytest.mark.parametrize("masked", [True, False])
def test_every_cut_through_a_header_gives_the_same(size: int, masked: bool) -> None:
    stream = Stream(
        [text(True, Opcode.TEXT, size), Frame(Opcode.PING, b"ping"), text(True, Opcode.TEXT, size)]
    )
    data = stream.written(masked=masked)
    whole = walk([data], masked=masked)
    for place in [*range(16), *range(len(data) - size - 20, len(data))]:
        if 0 <= place <= len(data):
            assert walk([data[:place], data[place:]], masked=masked) == whole
    if size <= 126:
        assert walk([data[at : at + 1] for at in range(len(data))], masked=masked) == whole


def test_a_row_of_whole_messages_is_passed_on_as_the_bytes_that_were_read() -> None:
    data = Stream([text(True, Opcode.TEXT, 1000)] * 3).written(masked=False)
    walker = FrameWalker(masked=False, binary=False, limit_bytes=LIMIT, on_message=lambda *_: None)
    (passed,), _, _ = walker.feed(data)
    assert passed is data


def test_the_beginning_of_a_server_event_is_shown() -> None:
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
    walker.feed(Stream(frames).written(masked=False))
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
def test_an_illegal_frame_ends_the_session_and_nothing_of_it_passes(name: str) -> None:
    code, frames = ILLEGAL[name]
    good = GOOD.serialize(mask=True)
    data = good + frames
    for step in (len(data), len(data) // 2, max(1, len(data) // 1000)):
        passed, _, _, ending = walk([data[at : at + step] for at in range(0, len(data), step)], masked=True)
        assert ending is not None
        assert ending.code == code
        assert passed == good


def test_nothing_behind_a_close_frame_is_looked_at() -> None:
    close = Frame(Opcode.CLOSE, b"\x03\xe8").serialize(mask=True)
    good = GOOD.serialize(mask=True)
    assert walk([good + close + b"\xff" * 50], masked=True)[:2] == (good, close)


class Wire:
    """A transport that notes what is written to it and whether it is read."""

    def __init__(self) -> None:
        self.written = b""
        self.reading = True

    def write(self, data: bytes) -> None:
        self.written += data

    def writelines(self, lines: list[bytes]) -> None:
        self.written += b"".join(lines)

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def set_write_buffer_limits(self, high: int) -> None:
        pass

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, _: str) -> None:
        return None


class BareProtocol(SplicedProtocol):
    """A leg without a library."""

    def __init__(self, *, masked: bool, buffer_limit_bytes: int) -> None:
        self.wire = Wire()
        self.transport = cast("asyncio.Transport", self.wire)
        self.loop = asyncio.get_running_loop()
        self.buffer_limit_bytes = buffer_limit_bytes
        self.control = b""
        self.start_walking(
            FrameWalker(masked=masked, binary=False, limit_bytes=LIMIT, on_message=lambda *_: None)
        )

    def take_bytes(self, data: bytes) -> None:
        assert self.walker
        self.control += self.walk(self.walker, data)


@pytest.fixture
async def legs() -> AsyncIterator[tuple[BareProtocol, BareProtocol]]:
    browser, upstream = (
        BareProtocol(masked=True, buffer_limit_bytes=100),
        BareProtocol(masked=False, buffer_limit_bytes=0),
    )
    browser.join(upstream)
    upstream.join(browser)
    yield browser, upstream
    browser.separate()
    upstream.separate()


def message(size: int, *, masked: bool) -> bytes:
    return Frame(Opcode.TEXT, b"x" * size).serialize(mask=masked)


async def test_a_page_that_leaves_while_the_upstream_is_blocked_is_seen(
    legs: tuple[BareProtocol, BareProtocol],
) -> None:
    browser, upstream = legs
    upstream.mark_blocked()
    close = Frame(Opcode.CLOSE, b"").serialize(mask=True)
    browser.data_received(message(50, masked=True) + close)
    assert browser.control == close
    assert browser.wire.reading
    assert upstream.wire.written == b""


async def test_a_blocked_leg_gets_what_was_held_for_it_in_order_when_it_reads_again(
    legs: tuple[BareProtocol, BareProtocol],
) -> None:
    browser, upstream = legs
    sent = [message(size, masked=True) for size in (10, 20, 90, 5)]
    browser.data_received(sent[0])
    upstream.mark_blocked()
    for frames in sent[1:3]:
        browser.data_received(frames)
    assert not browser.wire.reading
    assert upstream.wire.written == sent[0]
    upstream.mark_unblocked()
    assert browser.wire.reading
    browser.data_received(sent[3])
    assert upstream.wire.written == b"".join(sent)


async def test_a_page_that_does_not_read_stops_the_upstream_at_once(
    legs: tuple[BareProtocol, BareProtocol],
) -> None:
    browser, upstream = legs
    browser.mark_blocked()
    upstream.data_received(message(1, masked=False))
    assert not upstream.wire.reading
    browser.mark_unblocked()
    assert upstream.wire.reading
    assert browser.wire.written == message(1, masked=False)


async def test_a_leg_that_rests_is_not_read_again_because_the_other_is_free(
    legs: tuple[BareProtocol, BareProtocol],
) -> None:
    browser, upstream = legs
    browser.pause_reading()
    browser.rate_timer = asyncio.get_running_loop().call_later(60, lambda: None)
    upstream.mark_blocked()
    upstream.mark_unblocked()
    assert not browser.wire.reading


async def test_after_the_parting_nothing_passes_and_both_are_read_for_their_close(
    legs: tuple[BareProtocol, BareProtocol],
) -> None:
    browser, upstream = legs
    upstream.mark_blocked()
    browser.data_received(message(500, masked=True))
    for leg in legs:
        leg.separate()
    browser.data_received(message(5, masked=True))
    assert upstream.wire.written == b""
    assert browser.wire.reading


OVERRIDDEN = {
    WebSocketsSansIOProtocol: (
        "connection_lost", "data_received", "eof_received", "handle_connect", "handle_ping",
        "keepalive_timeout", "pause_writing", "resume_writing",
    ),
    ClientConnection: ("connection_lost", "data_received", "eof_received", "pause_writing", "resume_writing"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("library", "name"), [(library, name) for library, names in OVERRIDDEN.items() for name in names]
)
def test_the_libraries_still_have_what_a_leg_overrides(library: type, name: str) -> None:
    assert callable(getattr(library, name, None)), (
        f"{library.__module__} has no {name} any more: see what took its place, and mend splice.py"
    )


async def test_the_servers_sessions_are_spliced(server: StartServer, azure: Azure, ca_file: str) -> None:
    running = server(**azure.environment(SSL_CERT_FILE=ca_file))
    async with connect(f"{running.ws_url}/ws", proxy=None) as page:
        upstream = await azure.sessions.get()
        await page.send(["frame ", "by frame"])  # and an empty one at the end
        frames = [frame async for frame in upstream.recv_streaming()]
    assert frames == ["frame ", "by frame", ""], (
        "events are read one by one: uvicorn or websockets open their sockets in another way now, so that "
        "splice.begin finds no leg of its own; nothing is lost but the speed"
    )
