"""The relay between a browser and the mocked Azure, over real sockets and real TLS."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import ssl
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from closes import read_until_close
from mock_azure import GA, KEY, PREVIEW, Azure, mocked_azure
from server_process import StartServer
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    import trustme
    from server_process import Server
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request


SPLICED = [sys.executable, "server.py"]
# uvicorn's own websocket protocol, as when the app runs under another server: messages are relayed one by one.
USE_PLAIN_PROTOCOL = """
import server
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
server.create_browser_protocol = WebSocketsSansIOProtocol
server.main()
"""


PLAIN = [sys.executable, "-c", USE_PLAIN_PROTOCOL]


@pytest.fixture(params=[SPLICED, pytest.param(PLAIN, marks=pytest.mark.thorough)], ids=["spliced", "plain"])
def server(request: pytest.FixtureRequest) -> Iterator[StartServer]:
    with StartServer(request.param) as start:
        yield start


@pytest.fixture
async def running(server: StartServer, azure: Azure, ca_file: str) -> Server:
    return server(**azure.environment(SSL_CERT_FILE=ca_file))


def open_page(server: Server, path: str = "/ws", **options: Any) -> connect:
    """Connect as a page does; extensions and limits as a browser's."""
    return connect(server.ws_url + path, max_size=None, proxy=None, close_timeout=2, **options)


async def accept(azure: Azure) -> ServerConnection:
    """Return the upstream's end of the next session."""
    async with asyncio.timeout(10):
        return await azure.sessions.get()


def url_of(request: Request) -> tuple[str, dict[str, list[str]]]:
    parts = urlsplit(request.path)
    return parts.path, parse_qs(parts.query)


async def test_the_preview_handshake_carries_the_key_and_only_necessary_headers(
    running: Server, azure: Azure
) -> None:
    async with open_page(running):
        await accept(azure)
    request = azure.handshakes[0]
    assert url_of(request) == (
        PREVIEW,
        {"api-version": ["2025-04-01-preview"], "deployment": ["gpt-realtime"]},
    )
    assert request.headers["api-key"] == KEY
    assert request.headers["Host"] == azure.origin.removeprefix("https://")
    expected = {
        "host",
        "upgrade",
        "connection",
        "sec-websocket-key",
        "sec-websocket-version",
        "api-key",
        "user-agent",
    }
    assert {name.lower() for name in request.headers} == expected


async def test_the_ga_handshake_names_the_model_and_no_api_version(
    server: StartServer, azure: Azure, ca_file: str
) -> None:
    environment = azure.environment(
        SSL_CERT_FILE=ca_file, AZURE_OPENAI_API_VERSION="v1", AZURE_OPENAI_DEPLOYMENT="my-voice"
    )
    async with open_page(server(**environment)):
        await accept(azure)
    assert url_of(azure.handshakes[0]) == (GA, {"model": ["my-voice"]})


@pytest.mark.parametrize("status", [400, 404, 410, 426])
async def test_the_other_dialect_is_used_from_the_first_answer_that_this_one_is_not_served(
    running: Server, azure: Azure, status: int
) -> None:
    azure.refusals = {PREVIEW: status}
    for _ in range(2):
        async with open_page(running):
            await accept(azure)
    assert [url_of(request)[0] for request in azure.handshakes] == [PREVIEW, GA, GA]
    assert running.wait_for_log("using ga from now on")


REFUSALS = [
    (400, 4400, "upstream_bad_request"),
    (401, 4401, "upstream_unauthorized"),
    (403, 4403, "upstream_forbidden"),
    (404, 4404, "deployment_not_found"),
    (429, 1013, "rate_limited"),
    (500, 1014, "upstream_failed"),
    (503, 1014, "upstream_failed"),
]


