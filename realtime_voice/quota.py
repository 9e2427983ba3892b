"""The session minutes that one server allows in a day."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from typing import TYPE_CHECKING

from realtime_voice.endings import DAILY_LIMIT, CloseReason

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY_SECONDS = 24 * 3600
LONGEST_WAIT_SECONDS = 1  # more sessions may begin meanwhile, which use the minutes up sooner


class Allowance:
    """Count the time of all sessions together, from midnight to midnight UTC. None means no limit."""

    def __init__(self, daily_minutes: float | None) -> None:
        self.daily_seconds = math.inf if daily_minutes is None else daily_minutes * 60
        self.active_sessions = 0
        self.used_seconds = 0.0
        self.counted_at = time.time()

    @contextlib.contextmanager
    def counting(self) -> Iterator[None]:
        """Count the time of one session while the block runs."""
        self.count()
        self.active_sessions += 1
        try:
            yield
        finally:
            self.count()
            self.active_sessions -= 1

    def count(self) -> float:
        """Add the time since the last count for each active session; return the seconds that are left."""
        now = time.time()
        if now // DAY_SECONDS == self.counted_at // DAY_SECONDS:
            self.used_seconds += self.active_sessions * max(0.0, now - self.counted_at)
        else:
            self.used_seconds = self.active_sessions * (now % DAY_SECONDS)
        self.counted_at = now
        return self.daily_seconds - self.used_seconds

    async def spent(self) -> CloseReason:
        """Wait until the day's minutes are used up."""
        if self.daily_seconds == math.inf:
            await asyncio.Future()
        while True:
            left = self.count()
            if left <= 0:
                return DAILY_LIMIT
            await asyncio.sleep(min(left / max(1, self.active_sessions), LONGEST_WAIT_SECONDS))
