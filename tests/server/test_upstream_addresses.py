"""A host has several addresses, and some of them may not answer."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest

from realtime_voice.dial import dial
from realtime_voice.endings import OPEN_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def address_of(server: socket.socket) -> tuple[Any, ...]:
    """Return a socket's address as getaddrinfo returns it."""
    return (server.family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", server.getsockname())


@pytest.fixture
async def silent_address() -> AsyncIterator[tuple[Any, ...]]:
    """An address that never answers: a listener that accepts no connection and whose queue is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = address_of(listener)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        yield address
        for each in waiting:
            each.close()


async def test_an_address_that_does_not_answer_leaves_time_for_the_next(
    silent_address: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(*_: object, **__: object) -> list[tuple[Any, ...]]:
        return [silent_address, address_of(listener)]

    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
        async with asyncio.timeout(OPEN_SECONDS / 2):
            with await dial("speech.example", 443) as sock:
                assert sock.getpeername() == listener.getsockname()


async def test_a_host_of_which_no_address_answers_raises_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(*_: object, **__: object) -> list[tuple[Any, ...]]:
        return gone

    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        gone = [address_of(one), address_of(two)]
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    with pytest.raises(OSError, match="Connect call failed"):
        await dial("speech.example", 443)
