"""The assistant's answer must not come back from the microphone as the user's speech."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sound_measurements import hear_itself

if TYPE_CHECKING:
    from engines import Tab
    from pulse import Pulse

pytestmark = pytest.mark.sound

CANCELLED_DB = 10
"""At least; an idle machine cancels twice as much (benchmarks/sound.py), but a jump of the sound server's delay costs some."""


# WebKitGTK claims to cancel echo, and does not: 0 dB of difference.
@pytest.mark.parametrize("engine", ["chromium", "firefox"], indirect=True, scope="session")
async def test_the_microphone_hears_less_of_the_answer_with_echo_cancellation(
    tab: Tab, sound_card: Pulse
) -> None:
    with sound_card.room():
        plain_db = await hear_itself(tab, cancel=False)
        cancelled_db = await hear_itself(tab, cancel=True)
    assert plain_db > -40, "the room does not carry the sound"
    assert cancelled_db <= plain_db - CANCELLED_DB
