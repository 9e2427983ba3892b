"""What the playback worklet does to an answer: exact samples, no gaps, and silence after a stop."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import pytest
from analysis import SPEECH_HZ, audible, encode, fit_sine, floats_of
from sound_measurements import RATES_HZ, measure, play_tone, stop_answer

if TYPE_CHECKING:
    from engines import Tab
    from pulse import Pulse

pytestmark = pytest.mark.sound

SILENT_MS = 1000
"""Many times the goal of benchmarks/sound.py, and far less than the 4 s that are left to play at the stop."""


async def test_at_24_khz_every_sample_is_played_exactly(tab: Tab) -> None:
    noise = np.random.default_rng(1).integers(-32768, 32768, 3 * SPEECH_HZ) / 32768
    noise[0] = noise[-1] = 0.5  # so that both ends are audible
    sound = floats_of((await measure(tab, "playback", SPEECH_HZ, encode(noise)))["sound"])
    first, last = audible(sound, 0)
    assert np.array_equal(sound[first : last + 1], noise)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
async def test_a_tone_stays_clean_at_a_devices_rate(tab: Tab, rate_hz: int) -> None:
    played = await play_tone(tab, rate_hz)
    assert played.snr_db >= 80
    assert played.level_change_db < 0.01


async def test_a_blocked_page_does_not_interrupt_the_sound(tab: Tab) -> None:
    heard = await measure(tab, "blocked")
    sound, rate_hz = floats_of(heard["sound"]), heard["rateHz"]
    first, last = audible(sound)
    assert last - first == pytest.approx(4 * rate_hz, abs=rate_hz / 500)
    _, snr_db = fit_sine(sound[first + rate_hz // 10 : last - rate_hz // 10], 997, rate_hz)
    assert snr_db >= 75
    assert heard["underruns"] == 0


async def test_a_stop_silences_the_answer_and_returns_how_much_was_played(
    tab: Tab, sound_card: Pulse
) -> None:
    stops = [await stop_answer(tab, sound_card, after_ms) for after_ms in (400, 460, 520)]
    for stop in stops:
        assert isinstance(stop.played_ms, int)
        assert 0 < stop.played_ms <= stop.left_ms
        assert stop.miscount_ms <= 0.4
    assert median(stop.left_page_ms for stop in stops) <= SILENT_MS
    assert median(stop.silent_ms for stop in stops) <= SILENT_MS
