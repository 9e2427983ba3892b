"""Join a browser's websocket and the upstream's until the first of them, or the clock, ends.

Events pass unchanged and in order, text as text, without being parsed. Two legs that can be spliced
pass them on as frames (splice.py); else they are read and written one by one here. Either way a side
that stops reading stops the other.
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
    Ending,
    idle,
    time_limit,
    to_ending,
    too_big,
)
from realtime_voice.splice import joined

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Coroutine

    from starlette.types import Message
    from starlette.websockets import WebSocket
    from websockets.asyncio.client import ClientConnection

    from realtime_voice.endings import Limits, Traffic
    from realtime_voice.splice import Leg


async def relay(
    browser: WebSocket, upstream: ClientConnection, early: deque[Message], limits: Limits, traffic: Traffic
) -> Ending:
    """Pass events both ways until one side or the clock ends; return why. Neither socket is closed.

    `early` is what the browser has sent already. Cancelling stops both directions at once.
    """
    with joined(browser, upstream, traffic) as legs:
        sides = [ending_of(leg) for leg in legs] or [
            relay_up(browser, upstream, early, limits, traffic),
            relay_down(browser, upstream, traffic),
        ]
        return await first_of(*sides, clock(limits, traffic))


async def first_of(*sides: Coroutine[None, None, Ending]) -> Ending:
    """Run the sides at once, return the first one's ending, and leave none of them running."""
    tasks = [asyncio.create_task(side) for side in sides]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return next(task.result() for task in tasks if task in done)


async def ending_of(leg: Leg) -> Ending:
    """Wait until a spliced leg ends."""
    return await leg.ended


async def relay_up(
    browser: WebSocket, upstream: ClientConnection, early: deque[Message], limits: Limits, traffic: Traffic
) -> Ending:
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
        except ConnectionClosed:
            return to_ending(upstream)
        traffic.up(size)


async def relay_down(browser: WebSocket, upstream: ClientConnection, traffic: Traffic) -> Ending:
    """Pass the server's events to the browser until the upstream ends."""
    while True:
        try:
            event = await upstream.recv(decode=False)
        except ConnectionClosed:
            return to_ending(upstream)
        try:
            async with asyncio.timeout(BLOCKED_SECONDS):
                await browser.send_text(event.decode())
        except TimeoutError:
            return STALLED
        except WebSocketDisconnect:
            return DONE
        traffic.down(len(event), event)


async def clock(limits: Limits, traffic: Traffic) -> Ending:
    """End the session when its time is over, or when nobody has spoken for long."""
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
