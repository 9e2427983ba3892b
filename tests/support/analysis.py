"""Signals to play and numbers to get out of recordings. Sound is mono floats of full scale 1, unless it says PCM16."""

from __future__ import annotations

import base64
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from pulse import AUDIBLE

Sound: TypeAlias = NDArray[np.float64]

SPEECH_HZ = 24_000
FULL_SCALE_SINE_RMS = 0.5**0.5


def pcm_of(text: str) -> Sound:
    """Decode base64 of PCM16."""
    return np.frombuffer(base64.b64decode(text), np.int16) / 32768


def floats_of(text: str) -> Sound:
    """Decode base64 of 32-bit floats."""
    return np.frombuffer(base64.b64decode(text), np.float32).astype(np.float64)


def encode(sound: Sound) -> str:
    """Encode as base64 of PCM16."""
    return base64.b64encode(np.round(sound * 32768).astype(np.int16).tobytes()).decode()


def encode_floats(sound: Sound) -> str:
    """Encode as base64 of 32-bit floats."""
    return base64.b64encode(sound.astype(np.float32).tobytes()).decode()


def sine(hz: float, seconds: float, rate_hz: int = SPEECH_HZ, amplitude: float = 0.5) -> Sound:
    return amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)


def decibels(ratio: float) -> float:
    return float(20 * np.log10(max(ratio, 1e-9)))


def level_db(sound: Sound) -> float:
    """Return the RMS in dB of full scale."""
    return decibels(float(np.sqrt(np.mean(sound**2))))


def usual_level_db(sound: Sound, rate_hz: int = SPEECH_HZ) -> float:
    """Return the median level of a tenth of a second: a short disturbance does not count."""
    length = rate_hz // 10
    return float(
        np.median([level_db(sound[at : at + length]) for at in range(0, len(sound) - length + 1, length)])
    )


def fit_sine(sound: Sound, hz: float, rate_hz: int) -> tuple[float, float]:
    """Fit a sine of that frequency by least squares: its amplitude, and dB between it and all that it is not."""
    angles = 2 * np.pi * hz * np.arange(len(sound)) / rate_hz
    basis = np.stack([np.sin(angles), np.cos(angles)], axis=1)
    factors, *_ = np.linalg.lstsq(basis, sound, rcond=None)
    amplitude = float(np.hypot(*factors))
    rest = float(np.sqrt(np.mean((sound - basis @ factors) ** 2)))
    return amplitude, decibels(amplitude * FULL_SCALE_SINE_RMS / max(rest, 1e-12))


def audible(sound: Sound, threshold: float = AUDIBLE) -> tuple[int, int]:
    """Return the first and last index where there is sound."""
    loud = np.flatnonzero(np.abs(sound) > threshold)
    assert len(loud), "nothing is audible"
    return int(loud[0]), int(loud[-1])
