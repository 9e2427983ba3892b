"""Check at the start whether the fast path works with the uvicorn and websockets that are installed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections import deque
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from starlette.websockets import WebSocket
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from realtime_voice.relay import relay
from realtime_voice.splice import UpstreamProtocol, browser_protocol_factory, start_fast_path
from realtime_voice.traffic import Limits, Traffic
from realtime_voice.upstream import Upstream, close

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Receive, Scope, Send
    from websockets.asyncio.server import Server as WebSocketServer
    from websockets.asyncio.server import ServerConnection

log = logging.getLogger("realtime_voice")
TIMEOUT_SECONDS = 3
LIMITS = Limits(seconds=math.inf, idle_seconds=math.inf, event_bytes=1024)
FRAMES = ["one message ", "in two frames"]


async def fast_path_works() -> bool:
    """Relay one message there and back over loopback; tell whether its frames crossed unchanged.

    If not, log one warning: the server then has to relay without the fast path. Details are logged at DEBUG.
    """
    works = False
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            works = (await relay_and_return())[: len(FRAMES)] == FRAMES
    except Exception:
        log.debug("self-check failed", exc_info=True)
    if not works:
        log.warning(
            "the fast path does not work with uvicorn %s and websockets %s: "
            "messages are relayed one by one, which takes more processor time",
            version("uvicorn"),
            version("websockets"),
        )
    return works


async def relay_and_return() -> list[str | bytes]:
    """Send FRAMES as one message through a relay to an upstream that returns it; return the frames that come back."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        browser = WebSocket(scope, receive, send)
        await browser.accept()
        try:
            fast = start_fast_path(browser, LIMITS)
            connection = await upstream.open(create_connection=UpstreamProtocol if fast else None)
            try:
                await relay(browser, connection, deque(), LIMITS, Traffic())
            finally:
                await close(connection)
        except Exception:
            log.debug("self-check failed", exc_info=True)

    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(callback_errors_at_debug())
        upstream_server = await stack.enter_async_context(serve(return_message, "127.0.0.1", 0))
        upstream = Upstream(url_of(upstream_server), "", "v1", key="", tokens=None, tls=None)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(browser_protocol_factory(app), "127.0.0.1", 0)
        stack.callback(server.close)
        async with connect(url_of(server), proxy=None, compression=None) as page:
            await page.send(FRAMES)
            return [frame async for frame in page.recv_streaming()]


async def return_message(connection: ServerConnection) -> None:
    """Send one message back, frame by frame, and wait for the close."""
    with contextlib.suppress(ConnectionClosed):
        await connection.send([frame async for frame in connection.recv_streaming()])
    await connection.wait_closed()


def url_of(server: asyncio.Server | WebSocketServer) -> str:
    """Return the address of a server on loopback."""
    (listener,) = server.sockets
    return f"ws://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def callback_errors_at_debug() -> Iterator[None]:
    """Log errors in callbacks of the event loop at DEBUG while the block runs; the loop logs them as ERROR."""

    def handle(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        log.debug("self-check: %s", context["message"], exc_info=context.get("exception"))

    loop = asyncio.get_running_loop()
    previous = loop.get_exception_handler()
    loop.set_exception_handler(handle)
    try:
        yield
    finally:
        loop.set_exception_handler(previous)
