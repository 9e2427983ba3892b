"""An answer from the loudspeaker must not come back as the user's speech."""

from __future__ import annotations

import base64
import wave
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from analysis import level_db, pcm_of

if TYPE_CHECKING:
    from engines import Tab
    from figures import EngineFigures
    from pulse import Pulse

LINES = Path(__file__).parent.parent.parent.parent / "simulator" / "lines"


def speech() -> str:
    """Eleven seconds of the simulator's voice, as base64 of PCM16."""
    pcm = b""
    for name in ("hello", "key"):
        with wave.open(str(LINES / f"{name}.wav")) as line:
            pcm += line.readframes(line.getnframes())
    return base64.b64encode(pcm).decode()


async def test_the_answer_is_not_heard_by_the_microphone(
    tab: Tab, engine: str, figures: EngineFigures, sound_card: Pulse
) -> None:
    if engine == "webkit":
        pytest.skip("WebKitGTK has no echo cancellation: getSettings() says so")
    voice = speech()
    with sound_card.room():
        loud = pcm_of((await tab.evaluate("(...it) => measure.echo(...it)", voice, False))["pcm"])
        left = pcm_of((await tab.evaluate("(...it) => measure.echo(...it)", voice, True))["pcm"])
    assert level_db(loud[len(loud) // 2 :]) > -40, "the room carries the sound"
    figures.note("echo without cancellation", level_db(loud[len(loud) // 2 :]), "dBFS")
    figures.at_most("echo left at the microphone", level_db(left[len(left) // 2 :]), -58, "dBFS")
