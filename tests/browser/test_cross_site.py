"""A page of another site attacks, in a real browser, the server and a relay without defences; and the login page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]  # ships no types
from engines import chromium as run_chromium
from engines import serve
from playwright.async_api import expect
from unprotected_relay import run_unprotected_relay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.async_api import Browser, Page, Playwright
    from server_process import Server, StartServer

CODE = "a-code-of-the-tests-0123456789"
REBOUND = "rebound.example"
OPEN_SOCKET = """(url) => new Promise((done) => {
    const socket = new WebSocket(url.replace('http', 'ws') + '/ws');
    socket.onopen = () => done(true);
    socket.onerror = () => done(false);
})"""
ATTACKS = {
    "opens a session": OPEN_SOCKET,
    "opens a session as an SDK does": """(url) => new Promise((done) => {
        const socket = new WebSocket(url.replace('http', 'ws') + '/v1/realtime', ['realtime', 'openai-insecure-api-key.x']);
        socket.onopen = () => done(true);
        socket.onerror = () => done(false);
    })""",
    "opens a session from a sandbox": """(url) => new Promise((done) => {
        const frame = document.createElement('iframe');
        frame.setAttribute('sandbox', 'allow-scripts');
        frame.srcdoc = `<script>const socket = new WebSocket('${url.replace('http', 'ws')}/ws');
            socket.onopen = () => parent.postMessage(true, '*');
            socket.onerror = () => parent.postMessage(false, '*');</` + 'script>';
        onmessage = (event) => done(event.data);
        document.body.append(frame);
    })""",
    "runs one of its scripts": """(url) => new Promise((done) => {
        const script = document.createElement('script');
        script.onload = () => done(true);
        script.onerror = () => done(false);
        script.src = url + '/problems/problems.js';
        document.head.append(script);
    })""",
    "frames the page": """(url) => new Promise((done) => {
        const frame = document.createElement('iframe');
        frame.onload = () => done(frame);
        frame.src = url;
        document.body.append(frame);
    })""",
}  # fmt: skip


@pytest.fixture(scope="module")
def unprotected() -> Iterator[str]:
    with run_unprotected_relay() as url:
        yield url


@pytest.fixture
def evil(tmp_path: Path) -> Iterator[str]:
    """The address of another site: to a browser, another port is another site."""
    (tmp_path / "index.html").write_text("<!doctype html><title>evil</title><body></body>")
    with serve(site=tmp_path) as url:
        yield f"{url}/site/index.html"


async def succeeds(page: Page, evil: str, attack: str, url: str) -> bool:
    await page.goto(evil)
    if attack != "frames the page":
        return bool(await page.evaluate(ATTACKS[attack], url))
    element = (await page.evaluate_handle(ATTACKS[attack], url)).as_element()
    frame = element and await element.content_frame()
    assert frame
    return bool(await frame.locator("main").count())


@pytest.mark.parametrize("attack", ATTACKS)
async def test_another_site_cannot_use_the_server(
    page: Page, server: StartServer, unprotected: str, evil: str, attack: str
) -> None:
    assert await succeeds(page, evil, attack, unprotected)
    assert not await succeeds(page, evil, attack, server().url)


async def test_a_rebound_name_reaches_neither_page_nor_session(
    playwright: Playwright, server: StartServer, unprotected: str
) -> None:
    running = server().url
    async with run_chromium(playwright, f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1") as browser:
        page = await browser.new_page()
        for url, status in ((running, 403), (unprotected, 200)):
            answer = await page.goto(f"http://{REBOUND}:{url.rpartition(':')[2]}/config")
            assert answer
            assert answer.status == status
        assert await page.evaluate(OPEN_SOCKET, unprotected.replace("127.0.0.1", REBOUND))
        assert not await page.evaluate(OPEN_SOCKET, running.replace("localhost", REBOUND))


async def log_in(page: Page, code: str) -> None:
    await page.get_by_label("Access code").fill(code)
    await page.get_by_role("button", name="Log in").click()


@pytest.fixture
def guarded(server: StartServer) -> Server:
    return server(ACCESS_CODE=CODE)


async def test_the_login_works_without_scripts(chromium: Browser, guarded: Server) -> None:
    context = await chromium.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(guarded.url)
    await expect(page).to_have_url(f"{guarded.url}/login")
    await log_in(page, "not the code")
    await expect(page.get_by_role("alert")).to_have_text("That is not the code. Please try again.")
    await log_in(page, CODE)
    await expect(page).to_have_url(f"{guarded.url}/")
    await expect(page.get_by_role("button", name="Connect", exact=True)).to_be_visible()
    await context.close()


async def test_axe_finds_no_violation_on_the_login_page(page: Page, guarded: Server) -> None:
    await page.goto(guarded.url)
    results = await Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


async def test_a_link_from_another_site_leads_to_the_page_after_login_and_to_the_login_before(
    page: Page, guarded: Server, tmp_path: Path
) -> None:
    (tmp_path / "link.html").write_text(f"<!doctype html><a href='{guarded.url}/'>voice</a>")
    with serve(site=tmp_path) as url:
        await page.goto(f"{url}/site/link.html")
        await page.get_by_role("link").click()
        await page.wait_for_url(f"{guarded.url}/login")
        await log_in(page, CODE)
        await page.wait_for_url(f"{guarded.url}/")
        await page.goto(f"{url}/site/link.html")
        await page.get_by_role("link").click()
        await expect(page.get_by_role("button", name="Connect", exact=True)).to_be_visible()


async def test_a_login_opens_sessions_and_the_page_says_when_it_has_expired(
    page: Page, guarded: Server
) -> None:
    await page.goto(guarded.url)
    await log_in(page, CODE)
    await page.wait_for_url(f"{guarded.url}/")  # and until its scripts are loaded
    main = page.get_by_role("main")
    await page.get_by_role("button", name="Connect", exact=True).click()
    await expect(main).to_have_attribute("data-state", "connected")
    await page.get_by_role("button", name="Disconnect").click()
    (cookie,) = await page.context.cookies()
    assert cookie.get("httpOnly")
    assert cookie.get("sameSite") == "Strict"
    await page.context.clear_cookies()
    await page.get_by_role("button", name="Connect", exact=True).click()
    await page.get_by_role("button", name="Sign in").click()
    await expect(page).to_have_url(f"{guarded.url}/login")
