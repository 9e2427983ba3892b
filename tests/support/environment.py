"""The page, the server and the upstream, with TCP proxies between them that a test can break.

page -> page_proxy -> server.py -> upstream_proxy -> simulator. The simulator keeps running when the server is killed.
"""

from __future__ import annotations

import base64
import contextlib
import signal
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import signals
from playwright.async_api import expect
from processes import free_port
from recording_session import RecordingSession, SessionRecords
from tcp_proxy import TcpProxy
from voice_page import VoicePage
from waiting import TIMEOUT_S, eventually

from simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, BrowserContext, Page
    from server_process import Server, StartServer

TAP = Path(__file__).with_name("page-tap.js")
KEY = "a-key-of-the-tests"
QUESTION = base64.b64encode(
    signals.to_pcm(0.3 * signals.from_pcm(signals.recording("what_is_the_weather")))
).decode()
READ_TURNS = """async () => {
    for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
    return [...document.querySelectorAll('#log article')].map((article) => [
        article.dataset.role, article.dataset.status, article.querySelector('.words').textContent]);
}"""


@dataclass(frozen=True)
class Turn:
    """One turn as the page shows it."""

    role: str
    status: str
    words: str

    @property
    def has_words(self) -> bool:
        return not (self.status == "failed" or self.words in ("…", "(no words)", "(not yet written)"))


class User(VoicePage):
    """A user's tab, with `page-tap.js` inside: what the user does, and what the page shows and plays.

    Attributes:
        errors: uncaught exceptions of the page's scripts.
    """

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    async def speak(self) -> None:
        """Begin to speak: 2 s of a recorded question."""
        await self.page.evaluate("(speech) => tap.speak(speech)", QUESTION)

    async def speak_when(self, state: str) -> None:
        """Begin to speak as soon as the page enters a state."""
        await self.page.evaluate("([state, speech]) => tap.speakWhen(state, speech)", [state, QUESTION])

    async def stop_speaking(self) -> None:
        """Wait until the recorded question is over."""
        await self.page.evaluate("tap.speechEnd")

    async def read(self, words: str) -> None:
        """Wait until the last turn contains these words."""
        await expect(self.words.last).to_contain_text(words)

    async def closed_with(self, code: int) -> None:
        """Wait until one of the page's sessions was closed with this code."""
        closed = "(code) => tap.codes.includes(code)"
        await self.page.wait_for_function(closed, arg=code, timeout=TIMEOUT_S * 1000)

    async def heard(self, ms: float) -> None:
        """Wait until that much of the latest answer was played."""
        reached = "(ms) => Object.values(tap.heardMs).at(-1) > ms"
        await self.page.wait_for_function(reached, arg=ms, timeout=TIMEOUT_S * 1000)

    async def tapped(self, what: str) -> Any:
        return await self.page.evaluate(f"tap.{what}")

    async def turns(self) -> list[Turn]:
        """Return the turns that the page shows, without its notes."""
        return [Turn(*turn) for turn in await self.page.evaluate(READ_TURNS) if turn[0] != "note"]


@dataclass
class Upstream:
    """The simulator, the proxy before it, and a record of what its sessions received."""

    simulator: Simulator
    proxy: TcpProxy
    records: SessionRecords

    @property
    def session(self) -> RecordingSession:
        """The session that was opened last."""
        return self.records.sessions[-1]

    async def wait_for_session(self, number: int) -> None:
        """Wait until that many sessions were opened."""
        await eventually(lambda: len(self.records.sessions) >= number, f"no session {number}")

    @property
    def settings(self) -> dict[str, str]:
        """The server's settings that lead to this upstream."""
        return {"AZURE_OPENAI_ENDPOINT": f"http://127.0.0.1:{self.proxy.port}", "AZURE_OPENAI_API_KEY": KEY}

    async def check_only_session(self) -> None:
        """Wait until the session that was opened last is the only open one."""
        await eventually(lambda: self.simulator.sessions == [self.session], "other sessions are open")


@contextlib.asynccontextmanager
async def open_upstream() -> AsyncIterator[Upstream]:
    records = SessionRecords()
    async with (
        Simulator(key=KEY, new_session=records.open_session) as simulator,
        TcpProxy(int(simulator.url.rpartition(":")[2])) as proxy,
    ):
        yield Upstream(simulator, proxy, records)


@contextlib.asynccontextmanager
async def open_context(browser: Browser, **options: Any) -> AsyncIterator[BrowserContext]:
    """Open a browser profile whose pages run `page-tap.js`."""
    context = await browser.new_context(reduced_motion="reduce", **options)
    try:
        await context.add_init_script(path=TAP)
        yield context
    finally:
        await context.close()


@dataclass
class Environment:
    """Everything between a user and the upstream. `user` has the first tab."""

    user: User
    context: BrowserContext
    page_proxy: TcpProxy
    upstream: Upstream
    start: StartServer
    servers: list[Server] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.page_proxy.port}"

    @property
    def server(self) -> Server:
        return self.servers[-1]

    async def start_server(self) -> None:
        """Start a server on the port that the page's proxy leads to."""
        port = str(self.page_proxy.target)
        settings = {**self.upstream.settings, "PUBLIC_ORIGIN": self.url, "PORT": port}
        self.servers.append(await anyio.to_thread.run_sync(partial(self.start, **settings)))

    async def stop_server(self, how: signal.Signals) -> None:
        """Send the server a signal, and wait until its process has ended."""
        await anyio.to_thread.run_sync(self.server.stop, how)

    async def restart_server(self) -> None:
        await self.stop_server(signal.SIGTERM)
        await self.start_server()


@contextlib.asynccontextmanager
async def open_environment(browser: Browser, start: StartServer) -> AsyncIterator[Environment]:
    """Start everything; the page is open and not yet connected."""
    async with (
        open_upstream() as upstream,
        TcpProxy(free_port()) as page_proxy,
        open_context(browser) as context,
    ):
        environment = Environment(User(await context.new_page()), context, page_proxy, upstream, start)
        await environment.start_server()
        await environment.user.page.goto(environment.url)
        yield environment
