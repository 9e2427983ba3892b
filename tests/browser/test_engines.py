"""A spoken conversation in every engine, from the microphone to the loudspeaker of a private sound server."""

from __future__ import annotations

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
INTERRUPTIONS = 2
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


def silence_after_ms(recording: Recording, time_ms: float) -> float:
    """Return how long after that time the loudspeaker fell silent: 0 when it was between two words."""
    sound = recording.sound
    start = recording.index_at(time_ms)
    loud = start + np.flatnonzero(np.abs(sound[start:]) > AUDIBLE)
    if not len(loud) or loud[0] - start > PAUSE_SAMPLES:
        return 0
    pauses = np.flatnonzero(np.diff(loud) > PAUSE_SAMPLES)
    return recording.time_ms(int(loud[pauses[0]] if len(pauses) else loud[-1])) - time_ms


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
            for number in range(1, INTERRUPTIONS + 1):
                await wait_for_state(tab, "speaking")
                await anyio.to_thread.run_sync(recording.until_sound, 1.0, len(recording.sound))
                with pulse.speak(RECORDINGS / "please_stop.wav") as speech:
                    await tab.wait_for(
                        f"() => passed.filter(({{ type }}) => type === 'conversation.item.truncated').length >= {number}"
                    )
                    await anyio.to_thread.run_sync(speech.wait)
            await wait_for_state(tab, "speaking")
            truncates = await passed(tab, "conversation.item.truncate")
            starts_ms = [start["atMs"] for start in await passed(tab, "input_audio_buffer.speech_started")]
            silent_ms = [
                silence_after_ms(recording, max(at for at in starts_ms if at <= truncate["atMs"]))
                for truncate in truncates
            ]
        deltas = await passed(tab, "response.audio.delta")
        errors = await passed(tab, "error")

    assert len(truncates) >= INTERRUPTIONS
    for truncate in truncates:
        received_ms = (
            sum(delta["samples"] for delta in deltas if delta["item_id"] == truncate["item_id"]) / 24
        )
        assert isinstance(truncate["audio_end_ms"], int)
        assert 0 < truncate["audio_end_ms"] <= received_ms
    sounding_ms = [ms for ms in silent_ms if ms > 0]
    figures.note("conversation: spoken over to silence, median", median(sounding_ms), "ms")
    figures.at_most("conversation: spoken over to silence, best", min(sounding_ms), SILENCE_MS[engine], "ms")
    assert errors == []
