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
from operator import mul, sub

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
ASSUMED_FLOOR_DB = -75.0  # until the floor is known: a session may begin in the middle of a vowel
SURELY_PERIODIC = (
    0.65  # of the energy: what begins with the session must be a voice more surely than what stands out
)
SURELY_NO_HUM = 0.06  # of the energy in the first difference: more than any tone below 155 Hz has
UNVOICED_FRAMES = 8  # in a row: what is heard now is the room, and its floor is known
QUIETEST_DB = -58.0  # full-scale decibels below which nothing counts as speech
ONSET_FRAMES = 6  # of which three must be loud and two of them periodic
ONSET_MS = 60  # how long ago a voice began when it is found

SEMANTIC_SILENCE_MS = {"low": 1500, "medium": 800, "auto": 800, "high": 500}
FULL_SCALE = 32_700  # samples at or beyond it are counted as clipped
KEPT_MS = 30_000  # of a turn's audio, for replay; what is longer is counted and not kept
MEASURED = 6  # one sample of so many is measured for the figures of a turn

# A frame as one large integer, of which Python adds all samples at once: masks for its 16-bit lanes.
_LANES = FRAME_BYTES // 2
_SIGN = int.from_bytes(b"\x00\x80" * _LANES, "little")
_EVEN = int.from_bytes(b"\xff\xff\x00\x00" * (_LANES // 2), "little")
_ZERO = DECIMATION * 0x8000


def to_samples(pcm: bytes | bytearray | memoryview) -> "array[int]":
    """Return PCM16 little-endian as samples of this machine."""
    samples = array("h", bytes(pcm))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def sums_of_six(frame: bytes) -> "array[int]":
    """Return a frame at 4 kHz: sums of six samples, each sample counted from -32768 up so that none is negative."""
    lanes = int.from_bytes(frame, "little") ^ _SIGN
    pairs = (lanes & _EVEN) + (lanes >> 16 & _EVEN)
    sixes = pairs + (pairs >> 32) + (pairs >> 64)  # in every third 32-bit lane; no sum reaches the next one
    sums = array("I", sixes.to_bytes(FRAME_BYTES, "little"))[:: DECIMATION // 2]
    if sys.byteorder == "big":
        sums.byteswap()
    return sums


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
        self._minima_db = deque([ASSUMED_FLOOR_DB] * FLOOR_BLOCKS, FLOOR_BLOCKS)
        self._unvoiced_frames = 0
        self._recent: deque[tuple[bool, bool]] = deque(maxlen=ONSET_FRAMES)
        self._band: deque[float] = deque(maxlen=PITCH_WINDOW)
        self._last_sum, self._last_out = _ZERO, 0.0  # of the high-pass

    def is_speech(self, frame: bytes) -> bool:
        """Return whether this frame of 20 ms lies inside speech; an onset is known after 60 to 120 ms."""
        band = self._voiced_band(frame)
        self._band.extend(band)
        level_db = to_db((math.hypot(*band) / DECIMATION) ** 2 / len(band))
        smoothed_db = self._follow(level_db)
        is_new = self._is_floor_assumed()
        periodic = is_new and self._is_periodic(SURELY_PERIODIC, SURELY_NO_HUM)
        if is_new:
            self._learn(is_voice=periodic)
        if self._speaking:
            loud = smoothed_db > max(self.floor_db + HOLD_DB, QUIETEST_DB - 6)
        else:
            loud = level_db > max(self.floor_db + 5 + 6 * self.threshold, QUIETEST_DB)
        if loud and not self._speaking and not is_new:
            periodic = self._is_periodic(PERIODIC, THUMP)
        self._recent.append((loud, loud and periodic))
        if self._speaking:
            self._speaking = loud or any(was_loud for was_loud, _ in self._recent)
        elif loud:
            self._speaking = (
                sum(was_loud for was_loud, _ in self._recent) >= ONSET_FRAMES // 2
                and sum(was_periodic for _, was_periodic in self._recent) >= ONSET_FRAMES // 3
            )
        return loud and self._speaking

    def _voiced_band(self, frame: bytes) -> list[float]:
        """Decimate to 4 kHz, six times too loud, and take away what is below 100 Hz."""
        sums, out = sums_of_six(frame), self._last_out
        steps = map(sub, sums, [self._last_sum, *sums])
        band = [out := HIGH_PASS_POLE * (out + step) for step in steps]
        self._last_sum, self._last_out = sums[-1], out
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

    def _is_floor_assumed(self) -> bool:
        """Return whether nothing but a voice was heard since the session began, 2 s ago at most."""
        return self._minima_db[0] == ASSUMED_FLOOR_DB if self._minima_db else False

    def _learn(self, *, is_voice: bool) -> None:
        """Take the quietest so far for the floor once there was no voice for a while."""
        self._unvoiced_frames = 0 if is_voice else self._unvoiced_frames + 1
        if self._unvoiced_frames == UNVOICED_FRAMES:
            self._minima_db.clear()
            self.floor_db = self._block_minimum_db

    def _is_periodic(self, least: float, least_steps: float) -> bool:
        """Return whether the last 60 ms repeat themselves at a voice's pitch."""
        mean = sum(self._band) / len(self._band)
        band = [value - mean for value in self._band]
        energy = sum(map(mul, band, band))
        steps = [after - before for before, after in pairwise(band)]
        if energy == 0 or sum(map(mul, steps, steps)) < least_steps * energy:
            return False
        return any(
            sum(map(mul, band, band[lag:])) * len(band) > least * energy * (len(band) - lag)
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
        self._remainder = b""  # less than a frame
        self.clear()

    @property
    def received_ms(self) -> int:
        """Length of all that was ever appended, in whole frames."""
        return self._received_ms

    @property
    def audio_ms(self) -> int:
        """Length of what a commit would take."""
        return self._audio_ms + len(self._remainder) // BYTES_PER_MS

    def clear(self) -> None:
        """Forget the audio not yet committed; a turn under way is forgotten with it."""
        self._remainder = b""
        self._forget()

    def _forget(self) -> None:
        self._kept = bytearray()
        self._audio_ms = 0
        self._in_turn = False
        self._onset_ms = self._last_speech_ms = 0  # on the session's clock, as _received_ms
        self._square_sum, self._samples = 0.0, 0
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
        whole = bytes(self._remainder) + pcm if self._remainder else bytes(pcm)
        end = len(whole) // FRAME_BYTES * FRAME_BYTES
        self._remainder = whole[end:]
        for start in range(0, end, FRAME_BYTES):
            found = self._add_frame(whole[start : start + FRAME_BYTES])
            if found:
                yield found

    def _add_frame(self, frame: bytes) -> SpeechStarted | SpeechStopped | None:
        self._received_ms += FRAME_MS
        self._audio_ms += FRAME_MS
        if self._audio_ms <= KEPT_MS:
            self._kept += frame
        settings, detector = self._settings, self._detector
        if settings is None or detector is None:
            self._measure(to_samples(frame))
            return None
        speech = detector.is_speech(frame)
        if not self._in_turn:
            if not speech:
                self._keep_only(settings.prefix_padding_ms + 2 * ONSET_MS)
                return None
            self._keep_only(settings.prefix_padding_ms + ONSET_MS)
            self._in_turn = True
            self._onset_ms, self._last_speech_ms = self._received_ms - ONSET_MS, self._received_ms
            self._measure(to_samples(frame))
            return SpeechStarted(self._received_ms - self._audio_ms)
        if speech:
            self._measure(to_samples(frame))
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
        some = samples[::MEASURED]
        self._square_sum += math.hypot(*some) ** 2
        self._samples += len(some)
        highest, lowest = max(some), min(some)
        self._peak = max(self._peak, highest, -lowest)
        if highest >= FULL_SCALE or lowest <= -FULL_SCALE:
            self._clipped += sum(abs(value) >= FULL_SCALE for value in some)

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
        whole = self._remainder[: len(self._remainder) // 2 * 2]
        if whole:
            self._measure(to_samples(whole))
        self._kept += whole[: max(0, KEPT_MS * BYTES_PER_MS - len(self._kept))]
        self._remainder = b""
