"""A spoken conversation in every engine, from the microphone to the loudspeaker of a private sound server."""

from __future__ import annotations

import base64
from math import inf
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import numpy as np
import pytest
from engines import ENGINES, SILENCE_MS, open_tab
from pulse import AUDIBLE, RECORDING_RATE_HZ

if TYPE_CHECKING:
    from engines import Tab
    from figures import Figures
    from numpy.typing import NDArray
    from playwright.async_api import Playwright
    from pulse import Pulse, Recording
    from server_process import StartServer

pytestmark = pytest.mark.alone

RECORDINGS = Path(__file__).parents[1] / "support" / "recordings"
WORDS = [RECORDINGS / "what_is_the_weather.wav", RECORDINGS / "please_stop.wav"]
"""What is said, by turns: the simulator replays what it heard, and the same words over that pass for its echo."""
INTERRUPTIONS = 4
CONVERSATIONS = 6
"""At most: another program may slow one, and some interruptions fall between two words."""

PAUSE_SAMPLES = RECORDING_RATE_HZ // 4
"""Longer than any between the words of an answer."""
WORD_MS = 60
VOICED = 500
"""A word that is cut short would have gone on for WORD_MS at least, at no time softer than that."""

WATCH_SOCKET = """() => {
    window.passed = [];
    const note = (data) => {
        const atMs = performance.timeOrigin + performance.now();
        const { audio, ...event } = JSON.parse(data);
        passed.push({ ...event, atMs });
    };
    window.WebSocket = class extends WebSocket {
        constructor(...address) {
            super(...address);
            this.addEventListener('message', ({ data }) => note(data));
        }
        send(data) {
            note(data);
            super.send(data);
        }
    };
}"""
STATE = "document.querySelector('main').dataset.state"


async def wait_for_state(tab: Tab, state: str) -> None:
    await tab.wait_for(f"() => {STATE} === '{state}'")


async def passed(tab: Tab, kind: str) -> list[dict[str, Any]]:
    """Return the events of a type that went over the page's websocket."""
    return list(await tab.evaluate("(kind) => passed.filter(({ type }) => type === kind)", kind))


def is_within_a_word(answer: NDArray[np.int16], at_ms: int) -> bool:
    """Return whether an answer, at 24 kHz, has a voice at that time and right after it."""
    rest = np.abs(answer[at_ms * 24 :][: WORD_MS * 24].astype(int))
    return len(rest) == WORD_MS * 24 and bool(rest.reshape(-1, 20 * 24).max(axis=1).min() > VOICED)


def silence_ms(recording: Recording, start_ms: float) -> float:
    """Return how long after the start of speech the loudspeaker fell silent."""
    start = recording.index_at(start_ms)
    loud = start + np.flatnonzero(np.abs(recording.sound[start:]) > AUDIBLE)
    pauses = np.flatnonzero(np.diff(loud) > PAUSE_SAMPLES)
    return recording.time_ms(int(loud[pauses[0]] if len(pauses) else loud[-1])) - start_ms


async def interrupt(tab: Tab, pulse: Pulse, words: Path) -> None:
    """Speak over an answer, and wait until the next one is spoken."""
    cut_short = "passed.filter(({ type }) => type === 'conversation.item.truncated').length"
    before = await tab.evaluate(f"() => {cut_short}")
    await pulse.speak(words)
    await tab.wait_for(f"() => {cut_short} > {before} || {STATE} === 'listening'")
    if await tab.evaluate(f"() => {STATE} === 'listening'"):
        await pulse.speak(words)  # they passed for echo, and the answer came to its end
    await wait_for_state(tab, "speaking")


async def converse(tab: Tab, pulse: Pulse, url: str) -> list[float]:
    """Ask, interrupt the answers, and return how long each that was cut short within a word was still heard."""
    await tab.goto(url)
    await tab.evaluate(WATCH_SOCKET)
    await tab.click("Connect")
    await wait_for_state(tab, "connected")
    await tab.click("Start Recording")
    await wait_for_state(tab, "listening")
    with pulse.record() as recording:
        await pulse.speak(WORDS[0])
        await wait_for_state(tab, "speaking")
        for number in range(1, INTERRUPTIONS + 1):
            await anyio.to_thread.run_sync(recording.until_sound, 1.0, len(recording.sound))
            await interrupt(tab, pulse, WORDS[number % 2])
        await anyio.to_thread.run_sync(recording.until_sound, 0.1, len(recording.sound))
        starts_ms = [event["atMs"] for event in await passed(tab, "input_audio_buffer.speech_started")]
        deltas = await passed(tab, "response.audio.delta")
        truncates = await passed(tab, "conversation.item.truncate")
        assert len(truncates) >= 2
        silent_ms = []
        for truncate in truncates:
            item, end_ms = truncate["item_id"], truncate["audio_end_ms"]
            parts = [base64.b64decode(delta["delta"]) for delta in deltas if delta["item_id"] == item]
            answer = np.frombuffer(b"".join(parts), np.int16)
            assert isinstance(end_ms, int)
            assert 0 < end_ms <= len(answer) / 24
            if is_within_a_word(answer, end_ms):
                start_ms = max(at_ms for at_ms in starts_ms if at_ms <= truncate["atMs"])
                silent_ms.append(silence_ms(recording, start_ms))
    assert await passed(tab, "error") == []
    return silent_ms


@pytest.mark.timeout(300)  # of which a conversation takes some 20
@pytest.mark.parametrize("engine", ENGINES)
async def test_an_answer_is_heard_and_falls_silent_when_spoken_over(
    engine: str, playwright: Playwright, pulse: Pulse, server: StartServer, figures: Figures
) -> None:
    url = server().url
    silent_ms: list[float] = []
    for _ in range(CONVERSATIONS):
        async with open_tab(engine, playwright, pulse) as tab:
            silent_ms += await converse(tab, pulse, url)
        if min(silent_ms, default=inf) <= SILENCE_MS[engine]:
            break
    assert silent_ms, "no answer was cut short within a word"
    figures.note("conversation: spoken over to silence, median", median(silent_ms), "ms")
    figures.at_most("conversation: spoken over to silence, best", min(silent_ms), SILENCE_MS[engine], "ms")
