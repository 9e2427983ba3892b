"""A spoken conversation in any engine whose answers are interrupted by speech: how soon the loudspeaker falls silent."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import numpy as np
from pulse import AUDIBLE, RECORDING_RATE_HZ

if TYPE_CHECKING:
    from engines import Tab
    from numpy.typing import NDArray
    from pulse import Pulse, Recording

RECORDINGS = Path(__file__).parent / "recordings"
UTTERANCES = [RECORDINGS / "what_is_the_weather.wav", RECORDINGS / "please_stop.wav"]
"""Spoken in turn. The simulator replays what it heard, and the same words over that replay would count as its echo."""
PAUSE_SAMPLES = RECORDING_RATE_HZ * 3 // 5
"""Longer than any pause within an answer, and shorter than that between an interrupted answer and the next."""
WORD_MS = 60
VOICED = 500
"""An answer is within a word while its samples exceed this."""

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


@dataclass(frozen=True)
class Interruption:
    """An answer that speech interrupted.

    Attributes:
        end_ms: how much of the answer was played, as the page told the service.
        answer_ms: how much of the answer the page had received.
        silent_ms: from the start of the speech, as the service noticed it, to silence at the loudspeaker.
        is_within_a_word: whether the answer would have been audible right after the cut; else a pause hides a late stop.
    """

    end_ms: int
    answer_ms: float
    silent_ms: float
    is_within_a_word: bool


async def wait_for_state(tab: Tab, state: str) -> None:
    await tab.wait_for(f"() => {STATE} === '{state}'")


async def passed(tab: Tab, kind: str) -> list[dict[str, Any]]:
    """Return the events of a type that passed the page's websocket."""
    return list(await tab.evaluate("(kind) => passed.filter(({ type }) => type === kind)", kind))


def is_within_a_word(answer: NDArray[np.int16], at_ms: int) -> bool:
    rest = np.abs(answer[at_ms * 24 :][: WORD_MS * 24].astype(int))
    return len(rest) == WORD_MS * 24 and bool(rest.reshape(-1, 20 * 24).max(axis=1).min() > VOICED)


def to_silence_ms(recording: Recording, start_ms: float) -> float:
    """Return how long after a moment the loudspeaker fell silent."""
    start = recording.index_at(start_ms)
    # Cut in a pause, an answer is silent from the start on: the first loud sample then belongs to the next answer.
    loud = np.append(start, start + np.flatnonzero(np.abs(recording.sound[start:]) > AUDIBLE))
    pauses = np.flatnonzero(np.diff(loud) > PAUSE_SAMPLES)
    return recording.time_ms(int(loud[pauses[0]] if len(pauses) else loud[-1])) - start_ms


async def interrupt(tab: Tab, pulse: Pulse, utterance: Path) -> None:
    """Speak over an answer, and wait until the next answer is played."""
    truncated = "passed.filter(({ type }) => type === 'conversation.item.truncated').length"
    before = await tab.evaluate(f"() => {truncated}")
    await pulse.speak(utterance)
    await tab.wait_for(f"() => {truncated} > {before} || {STATE} === 'listening'")
    if await tab.evaluate(f"() => {STATE} === 'listening'"):
        await pulse.speak(utterance)  # the service took it for echo, and the answer ended by itself
    await wait_for_state(tab, "speaking")


async def converse(tab: Tab, pulse: Pulse, url: str, interruptions: int) -> list[Interruption]:
    """Ask a question, and interrupt that many answers; return those that were cut short."""
    await tab.goto(url)
    await tab.evaluate(WATCH_SOCKET)
    await tab.click("Connect")
    await wait_for_state(tab, "connected")
    await tab.click("Start Recording")
    await wait_for_state(tab, "listening")
    with pulse.record() as recording:
        await pulse.speak(UTTERANCES[0])
        await wait_for_state(tab, "speaking")
        for number in range(1, interruptions + 1):
            await anyio.to_thread.run_sync(recording.until_sound, 1.0, len(recording.sound))
            await interrupt(tab, pulse, UTTERANCES[number % 2])
        await anyio.to_thread.run_sync(recording.until_sound, 0.1, len(recording.sound))
        starts_ms = [event["atMs"] for event in await passed(tab, "input_audio_buffer.speech_started")]
        deltas = await passed(tab, "response.audio.delta")
        found = []
        for truncate in await passed(tab, "conversation.item.truncate"):
            item, end_ms = truncate["item_id"], truncate["audio_end_ms"]
            parts = [base64.b64decode(delta["delta"]) for delta in deltas if delta["item_id"] == item]
            answer = np.frombuffer(b"".join(parts), np.int16)
            start_ms = max(at_ms for at_ms in starts_ms if at_ms <= truncate["atMs"])
            silent_ms = to_silence_ms(recording, start_ms)
            found.append(Interruption(end_ms, len(answer) / 24, silent_ms, is_within_a_word(answer, end_ms)))
    assert await passed(tab, "error") == []
    return found
