"""Inject one random fault after another into one conversation, and check its invariants after each."""

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
from environment import open_environment
from invariants import Invariants
from playwright.async_api import async_playwright
from recording_session import answer_to
from server_process import StartServer
from waiting import TIMEOUT_S

from simulator import Faults

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from environment import Environment

SHORT_SESSION_S = 4
QUIET_S = 0.3
"""So long nothing must begin before the conversation counts as quiet."""
OFFERS = ("Answer now", "Go on")
WRITES_MEANWHILE = 0.3  # share of the faults during which the user writes a message
LIVE = ("listening", "hearing-you", "thinking", "speaking")


@dataclass
class Outcome:
    """How often each kind of fault was injected and cost the session, and how long recovering took.

    Attributes:
        outage_s: from the loss of the session to a live conversation.
        recovery_s: from the end of the fault to a live conversation.
    """

    injected: Counter[str] = field(default_factory=Counter)
    sessions_lost: Counter[str] = field(default_factory=Counter)
    outage_s: list[float] = field(default_factory=list)
    recovery_s: list[float] = field(default_factory=list)

    def lines(self) -> list[str]:
        kinds = [
            f"{kind:18} {count:5} {self.sessions_lost[kind]:5}"
            for kind, count in sorted(self.injected.items())
        ]
        return [
            f"{'fault':18} times  sessions lost",
            *kinds,
            f"{'all':18} {self.injected.total():5} {self.sessions_lost.total():5}, all recovered from",
            f"from the end of the fault to a live conversation: {spread(self.recovery_s)}",
            f"from the loss of the session to a live conversation: {spread(self.outage_s)}",
        ]


def spread(times_s: list[float]) -> str:
    ordered = sorted(times_s)
    p95_s = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"median {statistics.median(ordered):.2f} s, 95th percentile {p95_s:.2f} s"


