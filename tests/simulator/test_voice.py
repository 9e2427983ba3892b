"""What the simulator says: a user's own voice at a level that can be heard."""

from __future__ import annotations

import numpy as np
import pytest
import signals

from simulator.turns import InputAudio
from simulator.voice import MAX_GAIN, Speech, replay


def replayed(pcm: bytes) -> tuple[Speech, signals.Sound]:
    listener = InputAudio()
    list(listener.append(pcm))
    speech = replay(listener.commit())
    return speech, signals.from_pcm(b"".join(speech.audio()))


@pytest.mark.parametrize(("level_db", "gain"), [(-10, 1), (-22, 4), (-50, MAX_GAIN)])
def test_a_quiet_voice_is_replayed_louder(level_db: float, gain: int) -> None:
    pcm = signals.to_pcm(signals.at(signals.tone(0.5, 300), level_db))

    speech, heard = replayed(pcm)

    assert speech.gain == gain
    assert np.array_equal(heard, signals.from_pcm(pcm) * gain)


def test_a_click_that_is_louder_than_the_quiet_voice_is_clipped() -> None:
    sound = signals.at(signals.tone(0.5, 300), -50)
    sound[1001], sound[2003] = 0.9, -0.9  # between the samples that are measured

    speech, heard = replayed(signals.to_pcm(sound))

    assert speech.gain == MAX_GAIN
    assert (heard.max(), heard.min()) == (32767 / 32768, -1)
