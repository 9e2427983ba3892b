"""What the simulator can say: spoken lines, the user's own voice, silence, and a ramp that proves every sample.

Audio is 24 kHz mono PCM16 little-endian.
"""

import json
import sys
import wave
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

from simulator.turns import BYTES_PER_MS, KEPT_MS, Heard, to_samples

DELTA_MS = 100
DELTA_BYTES = DELTA_MS * BYTES_PER_MS
LOUD = 0.5  # of full scale: the peak to which a quiet voice is amplified, or less
MAX_GAIN = 8

_LINES = files("simulator") / "lines"


@dataclass(frozen=True)
class Speech:
    """A piece of an answer: its text in the transcript, and its audio, which may be empty."""

    text: str
    pcm: bytes = b""
    gain: int = 1

    @property
    def deltas(self) -> int:
        """Number of deltas in which the audio is sent."""
        return -(-len(self.pcm) // DELTA_BYTES)

    def audio(self) -> Iterator[bytes]:
        """Yield the audio, 100 ms at a time."""
        for start in range(0, len(self.pcm), DELTA_BYTES):
            piece = self.pcm[start : start + DELTA_BYTES]
            yield piece if self.gain == 1 else _amplify(piece, self.gain)


def _amplify(pcm: bytes, gain: int) -> bytes:
    samples = array("h", map(_amplified(gain).__getitem__, to_samples(pcm)))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


@cache
def _amplified(gain: int) -> "array[int]":
    """Return each 16-bit sample so many times as loud, clipped; negative ones are found from the end."""
    samples = (*range(32768), *range(-32768, 0))
    return array("h", [max(-32768, min(32767, sample * gain)) for sample in samples])


@cache
def line(name: str) -> Speech:
    """Return a line of lines.json, read once when it is first spoken."""
    texts = json.loads((_LINES / "lines.json").read_text(encoding="utf-8"))["texts"]
    with as_file(_LINES / f"{name}.wav") as path, wave.open(str(path), "rb") as recording:
        return Speech(texts[name], recording.readframes(recording.getnframes()))


def replay(heard: Heard) -> Speech:
    """Return the user's audio; a quiet voice is amplified to a level that can be judged by ear."""
    gain = max(1, min(MAX_GAIN, int(LOUD * 32767 / max(1, heard.peak))))
    part = f"; the first {KEPT_MS // 1000} s" if heard.audio_ms > KEPT_MS else ""
    return Speech(f"(Your own voice, replayed{part}.)", heard.pcm, gain)


def silence(duration_ms: int) -> Speech:
    return Speech(f"({duration_ms / 1000:g} s of silence.)", bytes(duration_ms * BYTES_PER_MS))


def ramp(duration_ms: int) -> Speech:
    """Return audio whose sample n has the value n mod 65536 - 32768, so that loss, doubling and reordering can be detected."""
    samples = duration_ms * BYTES_PER_MS // 2
    period = b"".join(value.to_bytes(2, "little", signed=True) for value in range(-32768, 32768))
    whole = period * (samples // 65536) + period[: samples % 65536 * 2]
    return Speech(f"(A ramp of {samples} samples.)", whole)
