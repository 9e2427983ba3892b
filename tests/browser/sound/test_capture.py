"""What the capture worklet does to tones, at every rate that devices have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from analysis import pcm_of
from sound_measurements import RATES_HZ, capture_tones, measure

if TYPE_CHECKING:
    from engines import Tab

pytestmark = pytest.mark.sound


@pytest.mark.parametrize("rate_hz", RATES_HZ)
async def test_captured_speech_is_unchanged_and_higher_tones_do_not_alias(tab: Tab, rate_hz: int) -> None:
    captured = await capture_tones(tab, rate_hz)
    assert captured.snr_db >= 75
    assert captured.level_change_db <= 0.05
    assert (captured.aliases_db is None) == (rate_hz < 40_000)
    assert captured.aliases_db is None or captured.aliases_db <= -80


async def test_base64_encodes_and_decodes_every_sample_exactly(tab: Tab) -> None:
    both_ways = await measure(tab, "base64")
    assert both_ways["same"]
    assert list(pcm_of(both_ways["text"]) * 32768) == list(range(-32768, 32768))