async def test_each_refusal_becomes_an_error_event_and_a_close_code(
    running: Server, azure: Azure, subtests: pytest.Subtests
) -> None:
    azure.body = b'{"error":{"code":"secret-body"}}'
    for status, code, reason in REFUSALS:
        azure.refusals = {PREVIEW: status, GA: status}
        with subtests.test(status=status):
            async with open_page(running) as page:
                error = json.loads(await page.recv())
                assert error["type"] == "error"
                assert error["error"].keys() == {"type", "code", "message", "param", "event_id"}
                assert (error["error"]["type"], error["error"]["code"]) == ("relay_error", reason)
                assert "secret-body" not in error["error"]["message"]
                assert (await read_until_close(page))[:2] == (code, reason)
        running.wait_for_log(f"ended code={code} reason={reason}")
    assert "secret-body" not in running.log()


async def test_a_redirect_is_not_followed(running: Server, azure: Azure) -> None:
    azure.refusals = {PREVIEW: 307}
    azure.headers = {"Location": f"{azure.origin}{GA}?stolen"}
    async with open_page(running) as page:
        assert await read_until_close(page) == (1014, "upstream_failed", ["upstream_failed"])
    assert len(azure.handshakes) == 1


async def test_a_certificate_of_an_unknown_authority_is_refused(server: StartServer, azure: Azure) -> None:
    async with open_page(server(**azure.environment())) as page:
        assert await read_until_close(page) == (1014, "upstream_tls", ["upstream_tls"])
    assert azure.handshakes == []


@pytest.mark.parametrize("endpoint", ["https://localhost:1", "https://no-such-host.invalid"])
async def test_an_unreachable_upstream_is_reported(server: StartServer, azure: Azure, endpoint: str) -> None:
    environment = azure.environment() | {"AZURE_OPENAI_ENDPOINT": endpoint}
    async with open_page(server(**environment)) as page:
        assert await read_until_close(page) == (1014, "upstream_unreachable", ["upstream_unreachable"])


def events(seed: int, count: int) -> list[str]:
    """Return numbered events as clients write them: sizes up to 350 KB, odd spacing, any script."""
    random_ = random.Random(seed)
    sizes = [random_.choice((0, 1, 100, 126, 4000, 65_500)) for _ in range(count - 3)] + [350_000] * 3
    random_.shuffle(sizes)
    texts = ("a", "é", "语", "🎙", "\\u00e9", "\u202e")
    return [
        f'{{"type":"event.{number}",  "text" : "{random_.choice(texts) * (size // 4)}"}}'
        for number, size in enumerate(sizes)
    ]


@pytest.mark.thorough
async def test_thousands_of_events_pass_unchanged_and_in_order_both_ways_at_once(
    running: Server, azure: Azure
) -> None:
    up, down = events(1, 2000), events(2, 2000)
    async with open_page(running) as page:
        session = await accept(azure)

        async def push(send: Callable[[str], Awaitable[None]], sent: list[str]) -> None:
            for event in sent:
                await send(event)

        async def pull(receive: Callable[[], Awaitable[str | bytes]]) -> list[str | bytes]:
            return [await receive() for _ in range(2000)]

        async with asyncio.timeout(100):
            _, _, above, below = await asyncio.gather(
                push(page.send, up), push(session.send, down), pull(session.recv), pull(page.recv)
            )
    assert above == up
    assert below == down
    ended = running.wait_for_log(r"up=(\d+) events, (\d+) bytes down=(\d+) events, (\d+) bytes")
    sizes = [sum(len(event.encode()) for event in sent) for sent in (up, down)]
    assert [int(number) for number in ended.groups()] == [2000, sizes[0], 2000, sizes[1]]


async def test_events_sent_before_the_upstream_is_open_arrive_first_and_in_order(
    running: Server, azure: Azure
) -> None:
    azure.hesitate = asyncio.Event()
    async with open_page(running) as page:
        for number in range(50):
            await page.send(f"early {number}")
        azure.hesitate.set()
        session = await accept(azure)
        await page.send("late")
        assert [await session.recv() for _ in range(51)] == [*(f"early {n}" for n in range(50)), "late"]


