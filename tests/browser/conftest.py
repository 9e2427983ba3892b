"""Browsers for the tests. A browser that is missing fails its tests and says which package to install."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from engines import chromium as run_chromium
from playwright.async_api import async_playwright
from pulse import Pulse
from script import Script

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from playwright.async_api import Browser, Page, Playwright


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """One event loop for all, since a browser outlives a test."""
    return "asyncio"


@pytest.fixture(scope="session")
async def playwright(anyio_backend: str) -> AsyncIterator[Playwright]:  # noqa: ARG001  # the event loop must outlive it
    async with async_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
async def chromium(playwright: Playwright) -> AsyncIterator[Browser]:
    """A Chromium for all tests that need no recorded voice: its microphone beeps."""
    async with run_chromium(playwright) as browser:
        yield browser


@pytest.fixture
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """A page with a profile of its own. Its orb does not move: that would take processor time from the tests beside it."""
    context = await chromium.new_context(reduced_motion="reduce")
    yield await context.new_page()
    await context.close()


@pytest.fixture
async def script(page: Page, site: str) -> Script:
    """The product's page in `page`, with its websocket in the test's hands."""
    script = Script(page)
    await script.open(site)
    return script


@pytest.fixture(scope="session")
def sound_card() -> Iterator[Pulse]:
    """A sound card for all tests of this process that leave it as it was."""
    with Pulse() as pulse:
        yield pulse


@pytest.fixture
def pulse() -> Iterator[Pulse]:
    with Pulse() as pulse:
        yield pulse
