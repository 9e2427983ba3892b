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


def fan(seconds: float) -> Sound:
    """Return noise that falls by 6 dB an octave."""
    spectrum = np.fft.rfft(hiss(seconds))
    frequency = np.fft.rfftfreq(int(seconds * RATE), 1 / RATE)
    return np.fft.irfft(spectrum / np.maximum(frequency, 40), int(seconds * RATE))


def hum(seconds: float) -> Sound:
    """Return mains hum with its harmonics."""
    time_s = np.arange(int(seconds * RATE)) / RATE
    return np.asarray(sum(np.sin(2 * np.pi * 50 * n * time_s) / n for n in (1, 2, 3, 5)))


def bursts(seconds: float, every_s: float, decay_s: float, tone_hz: float = 0) -> Sound:
    """Return decaying bursts, of noise or of a tone, at irregular times."""
    random = np.random.default_rng(1)
    sound = silence(seconds)
    length = int(decay_s * 5 * RATE)
    time_s = np.arange(length) / RATE
    start = int(0.6 * RATE)
    while start + length < len(sound):
        body = np.sin(2 * np.pi * tone_hz * time_s) if tone_hz else random.normal(size=length) / 3
        sound[start : start + length] += body * np.exp(-time_s / decay_s) * random.uniform(0.5, 1)
        start += int(every_s * random.uniform(0.6, 1.4) * RATE)
    return sound


def typing(seconds: float) -> Sound:
    return bursts(seconds, 0.15, 0.004)


def claps(seconds: float) -> Sound:
    return bursts(seconds, 0.7, 0.02)


def thumps(seconds: float) -> Sound:
    return bursts(seconds, 0.5, 0.04, 70)
