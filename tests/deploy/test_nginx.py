"""Two servers behind a real nginx that runs the configuration of `deploy/`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from closes import read_until_close
from nginx import run_nginx
from processes import free_port
from raw_http import Answer, head, read_all
from server_process import Server, StartServer
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from realtime_voice.login import AccessCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme

pytestmark = pytest.mark.thorough
CODE = "a-code-of-the-tests-0123456789"
SILENCE_SECONDS = 11  # the servers' pings come every 10 s


class Site:
    """nginx and the two servers behind it."""

    def __init__(self, port: int, plain_port: int, servers: list[Server], tls: ssl.SSLContext) -> None:
        self.port, self.plain_port, self.servers, self.tls = port, plain_port, servers, tls
        self.origin = f"https://localhost:{port}"

    def ask(self, target: str, *headers: tuple[str, str], method: str = "GET", body: bytes = b"") -> Answer:
        length = [("Content-Length", str(len(body)))] if body else []
        sent = [("Host", f"localhost:{self.port}"), ("Connection", "close"), *length, *headers]
        with (
            socket.create_connection(("127.0.0.1", self.port), 20) as plain,
            self.tls.wrap_socket(plain, server_hostname="localhost") as sock,
        ):
            sock.sendall(head(method, target, sent) + body)
            return Answer(read_all(sock))

    def connect(self, **headers: str) -> connect:
        known = {} if "Cookie" in headers else {"api-key": CODE}
        sent = {"Origin": self.origin, **known, **headers}
        address = f"wss://localhost:{self.port}/ws"
        return connect(
            address, ssl=self.tls, additional_headers=sent, proxy=None, max_size=None, close_timeout=2
        )


@pytest.fixture(scope="module")
def start() -> Iterator[StartServer]:
    with StartServer() as start:
        yield start


@pytest.fixture(scope="module")
def site(
    start: StartServer, authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("nginx")
    port, plain_port = free_port(), free_port()
    settings = {
        "ACCESS_CODE": CODE,
        "PUBLIC_ORIGIN": f"https://localhost:{port}",
        "TRUSTED_PROXIES": "127.0.0.0/8",
        "MAX_SESSIONS": "5",
    }
    servers = [start(**settings) for _ in range(2)]
    tls = ssl.create_default_context()
    authority.configure_trust(tls)
    with run_nginx(
        folder, authority, servers, port=port, plain_port=plain_port, silence_seconds=SILENCE_SECONDS
    ):
        yield Site(port, plain_port, servers, tls)
    access = (folder / "access.log").read_text()
    assert "GET /" in access
    assert CODE not in access


def count(server: Server, word: str) -> int:
    return server.log().count(word)


async def test_sessions_are_spread_and_the_session_limits_of_the_servers_add_up(site: Site) -> None:
    before = [count(server, " started ") for server in site.servers]
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(10):
            page = await stack.enter_async_context(site.connect())
            assert json.loads(await page.recv())["type"] == "session.created"
        after = [count(server, " started ") for server in site.servers]
        assert [b - a for a, b in zip(before, after, strict=True)] == [5, 5]
        async with site.connect() as eleventh:
            assert await read_until_close(eleventh) == (1013, "busy", ["busy"])


@pytest.mark.long
async def test_the_servers_pings_keep_a_silent_session_open_beyond_the_proxys_timeout(site: Site) -> None:
    async with site.connect(**{"OpenAI-Beta": "realtime=v1"}) as page:
        await page.recv()
        await asyncio.sleep(SILENCE_SECONDS + 2)  # longer than the timeout of the proxy
        event = {"type": "session.update", "session": {"instructions": "x" * 500_000}}
        await page.send(json.dumps(event))
        async with asyncio.timeout(20):
            while json.loads(await page.recv())["type"] != "session.updated":
                pass


def test_a_login_at_one_server_is_valid_at_the_other(site: Site) -> None:
    form = urlencode({"code": CODE}).encode()
    answer = site.ask("/login", ("Origin", site.origin), method="POST", body=form)
    assert answer.status == 303
    cookie = answer.headers["set-cookie"].partition(";")[0]
    assert cookie.startswith("__Host-voice=")
    assert [site.ask("/config", ("Cookie", cookie)).status for _ in range(4)] == [200] * 4
    assert site.ask("/config").status == 401


@pytest.mark.parametrize("origin", ["https://evil.example", "https://localhost", "http://localhost"])
async def test_another_site_is_refused_through_the_proxy(site: Site, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        await site.connect(Origin=origin)
    assert refusal.value.response.status_code == 403


def test_a_request_for_another_host_name_gets_no_certificate(site: Site) -> None:
    with (
        socket.create_connection(("127.0.0.1", site.port), 20) as plain,
        pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"),
    ):
        site.tls.wrap_socket(plain, server_hostname="evil.example")


def test_http_is_redirected_to_https_and_probes_are_not_reachable(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.plain_port), 20) as sock:
        sock.sendall(head("GET", "/a?b=c", [("Host", "localhost"), ("Connection", "close")]))
        answer = Answer(read_all(sock))
    assert (answer.status, answer.headers["location"]) == (308, "https://localhost/a?b=c")
    assert site.ask("/readyz").status == 404
    assert site.ask("/login", ("Origin", site.origin), method="POST", body=b"x" * 9000).status == 413


async def test_wrong_codes_are_counted_by_the_address_of_the_client_behind_the_proxy(site: Site) -> None:
    for _ in range(22):  # ten at each server
        status = (
            await asyncio.to_thread(
                site.ask, "/config", ("api-key", "wrong"), ("X-Forwarded-For", "203.0.113.9")
            )
        ).status
    assert status == 429


async def test_a_stopping_server_closes_its_pages_with_1012_and_the_other_takes_over(site: Site) -> None:
    """Must be the last test of this module: it stops one of the two servers."""
    cookie = f"__Host-voice={AccessCode(CODE).sign_cookie()}"
    async with site.connect(Cookie=cookie) as one, site.connect(Cookie=cookie) as two:
        for page in (one, two):
            await page.recv()
        stopped = site.servers[0]
        await asyncio.to_thread(stopped.stop)
        done, pending = await asyncio.wait(
            [asyncio.create_task(read_until_close(page)) for page in (one, two)],
            return_when=asyncio.FIRST_COMPLETED,
        )
        assert [task.result() for task in done] == [(1012, "restarting", ["restarting"])]
        async with site.connect(Cookie=cookie) as three:
            assert json.loads(await three.recv())["type"] == "session.created"
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
