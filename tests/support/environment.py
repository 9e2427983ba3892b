"""A page, its server and the service, with ways between them that a test can break.

page -> front (TCP proxy) -> server.py -> back (TCP proxy) -> simulator, which lives on when the server is killed.
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
from noting_session import Notes, NotingSession
from playwright.async_api import expect
from processes import free_port
from tcp_proxy import TcpProxy
from waiting import TIMEOUT_S, eventually

from simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, BrowserContext, Locator, Page
    from server_process import Server, StartServer

TAP = Path(__file__).with_name("tap.js")
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
    """A turn as the page shows it."""

    role: str
    status: str
    words: str

    @property
    def has_words(self) -> bool:
        return not (self.status == "failed" or self.words in ("…", "(no words)", "(not yet written)"))


class Visit:
    """A person at the page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    async def press(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def write(self, text: str) -> None:
        await self.page.get_by_role("textbox", name="Message").fill(text)
        await self.press("Send")

    async def speak(self) -> None:
        """Begin to say something; 2 s."""
        await self.page.evaluate("(said) => tap.speak(said)", QUESTION)

    async def speak_when(self, state: str) -> None:
        """Begin to say something at the very moment at which the page will come into a state."""
        await self.page.evaluate("([state, said]) => tap.speakWhen(state, said)", [state, QUESTION])

    async def fall_silent(self) -> None:
        """Wait until all is said."""
        await self.page.evaluate("tap.said")

    async def state(self, *states: str) -> None:
        """Wait for a state of the page."""
        names = [f'main[data-state="{state}"]' for state in states]
        await expect(self.page.locator(", ".join(names))).to_be_visible()

    async def read(self, words: str) -> None:
        """Wait until the last turn says these words."""
        last = self.log.locator("article .words").last
        await expect(last).to_contain_text(words)

    async def closed_with(self, code: int) -> None:
        """Wait until a session of the page's was closed with this code."""
        closed = "(code) => tap.codes.includes(code)"
        await self.page.wait_for_function(closed, arg=code, timeout=TIMEOUT_S * 1000)

    async def heard(self, ms: float) -> None:
        """Wait until so much was heard of the answer that began last."""
        reached = "(ms) => Object.values(tap.heardMs).at(-1) > ms"
        await self.page.wait_for_function(reached, arg=ms, timeout=TIMEOUT_S * 1000)

    async def tapped(self, what: str) -> Any:
        return await self.page.evaluate(f"tap.{what}")

    async def turns(self) -> list[Turn]:
        """Return what the page shows of the conversation, without the notes."""
        return [Turn(*turn) for turn in await self.page.evaluate(READ_TURNS) if turn[0] != "note"]

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log", name="Conversation")

    @property
    def banner(self) -> Locator:
        return self.page.get_by_role("alert")

    async def live_since(self) -> float:
        """Return the Unix time at which the page was last told to be reconnecting no more."""
        states = await self.tapped("states")
        last = max((at for at, (state, _) in enumerate(states) if state == "reconnecting"), default=-1)
        return float(states[min(last + 1, len(states) - 1)][1]) / 1000


@dataclass
class Service:
    """The far end: the simulator, the way there, and what its sessions were told."""

    simulator: Simulator
    back: TcpProxy
    notes: Notes

    @property
    def session(self) -> NotingSession:
        """The session opened last."""
        return self.notes.sessions[-1]

    async def reach(self, session: int) -> None:
        """Wait until so many sessions were opened."""
        await eventually(lambda: len(self.notes.sessions) >= session, f"no session {session}")

    @property
    def environment(self) -> dict[str, str]:
        """The settings that point a server at it."""
        return {"AZURE_OPENAI_ENDPOINT": f"http://127.0.0.1:{self.back.port}", "AZURE_OPENAI_API_KEY": KEY}

    async def check_alone(self) -> None:
        """Wait until the session opened last is the only one that is open."""
        await eventually(lambda: self.simulator.sessions == [self.session], "other sessions are open")


@contextlib.asynccontextmanager
async def open_service() -> AsyncIterator[Service]:
    notes = Notes()
    async with (
        Simulator(key=KEY, new_session=notes.open_session) as simulator,
        TcpProxy(int(simulator.url.rpartition(":")[2])) as back,
    ):
        yield Service(simulator, back, notes)


@contextlib.asynccontextmanager
async def open_context(browser: Browser, **options: Any) -> AsyncIterator[BrowserContext]:
    """Open a profile whose pages are tapped."""
    context = await browser.new_context(reduced_motion="reduce", **options)
    try:
        await context.add_init_script(path=TAP)
        yield context
    finally:
        await context.close()


@dataclass
class World:
    """All there is. `visit` is the person in the first tab."""

    visit: Visit
    context: BrowserContext
    front: TcpProxy
    service: Service
    start: StartServer
    servers: list[Server] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.front.port}"

    @property
    def server(self) -> Server:
        return self.servers[-1]

    async def start_server(self) -> None:
        """Start the server, where it was before."""
        settings = {**self.service.environment, "PUBLIC_ORIGIN": self.url, "PORT": str(self.front.target)}
        self.servers.append(await anyio.to_thread.run_sync(partial(self.start, **settings)))

    async def stop_server(self, how: signal.Signals) -> None:
        """End the server, and wait until it is gone."""
        await anyio.to_thread.run_sync(self.server.stop, how)

    async def start_anew(self) -> None:
        """Restart the server."""
        await self.stop_server(signal.SIGTERM)
        await self.start_server()


@contextlib.asynccontextmanager
async def make_world(browser: Browser, start: StartServer) -> AsyncIterator[World]:
    """Arrange everything, the page open and not yet connected."""
    async with open_service() as service, TcpProxy(free_port()) as front, open_context(browser) as context:
        world = World(Visit(await context.new_page()), context, front, service, start)
        await world.start_server()
        await world.visit.page.goto(world.url)
        yield world
