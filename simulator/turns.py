"""Turn detection: which stretches of the microphone's audio are a person's turn. No I/O, no clock but the audio's.

Energy over a noise floor finds what may be speech, periodicity tells a voice from clicks and hiss. Everything is
24 kHz mono PCM16 little-endian, looked at in frames of 20 ms.
"""

import math
import sys
from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from operator import mul

SAMPLE_RATE_HZ = 24_000
BYTES_PER_MS = SAMPLE_RATE_HZ * 2 // 1000
FRAME_MS = 20
FRAME_BYTES = FRAME_MS * BYTES_PER_MS

DECIMATION = 6  # to 4 kHz: keeps the voiced band, drops hiss
HIGH_PASS_POLE = 0.86  # about 100 Hz at 4 kHz: drops rumble
PITCH_LAGS = range(10, 58)  # 400 to 70 Hz at 4 kHz
PITCH_WINDOW = 240  # 60 ms at 4 kHz: four periods of the lowest voice
PERIODIC = 0.5  # of the energy found again one period later
THUMP = 0.035  # of the energy in the first difference: less means nothing above about 120 Hz
FLOOR_BLOCKS, FLOOR_BLOCK_FRAMES = 5, 20  # the noise floor is the minimum of the last 2 s
HOLD_DB = 4.5  # over the floor: enough for a voice already found
QUIETEST_DB = -58.0  # full-scale decibels below which nothing counts as speech
ONSET_FRAMES = 6  # of which three must be loud and two of them periodic
ONSET_MS = 60  # how long ago a voice began when it is found

SEMANTIC_SILENCE_MS = {"low": 1500, "medium": 800, "auto": 800, "high": 500}
FULL_SCALE = 32_700  # samples at or beyond it are counted as clipped
KEPT_MS = 30_000  # of a turn's audio, for replay; what is longer is counted and not kept


def to_samples(pcm: bytes | bytearray | memoryview) -> "array[int]":
    """Return PCM16 little-endian as samples of this machine."""
    samples = array("h", bytes(pcm))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def to_db(power: float) -> float:
    """Return a mean square of PCM16 samples in decibels of full scale, -90 at the least."""
    return 10 * math.log10(power / 32768**2 + 1e-9)


class VoiceDetector:
    """Tell frames of speech from silence, hum, fans, clicks and thumps, one frame at a time."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self.floor_db = -90.0
        self._speaking = False
        self._smoothed_db: float | None = None
        self._block_minimum_db, self._block_frames = math.inf, 0
        self._minima_db: deque[float] = deque(maxlen=FLOOR_BLOCKS)
        self._recent: deque[tuple[bool, bool]] = deque(maxlen=ONSET_FRAMES)
        self._band: deque[float] = deque(maxlen=PITCH_WINDOW)
        self._previous_in = self._previous_out = 0.0

    def is_speech(self, samples: "array[int]") -> bool:
        """Return whether this frame lies inside speech; an onset is known after 60 to 120 ms."""
        band = self._voiced_band(samples)
        self._band.extend(band)
        level_db = to_db(sum(map(mul, band, band)) / len(band))
        smoothed_db = self._follow(level_db)
        if self._speaking:
            loud = smoothed_db > max(self.floor_db + HOLD_DB, QUIETEST_DB - 6)
        else:
            loud = level_db > max(self.floor_db + 5 + 6 * self.threshold, QUIETEST_DB)
        self._recent.append((loud, loud and not self._speaking and self._is_periodic()))
        if self._speaking:
            self._speaking = any(was_loud for was_loud, _ in self._recent)
        else:
            self._speaking = (
                sum(was_loud for was_loud, _ in self._recent) >= ONSET_FRAMES // 2
                and sum(was_periodic for _, was_periodic in self._recent) >= ONSET_FRAMES // 3
            )
        return loud and self._speaking

    def _voiced_band(self, samples: "array[int]") -> list[float]:
        """Decimate to 4 kHz by averages and take away what is below 100 Hz."""
        band = []
        previous_in, previous_out = self._previous_in, self._previous_out
        for group in zip(*[iter(samples)] * DECIMATION, strict=True):
            value = sum(group) / DECIMATION
            previous_out = HIGH_PASS_POLE * (previous_out + value - previous_in)
            previous_in = value
            band.append(previous_out)
        self._previous_in, self._previous_out = previous_in, previous_out
        return band

    def _follow(self, level_db: float) -> float:
        """Smooth the level and keep the noise floor, which follows fans, rooms and automatic gain both ways."""
        last_db = level_db if self._smoothed_db is None else self._smoothed_db
        self._smoothed_db = smoothed_db = last_db + 0.35 * (level_db - last_db)
        self._block_minimum_db = min(self._block_minimum_db, smoothed_db)
        self.floor_db = min([self._block_minimum_db, *self._minima_db])
        self._block_frames += 1
        if self._block_frames == FLOOR_BLOCK_FRAMES:
            self._minima_db.append(self._block_minimum_db)
            self._block_minimum_db, self._block_frames = math.inf, 0
        return smoothed_db

    def _is_periodic(self) -> bool:
        """Return whether the last 60 ms repeat themselves at a voice's pitch."""
        mean = sum(self._band) / len(self._band)
        band = [value - mean for value in self._band]
        energy = sum(map(mul, band, band))
        steps = [after - before for before, after in pairwise(band)]
        if energy == 0 or sum(map(mul, steps, steps)) < THUMP * energy:
            return False
        return any(
            sum(map(mul, band, band[lag:])) * len(band) > PERIODIC * energy * (len(band) - lag)
            for lag in PITCH_LAGS
            if lag < len(band)
        )


