"""Wait for a condition that sends no event."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT_S = 60
"""Generous, because the machine may be busy. A test that passes does not wait this long."""


async def eventually(is_true: Callable[[], bool], complaint: str) -> None:
    """Wait until something is true, or fail with a complaint."""
    deadline = time.monotonic() + TIMEOUT_S
    while not is_true():
        assert time.monotonic() < deadline, complaint
        await anyio.sleep(0.02)
