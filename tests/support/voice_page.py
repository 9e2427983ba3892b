"""The product's page in a tab: what a user presses and writes, and what the page shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.async_api import expect
from waiting import TIMEOUT_S

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

expect.set_options(timeout=TIMEOUT_S * 1000)


class VoicePage:
    """Use the page by the names of its buttons; wait for its states."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def press(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def connect(self) -> None:
        await self.press("Connect")
        await self.state("connected")

    async def record(self) -> None:
        await self.press("Start Recording")
        await self.state("listening")

    async def write(self, text: str) -> None:
        await self.page.get_by_role("textbox", name="Message").fill(text)
        await self.press("Send")

    async def state(self, *states: str) -> None:
        """Wait until the page is in one of these states."""
        names = [f'main[data-state="{state}"]' for state in states]
        await expect(self.page.locator(", ".join(names))).to_be_visible()

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log", name="Conversation")

    @property
    def words(self) -> Locator:
        return self.log.locator(".words")

    @property
    def banner(self) -> Locator:
        return self.page.get_by_role("alert")
