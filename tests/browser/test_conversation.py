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
    from playwright.async_api import Browser, Locator, Page, Playwright, WebSocket
    from pulse import Pulse
    from server_process import StartServer

    Sound = NDArray[np.float64]
    Event = dict[str, Any]

RECORDER = Path(__file__).parents[1] / "support" / "page-recorder.js"
KEY = "a-key-that-only-azure-may-see"
API_VERSIONS = {"preview": "2025-04-01-preview", "ga": "v1"}
ATTEMPTS = 5
ALIKE = 0.6
"""Correlation of what was played with what was received. Holes that a busy machine tears into the sound lower it."""
AUDIBLE = 0.01  # RMS
RECORDINGS = Path(__file__).parents[1] / "support" / "recordings"
QUESTION = RECORDINGS / "what_is_the_weather.wav"
INTERRUPTION = RECORDINGS / "please_stop.wav"


class User(VoicePage):
    """A user of the page, with a record of its events, its frames and the addresses that it asked for."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
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
        """Return everything that was played, at 24 kHz."""
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


@contextlib.asynccontextmanager
async def open_page(browser: Browser, url: str) -> AsyncIterator[User]:
    """Open a page in a profile of its own, with `page-recorder.js` inside."""
    context = await browser.new_context(reduced_motion="reduce")
    try:
        user = User(await context.new_page())
        await user.page.add_init_script(path=RECORDER)
        await user.page.goto(url)
        yield user
    finally:
        await context.close()


@pytest.fixture(scope="module")
async def sounding_chromium(playwright: Playwright, sound_card: Pulse) -> AsyncIterator[Browser]:
    """A Chromium that plays to, and hears, the sound card."""
    async with run_chromium(playwright, pulse=sound_card) as browser:
        yield browser


def of_type(kind: str, events: list[Event]) -> list[Event]:
    return [event for event in events if event["type"] == kind]


def likeness(piece: Sound, whole: Sound) -> float:
    """Return the highest correlation of the piece with any stretch of the whole: 1 when the whole contains it."""
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
    return [part for part in cut if np.sqrt(np.mean(part**2)) > AUDIBLE]


def share_heard(spoken: list[Sound], heard: Sound) -> float:
    """Return the share of the parts that was played."""
    return sum(likeness(part, heard) > ALIKE for part in spoken) / len(spoken)


def audible_s(sound: Sound) -> float:
    """Return for how many seconds a sound is audible."""
    frame = signals.RATE // 50
    frames = sound[: len(sound) // frame * frame].reshape(-1, frame)
    return float(np.sum(np.sqrt(np.mean(frames**2, axis=1)) > AUDIBLE)) / 50


@contextlib.asynccontextmanager
async def hold_conversation(
    browser: Browser, url: str, converse: Callable[[User], Awaitable[None]], turns: int
) -> AsyncIterator[User]:
    """Hold a conversation in a new page, and yield its user.

    A busy machine may tear holes into the speech, so that it makes more turns than were spoken: then the conversation is held
    again.
    """
    for _ in range(ATTEMPTS):
        async with open_page(browser, url) as user:
            await converse(user)
            if len(of_type("input_audio_buffer.speech_started", user.received)) == turns:
                yield user
                return
    raise AssertionError(f"the speech never made {turns} turns")


@pytest.mark.sound
async def test_a_spoken_turn_is_shown_and_its_answer_is_played(
    sounding_chromium: Browser, sound_card: Pulse, site: str
) -> None:
    async def converse(user: User) -> None:
        await user.record()
        await sound_card.speak(QUESTION)
        await user.state("speaking")
        await user.state("listening")

    async with hold_conversation(sounding_chromium, site, converse, turns=1) as user:
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
    sounding_chromium: Browser, sound_card: Pulse, site: str, status: str
) -> None:
    """Also when the page has received the whole answer, and only its playing is left."""

    async def converse(user: User) -> None:
        await user.record()
        await sound_card.speak(QUESTION)
        await user.state("speaking")
        if status == "completed":
            await eventually(lambda: bool(of_type("response.done", user.received)), "no end of the response")
        await sound_card.speak(INTERRUPTION)
        await user.state("listening")

    async with hold_conversation(sounding_chromium, site, converse, turns=2) as user:
        [truncate] = of_type("conversation.item.truncate", user.sent)
        first, second = user.answers()
        played_ms = truncate["audio_end_ms"]
        assert isinstance(played_ms, int)
        assert 500 < played_ms < len(first) / 24 - 1000
        heard, cut = await user.heard(), played_ms * 24
        assert share_heard(parts(first[:cut]), heard) >= 0.8
        assert audible_s(first[cut:]) > 1, "too little is left of the answer to prove a stop"
        assert audible_s(heard) <= audible_s(first[:cut]) + audible_s(second) + 0.5
        assert share_heard(parts(second), heard) >= 0.8
        interrupted, answered = [event["response"] for event in of_type("response.done", user.received)]
        assert (interrupted["status"], answered["status"]) == (status, "completed")
        assert truncate["item_id"] == interrupted["output"][0]["id"]
        assert of_type("conversation.item.truncated", user.received)
        await expect(user.turns("assistant").first).to_contain_text("interrupted")
        assert not of_type("error", user.received)


async def test_a_denied_microphone_is_explained_and_typing_still_works(
    playwright: Playwright, sound_card: Pulse, site: str
) -> None:
    async with (
        run_chromium(playwright, "--deny-permission-prompts", pulse=sound_card) as browser,
        open_page(browser, site) as user,
    ):
        await user.press("Start Recording")
        await expect(user.banner).to_contain_text("The microphone is blocked")
        await user.state("connected")
        await user.write("Wie spät ist es?")
        await expect(user.turns("assistant").locator(".words")).to_contain_text(
            "(You typed: Wie spät ist es?)"
        )


@pytest.mark.parametrize("dialect", API_VERSIONS)
async def test_only_azure_sees_the_key(
    chromium: Browser, server: StartServer, azure_tls: ssl.SSLContext, ca_file: str, dialect: str
) -> None:
    async with Simulator(host="localhost", ssl=azure_tls, key=KEY) as azure:
        running = server(
            AZURE_OPENAI_ENDPOINT=azure.url.replace("wss", "https"),
            AZURE_OPENAI_API_KEY=KEY,
            AZURE_OPENAI_API_VERSION=API_VERSIONS[dialect],
            SSL_CERT_FILE=ca_file,
        )
        async with open_page(chromium, running.url) as user:
            await user.record()
            await eventually(
                lambda: bool(of_type("input_audio_buffer.append", user.sent)), "no sound is sent"
            )
            await user.press("Stop Recording")
            await user.state("connected")
            await user.write("Do you know the key?")
            await expect(user.words.last).to_contain_text("(You typed: Do you know the key?)")
            served = [
                f"{got.headers}{await got.body()!r}"
                for got in [await user.page.request.get(url) for url in (*user.urls, f"{running.url}/config")]
            ]
    assert [handshake.dialect for handshake in azure.handshakes] == [dialect]
    assert azure.handshakes[0].headers["api-key"] == KEY
    assert f"{running.url}/app.js" in user.urls
    for seen in (running.log(), *served, *user.frames):
        assert KEY not in seen
