"""A private PulseAudio: loudspeaker and microphone of a browser under test, without a sound card.

The loudspeaker is a null sink, `out`, whose monitor is recorded. The microphone is the monitor of a second null sink,
`mouth`: the browser hears what is played there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self, cast

import anyio
import numpy as np
from programs import find_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

LOUDSPEAKER = "out"
MOUTH = "mouth"
RECORDING_RATE_HZ = 48_000
AUDIBLE = 3e-4
VOICE_VOLUME = round(0.3 ** (1 / 3) * 65536)
"""The recordings at 0.3 of their level. Chromium's gain control would raise louder speech until it clips."""


class Pulse:
    """A PulseAudio daemon at `rate_hz` with a socket and settings of its own."""

    def __init__(self, rate_hz: int = 48_000) -> None:
        self.rate_hz = rate_hz

    def __enter__(self) -> Self:
        self._home = Path(tempfile.mkdtemp(prefix="pulse-"))
        socket = self._home / "native"
        self.server = f"unix:{socket}"
        self.environment = {"PULSE_SERVER": self.server}
        """What a browser is given to use this daemon."""
        (self._home / "daemon.conf").write_text(
            f"default-sample-rate = {self.rate_hz}\nalternate-sample-rate = {self.rate_hz}\n"
        )
        script = self._home / "default.pa"
        # A null sink that may rewind renders up to 2 s ahead, and a stream that is opened meanwhile waits that long.
        script.write_text(
            f"load-module module-null-sink sink_name={LOUDSPEAKER} rate={self.rate_hz} channels=2 norewinds=1\n"
            f"load-module module-null-sink sink_name={MOUTH} rate={self.rate_hz} channels=1 norewinds=1\n"
            f"load-module module-remap-source master={MOUTH}.monitor source_name=microphone"
            " source_properties=device.description=TestMicrophone\n"
            f"load-module module-native-protocol-unix socket={socket} auth-anonymous=1\n"
            f"set-default-sink {LOUDSPEAKER}\n"
            "set-default-source microphone\n"
        )
        self._daemon = subprocess.Popen(
            [
                find_program("pulseaudio"),
                *("-n", f"--file={script}", "--daemonize=no", "--use-pid-file=no", "--disallow-exit"),
                *("--exit-idle-time=-1", "--realtime=no", "--high-priority=yes"),
                *("--resample-method=speex-float-5", "--log-target=stderr", "--log-level=info"),
            ],
            env={
                **os.environ,
                "HOME": str(self._home),
                "XDG_RUNTIME_DIR": str(self._home),
                "PULSE_RUNTIME_PATH": str(self._home),
                "PULSE_CONFIG": str(self._home / "daemon.conf"),
                "DBUS_SESSION_BUS_ADDRESS": "disabled:",
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        log = cast("IO[str]", self._daemon.stderr)
        said = []
        for line in log:
            said.append(line)
            if "Daemon startup complete" in line:
                break
        else:
            self.__exit__()
            raise RuntimeError(f"PulseAudio did not start:\n{''.join(said)}")
        self._drain = threading.Thread(target=log.read, daemon=True)
        self._drain.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._daemon.terminate()
        try:
            self._daemon.wait(5)
        except subprocess.TimeoutExpired:
            self._daemon.kill()
            self._daemon.wait()
        if self._daemon.stderr:
            self._daemon.stderr.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def control(self, *command: str) -> str:
        """Run one pactl command and return what it prints."""
        return subprocess.run(
            [find_program("pactl"), f"--server={self.server}", *command],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    async def speak(self, wav: Path) -> None:
        """Play a WAV file into the microphone, to its end."""
        await anyio.run_process(
            [
                find_program("paplay"),
                f"--server={self.server}",
                f"--device={MOUTH}",
                f"--volume={VOICE_VOLUME}",
                wav,
            ]
        )

    @contextlib.contextmanager
    def record(self) -> Iterator[Recording]:
        """Record the loudspeaker while the block runs."""
        with Recording(self.server) as recording:
            yield recording

    @contextlib.contextmanager
    def room(self, delay_ms: int = 30, gain_db: int = -2) -> Iterator[None]:
        """Let the microphone hear the loudspeaker while the block runs, as in a room."""
        module = self.control(
            *("load-module", "module-loopback", f"source={LOUDSPEAKER}.monitor", f"sink={MOUTH}"),
            *(f"latency_msec={delay_ms}", "adjust_time=0"),
        )
        echo = self.control("list", "short", "sink-inputs").split()[0]
        self.control("set-sink-input-volume", echo, f"{gain_db}dB")
        try:
            yield
        finally:
            self.control("unload-module", module)


class Recording:
    """What the loudspeaker plays: mono floats at 48 kHz, and the time at which each sample was played."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._blocks: list[tuple[float, NDArray[np.float64]]] = []
        self._arrived = threading.Event()

    def __enter__(self) -> Self:
        self._parec = subprocess.Popen(
            [
                find_program("parec"),
                *(f"--server={self._server}", f"--device={LOUDSPEAKER}.monitor", "--raw", "--format=s16le"),
                *(f"--rate={RECORDING_RATE_HZ}", "--channels=1", "--latency-msec=5"),
            ],
            stdout=subprocess.PIPE,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._arrived.wait(10):
            self.__exit__()
            raise RuntimeError("parec records nothing")
        return self

    def __exit__(self, *_: object) -> None:
        self._parec.terminate()
        self._parec.wait()
        self._reader.join()
        cast("IO[bytes]", self._parec.stdout).close()

    def _read(self) -> None:
        pipe = cast("IO[bytes]", self._parec.stdout)
        rest = b""
        while data := pipe.read1(4096):  # type: ignore[attr-defined]  # Popen's pipe is a BufferedReader
            data = rest + data
            rest = data[len(data) // 2 * 2 :]
            samples = np.frombuffer(data[: len(data) // 2 * 2], np.int16) / 32768
            self._blocks.append((time.time() * 1000, samples))
            self._arrived.set()

    @property
    def sound(self) -> NDArray[np.float64]:
        """Everything that was played so far."""
        return np.concatenate([samples for _, samples in list(self._blocks)])

    def until_silence(self, seconds: float = 0.2) -> NDArray[np.float64]:
        """Wait until there was sound and then none for that long, and return all that was heard."""
        quiet = round(seconds * RECORDING_RATE_HZ)
        return self._until(
            lambda sound: bool(np.any(sound)) and len(sound) > quiet and not np.any(sound[-quiet:])
        )

    def until_sound(self, seconds: float, since: int = 0) -> NDArray[np.float64]:
        """Wait until that much sound was heard after sample `since`, and return all that was heard."""
        samples = round(seconds * RECORDING_RATE_HZ)
        return self._until(lambda sound: bool(np.count_nonzero(np.abs(sound[since:]) > AUDIBLE) > samples))

    def _until(self, heard: Callable[[NDArray[np.float64]], bool]) -> NDArray[np.float64]:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            self._arrived.clear()
            sound = self.sound
            if heard(sound):
                return sound
            self._arrived.wait(1)
        raise TimeoutError("the loudspeaker did not play what the test waits for")

    def time_ms(self, index: int) -> float:
        """Return when sample `index` was heard, in milliseconds since 1970."""
        return self._origin_ms() + index * 1000 / RECORDING_RATE_HZ

    def index_at(self, time_ms: float) -> int:
        """Return the sample that was heard at that time."""
        return max(0, round((time_ms - self._origin_ms()) * RECORDING_RATE_HZ / 1000))

    def _origin_ms(self) -> float:
        """Return when the first sample was heard.

        Blocks reach us with a delay that varies; the least one seen counts, since a recorder cannot run ahead.
        """
        end, origins = 0, []
        for read_at_ms, samples in list(self._blocks):
            end += len(samples)
            origins.append(read_at_ms - end * 1000 / RECORDING_RATE_HZ)
        return min(origins)
