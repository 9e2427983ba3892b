"""The limits of one server: minutes a day over all sessions, and sessions at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from typing import TYPE_CHECKING

import pytest
from closes import read_until_close
from raw_http import ask
from websockets.asyncio.client import connect

from realtime_voice import quota
from realtime_voice.endings import DAILY_LIMIT
from realtime_voice.quota import Allowance

if TYPE_CHECKING:
    from mock_azure import Azure
    from server_process import StartServer

TCP_ESTABLISHED = 1  # Linux's number of a connection's state


class Clock:
    """A time of day that a test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100 * quota.DAY_SECONDS + 3600.0
        monkeypatch.setattr("realtime_voice.quota.time.time", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_the_minutes_of_all_sessions_are_added_up(clock: Clock) -> None:
    minutes = Allowance(10)
    with minutes.counting():
        clock.now += 60
        with minutes.counting(), minutes.counting():
            clock.now += 60
        clock.now += 60
    clock.now += 3600
    assert minutes.count() == (10 - 5) * 60


def test_counting_restarts_at_midnight_utc(clock: Clock) -> None:
    minutes = Allowance(10)
    clock.now = 101 * quota.DAY_SECONDS - 300.0
    with minutes.counting():
        clock.now += 300 + 120
        assert minutes.count() == (10 - 2) * 60
    clock.now += quota.DAY_SECONDS
    assert minutes.count() == 10 * 60


async def test_waiting_ends_when_the_minutes_are_used_up(clock: Clock) -> None:
    minutes = Allowance(1)
    with minutes.counting():
        clock.now += 60.5
        async with asyncio.timeout(5):
            assert await minutes.spent() is DAILY_LIMIT


async def test_without_a_limit_the_minutes_are_never_used_up(clock: Clock) -> None:
    minutes = Allowance(None)
    with minutes.counting():
        clock.now += 10**9
        waiting = asyncio.ensure_future(minutes.spent())
        await asyncio.sleep(0)  # with a limit that is used up, it would end at its first step
        assert not waiting.done()
        waiting.cancel()


async def test_used_up_minutes_end_every_session_and_refuse_the_next(server: StartServer) -> None:
    """The smallest limit is one minute, which twenty sessions use up in three seconds."""
    running = server(MAX_DAILY_MINUTES="1")
    async with contextlib.AsyncExitStack() as stack, asyncio.timeout(60):
        pages = [
            await stack.enter_async_context(connect(f"{running.ws_url}/ws", proxy=None, close_timeout=2))
            for _ in range(20)
        ]
        endings = await asyncio.gather(*map(read_until_close, pages))
        assert endings == [(1013, "daily_limit", ["daily_limit"])] * 20
        async with connect(f"{running.ws_url}/ws", proxy=None) as late:
            assert await read_until_close(late) == (1013, "daily_limit", ["daily_limit"])


async def test_a_session_counts_until_its_upstream_connection_is_closed(
    server: StartServer, azure: Azure, ca_file: str
) -> None:
    running = server(**azure.environment(SSL_CERT_FILE=ca_file, MAX_SESSIONS="1"))
    async with connect(f"{running.ws_url}/ws", proxy=None) as page:
        session = await azure.sessions.get()
        session.transport.pause_reading()  # so that it does not answer the close
        page.transport.abort()
    wire = session.transport.get_extra_info("socket")
    while json.loads((await asyncio.to_thread(ask, running.url, "/config")).body)["state"] == "busy":
        pass
    assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != TCP_ESTABLISHED
    assert running.wait_for_log(" ended ")
