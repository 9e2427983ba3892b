"""Drive the three engines: Chromium and Firefox ESR through Playwright, WebKitGTK through WebDriver.

`chromium` and `firefox` give a Playwright browser. `open_tab` gives a tab of any engine with one small interface, for tests
that run in all engines.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import os
import shutil
import subprocess
import tempfile
import threading
from typing import TYPE_CHECKING, Any, Protocol

import anyio.to_thread
from programs import find_minibrowser, find_program
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.remote_connection import RemoteConnection
from selenium.webdriver.support.wait import WebDriverWait
from selenium.webdriver.webkitgtk.options import Options
from selenium.webdriver.webkitgtk.service import Service
from waiting import TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from playwright.async_api import Browser, Page, Playwright
    from pulse import Pulse

ENGINES = ("chromium", "firefox", "webkit")
NO_SOUND = {"PULSE_SERVER": "unix:/nonexistent"}


@contextlib.asynccontextmanager
async def chromium(
    playwright: Playwright, *arguments: str, pulse: Pulse | None = None
) -> AsyncIterator[Browser]:
    """Run Chromium, headless, every permission prompt for the microphone granted unless `arguments` say otherwise.

    With `pulse` it is the whole browser, as users have it. Without, it is Chromium's headless shell, which opens a page in half
    of the processor time.

    Args:
        arguments: more of Chromium's command line.
        pulse: the sound card that the browser plays to and records from.
    """
    fake = ["--use-fake-device-for-media-stream"] if pulse is None else []
    if not any("permission" in argument or "fake-ui" in argument for argument in arguments):
        fake.append("--use-fake-ui-for-media-stream")
    shell = [] if pulse else ["chromium-headless-shell"]
    browser = await playwright.chromium.launch(
        executable_path=find_program(*shell, "chromium", "chromium-browser", "google-chrome"),
        args=[*fake, *arguments],
        env={**os.environ, **(pulse.environment if pulse else NO_SOUND)},
        ignore_default_args=["--mute-audio"],
    )
    try:
        yield browser
    finally:
        await browser.close()


@contextlib.asynccontextmanager
async def firefox(
    playwright: Playwright, pulse: Pulse, preferences: dict[str, str | float | bool] | None = None
) -> AsyncIterator[Browser]:
    """Run Firefox ESR, headless, permissions granted; without a sound server its audio clock stands still."""
    browser = await playwright.firefox.launch(
        channel="moz-firefox",
        executable_path=find_program("firefox-esr"),
        env={**os.environ, **pulse.environment},
        firefox_user_prefs={"media.navigator.permission.disabled": True, **(preferences or {})},
    )
    try:
        yield browser
    finally:
        await browser.close()


class Tab(Protocol):
    """One page in any engine. Functions are JavaScript source; their results, also promised ones, arrive as JSON values."""

    async def goto(self, url: str) -> None: ...

    async def evaluate(self, function: str, *arguments: Any) -> Any: ...

    async def wait_for(self, function: str) -> None:
        """Wait until the function returns something true."""

    async def click(self, button: str) -> None:
        """Press the button of that name, as a person would."""


class PlaywrightTab:
    def __init__(self, page: Page) -> None:
        self.page = page

    async def goto(self, url: str) -> None:
        await self.page.goto(url)

    async def evaluate(self, function: str, *arguments: Any) -> Any:
        return await self.page.evaluate(f"parameters => ({function})(...parameters)", list(arguments))

    async def wait_for(self, function: str) -> None:
        await self.page.wait_for_function(f"() => ({function})()", timeout=TIMEOUT_S * 1000)

    async def click(self, button: str) -> None:
        await self.page.get_by_role("button", name=button, exact=True).click()


class WebDriverTab:
    def __init__(self, driver: webdriver.Remote) -> None:
        self.driver = driver

    async def goto(self, url: str) -> None:
        await anyio.to_thread.run_sync(self.driver.get, url)

    async def evaluate(self, function: str, *arguments: Any) -> Any:
        script = f"""const done = arguments[0];
            Promise.resolve().then(() => ({function})(...{json.dumps(arguments)})).then(
                (value) => done({{ value }}), (error) => done({{ error: String(error) }}));"""
        answer = await anyio.to_thread.run_sync(self.driver.execute_async_script, script)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer.get("value")

    async def wait_for(self, function: str) -> None:
        wait = WebDriverWait(self.driver, TIMEOUT_S, poll_frequency=0.1)
        condition = functools.partial(webdriver.Remote.execute_script, script=f"return ({function})()")
        await anyio.to_thread.run_sync(wait.until, condition)

    async def click(self, button: str) -> None:
        path = f"//button[normalize-space()={json.dumps(button)} or @aria-label={json.dumps(button)}]"
        element = await anyio.to_thread.run_sync(self.driver.find_element, By.XPATH, path)
        await anyio.to_thread.run_sync(element.click)


@contextlib.contextmanager
def x_display() -> Iterator[str]:
    """Run an X server without a screen; yield its name."""
    reading, writing = os.pipe()
    with subprocess.Popen(
        [find_program("Xvfb"), "-displayfd", str(writing), "-screen", "0", "1280x900x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    ) as server:
        os.close(writing)
        # Number and newline come in two writes, and Xvfb dies if nobody reads the second.
        with os.fdopen(reading) as pipe:
            number = pipe.readline().strip()
            try:
                if not number:
                    raise RuntimeError("Xvfb did not start")
                yield f":{number}"
            finally:
                server.terminate()


@contextlib.contextmanager
def webkit(pulse: Pulse) -> Iterator[webdriver.Remote]:
    """Run WebKitGTK's MiniBrowser in an X server of its own."""
    home = tempfile.mkdtemp(prefix="webkit-")
    options = Options()
    options.binary_location = find_minibrowser()
    for argument in (
        *("--automation", "--enable-media-stream=true", "--enable-mock-capture-devices=false"),
        "--autoplay-policy=allow",
    ):
        options.add_argument(argument)
    try:
        with x_display() as display:
            service = Service(
                find_program("WebKitWebDriver"),
                env={
                    **os.environ,
                    **pulse.environment,
                    "DISPLAY": display,
                    "HOME": home,
                    "XDG_RUNTIME_DIR": home,
                    "GDK_BACKEND": "x11",
                    "GTK_A11Y": "none",
                    "LIBGL_ALWAYS_SOFTWARE": "1",
                    "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
                },
            )
            service.start()
            try:
                # Not webdriver.WebKitGTK: it connects in a way that Selenium itself calls deprecated, a warning here an error.
                connection = RemoteConnection(client_config=ClientConfig(service.service_url))
                with webdriver.Remote(connection, options=options) as driver:
                    driver.set_script_timeout(TIMEOUT_S)
                    yield driver
            finally:
                service.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextlib.asynccontextmanager
