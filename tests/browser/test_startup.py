"""The page's start: it transfers little, is ready soon, and takes no press before it can act on it."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import anyio
from page_load import TRANSFERRED, PageLoader
from playwright.async_api import expect
from script import Script

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page, Route

FIRST_LOAD_BYTES = 320_000
READY_MS = 3000
"""Ten times the goal of benchmarks/page.py, which a busy machine does not reach."""
LOADS = 5


async def test_first_load_transfers_few_bytes(page: Page, site: str) -> None:
    await page.goto(site, wait_until="networkidle")
    transferred = await page.evaluate(TRANSFERRED)
    assert {address.removeprefix(site) for address, _ in transferred} >= {"/", "/config", "/app.js"}
    assert sum(size for _, size in transferred) <= FIRST_LOAD_BYTES


async def test_page_is_ready_soon(chromium: Browser, site: str) -> None:
    loader = PageLoader(await chromium.new_browser_cdp_session())
    assert median([(await loader.load(site)).ready_ms for _ in range(LOADS)]) <= READY_MS


async def test_config_is_fetched_once_and_before_any_script_runs(page: Page, site: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(site + "/")))
    await page.goto(site)
    await expect(page.get_by_text("Simulator: no model connected")).to_be_visible()
    assert asked.count("config") == 1
    assert asked.index("config") < asked.index("voice-chat/voice-chat.js")
    assert [url for url in asked if asked.count(url) > 1 and url.endswith(".js")] == []


async def test_nothing_can_be_pressed_before_the_scripts_have_loaded(page: Page, site: str) -> None:
    may_load = anyio.Event()

    async def hold(route: Route) -> None:
        await may_load.wait()
        await route.continue_()

    await page.route("**/app.js", hold)
    script = Script(page)
    await page.route_web_socket("**/ws", script.accept)
    await page.goto(site, wait_until="commit")
    connect = page.get_by_role("button", name="Connect", exact=True, include_hidden=True)
    await expect(connect).to_be_visible()
    box = await connect.bounding_box()
    assert box
    await page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement === document.body")
    may_load.set()
    await connect.click()
    await script.state("connected")
    assert await connect.count() == 0
