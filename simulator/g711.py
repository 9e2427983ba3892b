"""G.711 of telephones: µ-law (`audio/pcmu`) and A-law (`audio/pcma`), one byte a sample at 8 kHz. No I/O.

`Decoder` and `Encoder` translate streams to and from the simulator's own 24 kHz mono PCM16 little-endian. The low-pass
is causal, so each millisecond that goes in comes out, 1.25 ms later in the sound.
"""

import math
import sys
from array import array
from collections.abc import Callable
from functools import cache
from operator import mul
from typing import Literal

Law = Literal["mu", "a"]

RATIO = 3  # of 24 kHz to 8 kHz
TAPS = 61  # at 24 kHz: 3.4 kHz passes, and from 4.6 kHz on 50 dB are taken away
KAISER_BETA = 4.6
MU_BIAS, MU_CLIP = 33, 0x1FFF  # of 14-bit magnitudes


def mu_law_to_linear(code: int) -> int:
    """Return the 16-bit sample of a µ-law byte (ITU-T G.711, table 2)."""
    inverted = ~code
    segment, step = inverted >> 4 & 7, inverted & 15
    magnitude = ((2 * step + MU_BIAS) << segment) - MU_BIAS
    return -4 * magnitude if inverted & 0x80 else 4 * magnitude


def a_law_to_linear(code: int) -> int:
    """Return the 16-bit sample of an A-law byte (ITU-T G.711, table 1)."""
    toggled = code ^ 0x55
    segment, step = toggled >> 4 & 7, toggled & 15
    magnitude = 2 * step + 1 if segment == 0 else (2 * step + 33) << (segment - 1)
    return 8 * magnitude if toggled & 0x80 else -8 * magnitude


def linear_to_mu_law(sample: int) -> int:
    """Return the µ-law byte of a 16-bit sample; negative ones are complemented, as ITU-T G.191 does it."""
    magnitude = min(((~sample if sample < 0 else sample) >> 2) + MU_BIAS, MU_CLIP)
    segment = magnitude.bit_length() - 6
    code = segment << 4 | (magnitude >> (segment + 1) & 15)
    return ~code & 0x7F if sample < 0 else ~code & 0x7F | 0x80


def linear_to_a_law(sample: int) -> int:
    """Return the A-law byte of a 16-bit sample; negative ones are complemented, as ITU-T G.191 does it."""
    magnitude = (~sample if sample < 0 else sample) >> 4
    segment = max(0, magnitude.bit_length() - 4)
    code = magnitude if segment == 0 else segment << 4 | (magnitude >> (segment - 1) & 15)
    return (code if sample < 0 else code | 0x80) ^ 0x55


TO_LINEAR: dict[Law, Callable[[int], int]] = {"mu": mu_law_to_linear, "a": a_law_to_linear}
FROM_LINEAR: dict[Law, Callable[[int], int]] = {"mu": linear_to_mu_law, "a": linear_to_a_law}


@cache
def _decoded(law: Law) -> tuple[float, ...]:
    return tuple(float(TO_LINEAR[law](code)) for code in range(256))


@cache
def _encoded(law: Law) -> bytes:
    """Return the byte of each 16-bit sample; negative ones are found from the end, as Python indexes."""
    encode = FROM_LINEAR[law]
    return bytes([*map(encode, range(32768)), *map(encode, range(-32768, 0))])


@cache
def _low_pass() -> tuple[float, ...]:
    """Return a low-pass at 4 kHz for 24 kHz: a sinc under a Kaiser window, with a gain of 1."""
    middle = (TAPS - 1) // 2
    taps = []
    for offset in range(-middle, middle + 1):
        window = _bessel(KAISER_BETA * math.sqrt(1 - (offset / middle) ** 2)) / _bessel(KAISER_BETA)
        angle = math.pi * offset / RATIO
        taps.append(window * (math.sin(angle) / angle if offset else 1.0))
    return tuple(tap / sum(taps) for tap in taps)


def _bessel(x: float) -> float:
    """Return the modified Bessel function of the first kind and order zero."""
    return sum(((x / 2) ** k / math.factorial(k)) ** 2 for k in range(25))


def _to_array(pcm: bytes | bytearray | memoryview) -> "array[int]":
    samples = array("h", bytes(pcm))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _to_pcm(samples: list[float]) -> bytes:
    pcm = array("h", [max(-32768, min(32767, round(sample))) for sample in samples])
    if sys.byteorder == "big":
        pcm.byteswap()
    return pcm.tobytes()


class Decoder:
    """Translate a stream of G.711 at 8 kHz to PCM16 at 24 kHz: six bytes for each."""

    def __init__(self, law: Law) -> None:
        self._table = _decoded(law)
        # Each of the three samples that one becomes is made with a third of the taps, newest sample last.
        self._phases = [
            tuple(RATIO * tap for tap in _low_pass()[phase::RATIO])[::-1] for phase in range(RATIO)
        ]
        self._history = [0.0] * (len(self._phases[0]) - 1)

    def decode(self, data: bytes | memoryview) -> bytes:
        samples = [*self._history, *map(self._table.__getitem__, data)]
        reach = len(self._history)
        out = [0.0] * (RATIO * len(data))
        for phase, taps in enumerate(self._phases):
            first = reach + 1 - len(taps)
            out[phase::RATIO] = [
                sum(map(mul, samples[start : start + len(taps)], taps))
                for start in range(first, first + len(data))
            ]
        self._history = samples[len(samples) - reach :]
        return _to_pcm(out)


class Encoder:
    """Translate a stream of PCM16 at 24 kHz to G.711 at 8 kHz: a byte for each six.

    What is less than three samples waits for the next call.
    """

    def __init__(self, law: Law) -> None:
        self._table = _encoded(law)
        self._taps = _low_pass()
        self._history: list[int] = [0] * (TAPS - 1)

    def encode(self, pcm: bytes | memoryview) -> bytes:
        samples = [*self._history, *_to_array(pcm)]
        whole = (len(samples) - TAPS + 1) // RATIO * RATIO
        out = [
            max(-32768, min(32767, round(sum(map(mul, samples[start : start + TAPS], self._taps)))))
            for start in range(0, whole, RATIO)
        ]
        self._history = samples[whole:]
        return bytes(map(self._table.__getitem__, out))
