"""Fault after fault strikes one talk, whatever it is about, and after each all must be as though nothing had been."""

from __future__ import annotations

import random
import signal
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import anyio
from engines import chromium
from environment import make_world
from invariants import Ledger
from noting_session import answer_to
from playwright.async_api import async_playwright
from server_process import StartServer
from waiting import TIMEOUT_S

from simulator import Faults

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from environment import World

SHORT_SESSION_S = 4
STILL_S = 0.3
"""A moment is quiet when nothing begins in it."""
OFFERS = ("Answer now", "Go on")
TYPES_WHILE_AWAY = 0.3  # of the faults
LIVE = ("listening", "hearing-you", "thinking", "speaking")


@dataclass
class Outcome:
    """What came of it."""

    struck: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    away_s: list[float] = field(default_factory=list)
    recovery_s: list[float] = field(default_factory=list)

    def lines(self) -> list[str]:
        kinds = [f"{kind:18} {count:5} {self.lost[kind]:5}" for kind, count in sorted(self.struck.items())]
        return [
            f"{'fault':18} times  lost",
            *kinds,
            f"{'all':18} {self.struck.total():5} {self.lost.total():5}, all recovered from",
            f"from the end of the trouble to a live talk: {spread(self.recovery_s)}",
            f"from the loss of the session to a live talk: {spread(self.away_s)}",
        ]


def spread(times_s: list[float]) -> str:
    ordered = sorted(times_s)
    p95_s = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"median {statistics.median(ordered):.2f} s, 95th percentile {p95_s:.2f} s"


class Trouble:
    """Ways to break a world and mend it again.

    Args:
        pace: how long troubles last; at 1, long enough that each kind of them sometimes costs the session.
    """

    def __init__(self, world: World, choice: random.Random, pace: float) -> None:
        self.world, self.choice, self.pace = world, choice, pace

    async def last(self, most_s: float, least_s: float = 0) -> None:
        """Let some time pass: that it does is the point."""
        await anyio.sleep(self.pace * self.choice.uniform(least_s, most_s))

    async def last_silently(self) -> None:
        """Let so little time pass that nobody notices, or so much that somebody has to."""
        await (self.last(4) if self.choice.random() < 0.5 else self.last(24, 11))

    async def server_killed(self) -> None:
        await self.world.stop_server(signal.SIGKILL)
        await self.last(3)
        await self.world.start_server()

    async def server_restarted(self) -> None:
        await self.world.stop_server(signal.SIGTERM)
        await self.last(3)
        await self.world.start_server()

    async def server_hung(self) -> None:
        self.world.server.process.send_signal(signal.SIGSTOP)
        try:
            await self.last_silently()
        finally:
            self.world.server.process.send_signal(signal.SIGCONT)

    async def network_reset(self) -> None:
        self.world.front.cut()

    async def network_refused(self) -> None:
        await self.world.front.refuse()
        self.world.front.cut()
        await self.last(5)
        await self.world.front.accept()

    async def network_frozen(self) -> None:
        self.world.front.freeze()
        await self.last_silently()
        self.world.front.thaw()

    async def browser_offline(self) -> None:
        await self.world.context.set_offline(offline=True)
        await self.last(5)
        await self.world.context.set_offline(offline=False)

    async def computer_asleep(self) -> None:
        tab = await self.world.context.new_cdp_session(self.world.visit.page)
        await tab.send("Page.setWebLifecycleState", {"state": "frozen"})
        if self.choice.random() < 0.5:
            self.world.front.cut()
        await self.last(8)
        await tab.send("Page.setWebLifecycleState", {"state": "active"})
        await tab.detach()

    async def service_reset(self) -> None:
        self.world.service.back.cut()

    async def service_refuses(self) -> None:
        simulator = self.world.service.simulator
        simulator.faults = Faults(refuse=self.choice.choice([429, 500, 503]))
        self.world.service.back.cut()
        await self.last(3)
        simulator.faults = Faults()

    async def service_frozen(self) -> None:
        self.world.service.back.freeze()
        await self.last_silently()
        self.world.service.back.thaw()

    async def session_short(self) -> None:
        """The next session hardly lasts, and hands over to another."""
        self.world.service.simulator.faults = Faults(times=1, session_s=SHORT_SESSION_S)
        self.world.service.back.cut()
        await anyio.sleep(SHORT_SESSION_S + 1)

    async def page_reloaded(self) -> None:
        visit = self.world.visit
        await visit.page.reload()
        await visit.press("Start Recording")

    KINDS: tuple[Kind, ...] = (
        server_killed,
        server_restarted,
        server_hung,
        network_reset,
        network_refused,
        network_frozen,
        browser_offline,
        computer_asleep,
        service_reset,
        service_refuses,
        service_frozen,
        session_short,
        page_reloaded,
    )


class Kind(Protocol):
    """A way of `Trouble`."""

    __name__: str

    def __call__(self, trouble: Trouble, /) -> Awaitable[None]: ...


