"""The settings that keep a server shut: which fit together, and the limits they set."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from typing import TYPE_CHECKING

import pytest
from raw_http import ask
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from realtime_voice import quota
from realtime_voice.endings import DAILY_LIMIT
from realtime_voice.quota import Allowance
from realtime_voice.settings import Settings, SettingsError

if TYPE_CHECKING:
    from mock_azure import Azure
    from server_process import StartServer

CODE = "a-code-of-sixteen-or-more"
PUBLIC = "https://voice.example.com"
TCP_ESTABLISHED = 1  # Linux's number of a connection's state


@pytest.mark.parametrize(
    ("variable", "given"),
    [
        ("PUBLIC_ORIGIN", {"PUBLIC_ORIGIN": "http://voice.example.com", "ACCESS_CODE": CODE}),
        ("PUBLIC_ORIGIN", {"PUBLIC_ORIGIN": "https://*.example.com", "ACCESS_CODE": CODE}),
        ("PUBLIC_ORIGIN", {"PUBLIC_ORIGIN": "null", "ACCESS_CODE": CODE}),
        ("TRUSTED_PROXIES", {"TRUSTED_PROXIES": "*"}),
        ("TRUSTED_PROXIES", {"TRUSTED_PROXIES": "nginx"}),
        ("TRUSTED_PROXIES", {"TRUSTED_PROXIES": "10.0.0.1/8"}),
        ("MAX_DAILY_MINUTES", {"MAX_DAILY_MINUTES": "0"}),
        ("MAX_DAILY_MINUTES", {"MAX_DAILY_MINUTES": "many"}),
        ("LOG_FORMAT", {"LOG_FORMAT": "xml"}),
        ("AZURE_OPENAI_TOKEN_SCOPE", {"AZURE_OPENAI_TOKEN_SCOPE": "cognitiveservices"}),
    ],
)
def test_what_would_leave_a_door_open_is_not_taken(variable: str, given: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as refusal:
        Settings.read(given)
    assert str(refusal.value).startswith(variable)


@pytest.mark.parametrize(
    "given",
    [
        {"PUBLIC_ORIGIN": "http://localhost:8080"},
        {"PUBLIC_ORIGIN": PUBLIC},
        {"PUBLIC_ORIGIN": PUBLIC, "ACCESS_CODE": CODE},
        {"HOST": "0.0.0.0", "PUBLIC_ORIGIN": "http://localhost:3000", "ACCESS_CODE": CODE},
    ],
)
def test_what_is_shut_is_taken(given: dict[str, str]) -> None:
    assert Settings.read(given).public_origins


class Clock:
    """A time of day that a test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100 * quota.DAY_SECONDS + 3600.0
        monkeypatch.setattr("realtime_voice.quota.time.time", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_the_minutes_of_all_sessions_count_together(clock: Clock) -> None:
    minutes = Allowance(10)
    with minutes.counting():
        clock.now += 60
        with minutes.counting(), minutes.counting():
            clock.now += 60
        clock.now += 60
    clock.now += 3600
    assert minutes.count() == (10 - 5) * 60


def test_a_new_day_begins_anew_at_midnight(clock: Clock) -> None:
    minutes = Allowance(10)
    clock.now = 101 * quota.DAY_SECONDS - 300.0
    with minutes.counting():
        clock.now += 300 + 120
        assert minutes.count() == (10 - 2) * 60
    clock.now += quota.DAY_SECONDS
    assert minutes.count() == 10 * 60


async def test_what_is_spent_ends_every_session_and_lets_no_new_one_in(clock: Clock) -> None:
    minutes = Allowance(1)
    with minutes.counting():
        clock.now += 60.5
        async with asyncio.timeout(5):
            assert await minutes.spent() is DAILY_LIMIT


async def test_without_a_limit_nothing_is_ever_spent(clock: Clock) -> None:
    minutes = Allowance(None)
    with minutes.counting():
        clock.now += 10**9
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(minutes.spent(), 0.05)


async def ending_of(page: ClientConnection) -> tuple[int | None, list[str]]:
    codes = []
    with contextlib.suppress(ConnectionClosed):
        while True:
            event = json.loads(await page.recv())
            if event["type"] == "error":
                codes.append(event["error"]["code"])
    return page.close_code, codes


async def test_a_server_whose_minutes_are_used_up_says_so(server: StartServer) -> None:
    """The least allowance is a minute: twenty sessions use it up in three seconds."""
    running = server(MAX_DAILY_MINUTES="1")
    async with contextlib.AsyncExitStack() as stack, asyncio.timeout(60):
        pages = [
            await stack.enter_async_context(connect(f"{running.ws_url}/ws", proxy=None, close_timeout=2))
            for _ in range(20)
        ]
        endings = await asyncio.gather(*map(ending_of, pages))
        assert endings == [(1013, ["daily_limit"])] * 20
        async with connect(f"{running.ws_url}/ws", proxy=None) as late:
            assert await ending_of(late) == (1013, ["daily_limit"])


async def test_a_place_is_taken_until_the_upstream_is_gone_too(
    server: StartServer, azure: Azure, ca_file: str
) -> None:
    running = server(**azure.environment(SSL_CERT_FILE=ca_file, MAX_SESSIONS="1"))
    async with connect(f"{running.ws_url}/ws", proxy=None) as page:
        session = await azure.sessions.get()
        session.transport.pause_reading()  # so it does not answer the close
        page.transport.abort()
    wire = session.transport.get_extra_info("socket")
    while json.loads((await asyncio.to_thread(ask, running.url, "/config")).body)["state"] == "busy":
        pass
    assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != TCP_ESTABLISHED
    assert running.wait_for_log(" ended ")


def test_a_public_origin_without_a_code_lets_in_this_machine_alone_and_says_so(server: StartServer) -> None:
    running = server(PUBLIC_ORIGIN=PUBLIC)
    assert running.wait_for_log("PUBLIC_ORIGIN is set without ACCESS_CODE")
    host = PUBLIC.removeprefix("https://")
    assert ask(running.url, "/config", host=host).status == 200
    assert ask(running.url, "/config", ("X-Forwarded-For", "203.0.113.1"), host=host).status == 403
    assert ask(running.url, "/config").status == 403
