"""Take pictures of the page's main states: `PYTHONPATH=tests/support python tests/browser/screenshots.py [FOLDER]`.

The page is the real one, with the real server and its simulator. Without a folder, only the pictures of the documents are
taken again.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from engines import chromium
from playwright.async_api import async_playwright, expect
from server_process import ROOT, StartServer

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page
    from server_process import Server

DOCUMENTED = ROOT / "docs" / "pictures"
PHONE = {
    "viewport": {"width": 390, "height": 780},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {**PHONE, "color_scheme": "light"},
    "phone-dark": {**PHONE, "color_scheme": "dark"},
}
SPEAKING_MS = 1200
"""Into an answer, so that some of it has been said and some not."""


async def state(page: Page, name: str) -> None:
    await expect(page.get_by_role("main")).to_have_attribute("data-state", re.compile(name))


async def picture(browser: Browser, server: Server, look: str, folder: Path) -> None:
    context = await browser.new_context(**LOOKS[look])
    page = await context.new_page()

    async def shoot(name: str) -> None:
        await page.evaluate("Promise.all(document.getAnimations().map(({ finished }) => finished))")
        await page.screenshot(path=folder / f"{look}-{name}.png")

    await page.goto(server.url)
    await expect(page.get_by_text("Simulator: no model connected")).to_be_visible()
    await shoot("idle")
    await page.get_by_role("button", name="Settings").click()
    await shoot("settings")
    await page.get_by_role("button", name="Done").click()
    await page.get_by_role("button", name="Tell me something").click()
    await state(page, "speaking")
    await state(page, "connected")
    await page.get_by_role("textbox", name="Message").fill("And in winter, when it is cold?")
    await page.keyboard.press("Enter")
    await state(page, "speaking")
    await page.wait_for_timeout(SPEAKING_MS)
    await shoot("speaking")
    await page.locator(".stat").first.click()
    await shoot("diagnostics")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Start Recording").click()
    await state(page, "listening|hearing-you|thinking|speaking")
    await shoot("recording")
    server.stop()
    await state(page, "reconnecting")
    await page.wait_for_timeout(1500)
    await shoot("reconnecting")
    await context.close()


async def main(folder: Path) -> None:
    with StartServer() as start:
        async with async_playwright() as playwright, chromium(playwright) as browser:
            for look in LOOKS:
                await picture(browser, start(), look, folder)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        chosen = Path(sys.argv[1])
        chosen.mkdir(parents=True, exist_ok=True)
        anyio.run(main, chosen)
    else:
        with tempfile.TemporaryDirectory() as folder:
            anyio.run(main, Path(folder))
            for theme in ("light", "dark"):
                shutil.copy(f"{folder}/{theme}-speaking.png", DOCUMENTED / f"page-{theme}.png")