class Ordeal:
    """One talk with the microphone on, and all that befalls it."""

    def __init__(
        self,
        world: World,
        ledger: Ledger,
        seed: int,
        pace: float = 1,
        tell: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.world, self.visit, self.ledger = world, world.visit, ledger
        self.choice = random.Random(seed)
        self.trouble = Trouble(world, self.choice, pace)
        self.tell = tell
        self.outcome = Outcome()

    async def suffer(self, faults: int) -> Outcome:
        """Meet so many faults, and check after each; raise AssertionError when anything is not as it should be."""
        await self.visit.press("Start Recording")
        await self.visit.state("listening")
        kinds: list[Kind] = []
        for number in range(faults):
            if not kinds:
                kinds = self.choice.sample(Trouble.KINDS, len(Trouble.KINDS))
            kind = kinds.pop()
            doing = self.choice.choice((self.be_idle, self.ask, self.listen, self.speak))
            try:
                await self.meet(number, kind, doing)
            except BaseException as failure:
                states = await self.visit.tapped("states")
                failure.add_note(
                    f"fault {number}: {kind.__name__} while {doing.__name__}; states: {states[-12:]}"
                )
                raise
            self.tell(f"{number + 1} of {faults}: {kind.__name__} while {doing.__name__}")
        return self.outcome

    async def meet(self, number: int, kind: Kind, doing: Callable[[str], Awaitable[None]]) -> None:
        name = kind.__name__
        self.outcome.struck[name] += 1
        await doing(f"Question {number}: 20 words")
        struck_at = time.time()
        async with anyio.create_task_group() as tasks:
            if name != "page_reloaded" and self.choice.random() < TYPES_WHILE_AWAY:
                tasks.start_soon(self.type_while_away, f"Still there, {number}?")
            await kind(self.trouble)
        mended_at = time.time()
        await self.visit.state(*LIVE)
        await self.be_quiet()
        await self.take_offers()
        await self.ledger.check_answered()
        await self.prove(f"All well, {number}?")
        await self.note_recovery(name, struck_at, mended_at)
        await self.ledger.check()
        await self.world.service.check_alone()

    # What the user does

    async def be_idle(self, _: str) -> None:
        """Nothing is under way."""

    async def ask(self, question: str) -> None:
        """An answer is awaited."""
        self.ledger.asked.append(question)
        await self.visit.write(question)
        await anyio.sleep(self.choice.uniform(0, 0.3))

    async def listen(self, question: str) -> None:
        """An answer is heard."""
        await self.ledger.ask(question)
        await anyio.sleep(self.choice.uniform(0, 2))

    async def speak(self, _: str) -> None:
        """The user is speaking, or has just spoken."""
        await self.visit.speak()
        await anyio.sleep(self.choice.uniform(0, 2.5))

    async def type_while_away(self, question: str) -> None:
        await anyio.sleep(self.choice.uniform(0, 1))
        self.ledger.asked.append(question)
        await self.visit.write(question)

    async def take_offers(self) -> None:
        """Take what the page offers after a loss."""
        for offer in OFFERS:
            button = self.visit.banner.get_by_role("button", name=offer)
            if await button.is_visible():
                await button.click()
                await self.be_quiet()

    async def be_quiet(self) -> None:
        """Wait until all is said and answered."""
        await self.visit.fall_silent()
        still_since = time.monotonic()
        deadline = still_since + TIMEOUT_S
        while time.monotonic() < still_since + STILL_S:
            await anyio.sleep(STILL_S / 4)
            state = (await self.visit.tapped("states"))[-1][0]
            if state != "listening" or self.world.service.session.response:
                still_since = time.monotonic()
            assert time.monotonic() < deadline, f"still {state}"

    async def prove(self, question: str) -> None:
        """Ask, and get the whole answer; take what is offered when even now the connection turns out to be lost."""
        self.ledger.asked.append(question)
        await self.visit.write(question)
        answer = self.visit.log.get_by_text(answer_to(question))
        deadline = time.monotonic() + TIMEOUT_S
        await self.be_quiet()
        while not await answer.is_visible():
            assert time.monotonic() < deadline, f"{question} is not answered"
            await self.take_offers()
            await self.be_quiet()

    async def note_recovery(self, name: str, struck_at: float, mended_at: float) -> None:
        states = [(state, ms / 1000) for state, ms in await self.visit.tapped("states")]
        since = [at for at, (_, when_s) in enumerate(states) if when_s >= struck_at]
        away = [at for at in since if states[at][0] in ("reconnecting", "connecting")]
        if not away:
            return
        self.outcome.lost[name] += 1
        live_s = states[away[-1] + 1][1]
        lost_s = states[away[0]][1]
        self.outcome.away_s.append(live_s - lost_s)
        self.outcome.recovery_s.append(max(0.0, live_s - max(mended_at, lost_s)))


async def run(faults: int, seed: int, tell: Callable[[str], object]) -> Outcome:
    """Let a talk meet so many faults, outside any test; tell of each that was survived."""
    with StartServer() as start:
        async with (
            async_playwright() as playwright,
            chromium(playwright) as browser,
            make_world(browser, start) as world,
        ):
            ledger = Ledger(world.visit, world.service)
            return await Ordeal(world, ledger, seed, tell=tell).suffer(faults)
