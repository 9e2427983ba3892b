"""Measure how many active sessions the simulator serves on one core.

    python benchmarks/simulator_load.py [--sessions 500] [--seconds 20] [--late-percent 1] [--lag-ms 200]

Each session sends a microphone's frames without a pause: a recorded question, then silence until its user has heard the
answer out, and so on. The simulator has one core, this process the others. An answer's audio is late when a player that
began with its first piece would have run out of it. The lag is how long after the frame that ends a question
`speech_stopped` comes: it grows when the simulator cannot keep up with what is sent. Ends with code 1 when more of the
audio was late than is allowed, or when one lag in a hundred is longer than is allowed.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import heapq
import math
import os
import statistics
import sys
import time
import wave
from dataclasses import dataclass
from pathlib import Path

import uvloop
from endpoints import Browser, to_frame
from processes import free_port, running

from simulator.shapes import SERVER_VAD
from simulator.turns import InputAudio, SpeechStopped, TurnDetection

ROOT = Path(__file__).parent.parent
QUESTION = ROOT / "tests" / "support" / "recordings" / "what_is_the_weather.wav"
FRAME_SECONDS = 0.04
WARM_UP_SECONDS = 5
FRAME_BYTES = 1920  # of 24 kHz PCM16
AUDIO_DELTA = b'"type":"response.output_audio.delta"'
STOPPED = b'"type":"input_audio_buffer.speech_stopped"'
DONE = b'"type":"response.done"'
BYTES_PER_SECOND = 48_000


class Speaker(Browser):
    """A client that asks the same question again and again."""

    path = "/openai/v1/realtime?model=gpt-realtime"

    def __init__(self) -> None:
        super().__init__()
        self.on_message = self.receive
        self.answered = 0
        self.late_seconds: list[float] = []  # of each piece of audio; negative when it came in time
        self.began_at = 0.0
        self.audio_seconds = 0.0
        self.is_asking, self.at = True, 0  # and which frame of the question is next
        self.heard_out_at = 0.0
        self.ends_at = 0.0  # when the last frame is sent that the end of the turn is known by
        self.lags: list[float] = []  # seconds

    def next_frame(self, question: Question, due: float) -> bytes | None:
        """Return the next frame of the question, None while the user listens."""
        if not self.is_asking or self.heard_out_at > due:
            return None
        if self.at == 0:
            self.ends_at = due + question.turn_seconds
        frame = question.frames[self.at]
        self.at = (self.at + 1) % len(question.frames)
        self.is_asking = self.at > 0
        return frame

    def receive(self, payload: bytes) -> None:
        if AUDIO_DELTA in payload[:200]:
            now = time.monotonic()
            self.began_at = self.began_at or now
            self.late_seconds.append(now - self.began_at - self.audio_seconds)
            self.audio_seconds += len(payload) * 0.75 / BYTES_PER_SECOND
        elif STOPPED in payload[:200] and self.ends_at:
            self.lags.append(time.monotonic() - self.ends_at)
            self.ends_at = 0.0
        elif DONE in payload[:200]:
            self.answered += 1
            self.heard_out_at = self.began_at + self.audio_seconds
            self.began_at = self.audio_seconds = 0.0
            self.is_asking = True


@dataclass(frozen=True)
class Question:
    """What is asked: its websocket frames, and how long after the first one the last is sent that ends the turn."""

    frames: list[bytes]
    turn_seconds: float

    @classmethod
    def read(cls) -> Question:
        with wave.open(str(QUESTION)) as recording:
            pcm = recording.readframes(recording.getnframes())
        audio = InputAudio()
        audio.detect_turns(TurnDetection(silence_ms=SERVER_VAD["silence_duration_ms"]))
        sent = 0
        for start in range(0, len(pcm) + BYTES_PER_SECOND, FRAME_BYTES):
            sent += 1
            piece = (pcm[start : start + FRAME_BYTES]).ljust(FRAME_BYTES, b"\0")
            if any(isinstance(found, SpeechStopped) for found in audio.append(piece)):
                break
        return cls(microphone_frames(pcm), (sent - 1) * FRAME_SECONDS)


def microphone_frames(pcm: bytes) -> list[bytes]:
    """Return the websocket frames of a sound, 40 ms each."""
    return [
        to_frame(
            b'{"type":"input_audio_buffer.append","audio":"' + base64.b64encode(piece) + b'"}', masked=True
        )
        for start in range(0, len(pcm), FRAME_BYTES)
        if len(piece := pcm[start : start + FRAME_BYTES]) == FRAME_BYTES
    ]


async def speak(speakers: list[Speaker], question: Question, until: float) -> None:
    """Send a frame of each microphone every 40 ms; the first ones are spread over 5 s."""
    [silence] = microphone_frames(bytes(FRAME_BYTES))
    begin = time.monotonic()
    dues = [(begin + WARM_UP_SECONDS * number / len(speakers), number) for number in range(len(speakers))]
    while dues[0][0] < until:
        due, number = dues[0]
        early = due - time.monotonic()
        if early > 0:
            await asyncio.sleep(early)
        speaker = speakers[number]
        speaker.write(speaker.next_frame(question, due) or silence)
        heapq.heapreplace(dues, (due + FRAME_SECONDS, number))


def cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(port: int, process: int, sessions: int, seconds: float) -> tuple[float, float]:
    """Print the figures of one run; return how much of the audio was late, in percent, and the longest lags in ms."""
    question = Question.read()
    loop = asyncio.get_running_loop()
    speakers = []
    for _ in range(sessions):
        _, speaker = await loop.create_connection(Speaker, "127.0.0.1", port)
        await speaker.opened
        speakers.append(speaker)
    warm_up_until = time.monotonic() + WARM_UP_SECONDS
    speaking = asyncio.create_task(speak(speakers, question, warm_up_until + seconds))
    await asyncio.sleep(warm_up_until - time.monotonic())
    began_cpu, began_at, began_own = cpu_seconds(process), time.monotonic(), time.process_time()
    for speaker in speakers:
        speaker.late_seconds.clear()
        speaker.lags.clear()
    await speaking
    took = time.monotonic() - began_at
    used, own = (cpu_seconds(process) - began_cpu) / took, (time.process_time() - began_own) / took
    pieces = [late for speaker in speakers for late in speaker.late_seconds]
    lost = sum(speaker.transport.is_closing() for speaker in speakers)
    for speaker in speakers:
        speaker.transport.abort()
    lags = [lag for speaker in speakers for lag in speaker.lags]
    if not pieces or not lags:
        print("nothing was heard or answered at all")
        return 100.0, math.inf
    late = 100 * sum(each > 0 for each in pieces) / len(pieces)
    answers = sum(speaker.answered for speaker in speakers)
    worst_ms, lag_ms = (1000 * statistics.quantiles(each, n=100)[98] for each in (pieces, lags))
    print(
        f"{sessions} sessions: {100 * used:.0f} % of a core (the clients {100 * own:.0f} %), {answers} answers, {len(pieces)} pieces of audio, "
        f"{late:.2f} % of them late (99th percentile {worst_ms:+.0f} ms), lag {1000 * statistics.median(lags):.0f} ms "
        f"(99th percentile {lag_ms:.0f} ms), {lost} sessions lost"
    )
    return (100.0 if lost else late), lag_ms


def main() -> None:
    arguments = argparse.ArgumentParser(
        description="Measure how many sessions the simulator serves on one core."
    )
    arguments.add_argument("--sessions", type=int, default=500)
    arguments.add_argument("--seconds", type=float, default=20)
    arguments.add_argument(
        "--late-percent", type=float, default=1.0, help="how much of the audio may be late"
    )
    arguments.add_argument("--lag-ms", type=float, default=200, help="how long one lag in a hundred may be")
    options = arguments.parse_args()
    port = free_port()
    command = [sys.executable, "-m", "simulator", "--port", str(port)]
    with running(command, {}, port) as [process, *_]:
        first, *others = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(process, {first})
        os.sched_setaffinity(0, set(others) or {first})
        late, lag_ms = uvloop.run(measure(port, process, options.sessions, options.seconds))
    sys.exit(late > options.late_percent or lag_ms > options.lag_ms)


if __name__ == "__main__":
    main()
