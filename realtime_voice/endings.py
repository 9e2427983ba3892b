"""What every part of the relay knows of a session: its limits, its traffic, and why it ends."""

from __future__ import annotations

import json
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

BLOCKED_SECONDS = 10
# The events that show a talk is alive; microphone bytes alone do not.
ACTIVITY = re.compile(
    rb'"type"\s*:\s*"(response\.|input_audio_buffer\.speech_|session\.updated)(created"|done")?'
)
TYPE_WITHIN_BYTES = 200  # where an event's type stands, in every server seen


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a session ends: a websocket close code, a short reason and words for a person.

    Without a message nothing is said before the close: the other end knows already.
    """

    code: int
    reason: str
    message: str = ""

    def event(self) -> str:
        """Return the ending as an `error` event in the Realtime API's shape."""
        error = {
            "type": "relay_error",
            "code": self.reason,
            "message": self.message,
            "param": None,
            "event_id": None,
        }
        return json.dumps({"type": "error", "event_id": f"event_{secrets.token_hex(8)}", "error": error})


DONE = Ending(1000, "done")
PROTOCOL_ERROR = Ending(1002, "protocol_error", "The connection broke the websocket protocol.")
TEXT_ONLY = Ending(1003, "text_only", "The Realtime API takes events as JSON text, not as binary data.")
RESTARTING = Ending(1012, "restarting", "The server is restarting. Please connect again in a moment.")
STALLED = Ending(1011, "stalled", "The connection was blocked for 10 seconds.")
INTERNAL = Ending(1011, "internal", "The server failed. Its log says more.")
UPSTREAM_LOST = Ending(1014, "upstream_lost", "The connection to the speech service was lost.")


def time_limit(minutes: float) -> Ending:
    """Return the ending of a session that has had its time."""
    return Ending(4408, "time_limit", f"The session reached its limit of {minutes:g} minutes.")


def idle(minutes: float) -> Ending:
    """Return the ending of a session in which nobody has spoken for long."""
    return Ending(4409, "idle", f"Nothing was said for {minutes:g} minutes, so the session was closed.")


def too_big(limit_bytes: int) -> Ending:
    """Return the ending of a client that sent an event above the limit."""
    return Ending(1009, "too_big", f"An event was larger than the limit of {limit_bytes} bytes.")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one session may use."""

    seconds: float
    idle_seconds: float
    event_bytes: int


@dataclass(slots=True)
class Traffic:
    """What has passed through one session, counted without keeping or parsing any of it."""

    events_up: int = 0
    bytes_up: int = 0
    events_down: int = 0
    bytes_down: int = 0
    blocked_up_seconds: float = 0.0  # in which the upstream did not take what was there for it
    blocked_down_seconds: float = 0.0  # and the browser
    started_at: float = field(default_factory=time.monotonic)
    active_at: float = field(default_factory=time.monotonic)
    response_open: bool = False

    def up(self, size: int) -> None:
        """Count one client event of `size` bytes."""
        self.events_up += 1
        self.bytes_up += size

    def down(self, size: int, data: bytes, at: int = 0) -> None:
        """Count one server event of `size` bytes, which begins `at` this byte of `data`."""
        self.events_down += 1
        self.bytes_down += size
        if kind := ACTIVITY.search(data, at, at + min(size, TYPE_WITHIN_BYTES)):
            self.active_at = time.monotonic()
            if kind[2] and kind[1] == b"response.":
                self.response_open = kind[2] == b'created"'


PASSED_ON = {1007, 1008, 1009, 1013}  # codes that mean the same to the page as to the relay


def to_ending(upstream: ClientConnection) -> Ending:
    """Translate how the upstream closed, or vanished, into what the page is told."""
    received = upstream.protocol.close_rcvd
    if received is None:
        return UPSTREAM_LOST
    code, reason = received.code, received.reason
    if code == DONE.code:
        return DONE
    if code == 1001 and "maximum duration" in reason:  # noqa: PLR2004  Azure's and OpenAI's own session limit
        return Ending(
            4408, "session_expired", "The speech service ended the session: it reached its maximum length."
        )
    if code in PASSED_ON or 3000 <= code < 5000:  # noqa: PLR2004  the ranges that RFC 6455 leaves to applications
        return Ending(code, reason)
    return UPSTREAM_LOST