async def test_a_page_that_leaves_while_the_upstream_opens_leaves_no_session_open(
    running: Server, azure: Azure
) -> None:
    azure.hesitate = asyncio.Event()
    async with open_page(running) as page:
        await azure.asked.wait()
        await page.close()
    running.wait_for_log("ended code=1000")
    azure.hesitate.set()
    await asyncio.sleep(0)
    assert azure.sessions.empty() or (await azure.ended.get()).close_code is not None


async def test_the_browser_leaving_closes_the_upstream(running: Server, azure: Azure) -> None:
    async with open_page(running):
        session = await accept(azure)
    async with asyncio.timeout(5):
        await session.wait_closed()
    assert session.close_code == 1000
    running.wait_for_log("ended code=1000 reason=done")


async def test_a_browser_that_vanishes_closes_the_upstream(running: Server, azure: Azure) -> None:
    async with open_page(running) as page:
        session = await accept(azure)
        page.transport.abort()
        async with asyncio.timeout(5):
            await session.wait_closed()


UPSTREAM_CLOSES = [
    (1000, "", (1000, "done", [])),
    (
        1001,
        "Your session hit the maximum duration of 60 minutes.",
        (4408, "session_expired", ["session_expired"]),
    ),
    (1001, "", (1014, "upstream_lost", ["upstream_lost"])),
    (1011, "internal", (1014, "upstream_lost", ["upstream_lost"])),
    (1012, "restart", (1014, "upstream_lost", ["upstream_lost"])),
    (3000, "invalid_request_error.invalid_api_key", (3000, "invalid_request_error.invalid_api_key", [])),
    (4000, "invalid_request_error.model_not_found", (4000, "invalid_request_error.model_not_found", [])),
]


async def test_the_page_learns_how_the_upstream_closed(
    running: Server, azure: Azure, subtests: pytest.Subtests
) -> None:
    for code, reason, expected in UPSTREAM_CLOSES:
        with subtests.test(code=code, reason=reason):
            async with open_page(running) as page:
                session = await accept(azure)
                await session.send("the last event")
                await session.close(code, reason)
                assert await page.recv() == "the last event"
                assert await read_until_close(page) == expected


async def test_an_upstream_that_vanishes_is_reported(running: Server, azure: Azure) -> None:
    async with open_page(running) as page:
        session = await accept(azure)
        session.transport.abort()
        assert await read_until_close(page) == (1014, "upstream_lost", ["upstream_lost"])


async def test_a_binary_frame_ends_the_session_with_1003(running: Server, azure: Azure) -> None:
    async with open_page(running) as page:
        session = await accept(azure)
        await page.send(b"\x00\x01")
        assert await read_until_close(page) == (1003, "text_only", ["text_only"])
        with pytest.raises(ConnectionClosed):
            await session.recv()


async def test_an_event_above_the_limit_ends_the_session_with_1009(
    server: StartServer, azure: Azure, ca_file: str
) -> None:
    running = server(**azure.environment(SSL_CERT_FILE=ca_file, MAX_EVENT_BYTES="2048"))
    async with open_page(running) as page:
        session = await accept(azure)
        await page.send("a" * 2048)
        assert await session.recv() == "a" * 2048
        await page.send("é" * 1025)
        assert await read_until_close(page) == (1009, "too_big", ["too_big"])
        with pytest.raises(ConnectionClosed):
            await session.recv()


async def test_a_session_above_the_limit_is_refused_as_busy_and_opens_no_upstream(
    server: StartServer, azure: Azure, ca_file: str
) -> None:
    running = server(**azure.environment(SSL_CERT_FILE=ca_file, MAX_SESSIONS="1"))
    async with open_page(running):
        await accept(azure)
        async with open_page(running) as second:
            assert await read_until_close(second) == (1013, "busy", ["busy"])
    running.wait_for_log("ended code=1000")
    async with open_page(running):
        await accept(azure)
    assert len(azure.handshakes) == 2


