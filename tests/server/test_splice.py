"""Two spliced sides pass messages with back-pressure, and fit the protocol classes of uvicorn and websockets."""

from __future__ import annotations

import ast
import asyncio
import inspect
from typing import TYPE_CHECKING, cast

import pytest
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.asyncio.client import ClientConnection
from websockets.frames import Frame, Opcode

from realtime_voice.frames import FrameWalker
from realtime_voice.splice import BrowserProtocol, SplicedProtocol, UpstreamProtocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LIMIT = 2**20


class FakeTransport:
    """A transport that records what is written to it and whether it is being read."""

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
    """One side without a library's protocol class."""

    def __init__(self, *, masked: bool, buffer_limit_bytes: int) -> None:
        self.fake = FakeTransport()
        self.transport = cast("asyncio.Transport", self.fake)
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
async def sides() -> AsyncIterator[tuple[BareProtocol, BareProtocol]]:
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


async def test_the_close_of_a_page_is_received_while_the_upstream_is_blocked(
    sides: tuple[BareProtocol, BareProtocol],
) -> None:
    browser, upstream = sides
    upstream.mark_blocked()
    close = Frame(Opcode.CLOSE, b"").serialize(mask=True)
    browser.data_received(message(50, masked=True) + close)
    assert browser.control == close
    assert browser.fake.reading
    assert upstream.fake.written == b""


async def test_a_blocked_side_gets_what_was_buffered_for_it_in_order_when_it_reads_again(
    sides: tuple[BareProtocol, BareProtocol],
) -> None:
    browser, upstream = sides
    sent = [message(size, masked=True) for size in (10, 20, 90, 5)]
    browser.data_received(sent[0])
    upstream.mark_blocked()
    for frames in sent[1:3]:
        browser.data_received(frames)
    assert not browser.fake.reading
    assert upstream.fake.written == sent[0]
    upstream.mark_unblocked()
    assert browser.fake.reading
    browser.data_received(sent[3])
    assert upstream.fake.written == b"".join(sent)


async def test_a_page_that_does_not_read_stops_the_upstream_at_once(
    sides: tuple[BareProtocol, BareProtocol],
) -> None:
    browser, upstream = sides
    browser.mark_blocked()
    upstream.data_received(message(1, masked=False))
    assert not upstream.fake.reading
    browser.mark_unblocked()
    assert upstream.fake.reading
    assert browser.fake.written == message(1, masked=False)


async def test_a_side_that_sent_too_fast_is_not_read_because_the_other_side_is_unblocked(
    sides: tuple[BareProtocol, BareProtocol],
) -> None:
    browser, upstream = sides
    browser.pause_reading()
    browser.rate_timer = asyncio.get_running_loop().call_later(60, lambda: None)
    upstream.mark_blocked()
    upstream.mark_unblocked()
    assert not browser.fake.reading


async def test_after_separation_no_message_passes_and_both_sides_are_read_for_their_close(
    sides: tuple[BareProtocol, BareProtocol],
) -> None:
    browser, upstream = sides
    upstream.mark_blocked()
    browser.data_received(message(500, masked=True))
    for side in sides:
        side.separate()
    browser.data_received(message(5, masked=True))
    assert upstream.fake.written == b""
    assert browser.fake.reading


OVERRIDDEN = {
    BrowserProtocol: (
        "connection_lost", "data_received", "eof_received", "handle_connect", "handle_ping", "keepalive_timeout",
        "pause_writing", "resume_writing",
    ),
    UpstreamProtocol: ("connection_lost", "data_received", "eof_received", "pause_writing", "resume_writing"),
}  # fmt: skip
LIBRARY = {BrowserProtocol: WebSocketsSansIOProtocol, UpstreamProtocol: ClientConnection}
SHARED = {"transport", "loop", "close_timeout"}  # the library's attributes that ours declare or set


def library_classes(ours: type[SplicedProtocol]) -> list[type]:
    """Return the library's classes that ours inherit from; asyncio.Protocol, which has many of the names, is not one."""
    return [base for base in LIBRARY[ours].__mro__ if base.__module__.startswith(("uvicorn.", "websockets."))]


@pytest.mark.parametrize(
    ("ours", "name"), [(ours, name) for ours, names in OVERRIDDEN.items() for name in names]
)
def test_the_library_has_each_method_that_we_override_with_the_same_parameters(
    ours: type[SplicedProtocol], name: str
) -> None:
    theirs = next((vars(base)[name] for base in library_classes(ours) if name in vars(base)), None)
    assert theirs, f"{LIBRARY[ours]} has no {name} any more: see what replaced it, and adapt splice.py"
    assert list(inspect.signature(getattr(ours, name)).parameters) == list(
        inspect.signature(theirs).parameters
    )


def names_in(cls: type) -> set[str]:
    """Return the methods and attributes of a class, without dunders: those of its body, and those assigned to self."""
    (tree,) = ast.parse(inspect.getsource(cls)).body
    nodes = list(ast.walk(tree))
    methods = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assigned = {
        node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }
    declared = {
        node.target.id
        for node in nodes
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    return {name for name in methods | assigned | declared if not name.startswith("__")}


@pytest.mark.parametrize("ours", OVERRIDDEN)
def test_our_protocol_classes_share_no_other_name_with_the_library(ours: type[SplicedProtocol]) -> None:
    theirs = set().union(*map(names_in, library_classes(ours)))
    mine = names_in(SplicedProtocol) | names_in(ours)
    assert (mine & theirs) - SHARED == set(OVERRIDDEN[ours])
