"""Turn detection on synthesized and recorded sound: every utterance is found, and nothing else is."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest
import signals
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.turns import BYTES_PER_MS, Heard, InputAudio, SpeechStarted, TurnDetection, to_samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from signals import Sound

BACKGROUNDS: dict[str, Callable[[float], Sound]] = {
    "silence": signals.silence,
    "quiet room": lambda seconds: signals.at(signals.hiss(seconds), -65),
    "hiss": lambda seconds: signals.at(signals.hiss(seconds), -45),
    "fan": lambda seconds: signals.at(signals.fan(seconds), -35),
    "hum": lambda seconds: signals.at(signals.hum(seconds), -40),
    "loud fan": lambda seconds: signals.at(signals.fan(seconds, 3), -20),
    "loud hum": lambda seconds: signals.at(signals.hum(seconds, 60), -20),
    "transformer": lambda seconds: signals.at(signals.tone(seconds, 120), -20),
    "music": lambda seconds: signals.at(signals.music(seconds), -25),
    "clicks": lambda seconds: 0.5 * signals.clicks(seconds) + signals.at(signals.hiss(seconds), -65),
    "typing": lambda seconds: 0.3 * signals.typing(seconds) + signals.at(signals.hiss(seconds), -65),
    "claps": lambda seconds: 0.8 * signals.claps(seconds) + signals.at(signals.hiss(seconds), -65),
    "thumps": lambda seconds: 0.5 * signals.thumps(seconds) + signals.at(signals.hiss(seconds), -65),
}
STEADY = ("silence", "quiet room", "hiss", "fan", "hum")


@dataclass
class Listener:
    """An input buffer whose turns are committed as they end."""

    settings: TurnDetection | None = field(default_factory=TurnDetection)
    input: InputAudio = field(default_factory=InputAudio)
    starts_ms: list[int] = field(default_factory=list)
    ends_ms: list[int] = field(default_factory=list)
    turns: list[Heard] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.input.detect_turns(self.settings)

    def hear(self, pcm: bytes) -> Listener:
        for found in self.input.append(pcm):
            if isinstance(found, SpeechStarted):
                self.starts_ms.append(found.audio_start_ms)
            else:
                self.ends_ms.append(found.audio_end_ms)
                self.turns.append(self.input.commit())
        return self


def with_utterances(background: Sound, utterances: dict[float, Sound]) -> bytes:
    mixed = background.copy()
    for start_s, utterance in utterances.items():
        start = int(start_s * signals.RATE)
        mixed[start : start + len(utterance)] += utterance
    return signals.to_pcm(mixed)


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_background_alone_starts_no_turn(name: str) -> None:
    listener = Listener().hear(signals.to_pcm(BACKGROUNDS[name](20)))

    assert listener.starts_ms == []


@pytest.mark.parametrize("pitch_hz", [95, 140, 220])
@pytest.mark.parametrize("name", STEADY)
def test_each_utterance_in_noise_is_one_turn(name: str, pitch_hz: float) -> None:
    spoken = signals.at(signals.voice(1.5, pitch_hz), -22)
    starts_s = (3.0, 7.0, 12.0)

    listener = Listener().hear(with_utterances(BACKGROUNDS[name](16), dict.fromkeys(starts_s, spoken)))

    assert len(listener.starts_ms) == len(listener.ends_ms) == 3
    for start_s, start_ms, end_ms in zip(starts_s, listener.starts_ms, listener.ends_ms, strict=True):
        assert 1000 * start_s - 450 <= start_ms <= 1000 * start_s
        assert 1000 * start_s + 1500 + 300 <= end_ms <= 1000 * start_s + 1500 + 800


@pytest.mark.parametrize("gain_db", [0, -12, -20])
@pytest.mark.parametrize("name", ["what_is_the_weather", "please_stop"])
def test_a_recorded_voice_is_heard_in_a_room(name: str, gain_db: float) -> None:
    spoken = signals.from_pcm(signals.recording(name)) * 10 ** (gain_db / 20)
    room = BACKGROUNDS["quiet room"](len(spoken) / signals.RATE + 4)

    listener = Listener(TurnDetection(silence_ms=700)).hear(with_utterances(room, {2: spoken}))

    assert len(listener.turns) == 1
    assert 2000 <= listener.starts_ms[0] <= 2600  # the recording begins with half a second of silence
    assert listener.turns[0].speech_ms == pytest.approx(len(spoken) / 24 - 600, abs=300)


def hears_at_once(spoken: Sound, background: Sound | None = None) -> bool:
    """Return whether speech that begins with the session's first sample is a turn from its beginning on."""
    sound = np.concatenate((spoken, signals.silence(3)))
    if background is not None:
        sound += background[: len(sound)]
    listener = Listener().hear(signals.to_pcm(sound))
    return len(listener.turns) >= 1 and listener.starts_ms[0] == 0


@pytest.mark.parametrize("room", ["silence", "quiet room", "hiss"])
@pytest.mark.parametrize("gain_db", [0, -20])
@pytest.mark.parametrize("name", ["what_is_the_weather", "please_stop"])
def test_a_recording_cut_in_the_middle_of_a_syllable_is_heard(name: str, gain_db: float, room: str) -> None:
    spoken = signals.from_pcm(signals.recording(name)) * 10 ** (gain_db / 20)
    background = BACKGROUNDS[room](7) * 10 ** ((gain_db - 5) / 20)

    places = signals.cuts(spoken, every_ms=60, loud_db=-30 + gain_db)

    assert len(places) >= 5
    assert all(hears_at_once(cut, background) for cut in places)


