"""An environment that a test can break."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from environment import Environment, open_environment
from invariants import Invariants

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser
    from server_process import StartServer


@pytest.fixture
async def environment(chromium: Browser, server: StartServer) -> AsyncIterator[Environment]:
    async with open_environment(chromium, server) as environment:
        yield environment


@pytest.fixture
def invariants(environment: Environment) -> Invariants:
    return Invariants(environment.user, environment.upstream)
