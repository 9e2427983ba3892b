"""Relay messages between a browser's websocket and the upstream's until one of them, or a limit, ends it.

Events pass unchanged and in order, text as text, without being parsed. When both connections can be
spliced, they pass as frames (splice.py); otherwise they are read and written one by one here. Either
way, a side that stops reading stops the other.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from starlette.websockets import WebSocketDisconnect
from websockets.exceptions import ConnectionClosed

from realtime_voice.endings import (
    BLOCKED_SECONDS,
    DONE,
    STALLED,
    TEXT_ONLY,
    CloseReason,
    closed_with,
    idle,
    time_limit,
    too_big,
)
from realtime_voice.splice import joined

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Coroutine

    from starlette.types import Message
    from starlette.websockets import WebSocket

    from realtime_voice.splice import SplicedProtocol
    from realtime_voice.traffic import Limits, Traffic
    from realtime_voice.upstream import UpstreamConnection


async def relay(
    browser: WebSocket, upstream: UpstreamConnection, early: deque[Message], limits: Limits, traffic: Traffic
) -> CloseReason:
    """Pass events both ways until one side ends or a limit is reached; return why. Closes neither socket.

    `early` is what the browser has sent already. Cancelling stops both directions at once.
    """
    with joined(browser, upstream, traffic) as protocols:
        directions = [wait_for_end(protocol) for protocol in protocols] or [
            relay_up(browser, upstream, early, limits, traffic),
            relay_down(browser, upstream, traffic),
        ]
        return await first_of(*directions, watch_limits(limits, traffic))


async def first_of(*parts: Coroutine[None, None, CloseReason]) -> CloseReason:
    """Run coroutines at once, return the result of the first to finish, and leave none of them running."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return next(task.result() for task in tasks if task in done)


async def wait_for_end(protocol: SplicedProtocol) -> CloseReason:
    """Wait until a spliced side ends."""
    return await protocol.ended


async def relay_up(
    browser: WebSocket, upstream: UpstreamConnection, early: deque[Message], limits: Limits, traffic: Traffic
) -> CloseReason:
    """Pass the client's events to the upstream until the browser leaves or breaks a rule."""
    while True:
        message = early.popleft() if early else await browser.receive()
        if message["type"] == "websocket.disconnect":
            return DONE
        text = message.get("text")
        if text is None:
            return TEXT_ONLY
        size = len(text) if text.isascii() else len(text.encode())
        if size > limits.event_bytes:
            return too_big(limits.event_bytes)
        try:
            async with asyncio.timeout(BLOCKED_SECONDS):
                await upstream.send(text)
        except TimeoutError:
            return STALLED
        except ConnectionClosed as closed:
            return to_close_reason(closed)
        traffic.count_up(size)


async def relay_down(browser: WebSocket, upstream: UpstreamConnection, traffic: Traffic) -> CloseReason:
    """Pass the server's events to the browser until the upstream ends."""
    while True:
        try:
            event = await upstream.recv(decode=False)
        except ConnectionClosed as closed:
            return to_close_reason(closed)
        try:
            async with asyncio.timeout(BLOCKED_SECONDS):
                await browser.send_text(event.decode())
        except TimeoutError:
            return STALLED
        except WebSocketDisconnect:
            return DONE
        traffic.count_down(len(event), event)


def to_close_reason(closed: ConnectionClosed) -> CloseReason:
    """Return the close reason that the page gets when the upstream has closed."""
    return closed_with(closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else closed_with(None)


async def watch_limits(limits: Limits, traffic: Traffic) -> CloseReason:
    """Wait until the session's time is over, or until nobody has spoken for too long."""
    while True:
        now = time.monotonic()
        left = traffic.started_at + limits.seconds - now
        idle_left = (
            limits.idle_seconds if traffic.response_open else traffic.active_at + limits.idle_seconds - now
        )
        if left <= 0:
            return time_limit(limits.seconds / 60)
        if idle_left <= 0:
            return idle(limits.idle_seconds / 60)
        await asyncio.sleep(min(left, idle_left))
