"""Measurements of the page's sound modules in one engine: the tests bound them, and benchmarks/sound.py prints them.

Sound is made and judged here; `tests/browser/sound/measure.js` passes it through the page's modules.
"""

from __future__ import annotations

import base64
import contextlib
import random
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from analysis import (
    SPEECH_HZ,
    Sound,
    audible,
    decibels,
    encode,
    encode_floats,
    fit_sine,
    floats_of,
    level_db,
    pcm_of,
    sine,
    usual_level_db,
)
from engines import open_tab, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engines import Tab
    from playwright.async_api import Playwright
    from pulse import Pulse

ROOT = Path(__file__).parents[2]
KEPT_HZ = {8_000: 3_100, 16_000: 6_200, 44_100: 9_000, 48_000: 9_000, 96_000: 9_000}
"""For each rate of a device, the highest frequency that must pass the capture unchanged."""
RATES_HZ = tuple(KEPT_HZ)
ALIASES_HZ = (13_000, 15_000, 18_000)
AMPLITUDE = 0.5
LAST_BIT_DB = -96.0
"""16 bits hold nothing below this."""
FADE_MS = 8
THREE_SECONDS = 3 * SPEECH_HZ * 2 * 4 // 3
"""Of PCM16 in base64."""


@contextlib.asynccontextmanager
async def open_measuring_tab(engine: str, playwright: Playwright, pulse: Pulse) -> AsyncIterator[Tab]:
    """Open a tab whose `window.measure` drives the page's sound modules."""
    with serve(public=ROOT / "public", sound=ROOT / "tests" / "browser" / "sound") as url:
        async with open_tab(engine, playwright, pulse, gesture=False) as tab:
            await tab.goto(f"{url}/sound/index.html")
            await tab.wait_for("() => 'measure' in window")
            yield tab


async def measure(tab: Tab, name: str, *arguments: Any) -> Any:
    return await tab.evaluate(f"(...given) => measure.{name}(...given)", *arguments)


@dataclass(frozen=True)
class Resampling:
    """What resampling did to tones.

    Attributes:
        snr_db: a tone of 997 Hz against everything else.
        level_change_db: of the highest tone that must pass.
        aliases_db: what is left of tones above 12 kHz, against what they were; None where the device has none.
        core_share: processor time by the sound's duration.
    """

    snr_db: float
    level_change_db: float
    aliases_db: float | None
    core_share: float


async def capture_tones(tab: Tab, rate_hz: int) -> Resampling:
    """Pass tones, half a second each, through the capture worklet of a device of that rate."""
    tones_hz = [997, KEPT_HZ[rate_hz], *(ALIASES_HZ if rate_hz > 40_000 else ())]
    played = [sine(hz, 0.5, rate_hz, AMPLITUDE) for hz in tones_hz] + [sine(997, 10, rate_hz, AMPLITUDE)]
    captured = await measure(tab, "capture", rate_hz, encode_floats(np.concatenate(played)))
    sound = pcm_of(captured["pcm"])

    def middle(number: int) -> Sound:
        start = round((number / 2 + 0.1) * SPEECH_HZ)
        return sound[start : start + round(0.3 * SPEECH_HZ)]

    _, snr_db = fit_sine(middle(0), 997, SPEECH_HZ)
    amplitude, _ = fit_sine(middle(1), KEPT_HZ[rate_hz], SPEECH_HZ)
    left_db = [level_db(middle(number)) - level_db(played[number]) for number in range(2, len(tones_hz))]
    aliases_db = max(LAST_BIT_DB, *left_db) if left_db else None
    return Resampling(snr_db, abs(decibels(amplitude / AMPLITUDE)), aliases_db, captured["load"])


async def play_tone(tab: Tab, rate_hz: int) -> Resampling:
    """Play a tone through the playback worklet of a device of that rate."""
    played = await measure(tab, "playback", rate_hz, encode(sine(997, 12)))
    sound = floats_of(played["sound"])
    first, _ = audible(sound)
    amplitude, snr_db = fit_sine(sound[first + rate_hz // 10 : first + rate_hz * 2], 997, rate_hz)
    return Resampling(snr_db, abs(decibels(amplitude / AMPLITUDE)), None, played["load"])


async def play_unevenly(tab: Tab) -> int:
    """Play 30 deltas of 100 ms that arrive every 100 ± 60 ms; return how often the sound broke off."""
    chance = random.Random(3)
    due_ms = [100 * number + chance.uniform(-60, 60) for number in range(1, 31)]
    delays_ms = np.diff(np.maximum.accumulate([0, *due_ms])).tolist()
    return int((await measure(tab, "jitter", delays_ms))["underruns"])


@dataclass(frozen=True)
class Stop:
    """An answer that was stopped while it played; all times in ms.

    Attributes:
        silent_ms: from the stop to silence at the loudspeaker.
        left_page_ms: from the stop to the last sample that left the page.
        played_ms: how much of the answer the page says was played.
        left_ms: how much of it had left the page.
        miscount_ms: how far `left_ms` is from what left the page, the fade not counted.
        error_ms: how far `left_ms` is from what the loudspeaker played, the fade not counted.
    """

    silent_ms: float
    left_page_ms: float
    played_ms: int
    left_ms: float
    miscount_ms: float
    error_ms: float


async def stop_answer(tab: Tab, pulse: Pulse, after_ms: int) -> Stop:
    """Play five seconds of a tone, and stop it after some milliseconds."""
    with pulse.record() as recording:
        stop = await measure(tab, "stop", after_ms)
        sound = recording.until_silence()
    first, last = audible(sound)
    return Stop(
        silent_ms=recording.time_ms(last) - stop["stoppedAtMs"],
        left_page_ms=stop["silentAfterMs"],
        played_ms=stop["playedMs"],
        left_ms=stop["leftMs"],
        miscount_ms=abs(stop["soundMs"] - FADE_MS - stop["leftMs"]),
        error_ms=abs((last + 1 - first) / 48 - FADE_MS - stop["leftMs"]),
    )


def speech() -> str:
    """Return eleven seconds of the simulator's voice, as base64 of PCM16."""
    pcm = b""
    for name in ("hello", "key"):
        with wave.open(str(ROOT / "simulator" / "lines" / f"{name}.wav")) as line:
            pcm += line.readframes(line.getnframes())
    return base64.b64encode(pcm).decode()


async def hear_itself(tab: Tab, *, cancel: bool) -> float:
    """Play speech in a room, and return the level in dBFS at which the microphone hears it.

    With cancellation, the level of the second half: the canceller learns the room in the first.
    """
    voice = speech() if cancel else speech()[:THREE_SECONDS]
    heard = pcm_of((await measure(tab, "echo", voice, cancel))["pcm"])
    return usual_level_db(heard[len(heard) // 2 :])
