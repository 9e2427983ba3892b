"""A browser's session from its arrival to its end, and all sessions of the server together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections import deque
from typing import TYPE_CHECKING

from starlette.websockets import WebSocketDisconnect

from realtime_voice.access import KEY_PROTOCOL
from realtime_voice.endings import (
    BUSY,
    DAILY_LIMIT,
    DONE,
    INTERNAL,
    RESTARTING,
    CloseReason,
    RefusedError,
)
from realtime_voice.quota import Allowance
from realtime_voice.relay import first_of, relay
from realtime_voice.splice import UpstreamProtocol, abort, start_fast_path
from realtime_voice.telemetry import Telemetry
from realtime_voice.traffic import Limits, Traffic
from realtime_voice.upstream import Dialect, Upstream, UpstreamConnection, close
from realtime_voice.warm import WarmSession

if TYPE_CHECKING:
    from starlette.types import Message
    from starlette.websockets import WebSocket

    from realtime_voice.settings import Settings

log = logging.getLogger("realtime_voice")
PAGE_PATH = "/ws"
CLOSE_SECONDS = 1  # how long a page may take to read why its session ended
STOP_SECONDS = 3  # how long sessions may take to end when the server stops


def dialect_of(browser: WebSocket) -> Dialect | None:
    """Return the dialect that a client's request asks for, or None for the configured one, as the page does."""
    offered, query, headers = browser.scope["subprotocols"], browser.query_params, browser.headers
    if (
        headers.get("openai-beta") == "realtime=v1"
        or "openai-beta.realtime-v1" in offered
        or "api-version" in query
    ):
        return "preview"
    brings_key = {"authorization", "api-key"} & set(headers) or any(
        name.startswith(KEY_PROTOCOL) for name in offered
    )
    return "ga" if brings_key or "model" in query or browser.url.path != PAGE_PATH else None


class Sessions:
    """All live sessions of one server: how many may be open, the life of each, and their common end."""

    def __init__(self, settings: Settings, upstream: Upstream) -> None:
        self.settings = settings
        self.upstream = upstream
        self.warm = WarmSession(upstream, UpstreamProtocol)
        self.limits = Limits(
            seconds=settings.max_session_minutes * 60,
            idle_seconds=settings.idle_minutes * 60,
            event_bytes=settings.max_event_bytes,
        )
        self.allowance = Allowance(settings.max_daily_minutes)
        self.telemetry = Telemetry()
        self.live = 0
        self.stopping = asyncio.Event()
        self.empty = asyncio.Event()

    @property
    def state(self) -> str:
        """What a new session would find: ready, busy or restarting."""
        refusal = self.refusal()
        return "ready" if refusal is None else "restarting" if refusal is RESTARTING else "busy"

    def refusal(self) -> CloseReason | None:
        """Return why one more session cannot be taken, or None if it can."""
        if self.stopping.is_set():
            return RESTARTING
        if self.live >= self.settings.max_sessions:
            return BUSY
        return DAILY_LIMIT if self.allowance.count() <= 0 else None

    async def run(self, browser: WebSocket) -> None:
        """Take one browser from its arrival to the end of both connections."""
        await browser.accept(subprotocol="realtime" if "realtime" in browser.scope["subprotocols"] else None)
        traffic = Traffic()
        fast = start_fast_path(browser, self.limits)
        if refusal := self.refusal():
            await close_with(browser, refusal)
            return
        name, close_reason = secrets.token_hex(4), INTERNAL
        dialect = dialect_of(browser)
        self.live += 1
        self.empty.clear()
        session = self.telemetry.session(name, dialect or self.upstream.dialect, traffic)
        with session as report, self.allowance.counting():
            try:
                close_reason = await first_of(
                    self.connect_and_relay(browser, dialect, traffic, fast=fast),
                    self.stopped(),
                    self.allowance.spent(),
                )
            except Exception as failure:  # noqa: BLE001  the last resort: an exception's text could hold the key, so only its kind is logged
                log.error("session %s failed: %s", name, type(failure).__name__)  # noqa: TRY400
            finally:
                try:
                    await close_with(browser, close_reason)
                finally:
                    self.live -= 1
                    if not self.live:
                        self.empty.set()
                    report.ended(close_reason)

    async def connect_and_relay(
        self, browser: WebSocket, dialect: Dialect | None, traffic: Traffic, *, fast: bool
    ) -> CloseReason:
        """Open the upstream, relay until one side ends, and close the upstream, since it costs money."""
        early: deque[Message] = deque()
        opening = asyncio.create_task(self.open_upstream(dialect, fast=fast))
        leaving = asyncio.create_task(buffer_early(browser, early, self.limits.event_bytes))
        try:
            await asyncio.wait({opening, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done():
                return DONE
            leaving.cancel()
            await asyncio.wait({leaving})
            return await relay(browser, opening.result(), early, self.limits, traffic)
        except RefusedError as refused:
            return refused.close_reason
        finally:
            opening.cancel()
            leaving.cancel()
            await asyncio.wait({opening, leaving})
            if not opening.cancelled() and not opening.exception():
                await close(opening.result())

    async def open_upstream(self, dialect: Dialect | None, *, fast: bool) -> UpstreamConnection:
        """Return the warm session, if it speaks this dialect, or a new one; raises RefusedError."""
        with self.telemetry.connecting():
            warm = self.warm.take(dialect or self.upstream.dialect) if fast else None
            return warm or await self.upstream.open(dialect, UpstreamProtocol if fast else None)

    async def stopped(self) -> CloseReason:
        """Wait until the server stops."""
        await self.stopping.wait()
        return RESTARTING

    async def stop(self) -> None:
        """Take no more sessions and end the live ones, within 3 s."""
        self.stopping.set()
        if self.live:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.empty.wait(), STOP_SECONDS)


async def buffer_early(browser: WebSocket, early: deque[Message], limit_bytes: int) -> None:
    """Buffer what the browser sends before the upstream is open; return when the browser leaves."""
    buffered_bytes = 0
    while buffered_bytes <= limit_bytes:
        message = await browser.receive()
        if message["type"] == "websocket.disconnect":
            return
        early.append(message)
        buffered_bytes += len(message.get("text") or message.get("bytes") or "")
    await asyncio.Future()  # the buffer is full: what else comes waits in the socket


async def close_with(browser: WebSocket, close_reason: CloseReason) -> None:
    """Send why the session ended and close the browser's connection; cut it if the browser does not read."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            if close_reason.message:
                await browser.send_text(close_reason.event())
            await browser.close(close_reason.code, close_reason.reason)
    except TimeoutError:
        abort(browser)
    except (WebSocketDisconnect, RuntimeError):
        pass  # the browser has left already
