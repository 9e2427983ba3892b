"""Synthesized sounds for turn detection: float arrays at 24 kHz, and their PCM16."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sound = NDArray[np.float64]

RATE = 24_000
RECORDINGS = Path(__file__).parent / "recordings"


def to_pcm(sound: Sound) -> bytes:
    return bytes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())


def recording(name: str) -> bytes:
    """Return a recorded utterance as PCM16."""
    with wave.open(str(RECORDINGS / f"{name}.wav"), "rb") as file:
        return file.readframes(file.getnframes())


def from_pcm(pcm: bytes) -> Sound:
    return np.frombuffer(pcm, "<i2") / 32768


def silence(seconds: float) -> Sound:
    return np.zeros(int(seconds * RATE))


def at(sound: Sound, rms_db: float) -> Sound:
    """Return the sound at this level, in decibels of full scale."""
    return np.asarray(sound * 10 ** (rms_db / 20) / np.sqrt(np.mean(sound**2)))


def voice(seconds: float, pitch_hz: float = 120) -> Sound:
    """Return syllables of a buzzing throat: a gliding pitch through two formants, four syllables a second."""
    time_s = np.arange(int(seconds * RATE)) / RATE
    pitch = pitch_hz * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * time_s))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    sound = np.zeros_like(time_s)
    for harmonic in range(1, 25):
        frequency = harmonic * pitch
        formants = sum(1 / (1 + ((frequency - centre) / 120) ** 2) for centre in (550.0, 1500.0))
        sound += formants / harmonic**0.5 * np.sin(harmonic * phase)
    return np.asarray(sound * (0.15 + 0.85 * np.sin(np.pi * 4 * time_s) ** 2))


def hiss(seconds: float, seed: int = 0) -> Sound:
    return np.random.default_rng(seed).normal(size=int(seconds * RATE))


def fan(seconds: float, seed: int = 0) -> Sound:
    """Return noise that falls by 6 dB an octave."""
    spectrum = np.fft.rfft(hiss(seconds, seed))
    frequency = np.fft.rfftfreq(int(seconds * RATE), 1 / RATE)
    return np.fft.irfft(spectrum / np.maximum(frequency, 40), int(seconds * RATE))


def hum(seconds: float, mains_hz: float = 50) -> Sound:
    """Return mains hum with its harmonics."""
    time_s = np.arange(int(seconds * RATE)) / RATE
    return np.asarray(sum(np.sin(2 * np.pi * mains_hz * n * time_s) / n for n in (1, 2, 3, 5)))


def tone(seconds: float, frequency_hz: float) -> Sound:
    """Return a sine at its full level from the first sample on."""
    return np.sin(2 * np.pi * frequency_hz * np.arange(int(seconds * RATE)) / RATE)


VOWELS_HZ = {"a": (730, 1090), "e": (530, 1840), "i": (270, 2290), "o": (570, 840), "u": (300, 870)}
"""The two lowest formants of a man's vowels (Peterson and Barney, 1952)."""


def vowel(seconds: float, name: str, pitch_hz: float) -> Sound:
    """Return a vowel that is held, at its full level from the first sample on."""
    time_s = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(pitch_hz * (1 + 0.02 * np.sin(2 * np.pi * 5 * time_s))) / RATE
    sound = np.zeros_like(time_s)
    for harmonic in range(1, int(4000 / pitch_hz)):
        formants = sum(1 / (1 + ((harmonic * pitch_hz - centre) / 80) ** 2) for centre in VOWELS_HZ[name])
        sound += (formants + 0.02) / harmonic**0.5 * np.sin(harmonic * phase)
    return sound


def music(seconds: float) -> Sound:
    """Return chords of plucked strings, four a second, over a drum."""
    chords = ((220, 277, 330), (196, 247, 294), (175, 220, 262), (165, 208, 247))
    sound = 0.3 * bursts(seconds, 0.5, 0.05)
    time_s = np.arange(int(0.25 * RATE)) / RATE
    for index in range(int(seconds / 0.25)):
        notes = (
            np.sin(2 * np.pi * note * partial * time_s) / partial**2
            for note in chords[index // 8 % 4]
            for partial in (1, 2, 3, 4)
        )
        start = index * len(time_s)
        sound[start : start + len(time_s)] += sum(notes) * np.exp(-time_s / 0.3)
    return sound


def bursts(seconds: float, every_s: float, decay_s: float, tone_hz: float = 0, seed: int = 1) -> Sound:
    """Return decaying bursts, of noise or of a tone, at irregular times."""
    random = np.random.default_rng(seed)
    sound = silence(seconds)
    length = int(decay_s * 5 * RATE)
    time_s = np.arange(length) / RATE
    start = int(0.6 * RATE)
    while start + length < len(sound):
        body = np.sin(2 * np.pi * tone_hz * time_s) if tone_hz else random.normal(size=length) / 3
        sound[start : start + length] += body * np.exp(-time_s / decay_s) * random.uniform(0.5, 1)
        start += int(every_s * random.uniform(0.6, 1.4) * RATE)
    return sound


def typing(seconds: float, seed: int = 1) -> Sound:
    return bursts(seconds, 0.15, 0.004, seed=seed)


def clicks(seconds: float, seed: int = 1) -> Sound:
    return bursts(seconds, 0.4, 0.001, seed=seed)


def claps(seconds: float, seed: int = 1) -> Sound:
    return bursts(seconds, 0.7, 0.02, seed=seed)


def thumps(seconds: float, seed: int = 1) -> Sound:
    return bursts(seconds, 0.5, 0.04, 70, seed=seed)


def cuts(sound: Sound, every_ms: int = 120, least_ms: int = 400, loud_db: float = -30) -> list[Sound]:
    """Return what is left of a recording that is cut in the middle of its syllables, at many places.

    A cut is made only where the sound is loud for 60 ms before and after it, and 400 ms or more are left.
    """
    frame = RATE // 50
    power = np.mean(sound[: len(sound) // frame * frame].reshape(-1, frame) ** 2, axis=1)
    loud = 10 * np.log10(power + 1e-12) > loud_db
    places = range(3, len(loud) - least_ms // 20, every_ms // 20)
    return [sound[place * frame :] for place in places if loud[place - 3 : place + 3].all()]