async def test_a_session_ends_at_its_time_limit(server: StartServer, azure: Azure, ca_file: str) -> None:
    running = server(**azure.environment(SSL_CERT_FILE=ca_file, MAX_SESSION_MINUTES="0.01"))
    async with open_page(running) as page:
        assert await read_until_close(page) == (4408, "time_limit", ["time_limit"])


async def test_microphone_bytes_alone_do_not_keep_a_session_alive(
    server: StartServer, azure: Azure, ca_file: str
) -> None:
    running = server(**azure.environment(SSL_CERT_FILE=ca_file, IDLE_MINUTES="0.02"))
    async with open_page(running) as page:
        await accept(azure)

        async def record() -> None:
            while True:
                await page.send('{"type":"input_audio_buffer.append","audio":""}')
                await asyncio.sleep(0.05)

        recording = asyncio.create_task(record())
        assert await read_until_close(page) == (4409, "idle", ["idle"])
        recording.cancel()
        await asyncio.gather(recording, return_exceptions=True)


async def test_changed_settings_keep_a_session_alive(server: StartServer, azure: Azure, ca_file: str) -> None:
    running = server(
        **azure.environment(SSL_CERT_FILE=ca_file, IDLE_MINUTES="0.02", MAX_SESSION_MINUTES="0.05")
    )
    async with open_page(running) as page:
        session = await accept(azure)

        async def confirm() -> None:
            while True:
                await session.send('{"type":"session.updated","event_id":"event_1"}')
                await asyncio.sleep(0.2)

        confirming = asyncio.create_task(confirm())
        assert (await read_until_close(page))[0] == 4408
        confirming.cancel()
        await asyncio.gather(confirming, return_exceptions=True)


async def test_an_open_response_keeps_a_session_alive(
    server: StartServer, azure: Azure, ca_file: str
) -> None:
    running = server(
        **azure.environment(SSL_CERT_FILE=ca_file, IDLE_MINUTES="0.01", MAX_SESSION_MINUTES="0.05")
    )
    async with open_page(running) as page:
        session = await accept(azure)
        await session.send('{"type":"response.created","event_id":"event_1"}')
        assert (await read_until_close(page))[0] == 4408


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_a_stopping_server_closes_pages_with_1012_and_the_upstream(
    running: Server, azure: Azure, how: signal.Signals
) -> None:
    async with open_page(running) as page:
        session = await accept(azure)
        running.process.send_signal(how)
        assert await read_until_close(page) == (1012, "restarting", ["restarting"])
        async with asyncio.timeout(5):
            await session.wait_closed()
    await asyncio.to_thread(running.process.wait, 10)


@pytest.mark.parametrize("server", [SPLICED], indirect=True)  # only BrowserProtocol can cut a connection
async def test_a_page_that_does_not_read_does_not_delay_the_stop(running: Server, azure: Azure) -> None:
    async with open_page(running, max_queue=1) as page:
        session = await accept(azure)
        page.transport.pause_reading()
        pushing = asyncio.create_task(flood(session))
        await asyncio.sleep(0.3)  # long enough to fill every buffer on the way
        running.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            await asyncio.to_thread(running.process.wait, 10)
        page.transport.abort()
        await asyncio.gather(pushing, return_exceptions=True)


async def flood(session: ServerConnection) -> None:
    while True:
        await session.send("x" * 60_000)