async def open_tab(
    engine: str, playwright: Playwright, pulse: Pulse, *, gesture: bool = True
) -> AsyncIterator[Tab]:
    """Open a tab in the engine of that name, with the loudspeaker and microphone of `pulse`.

    Args:
        gesture: whether sound needs a click first, as it does for a user; WebKitGTK never asks for one.
    """
    if engine == "chromium":
        free = [] if gesture else ["--autoplay-policy=no-user-gesture-required"]
        async with chromium(playwright, *free, pulse=pulse) as browser:
            yield PlaywrightTab(await browser.new_page())
    elif engine == "firefox":
        preferences: dict[str, str | float | bool] = {} if gesture else {"media.autoplay.default": 0}
        async with firefox(playwright, pulse, preferences) as browser:
            yield PlaywrightTab(await browser.new_page())
    else:
        context = webkit(pulse)
        driver = await anyio.to_thread.run_sync(context.__enter__)
        try:
            yield WebDriverTab(driver)
        finally:
            await anyio.to_thread.run_sync(context.__exit__, None, None, None)


@contextlib.contextmanager
def serve(**directories: Path) -> Iterator[str]:
    """Serve each directory under its name on loopback, and yield the address: a secure context for a page."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def translate_path(self, path: str) -> str:
            name, _, rest = path.partition("?")[0].lstrip("/").partition("/")
            directory = directories.get(name)
            return str(directory / rest) if directory and ".." not in rest else "/nonexistent"

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