class FaultInjector:
    """Break an environment in one way, and repair it.

    Args:
        pace: scales how long faults last. At 1, each kind of fault sometimes costs the session.
    """

    def __init__(self, environment: Environment, choice: random.Random, pace: float) -> None:
        self.environment, self.choice, self.pace = environment, choice, pace

    async def last_for(self, most_s: float, least_s: float = 0) -> None:
        """Let the fault last for a random time."""
        await anyio.sleep(self.pace * self.choice.uniform(least_s, most_s))

    async def last_silently(self) -> None:
        """Let the fault last so briefly that no side notices, or so long that one side must notice."""
        await (self.last_for(4) if self.choice.random() < 0.5 else self.last_for(24, 11))

    async def server_killed(self) -> None:
        await self.environment.stop_server(signal.SIGKILL)
        await self.last_for(3)
        await self.environment.start_server()

    async def server_restarted(self) -> None:
        await self.environment.stop_server(signal.SIGTERM)
        await self.last_for(3)
        await self.environment.start_server()

    async def server_hung(self) -> None:
        self.environment.server.process.send_signal(signal.SIGSTOP)
        try:
            await self.last_silently()
        finally:
            self.environment.server.process.send_signal(signal.SIGCONT)

    async def network_reset(self) -> None:
        self.environment.page_proxy.cut()

    async def network_refused(self) -> None:
        await self.environment.page_proxy.refuse()
        self.environment.page_proxy.cut()
        await self.last_for(5)
        await self.environment.page_proxy.accept()

    async def network_frozen(self) -> None:
        self.environment.page_proxy.freeze()
        await self.last_silently()
        self.environment.page_proxy.thaw()

    async def browser_offline(self) -> None:
        await self.environment.context.set_offline(offline=True)
        await self.last_for(5)
        await self.environment.context.set_offline(offline=False)

    async def computer_asleep(self) -> None:
        tab = await self.environment.context.new_cdp_session(self.environment.user.page)
        await tab.send("Page.setWebLifecycleState", {"state": "frozen"})
        if self.choice.random() < 0.5:
            self.environment.page_proxy.cut()
        await self.last_for(8)
        await tab.send("Page.setWebLifecycleState", {"state": "active"})
        await tab.detach()

    async def service_reset(self) -> None:
        self.environment.upstream.proxy.cut()

    async def service_refuses(self) -> None:
        simulator = self.environment.upstream.simulator
        simulator.faults = Faults(refuse=self.choice.choice([429, 500, 503]))
        self.environment.upstream.proxy.cut()
        await self.last_for(3)
        simulator.faults = Faults()

    async def service_frozen(self) -> None:
        self.environment.upstream.proxy.freeze()
        await self.last_silently()
        self.environment.upstream.proxy.thaw()

    async def session_short(self) -> None:
        """Let the next session expire soon after it began."""
        self.environment.upstream.simulator.faults = Faults(times=1, session_s=SHORT_SESSION_S)
        self.environment.upstream.proxy.cut()
        await anyio.sleep(SHORT_SESSION_S + 1)

    async def page_reloaded(self) -> None:
        user = self.environment.user
        await user.page.reload()
        await user.press("Start Recording")

    KINDS: tuple[FaultKind, ...] = (
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


class FaultKind(Protocol):
    """One of `FaultInjector.KINDS`."""

    __name__: str

    def __call__(self, injector: FaultInjector, /) -> Awaitable[None]: ...


class FaultRun:
    """One conversation with the microphone on, and the faults that are injected into it."""

    def __init__(
        self,
        environment: Environment,
        invariants: Invariants,
        seed: int,
        pace: float = 1,
        report: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.environment, self.user, self.invariants = environment, environment.user, invariants
        self.choice = random.Random(seed)
        self.injector = FaultInjector(environment, self.choice, pace)
        self.report = report
        self.outcome = Outcome()

    async def run(self, faults: int) -> Outcome:
        """Inject that many faults, and check after each; raise AssertionError when an invariant does not hold."""
        await self.user.press("Start Recording")
        await self.user.state("listening")
        kinds: list[FaultKind] = []
        for number in range(faults):
            if not kinds:
                kinds = self.choice.sample(FaultInjector.KINDS, len(FaultInjector.KINDS))
            kind = kinds.pop()
            doing = self.choice.choice((self.do_nothing, self.ask, self.listen, self.speak))
            try:
                await self.inject(number, kind, doing)
            except BaseException as failure:
                states = await self.user.tapped("states")
                failure.add_note(
                    f"fault {number}: {kind.__name__} while {doing.__name__}; states: {states[-12:]}"
                )
                raise
            self.report(f"{number + 1} of {faults}: {kind.__name__} while {doing.__name__}")
        return self.outcome

    async def inject(self, number: int, kind: FaultKind, doing: Callable[[str], Awaitable[None]]) -> None:
        name = kind.__name__
        self.outcome.injected[name] += 1
        await doing(f"Question {number}: 20 words")
        injected_at = time.time()
        async with anyio.create_task_group() as tasks:
            if name != "page_reloaded" and self.choice.random() < WRITES_MEANWHILE:
                tasks.start_soon(self.write_meanwhile, f"Still there, {number}?")
            await kind(self.injector)
        repaired_at = time.time()
        await self.user.state(*LIVE)
        await self.wait_until_quiet()
        await self.take_offers()
        await self.invariants.check_answered()
        await self.check_live(f"All well, {number}?")
        await self.invariants.check_no_banner()
        await self.note_recovery(name, injected_at, repaired_at)
        await self.invariants.check()
        await self.environment.upstream.check_only_session()

    # What the user does

    async def do_nothing(self, _: str) -> None:
        """Leave the conversation quiet."""

    async def ask(self, question: str) -> None:
        """Write a message, whose answer is then awaited."""
        self.invariants.asked.append(question)
        await self.user.write(question)
        await anyio.sleep(self.choice.uniform(0, 0.3))

    async def listen(self, question: str) -> None:
        """Write a message, and hear its answer for a while."""
        await self.invariants.ask(question)
        await anyio.sleep(self.choice.uniform(0, 2))

    async def speak(self, _: str) -> None:
        """Speak, so that the fault comes during the speech or right after it."""
        await self.user.speak()
        await anyio.sleep(self.choice.uniform(0, 2.5))

    async def write_meanwhile(self, question: str) -> None:
        await anyio.sleep(self.choice.uniform(0, 1))
        self.invariants.asked.append(question)
        await self.user.write(question)

    async def take_offers(self) -> None:
        """Press each button that the page offers after the loss of a session."""
        for offer in OFFERS:
            button = self.user.banner.get_by_role("button", name=offer)
            if await button.is_visible():
                await button.click()
                await self.wait_until_quiet()

    async def wait_until_quiet(self) -> None:
        """Wait until everything is said and answered."""
        await self.user.stop_speaking()
        still_since = time.monotonic()
        deadline = still_since + TIMEOUT_S
        while time.monotonic() < still_since + QUIET_S:
            await anyio.sleep(QUIET_S / 4)
            state = (await self.user.tapped("states"))[-1][0]
            if state != "listening" or self.environment.upstream.session.response:
                still_since = time.monotonic()
            assert time.monotonic() < deadline, f"still {state}"

    async def check_live(self, question: str) -> None:
        """Ask, and wait for the whole answer. The page may only now notice that the connection is lost; then take its offers."""
        self.invariants.asked.append(question)
        await self.user.write(question)
        answer = self.user.log.get_by_text(answer_to(question))
        deadline = time.monotonic() + TIMEOUT_S
        await self.wait_until_quiet()
        while not await answer.is_visible():
            assert time.monotonic() < deadline, f"{question} has no answer"
            await self.take_offers()
            await self.wait_until_quiet()

    async def note_recovery(self, name: str, injected_at: float, repaired_at: float) -> None:
        states = [(state, ms / 1000) for state, ms in await self.user.tapped("states")]
        since = [at for at, (_, when_s) in enumerate(states) if when_s >= injected_at]
        away = [at for at in since if states[at][0] in ("reconnecting", "connecting")]
        if not away:
            return
        self.outcome.sessions_lost[name] += 1
        live_s = states[away[-1] + 1][1]
        lost_s = states[away[0]][1]
        self.outcome.outage_s.append(live_s - lost_s)
        self.outcome.recovery_s.append(max(0.0, live_s - max(repaired_at, lost_s)))


async def run_faults(faults: int, seed: int, report: Callable[[str], object]) -> Outcome:
    """Make a fault run outside any test; report each fault that the conversation survived."""
    with StartServer() as start:
        async with (
            async_playwright() as playwright,
            chromium(playwright) as browser,
            open_environment(browser, start) as environment,
        ):
            invariants = Invariants(environment.user, environment.upstream)
            return await FaultRun(environment, invariants, seed, report=report).run(faults)
