"""The minutes of talk that one server allows a day."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from typing import TYPE_CHECKING

from realtime_voice.endings import Ending

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY_SECONDS = 24 * 3600
LONGEST_WAIT_SECONDS = 1  # others may begin to talk meanwhile
DAILY_LIMIT = Ending(1013, "daily_limit", "Today's minutes are used up. Please come back tomorrow.")


class Allowance:
    """Count the time of all sessions together, from midnight to midnight UTC. None for no limit."""

    def __init__(self, daily_minutes: float | None) -> None:
        self.daily_seconds = math.inf if daily_minutes is None else daily_minutes * 60
        self.talking = 0
        self.used_seconds = 0.0
        self.counted_at = time.time()

    @contextlib.contextmanager
    def talk(self) -> Iterator[None]:
        """Count the time of one session while the block runs."""
        self.count()
        self.talking += 1
        try:
            yield
        finally:
            self.count()
            self.talking -= 1

    def count(self) -> float:
        """Add what was talked since the last count; return the seconds that are left."""
        now = time.time()
        if now // DAY_SECONDS == self.counted_at // DAY_SECONDS:
            self.used_seconds += self.talking * max(0.0, now - self.counted_at)
        else:
            self.used_seconds = self.talking * (now % DAY_SECONDS)
        self.counted_at = now
        return self.daily_seconds - self.used_seconds

    async def spent(self) -> Ending:
        """Wait until nothing is left."""
        if self.daily_seconds == math.inf:
            await asyncio.Future()
        while True:
            left = self.count()
            if left <= 0:
                return DAILY_LIMIT
            await asyncio.sleep(min(left / max(1, self.talking), LONGEST_WAIT_SECONDS))
