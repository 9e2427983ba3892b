"""What one session may use, and what has passed through it."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field

TYPE_WITHIN_BYTES = 200  # every known server writes an event's type within its first 200 bytes
# Server events that show that somebody speaks or acts; microphone audio alone does not.
ACTIVITY = re.compile(
    rb'"type"\s*:\s*"(response\.|input_audio_buffer\.speech_|session\.updated)(created"|done")?'
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one session may use."""

    seconds: float
    idle_seconds: float
    event_bytes: int


@dataclass(slots=True)
class Traffic:
    """Counts of one session's events, taken without keeping or parsing any of them.

    "Up" is from the browser to the upstream, "down" the other way. All times are `time.monotonic()`.
    """

    events_up: int = 0
    bytes_up: int = 0
    events_down: int = 0
    bytes_down: int = 0
    blocked_up_seconds: float = 0.0  # while writes to the upstream were blocked by back-pressure
    blocked_down_seconds: float = 0.0  # the same for writes to the browser
    started_at: float = field(default_factory=time.monotonic)
    active_at: float = field(default_factory=time.monotonic)
    response_open: bool = False

    def count_up(self, size: int) -> None:
        """Count one client event of `size` bytes."""
        self.events_up += 1
        self.bytes_up += size

    def count_down(self, size: int, data: bytes, at: int = 0) -> None:
        """Count one server event of `size` bytes that begins at `data[at]`; note whether it is activity."""
        self.events_down += 1
        self.bytes_down += size
        if kind := ACTIVITY.search(data, at, at + min(size, TYPE_WITHIN_BYTES)):
            self.active_at = time.monotonic()
            if kind[2] and kind[1] == b"response.":
                self.response_open = kind[2] == b'created"'