@pytest.mark.parametrize("pitch_hz", [90, 130, 220, 300])
@pytest.mark.parametrize("name", signals.VOWELS_HZ)
def test_a_vowel_that_begins_with_the_session_is_heard(name: str, pitch_hz: float) -> None:
    assert hears_at_once(signals.at(signals.vowel(0.5, name, pitch_hz), -25))


@pytest.mark.parametrize("level_db", [-12, -40])
@pytest.mark.parametrize("frequency_hz", [200, 240, 330, 440, 500, 660, 700, 880, 1000])
def test_a_tone_that_begins_with_the_session_is_heard(frequency_hz: float, level_db: float) -> None:
    assert hears_at_once(signals.at(signals.tone(1, frequency_hz), level_db))


def test_noise_that_begins_with_the_session_starts_no_turn() -> None:
    for seed in range(30):
        for sound in (signals.at(signals.fan(1, seed), -25), signals.at(signals.hiss(1, seed), -30)):
            assert Listener().hear(signals.to_pcm(sound)).starts_ms == []


def test_speech_soon_after_the_beginning_ends_with_the_voice_and_not_with_the_noise() -> None:
    spoken = signals.at(signals.voice(1), -20)

    listener = Listener().hear(with_utterances(BACKGROUNDS["fan"](4), {0.3: spoken}))

    assert len(listener.turns) == 1
    assert 1300 + 300 <= listener.ends_ms[0] <= 1300 + 800


def test_turn_holds_padding_speech_and_the_silence_that_ended_it() -> None:
    spoken = signals.at(signals.voice(1), -20)
    quiet = signals.silence(1)
    pcm = signals.to_pcm(np.concatenate((quiet, spoken, quiet)))

    listener = Listener(TurnDetection(prefix_padding_ms=200, silence_ms=300)).hear(pcm)

    [start_ms], [end_ms], [turn] = listener.starts_ms, listener.ends_ms, listener.turns
    assert turn.audio_ms == end_ms - start_ms
    assert turn.pcm == pcm[start_ms * BYTES_PER_MS : end_ms * BYTES_PER_MS]


def test_voice_that_dies_away_is_heard_down_to_the_noise() -> None:
    fading = signals.at(signals.voice(2), -22) * 10 ** (-np.linspace(0, 40, 2 * signals.RATE) / 20)

    listener = Listener(TurnDetection(silence_ms=200)).hear(
        with_utterances(BACKGROUNDS["hiss"](7), {3: fading})
    )

    [end_ms] = listener.ends_ms
    assert end_ms - 200 > 4400  # 28 dB under its beginning, where it meets the hiss


def test_longer_silence_joins_two_utterances() -> None:
    spoken, pause, quiet = signals.at(signals.voice(1), -20), signals.silence(0.6), signals.silence(2)
    pcm = signals.to_pcm(np.concatenate((quiet, spoken, pause, spoken, quiet)))

    assert len(Listener(TurnDetection(silence_ms=300)).hear(pcm).turns) == 2
    assert len(Listener(TurnDetection(silence_ms=1000)).hear(pcm).turns) == 1


def test_higher_threshold_wants_a_louder_voice() -> None:
    spoken = signals.at(signals.voice(1.5), -43)
    pcm = with_utterances(signals.at(signals.hiss(6), -40), {3: spoken})

    assert len(Listener(TurnDetection(threshold=0.0)).hear(pcm).starts_ms) >= 1
    assert Listener(TurnDetection(threshold=1.0)).hear(pcm).starts_ms == []


def test_pieces_of_any_size_are_heard_alike() -> None:
    pcm = with_utterances(BACKGROUNDS["quiet room"](4), {1: signals.at(signals.voice(1), -20)})
    whole = Listener().hear(pcm)
    pieces = Listener()
    randomness = random.Random(5)
    start = 0
    while start < len(pcm):
        size = randomness.choice((1, 2, 33, 960, 1920, 5001))
        pieces.hear(pcm[start : start + size])
        start += size

    assert pieces.starts_ms == whole.starts_ms
    assert pieces.ends_ms == whole.ends_ms
    assert pieces.turns == whole.turns


def test_idle_microphone_keeps_only_the_padding() -> None:
    listener = Listener().hear(signals.to_pcm(BACKGROUNDS["quiet room"](30)))

    assert listener.input.audio_ms <= 500
    assert len(listener.input.commit().pcm) <= 500 * BYTES_PER_MS


def test_long_turn_is_counted_whole_and_kept_in_part() -> None:
    listener = Listener(None).hear(bytes(90_000 * BYTES_PER_MS))

    heard = listener.input.commit()

    assert heard.audio_ms == 90_000
    assert len(heard.pcm) == 30_000 * BYTES_PER_MS


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=3000), max_size=10))
def test_commit_without_turn_detection_returns_every_sample(pieces: list[bytes]) -> None:
    listener = Listener(None)
    for piece in pieces:
        listener.hear(piece)

    pcm = b"".join(pieces)
    assert listener.input.commit().pcm == pcm[: len(pcm) // 2 * 2]


def test_figures_of_a_turn_are_those_of_its_sound() -> None:
    spoken = signals.at(signals.voice(2), -10)
    heard = Listener(None).hear(signals.to_pcm(np.concatenate((spoken, np.full(480, 1.0))))).input.commit()

    assert heard.level_db == pytest.approx(-10, abs=0.5)
    assert heard.peak == 32767
    assert heard.clipped == pytest.approx(
        (480 + np.sum(np.abs(spoken) * 32767 >= 32700)) / (len(spoken) + 480), rel=0.02
    )


def test_samples_are_little_endian() -> None:
    assert list(to_samples(b"\x01\x00\x00\x80")) == [1, -32768]