@dataclass(frozen=True)
class Heard:
    """What a user's audio sounded like: its first 30 s for replay, and figures of all of it."""

    pcm: bytes
    audio_ms: int
    speech_ms: int
    level_db: float
    noise_db: float
    peak: int
    clipped: float  # part of the samples at full scale


@dataclass(frozen=True)
class TurnDetection:
    """What the session says of turns; silence_ms of quiet end one."""

    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_ms: int = 500


@dataclass(frozen=True)
class SpeechStarted:
    audio_start_ms: int


@dataclass(frozen=True)
class SpeechStopped:
    audio_end_ms: int


class InputAudio:
    """The input audio buffer with its turn detection: bounded, however long the microphone is idle or a turn lasts."""

    def __init__(self) -> None:
        self._settings: TurnDetection | None = None
        self._detector: VoiceDetector | None = None
        self._received_ms = 0  # since the session began, in whole frames
        self._remainder = bytearray()  # less than a frame
        self.clear()

    @property
    def audio_ms(self) -> int:
        """Length of what a commit would take."""
        return self._audio_ms + len(self._remainder) // BYTES_PER_MS

    def clear(self) -> None:
        """Forget the audio not yet committed; a turn under way is forgotten with it."""
        self._remainder.clear()
        self._forget()

    def _forget(self) -> None:
        self._kept = bytearray()
        self._audio_ms = 0
        self._in_turn = False
        self._onset_ms = self._last_speech_ms = 0  # on the session's clock, as _received_ms
        self._square_sum, self._samples = 0, 0
        self._peak, self._clipped = 0, 0

    def detect_turns(self, settings: TurnDetection | None) -> None:
        """Find turns by these settings from here on; None leaves them to the client's commits."""
        if settings == self._settings:
            return
        if settings is None:
            self._detector, self._in_turn = None, False
        elif self._detector is None:
            self._detector = VoiceDetector(settings.threshold)
        else:
            self._detector.threshold = settings.threshold
        self._settings = settings

    def append(self, pcm: bytes | memoryview) -> Iterator[SpeechStarted | SpeechStopped]:
        """Add audio of any length and yield what turn detection finds in it, in order.

        After SpeechStopped the caller must commit before it goes on.
        """
        self._remainder += pcm
        frames = len(self._remainder) // FRAME_BYTES
        whole = bytes(self._remainder[: frames * FRAME_BYTES])
        del self._remainder[: len(whole)]
        for start in range(0, len(whole), FRAME_BYTES):
            found = self._add_frame(whole[start : start + FRAME_BYTES])
            if found:
                yield found

    def _add_frame(self, frame: bytes) -> SpeechStarted | SpeechStopped | None:
        samples = to_samples(frame)
        self._received_ms += FRAME_MS
        self._audio_ms += FRAME_MS
        if len(self._kept) < KEPT_MS * BYTES_PER_MS:
            self._kept += frame
        settings, detector = self._settings, self._detector
        if settings is None or detector is None:
            self._measure(samples)
            return None
        speech = detector.is_speech(samples)
        if not self._in_turn:
            if not speech:
                self._keep_only(settings.prefix_padding_ms + 2 * ONSET_MS)
                return None
            self._keep_only(settings.prefix_padding_ms + ONSET_MS)
            self._in_turn = True
            self._onset_ms, self._last_speech_ms = self._received_ms - ONSET_MS, self._received_ms
            self._measure(samples)
            return SpeechStarted(self._received_ms - self._audio_ms)
        if speech:
            self._measure(samples)
            self._last_speech_ms = self._received_ms
        elif self._received_ms - self._last_speech_ms >= settings.silence_ms:
            return SpeechStopped(self._received_ms)
        return None

    def _keep_only(self, last_ms: int) -> None:
        """Drop the oldest audio of an idle microphone; what is left is the turn's padding."""
        surplus_ms = self._audio_ms - last_ms
        if surplus_ms > 0:
            del self._kept[: surplus_ms * BYTES_PER_MS]
            self._audio_ms = last_ms

    def _measure(self, samples: "array[int]") -> None:
        self._square_sum += sum(map(mul, samples, samples))
        self._samples += len(samples)
        highest, lowest = max(samples), min(samples)
        self._peak = max(self._peak, highest, -lowest)
        if highest >= FULL_SCALE or lowest <= -FULL_SCALE:
            self._clipped += sum(abs(value) >= FULL_SCALE for value in samples)

    def commit(self) -> Heard:
        """Take the buffer's audio out as one turn; the caller checks that there is enough."""
        if self._settings is None:
            self._flush()
        heard = Heard(
            pcm=bytes(self._kept),
            audio_ms=self._audio_ms,
            speech_ms=self._last_speech_ms - self._onset_ms if self._in_turn else self._audio_ms,
            level_db=to_db(self._square_sum / max(1, self._samples)),
            noise_db=self._detector.floor_db if self._detector else -90.0,
            peak=self._peak,
            clipped=self._clipped / max(1, self._samples),
        )
        self._forget()
        return heard

    def _flush(self) -> None:
        """Count the last part of a frame in, whole samples of it."""
        self._audio_ms = self.audio_ms
        whole = bytes(self._remainder[: len(self._remainder) // 2 * 2])
        if whole:
            self._measure(to_samples(whole))
        self._kept += whole[: max(0, KEPT_MS * BYTES_PER_MS - len(self._kept))]
        self._remainder.clear()