def client(*subprotocols: str, **headers: str) -> dict[str, Any]:
    """Return a client's subprotocols and headers as options of `connect`; an underscore in a name is a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {
        "additional_headers": named,
        "subprotocols": [Subprotocol(name) for name in subprotocols] or None,
    }


CLIENTS = [
    ("/ws", client(), PREVIEW),
    ("/ws", client(Authorization="Bearer any"), GA),
    ("/ws/realtime?model=any", client(Authorization="Bearer any"), GA),
    ("/ws/realtime?api-version=2024-10-01-preview&deployment=any", client(), PREVIEW),
    ("/openai/realtime?api-version=x&deployment=any", client(api_key="any"), PREVIEW),
    ("/openai/v1/realtime?model=any", client(api_key="any"), GA),
    ("/v1/realtime?model=any", client(OpenAI_Beta="realtime=v1"), PREVIEW),
    ("/v1/realtime", client("realtime", "openai-insecure-api-key.any"), GA),
    ("/v1/realtime", client("realtime", "openai-beta.realtime-v1"), PREVIEW),
    ("/ws/v1/realtime", client(), GA),
]


async def test_each_client_gets_its_dialect_and_its_key_and_query_are_not_passed_on(
    running: Server, azure: Azure, subtests: pytest.Subtests
) -> None:
    for path, options, upstream_path in CLIENTS:
        with subtests.test(path=path, **options):
            async with open_page(running, path, **options) as page:
                await accept(azure)
                assert page.subprotocol == ("realtime" if options["subprotocols"] else None)
            request = azure.handshakes[-1]
            assert url_of(request)[0] == upstream_path
            assert "any" not in request.path
            assert "any" not in [value for _, value in request.headers.raw_items()]
            assert request.headers["api-key"] == KEY


OTHER_SITES = [
    "https://evil.example",
    "null",
    "http://localhost",
    "http://localhost.evil.example:3000",
]


async def test_another_site_is_refused_before_the_upgrade(
    running: Server, azure: Azure, subtests: pytest.Subtests
) -> None:
    for origin in OTHER_SITES:
        with subtests.test(origin=origin):
            with pytest.raises(InvalidStatus) as refusal:
                async with open_page(running, additional_headers={"Origin": origin}):
                    pass
            assert refusal.value.response.status_code == 403
    assert azure.handshakes == []


@pytest.mark.parametrize("server", [SPLICED], indirect=True)  # only the fast path takes a warm session
async def test_with_warm_start_the_next_page_gets_a_session_that_is_already_open(
    server: StartServer, azure: Azure, ca_file: str
) -> None:
    running = server(**azure.environment(SSL_CERT_FILE=ca_file, WARM_START="on"))
    warm = await accept(azure)
    await warm.send("session.created")
    async with asyncio.timeout(5):  # the server answers pings while the session waits
        await (await warm.ping())
    azure.hesitate = asyncio.Event()  # no further session opens until then
    async with open_page(running) as page:
        assert await page.recv() == "session.created"
        await page.send("hello")
        assert await warm.recv() == "hello"
        azure.hesitate.set()
        following = await accept(azure)
    running.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(5):
        await following.wait_closed()
    await asyncio.to_thread(running.process.wait, 10)


async def test_both_connections_can_use_ipv6(
    server: StartServer, authority: trustme.CA, ca_file: str
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("::1").configure_cert(tls)
    async with mocked_azure(tls, host="::1") as azure:
        running = server(**azure.environment(SSL_CERT_FILE=ca_file, HOST="::1"))
        port = running.url.rpartition(":")[2]
        async with connect(f"ws://[::1]:{port}/ws", proxy=None):
            await accept(azure)


async def test_no_compression_is_negotiated_on_either_side(running: Server, azure: Azure) -> None:
    async with open_page(running, compression="deflate") as page:
        session = await accept(azure)
        assert page.protocol.extensions == []
        assert session.protocol.extensions == []


async def test_the_key_is_sent_to_the_upstream_only(running: Server, azure: Azure) -> None:
    azure.refusals = {PREVIEW: 401}
    async with open_page(running) as page:
        received = await page.recv()
    running.wait_for_log("ended")
    assert KEY not in running.log()
    assert KEY not in str(received)
