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
async def playwright(anyio_backend: str) -> AsyncIterator[Playwright]:  # noqa: ARG001  # the loop must outlive it
    async with async_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
async def chromium(playwright: Playwright) -> AsyncIterator[Browser]:
    """A Chromium for all tests that need no recorded voice: its microphone beeps."""
    async with run_chromium(playwright) as browser:
        yield browser


@pytest.fixture
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """A page with a profile of its own, and its orb still: moving, it would take the processor from the tests beside it."""
    context = await chromium.new_context(reduced_motion="reduce")
    yield await context.new_page()
    await context.close()


@pytest.fixture
async def script(page: Page, site: str) -> Script:
    """The page of the product in `page`, its websocket in the test's hands."""
    script = Script(page)
    await script.open(site)
    return script


@pytest.fixture
def pulse() -> Iterator[Pulse]:
    with Pulse() as pulse:
        yield pulse
