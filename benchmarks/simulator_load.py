"""Measure how many active sessions the simulator serves on one core.

    python benchmarks/simulator_load.py [--sessions 500] [--seconds 20] [--late-percent 1]

Each session sends a microphone's frames without a pause: a recorded question, then silence until the spoken answer is
over, and so on. The simulator has one core, this process the others. An answer's audio is late when a player that began
with its first piece would have run out of it. Ends with code 1 when more of the audio was late than is allowed.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import statistics
import sys
import time
import wave
from pathlib import Path

import uvloop
from endpoints import Browser, to_frame
from processes import free_port, running

ROOT = Path(__file__).parent.parent
QUESTION = ROOT / "tests" / "support" / "recordings" / "what_is_the_weather.wav"
FRAME_SECONDS = 0.04
FRAME_BYTES = 1920  # of 24 kHz PCM16
AUDIO_DELTA = b'"type":"response.output_audio.delta"'
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
        self.is_asking = True

    def receive(self, payload: bytes) -> None:
        if AUDIO_DELTA in payload[:200]:
            now = time.monotonic()
            self.began_at = self.began_at or now
            self.late_seconds.append(now - self.began_at - self.audio_seconds)
            self.audio_seconds += len(payload) * 0.75 / BYTES_PER_SECOND
        elif DONE in payload[:200]:
            self.answered += 1
            self.began_at = self.audio_seconds = 0.0
            self.is_asking = True


def microphone_frames(pcm: bytes) -> list[bytes]:
    """Return the websocket frames of a sound, 40 ms each."""
    return [
        to_frame(
            b'{"type":"input_audio_buffer.append","audio":"' + base64.b64encode(piece) + b'"}', masked=True
        )
        for start in range(0, len(pcm), FRAME_BYTES)
        if len(piece := pcm[start : start + FRAME_BYTES]) == FRAME_BYTES
    ]


async def speak(speaker: Speaker, question: list[bytes], silence: bytes, until: float) -> None:
    """Send a frame every 40 ms."""
    due, at = time.monotonic(), 0
    while due < until:
        if speaker.is_asking and at == len(question):
            speaker.is_asking, at = False, 0
        frame = question[at] if speaker.is_asking else silence
        at += speaker.is_asking
        speaker.write(frame)
        due += FRAME_SECONDS
        await asyncio.sleep(due - time.monotonic())


def cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(port: int, process: int, sessions: int, seconds: float) -> float:
    """Print the figures of one run, and return how much of the audio was late, in percent."""
    with wave.open(str(QUESTION)) as recording:
        question = microphone_frames(recording.readframes(recording.getnframes()))
    [silence] = microphone_frames(bytes(FRAME_BYTES))
    loop = asyncio.get_running_loop()
    speakers = []
    for _ in range(sessions):
        _, speaker = await loop.create_connection(Speaker, "127.0.0.1", port)
        await speaker.opened
        speakers.append(speaker)
    warm_up_until = time.monotonic() + 5
    until = warm_up_until + seconds

    async def begin(number: int, speaker: Speaker) -> None:
        await asyncio.sleep(5 * number / sessions)  # not all at the same moment
        await speak(speaker, question, silence, until)

    tasks = [asyncio.create_task(begin(number, speaker)) for number, speaker in enumerate(speakers)]
    await asyncio.sleep(warm_up_until - time.monotonic())
    began_cpu, began_at = cpu_seconds(process), time.monotonic()
    for speaker in speakers:
        speaker.late_seconds.clear()
    await asyncio.gather(*tasks)
    used = (cpu_seconds(process) - began_cpu) / (time.monotonic() - began_at)
    pieces = [late for speaker in speakers for late in speaker.late_seconds]
    lost = sum(speaker.transport.is_closing() for speaker in speakers)
    for speaker in speakers:
        speaker.transport.abort()
    if not pieces:
        print("no audio came at all")
        return 100.0
    late = 100 * sum(each > 0 for each in pieces) / len(pieces)
    answers = sum(speaker.answered for speaker in speakers)
    worst = statistics.quantiles(pieces, n=100)[98]
    print(
        f"{sessions} sessions: {100 * used:.0f} % of a core, {answers} answers, {len(pieces)} pieces of audio, "
        f"{late:.2f} % of them late, 99th percentile {worst * 1000:+.0f} ms, {lost} sessions lost"
    )
    return 100.0 if lost else late


def main() -> None:
    arguments = argparse.ArgumentParser(
        description="Measure how many sessions the simulator serves on one core."
    )
    arguments.add_argument("--sessions", type=int, default=500)
    arguments.add_argument("--seconds", type=float, default=20)
    arguments.add_argument(
        "--late-percent", type=float, default=1.0, help="how much of the audio may be late"
    )
    options = arguments.parse_args()
    port = free_port()
    command = [sys.executable, "-m", "simulator", "--port", str(port)]
    with running(command, {}, port) as [process, *_]:
        first, *others = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(process, {first})
        os.sched_setaffinity(0, set(others) or {first})
        late = uvloop.run(measure(port, process, options.sessions, options.seconds))
    sys.exit(late > options.late_percent)


if __name__ == "__main__":
    main()
