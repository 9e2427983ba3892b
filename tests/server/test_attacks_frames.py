"""Random events and frames, legal and illegal: the server survives, reveals nothing, and keeps nothing."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from processes import open_files, resident_bytes
from raw_http import ask, frame, open_connection, opens_websocket, read_all, upgrade, upgrade_head
from server_process import Server, StartServer

if TYPE_CHECKING:
    from collections.abc import Iterator

CODE = "a-code-of-the-tests-0123456789"
CREDENTIALS = ("api-key", CODE)
HOST = "voice.example.com"
LIMIT_BYTES = 4096


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with StartServer() as start:
        server = start(
            ACCESS_CODE=CODE,
            PUBLIC_ORIGIN=f"https://{HOST}",
            MAX_EVENT_BYTES=str(LIMIT_BYTES),
            LOG_LEVEL="debug",
        )
        assert opens_websocket(
            server.url, CREDENTIALS, host=HOST
        )  # opens what the server opens once and keeps
        server.wait_for_log(" ended ")
        yield server
        assert ask(server.url, "/healthz").status == 200
        server.wait_until_all_ended()
        assert CODE not in server.log()
        assert " failed: " not in server.log()


def wait_until_sockets_closed(server: Server, before: int) -> None:
    """Wait until the server holds no more sockets than before."""
    until = time.monotonic() + 20
    while open_files(server.process.pid) > before:
        assert time.monotonic() < until, "the server keeps sockets of sessions that have ended"
        time.sleep(0.01)  # a file table of another process sends no event


def send(server: Server, *pieces: bytes, fin: bool = True) -> bytes:
    """Open a session, send the pieces and then FIN, and return every byte that came back."""
    before = open_files(server.process.pid)
    with upgrade(server.url, CREDENTIALS, host=HOST) as (sock, answer):
        assert answer.status == 101
        with contextlib.suppress(ConnectionError):  # the server may close before all is sent
            for piece in pieces:
                sock.sendall(piece)
            if fin:
                sock.shutdown(socket.SHUT_WR)
        received = answer.raw + read_all(sock)
    wait_until_sockets_closed(server, before)
    return received


def close_code(received: bytes) -> int:
    """Return the code of the close frame at the end of what was received."""
    at = received.rindex(b"\x88")
    return int.from_bytes(received[at + 2 : at + 4], "big")


small = st.binary(max_size=300)
frames = st.builds(
    frame,
    st.integers(0, 15),
    small | st.integers(LIMIT_BYTES - 1, 2 * LIMIT_BYTES).map(bytes),
    fin=st.booleans(),
    reserved=st.sampled_from([0, 0, 0, 4, 2, 1, 7]),
    mask=st.sampled_from([True, True, True, False]),
)
fragments = st.lists(small, min_size=2, max_size=20).map(
    lambda parts: b"".join(
        frame(0 if number else 1, part, fin=number == len(parts) - 1) for number, part in enumerate(parts)
    )
)
oversized = st.builds(  # a header whose length is far more than what follows, up to 2**64 - 1
    lambda first, length, rest: bytes([first, 0xFF]) + length.to_bytes(8, "big") + rest,
    st.sampled_from([0x81, 0x01, 0x80, 0x89]),
    st.integers(0, 2**64 - 1),
    small,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
events = st.builds(
    lambda kind, more: {**more, "type": kind},
    st.sampled_from(
        [
            "session.update",
            "input_audio_buffer.append",
            "input_audio_buffer.commit",
            "conversation.item.create",
            "conversation.item.truncate",
            "conversation.item.delete",
            "conversation.item.retrieve",
            "response.create",
            "response.cancel",
        ]
    )
    | st.text(max_size=10),
    st.dictionaries(
        st.sampled_from(["session", "item", "audio", "response", "item_id", "audio_end_ms", "event_id", "x"]),
        json_values,
        max_size=4,
    ),
).map(lambda event: frame(1, json.dumps(event).encode()))


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(parts=st.lists(frames | fragments | oversized | small | events, max_size=8), size=st.integers(1, 5000))
@pytest.mark.long
def test_random_frames_reveal_nothing_and_the_server_survives(
    running: Server, parts: list[bytes], size: int
) -> None:
    data = b"".join(parts)
    received = send(running, *(data[at : at + size] for at in range(0, len(data), size)))
    assert CODE.encode() not in received
    assert b"Traceback" not in received


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(sent=st.lists(events, min_size=1, max_size=6))
def test_random_events_do_not_end_a_session(running: Server, sent: list[bytes]) -> None:
    received = send(running, *sent, frame(8, (1000).to_bytes(2, "big")))
    assert close_code(received) == 1000


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(1, b"x" * (LIMIT_BYTES + 1)), 1009),
        (frame(1, b"x" * LIMIT_BYTES, fin=False) + frame(0, b"x"), 1009),
        (bytes([0x81, 0xFF]) + (2**63).to_bytes(8, "big"), 1009),
        (frame(2, b"\x00"), 1003),
        (frame(1, b"{}", mask=False), 1002),
        (frame(1, b"{}", reserved=4), 1002),
        (frame(0, b"{}"), 1002),
        (frame(1, b"{}", fin=False) + frame(1, b"{}"), 1002),
        (frame(3, b"{}"), 1002),
        (frame(11, b"{}"), 1002),
        (frame(9, b"x" * 126), 1002),
        (frame(9, b"x", fin=False), 1002),
        (frame(8, b"x" * 126), 1002),
        (frame(8, b"x"), 1002),
        (frame(8, (1005).to_bytes(2, "big")), 1002),
        (frame(8, (1000).to_bytes(2, "big") + b"\xff"), 1007),
    ],
)  # fmt: skip
def test_each_protocol_violation_has_its_close_code(running: Server, sent: bytes, code: int) -> None:
    assert close_code(send(running, sent, fin=False)) == code


def test_text_that_is_not_utf8_is_not_logged(running: Server) -> None:
    send(running, frame(1, b"\xff\xfe\xfd"), frame(1, b"{}"))
    assert "UnicodeDecodeError" not in running.log()


@pytest.mark.parametrize("delay_seconds", [None, 0, 0.0005, 0.001, 0.002, 0.004])
def test_frames_sent_before_the_handshake_is_answered_are_relayed(
    running: Server, delay_seconds: float | None
) -> None:
    """With the request, and at different moments of the handshake; which one it is makes no difference."""
    request = upgrade_head(running.url, "/ws", (CREDENTIALS,), HOST)
    frames = frame(1, b'{"type":"input_audio_buffer.clear"}') * 3
    with open_connection(running.url) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if delay_seconds is None:
            sock.sendall(request + frames)
        else:
            sock.sendall(request)
            time.sleep(delay_seconds)
            sock.sendall(frames)
        received = b""
        while received.count(b'"input_audio_buffer.cleared"') < 3:
            received += (part := sock.recv(65536))
            assert part, f"the session ended: {received[-300:]!r}"
    assert b" 101 " in received


@pytest.mark.parametrize(
    "flood",
    [frame(1, b"{", fin=False) + frame(0, b"", fin=False) * 10**6, frame(9, b"x" * 125) * 40_000],
    ids=["empty fragments", "pings whose pongs are not read"],
)
def test_an_endless_flood_of_frames_uses_no_memory(running: Server, flood: bytes) -> None:
    send(running, frame(1, b"{}"))
    before = resident_bytes(running.process.pid)
    with upgrade(running.url, CREDENTIALS, host=HOST) as (sock, _):
        sock.settimeout(5)
        with contextlib.suppress(TimeoutError, ConnectionError):  # the server may stop reading, or close
            for at in range(0, len(flood), 2**16):
                sock.sendall(flood[at : at + 2**16])
        assert opens_websocket(running.url, CREDENTIALS, host=HOST)
    assert resident_bytes(running.process.pid) - before < 8 * 2**20


@pytest.mark.thorough
def test_a_flood_of_events_is_slowed_down_without_loss(running: Server) -> None:
    count, event = 7000, frame(1, b"[" + b" " * 500 + b"]")
    with upgrade(running.url, CREDENTIALS, host=HOST) as (sock, _):
        reader = threading.Thread(target=read_all, args=[sock])
        reader.start()
        sock.sendall(event * count)
        sock.sendall(frame(8, (1000).to_bytes(2, "big")))
        reader.join()
    ended = running.wait_for_log(rf"ended code=1000 reason=done seconds=(\S+) up={count} events")
    assert float(ended[1]) > 1.5  # 2000 pass in each second
