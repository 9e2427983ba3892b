"""A spoken conversation in every engine, from the microphone to the loudspeaker of a private sound server."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import pytest
from barge_in import converse
from engines import ENGINES, open_tab

if TYPE_CHECKING:
    from playwright.async_api import Playwright
    from pulse import Pulse

pytestmark = pytest.mark.sound

INTERRUPTIONS = 3
MAX_SHARE_HEARD = 0.5
"""Of what was left of an interrupted answer, so much may still be heard where other programs keep the machine busy.
An idle machine is silent within milliseconds: benchmarks/sound.py."""


@pytest.mark.parametrize("engine", ENGINES)
async def test_an_answer_is_heard_and_falls_silent_when_the_user_speaks(
    engine: str, playwright: Playwright, sound_card: Pulse, site: str
) -> None:
    async with open_tab(engine, playwright, sound_card) as tab:
        interruptions = await converse(tab, sound_card, site, INTERRUPTIONS)
    assert len(interruptions) >= 2
    for each in interruptions:
        assert isinstance(each.end_ms, int)
        assert 0 < each.end_ms <= each.answer_ms
    assert (
        median(each.silent_ms / (each.answer_ms - each.end_ms) for each in interruptions) <= MAX_SHARE_HEARD
    )
