"""A world that a test can break."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from environment import World, make_world
from invariants import Ledger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser
    from server_process import StartServer


@pytest.fixture
async def world(chromium: Browser, server: StartServer) -> AsyncIterator[World]:
    async with make_world(chromium, server) as world:
        yield world


@pytest.fixture
def ledger(world: World) -> Ledger:
    return Ledger(world.visit, world.service)
