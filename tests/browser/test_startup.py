"""The page is there at once, small, and takes no press that it could not hear."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
from playwright.async_api import expect
from script import Script

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.async_api import Browser, Page, Route

PUBLIC = Path(__file__).parents[2] / "public"
FIRST_LOAD_BYTES = 100_000
READY_MS = 300
LOADS = 8

WATCH = """
    globalThis.longTasks = [];
    new PerformanceObserver((list) => longTasks.push(...list.getEntries().map((entry) => Math.round(entry.duration))))
        .observe({ type: 'longtask', buffered: true });
    globalThis.ready = new Promise((resolve) => {
        const see = () => {
            const isUsable = document.body && !document.body.inert && document.getElementById('badge').textContent;
            if (isUsable) resolve(performance.now());
        };
        new MutationObserver(see).observe(document, { subtree: true, childList: true, attributes: true });
    });
"""


async def test_first_load_is_small() -> None:
    files = [path for path in PUBLIC.rglob("*") if path.is_file()]
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) < FIRST_LOAD_BYTES


@pytest.mark.quiet
async def test_page_is_ready_in_an_instant(chromium: Browser, site: str, show: Callable[[str], None]) -> None:
    """With nothing cached, Connect works and the server's name stands there; other programs may slow down a load, but not all."""
    loads = []
    for _ in range(LOADS):
        context = await chromium.new_context()
        page = await context.new_page()
        await page.add_init_script(WATCH)
        await page.goto(site)
        loads.append(await page.evaluate("ready.then((ms) => [ms, longTasks])"))
        await context.close()
    best_ms, long_tasks = min(loads)
    show(f"ready after {best_ms:.0f} ms at best, {sorted(loads)[LOADS // 2][0]:.0f} ms in the middle")
    assert long_tasks == []
    assert best_ms <= READY_MS


async def test_server_is_asked_before_any_script_runs_and_once(page: Page, site: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(site + "/")))
    await page.goto(site)
    await expect(page.get_by_text("Simulator: no model connected")).to_be_visible()
    assert asked.count("config") == 1
    assert asked.index("config") < asked.index("talk.js")
    assert [url for url in asked if asked.count(url) > 1 and url.endswith(".js")] == []


async def test_nothing_can_be_pressed_before_it_is_heard(page: Page, site: str) -> None:
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
