"""A spoken conversation in every engine, from the microphone to the loudspeaker of a private sound server."""

from __future__ import annotations

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
    from playwright.async_api import Playwright
    from pulse import Pulse, Recording
    from running import StartServer

pytestmark = pytest.mark.alone

RECORDINGS = Path(__file__).parent.parent / "recordings"
INTERRUPTIONS = range(2, 9)
"""At least and at most: another program may slow each of them, and some fall between two words."""

PAUSE_SAMPLES = RECORDING_RATE_HZ // 4
"""Longer than any between the words of an answer."""

WATCH_SOCKET = """() => {
    window.passed = [];
    const note = (data, sent) => {
        const atMs = performance.timeOrigin + performance.now();
        const { delta, audio, ...event } = JSON.parse(data);
        passed.push({ ...event, atMs, sent, samples: event.type.endsWith('audio.delta') ? atob(delta).length / 2 : 0 });
    };
    window.WebSocket = class extends WebSocket {
        constructor(...address) {
            super(...address);
            this.addEventListener('message', ({ data }) => note(data, false));
        }
        send(data) {
            note(data, true);
            super.send(data);
        }
    };
}"""


async def wait_for_state(tab: Tab, state: str) -> None:
    await tab.wait_for(f"() => document.querySelector('main').dataset.state === '{state}'")


async def passed(tab: Tab, kind: str) -> list[dict[str, Any]]:
    """Return the events of a type that went over the page's websocket."""
    return list(await tab.evaluate("(kind) => passed.filter(({ type }) => type === kind)", kind))


def silences_ms(
    recording: Recording, starts: list[dict[str, Any]], truncates: list[dict[str, Any]]
) -> list[float]:
    """Return how long after the start of speech the loudspeaker fell silent, of each answer cut within a word."""
    sound = recording.sound
    silent_ms = []
    for truncate in truncates:
        start_ms = max(start["atMs"] for start in starts if start["atMs"] <= truncate["atMs"])
        start = recording.index_at(start_ms)
        loud = start + np.flatnonzero(np.abs(sound[start:]) > AUDIBLE)
        if len(loud) and loud[0] - start <= PAUSE_SAMPLES:
            pauses = np.flatnonzero(np.diff(loud) > PAUSE_SAMPLES)
            silent_ms.append(recording.time_ms(int(loud[pauses[0]] if len(pauses) else loud[-1])) - start_ms)
    return silent_ms


@pytest.mark.parametrize("engine", ENGINES)
async def test_an_answer_is_heard_and_falls_silent_when_spoken_over(
    engine: str, playwright: Playwright, pulse: Pulse, server: StartServer, figures: Figures
) -> None:
    async with open_tab(engine, playwright, pulse) as tab:
        await tab.goto(server().url)
        await tab.evaluate(WATCH_SOCKET)
        await tab.click("Connect")
        await wait_for_state(tab, "connected")
        await tab.click("Start Recording")
        await wait_for_state(tab, "listening")
        with pulse.record() as recording:
            with pulse.speak(RECORDINGS / "what_is_the_weather.wav") as speech:
                await anyio.to_thread.run_sync(speech.wait)
            await wait_for_state(tab, "speaking")
            for number in range(1, INTERRUPTIONS.stop):
                await anyio.to_thread.run_sync(recording.until_sound, 1.0, len(recording.sound))
                with pulse.speak(RECORDINGS / "please_stop.wav") as speech:
                    await tab.wait_for(
                        f"() => passed.filter(({{ type }}) => type === 'conversation.item.truncated').length >= {number}"
                    )
                    await anyio.to_thread.run_sync(speech.wait)
                await wait_for_state(tab, "speaking")
                truncates = await passed(tab, "conversation.item.truncate")
                silent_ms = silences_ms(
                    recording, await passed(tab, "input_audio_buffer.speech_started"), truncates
                )
                if number in INTERRUPTIONS and min(silent_ms, default=inf) <= SILENCE_MS[engine]:
                    break
        deltas = await passed(tab, "response.audio.delta")
        errors = await passed(tab, "error")

    assert len(truncates) >= INTERRUPTIONS.start
    for truncate in truncates:
        received_ms = (
            sum(delta["samples"] for delta in deltas if delta["item_id"] == truncate["item_id"]) / 24
        )
        assert isinstance(truncate["audio_end_ms"], int)
        assert 0 < truncate["audio_end_ms"] <= received_ms
    figures.note("conversation: spoken over to silence, median", median(silent_ms), "ms")
    figures.at_most("conversation: spoken over to silence, best", min(silent_ms), SILENCE_MS[engine], "ms")
    assert errors == []
