"""Conversations end to end: a real page in Chromium, the real server, and the simulator, also as Azure over TLS."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import signals
from engines import chromium as run_chromium
from playwright.async_api import expect
from voice_page import VoicePage
from waiting import eventually

from simulator import Simulator

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable

    from numpy.typing import NDArray
    from playwright.async_api import Locator, Page, Playwright, WebSocket
    from pulse import Pulse
    from server_process import StartServer

    Sound = NDArray[np.float64]
    Event = dict[str, Any]

RECORDER = Path(__file__).parents[1] / "support" / "page-recorder.js"
KEY = "a-key-that-only-azure-may-see"
API_VERSIONS = {"preview": "2025-04-01-preview", "ga": "v1"}
ATTEMPTS = 5
DENIED = "--deny-permission-prompts"
ALIKE = (
    0.6  # correlation of what was played with what was received; a hole of a busy machine's making costs some
)
RECORDINGS = Path(__file__).parents[1] / "support" / "recordings"
QUESTION = RECORDINGS / "what_is_the_weather.wav"
INTERRUPTION = RECORDINGS / "please_stop.wav"


class User(VoicePage):
    """A user of the page, with a record of its events, its frames and the addresses that it asked for."""

    def __init__(self, page: Page, pulse: Pulse) -> None:
        super().__init__(page)
        self.pulse = pulse
        self.sent: list[Event] = []
        self.received: list[Event] = []
        self.frames: list[str] = []
        self.urls: set[str] = set()
        page.on("websocket", self.watch_socket)
        page.on("request", lambda request: self.urls.add(request.url))

    def watch_socket(self, socket: WebSocket) -> None:
        def keep(events: list[Event], frame: str | bytes) -> None:
            assert isinstance(frame, str)
            self.frames.append(frame)
            events.append(json.loads(frame))

        socket.on("framesent", lambda frame: keep(self.sent, frame))
        socket.on("framereceived", lambda frame: keep(self.received, frame))

    def turns(self, role: str) -> Locator:
        return self.log.locator(f"[data-role={role}]")

    async def recorded(self, what: str) -> Any:
        return await self.page.evaluate(f"recorder.{what}")

    async def heard(self) -> Sound:
        """Return what has left for the loudspeaker, at 24 kHz."""
        sound = np.frombuffer(base64.b64decode(await self.recorded("takeSound()")), "<i2") / 32768
        rate = await self.recorded("soundRateHz")
        return np.interp(np.arange(0, len(sound), rate / signals.RATE), np.arange(len(sound)), sound)

    def answers(self) -> list[Sound]:
        """Return the sound of each answer as it was received."""
        pieces: dict[str, list[bytes]] = {}
        for event in self.received:
            if event["type"].endswith("audio.delta"):
                pieces.setdefault(event["item_id"], []).append(base64.b64decode(event["delta"]))
        return [signals.from_pcm(b"".join(each)) for each in pieces.values()]


class OpenPage:
    """Open pages, each in a Chromium of its own; all are closed with the test."""

    def __init__(self, playwright: Playwright, pulse: Pulse, stack: contextlib.AsyncExitStack) -> None:
        self.playwright, self.pulse, self.stack = playwright, pulse, stack

    async def __call__(self, url: str, *arguments: str) -> User:
        browser = await self.stack.enter_async_context(
            run_chromium(self.playwright, *arguments, pulse=self.pulse)
        )
        user = User(await browser.new_page(), self.pulse)
        await user.page.add_init_script(path=RECORDER)
        await user.page.goto(url)
        return user


@pytest.fixture
async def open_page(playwright: Playwright, pulse: Pulse) -> AsyncIterator[OpenPage]:
    async with contextlib.AsyncExitStack() as stack:
        yield OpenPage(playwright, pulse, stack)


def of_type(kind: str, events: list[Event]) -> list[Event]:
    return [event for event in events if event["type"] == kind]


def likeness(piece: Sound, whole: Sound) -> float:
    """Return the highest correlation of the piece with any stretch of the whole: 1 when it is in there."""
    whole = np.pad(whole, len(piece))
    size = 1 << (len(piece) + len(whole)).bit_length()
    product = np.fft.irfft(np.fft.rfft(whole, size) * np.conj(np.fft.rfft(piece, size)), size)[: len(whole)]
    energy = np.concatenate(([0.0], np.cumsum(whole**2)))
    ends = np.minimum(np.arange(len(whole)) + len(piece), len(whole))
    stretch = np.sqrt(energy[ends] - energy[: len(whole)]) + 1e-3
    return float(np.max(product / stretch) / np.sqrt(np.sum(piece**2)))


def parts(sound: Sound, seconds: float = 0.5) -> list[Sound]:
    """Return the audible parts of a sound."""
    length = int(seconds * signals.RATE)
    cut = [sound[start : start + length] for start in range(0, len(sound) - length, length)]
    return [part for part in cut if np.sqrt(np.mean(part**2)) > 0.01]


def share_heard(spoken: list[Sound], heard: Sound) -> float:
    """Return which share of the parts was heard."""
    return sum(likeness(part, heard) > ALIKE for part in spoken) / len(spoken)


async def hold(open_page: OpenPage, url: str, talk: Callable[[User], Awaitable[None]], turns: int) -> User:
    """Hold a talk; again if a busy machine tore holes into what was said, and more turns than that were made of it."""
    for _ in range(ATTEMPTS):
        user = await open_page(url)
        await talk(user)
        if len(of_type("input_audio_buffer.speech_started", user.received)) == turns:
            return user
    raise AssertionError(f"what was said never made {turns} turns")


@pytest.mark.sound
async def test_a_spoken_turn_is_shown_and_its_answer_is_played(
    open_page: OpenPage, server: StartServer
) -> None:
    async def talk(user: User) -> None:
        await user.press("Connect")
        await user.state("connected")
        await user.press("Start Recording")
        await user.state("listening")
        await user.pulse.speak(QUESTION)
        await user.state("speaking")
        await user.state("listening")

    user = await hold(open_page, server().url, talk, turns=1)

    await expect(user.turns("user").locator(".words")).to_have_text(
        re.compile(r"\[1\.\d s of speech; the simulator does not transcribe\]")
    )
    await expect(user.turns("assistant").locator(".words")).to_have_text(
        "Hello! I am the built-in simulator. No model is connected, so I understand nothing. "
        "This is what I heard. (Your own voice, replayed.)"
    )
    assert (await user.recorded("userTexts"))[0] == "…"
    states = await user.recorded("states")
    assert [state for state in states if state in ("hearing-you", "thinking", "speaking")] == [
        "hearing-you",
        "thinking",
        "speaking",
    ]
    assert await user.recorded("microphoneRequests") == 1
    [answer] = user.answers()
    assert share_heard(parts(answer), await user.heard()) >= 0.8
    assert not of_type("error", user.received)


@pytest.mark.sound
@pytest.mark.parametrize("status", ["cancelled", "completed"])
async def test_speech_stops_an_answer_that_is_playing(
    open_page: OpenPage, server: StartServer, status: str
) -> None:
    """Also when the whole answer has been received, and only the playing goes on."""

    async def talk(user: User) -> None:
        await user.press("Start Recording")
        await user.state("listening")
        await user.pulse.speak(QUESTION)
        await user.state("speaking")
        if status == "completed":
            await eventually(lambda: bool(of_type("response.done", user.received)), "no end")
        await user.pulse.speak(INTERRUPTION)
        await user.state("listening")

    user = await hold(open_page, server().url, talk, turns=2)
    [truncate] = of_type("conversation.item.truncate", user.sent)
    first, second = user.answers()
    heard_ms = truncate["audio_end_ms"]
    assert isinstance(heard_ms, int)
    assert 500 < heard_ms < len(first) / 24 - 1000
    heard, cut = await user.heard(), heard_ms * 24
    assert share_heard(parts(first[:cut]), heard) >= 0.8
    unheard = [part for part in parts(first[cut + signals.RATE // 2 :]) if likeness(part, second) < ALIKE]
    assert unheard
    assert share_heard(unheard, heard) == 0
    assert share_heard(parts(second), heard) >= 0.8
    interrupted, answered = [event["response"] for event in of_type("response.done", user.received)]
    assert (interrupted["status"], answered["status"]) == (status, "completed")
    assert truncate["item_id"] == interrupted["output"][0]["id"]
    assert of_type("conversation.item.truncated", user.received)
    await expect(user.turns("assistant").first).to_contain_text("interrupted")
    assert not of_type("error", user.received)


async def test_a_denied_microphone_is_explained_and_typing_still_works(
    open_page: OpenPage, server: StartServer
) -> None:
    user = await open_page(server().url, DENIED)

    await user.press("Start Recording")
    alert = user.page.get_by_role("alert")
    await expect(alert).to_contain_text("The microphone is blocked")
    await user.state("connected")
    await user.write("Can you read this?")

    await expect(user.turns("assistant").locator(".words")).to_contain_text("(You typed: Can you read this?)")


async def test_typing_needs_no_microphone(open_page: OpenPage, server: StartServer) -> None:
    user = await open_page(server().url)

    await user.press("Connect")
    await user.state("connected")
    await user.write("Wie spät ist es?")
    await user.state("speaking")
    await user.state("connected")

    await expect(user.turns("user").locator(".words")).to_have_text("Wie spät ist es?")
    await expect(user.turns("assistant").locator(".words")).to_contain_text("(You typed: Wie spät ist es?)")
    [answer] = user.answers()
    assert share_heard(parts(answer), await user.heard()) >= 0.8
    assert await user.recorded("microphoneRequests") == 0


@pytest.mark.long
@pytest.mark.parametrize("dialect", API_VERSIONS)
async def test_only_azure_sees_the_key(
    open_page: OpenPage, server: StartServer, azure_tls: ssl.SSLContext, ca_file: str, dialect: str
) -> None:
    async with Simulator(host="localhost", ssl=azure_tls, key=KEY) as azure:
        running = server(
            AZURE_OPENAI_ENDPOINT=azure.url.replace("wss", "https"),
            AZURE_OPENAI_API_KEY=KEY,
            AZURE_OPENAI_API_VERSION=API_VERSIONS[dialect],
            SSL_CERT_FILE=ca_file,
        )
        user = await open_page(running.url)
        await user.press("Connect")
        await user.state("connected")
        await user.press("Start Recording")
        await user.state("listening")
        await user.pulse.speak(QUESTION)
        await user.state("speaking")
        await user.state("listening")
        served = [
            f"{got.headers}{await got.body()!r}"
            for got in [await user.page.request.get(url) for url in (*user.urls, f"{running.url}/config")]
        ]

    [answer] = user.answers()
    assert len(answer) > 5 * signals.RATE
    assert [handshake.dialect for handshake in azure.handshakes] == [dialect]
    assert azure.handshakes[0].headers["api-key"] == KEY
    assert f"{running.url}/app.js" in user.urls
    for seen in (running.log(), *served, *user.frames):
        assert KEY not in seen
