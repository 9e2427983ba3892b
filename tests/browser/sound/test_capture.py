"""What the microphone's worklet makes of tones, at every rate that devices have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from analysis import SPEECH_HZ, Sound, decibels, encode_floats, fit_sine, level_db, pcm_of, sine

if TYPE_CHECKING:
    from engines import Tab
    from figures import Figures

pytestmark = pytest.mark.sound

AMPLITUDE = 0.5
LAST_BIT_DB = -96.0
"""Below this 16 bits hold nothing."""


def tone(sound: Sound, number: int) -> Sound:
    """Return the middle of the tone of that number; each lasts half a second."""
    start = round((number / 2 + 0.1) * SPEECH_HZ)
    return sound[start : start + round(0.3 * SPEECH_HZ)]


@pytest.mark.parametrize(
    ("rate_hz", "kept_hz"),
    [(8_000, 3_100), (16_000, 6_200), (44_100, 9_000), (48_000, 9_000), (96_000, 9_000)],
)
async def test_speech_passes_unchanged_and_nothing_folds_back(
    tab: Tab, figures: Figures, rate_hz: int, kept_hz: int
) -> None:
    tones_hz = [997, kept_hz] + ([13_000, 15_000, 18_000] if rate_hz > 40_000 else [])
    played = [sine(hz, 0.5, rate_hz, AMPLITUDE) for hz in tones_hz] + [sine(997, 10, rate_hz, AMPLITUDE)]
    captured = await tab.evaluate(
        "(...sound) => measure.capture(...sound)", rate_hz, encode_floats(np.concatenate(played))
    )
    sound = pcm_of(captured["pcm"])

    _, snr_db = fit_sine(tone(sound, 0), 997, SPEECH_HZ)
    figures.at_least(f"capture at {rate_hz} Hz: 997 Hz against noise", snr_db, 75, "dB")
    amplitude, _ = fit_sine(tone(sound, 1), kept_hz, SPEECH_HZ)
    change_db = abs(decibels(amplitude / AMPLITUDE))
    figures.at_most(f"capture at {rate_hz} Hz: change of level at {kept_hz} Hz", change_db, 0.05, "dB")
    if len(tones_hz) > 2:
        left_db = max(level_db(tone(sound, number)) - level_db(played[number]) for number in (2, 3, 4))
        figures.at_most(
            f"capture at {rate_hz} Hz: left of 13, 15, 18 kHz", max(LAST_BIT_DB, left_db), -80, "dB"
        )
    figures.note(f"capture at {rate_hz} Hz: share of a core", 100 * captured["load"], "%")


async def test_base64_is_exact(tab: Tab) -> None:
    both_ways = await tab.evaluate("() => measure.base64()")
    assert both_ways["same"]
    assert list(pcm_of(both_ways["text"]) * 32768) == list(range(-32768, 32768))
