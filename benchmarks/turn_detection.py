"""Count what the simulator's turn detection hears, and what it takes for speech though it is none.

    python benchmarks/turn_detection.py [--before ../another/checkout]

Every sound begins with the session's first sample. A sound that is speech counts as heard when a turn begins within
400 ms and ends after the speech; noise counts each turn that it starts. With `--before` a column for another checkout's
simulator stands beside it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path[1:1] = [str(ROOT / "tests" / "support")]

import signals  # noqa: E402 - found by the path above

if TYPE_CHECKING:
    from collections.abc import Iterator

    from signals import Sound

APPEND_BYTES = 1920  # 40 ms
SPOKEN_DB = -22
FIRST_MS = 400  # a turn must have begun by then
NOISE_S = 20
SEEDS = range(8)


@dataclass(frozen=True)
class Trial:
    """A sound that begins with the session; `spoken_ms` of it are speech, 0 for noise."""

    group: str
    sound: Sound
    spoken_ms: int = 0


def recordings() -> Iterator[Sound]:
    """Yield every recorded voice in the repository."""
    folders = (ROOT / "simulator" / "lines", ROOT / "tests" / "support" / "recordings")
    for path in sorted(path for folder in folders for path in folder.glob("*.wav")):
        with wave.open(str(path), "rb") as file:
            yield signals.from_pcm(file.readframes(file.getnframes()))


def speech(group: str, spoken: Sound, background: Sound | None = None) -> Trial:
    """Return speech that begins at once, with 3 s after it, in a room."""
    sound = np.concatenate((spoken, signals.silence(3)))
    if background is not None:
        sound += background[: len(sound)]
    return Trial(group, sound, len(spoken) * 1000 // signals.RATE)


def heard_trials() -> Iterator[Trial]:
    quiet = signals.at(signals.hiss(12), -65)
    fan, hiss = signals.at(signals.fan(12), -45), signals.at(signals.hiss(12), -50)
    for recording in recordings():
        for cut in signals.cuts(recording):
            spoken = cut[: len(cut) - signals.RATE // 10]  # without the silence at its end
            yield speech("recordings cut mid-syllable, then digital silence", spoken)
            yield speech("recordings cut mid-syllable, quiet room", spoken, quiet)
            yield speech("recordings cut mid-syllable, 20 dB softer", 0.1 * spoken, quiet)
            yield speech("recordings cut mid-syllable, beside a fan", spoken, fan)
            yield speech("recordings cut mid-syllable, in hiss", spoken, hiss)
    for name in signals.VOWELS_HZ:
        for pitch_hz in (90, 120, 160, 220, 300):
            for seconds in (0.3, 0.6, 1.5):
                vowel = signals.at(signals.vowel(seconds, name, pitch_hz), SPOKEN_DB)
                yield speech("held vowels", vowel)
    for pitch_hz in (95, 140, 220):
        yield speech("syllables", signals.at(signals.voice(1.5, pitch_hz), SPOKEN_DB), quiet)
    for frequency_hz in range(200, 1001, 50):
        for level_db in (-12, -25, -40):
            yield speech("pure tones of 200 to 1000 Hz", signals.at(signals.tone(1, frequency_hz), level_db))


def noise_trials() -> Iterator[Trial]:
    for seed in SEEDS:
        quiet = signals.at(signals.hiss(NOISE_S, seed + 100), -65)
        yield Trial("quiet room", quiet)
        for level_db in (-45, -30):
            yield Trial("hiss", signals.at(signals.hiss(NOISE_S, seed), level_db))
            yield Trial("fan", signals.at(signals.fan(NOISE_S, seed), level_db + 10))
        yield Trial("typing", 0.3 * signals.typing(NOISE_S, seed) + quiet)
        yield Trial("mouse clicks", 0.5 * signals.clicks(NOISE_S, seed) + quiet)
        yield Trial("claps", 0.8 * signals.claps(NOISE_S, seed) + quiet)
        yield Trial("thumps", 0.5 * signals.thumps(NOISE_S, seed) + quiet)
    for level_db in (-40, -30, -20):
        for mains_hz in (50, 60):
            yield Trial("mains hum", signals.at(signals.hum(NOISE_S, mains_hz), level_db))
            yield Trial("transformer", signals.at(signals.tone(NOISE_S, 2 * mains_hz), level_db))
        yield Trial("music", signals.at(signals.music(NOISE_S), level_db))


def turns_of(sound: Sound) -> tuple[list[int], list[int]]:
    """Return when turns begin and when they end, in milliseconds."""
    from simulator.turns import InputAudio, SpeechStarted, TurnDetection  # noqa: PLC0415 - of the checkout measured

    audio = InputAudio()
    audio.detect_turns(TurnDetection(silence_ms=500))
    pcm = signals.to_pcm(sound)
    known_ms, starts_ms, ends_ms = 0, [], []
    for start in range(0, len(pcm), APPEND_BYTES):
        known_ms += APPEND_BYTES // 48
        for found in audio.append(pcm[start : start + APPEND_BYTES]):
            if isinstance(found, SpeechStarted):
                starts_ms.append(known_ms)
            else:
                ends_ms.append(known_ms)
                audio.commit()
    return starts_ms, ends_ms


def measure() -> dict[str, tuple[int, int]]:
    """Return for each group how many were heard of how many; for noise, turns started in how many seconds."""
    results: dict[str, tuple[int, int]] = {}
    audio_s, began = 0.0, time.process_time()
    for trial in (*heard_trials(), *noise_trials()):
        starts_ms, ends_ms = turns_of(trial.sound)
        audio_s += len(trial.sound) / signals.RATE
        before, of = results.get(trial.group, (0, 0))
        if trial.spoken_ms:
            is_heard = bool(starts_ms and starts_ms[0] <= FIRST_MS and ends_ms)
            results[trial.group] = before + is_heard, of + 1
        else:
            results[trial.group] = before + len(starts_ms), of + NOISE_S
    results["cost"] = round((time.process_time() - began) / audio_s * 1e6), 0
    return results


def measure_checkout(root: Path) -> dict[str, tuple[int, int]]:
    """Measure the simulator of a checkout in a process of its own."""
    code = "import json, turn_detection; print(json.dumps(turn_detection.measure()))"
    path = ":".join(map(str, (root, ROOT / "benchmarks", ROOT / "tests" / "support")))
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, env={"PYTHONPATH": path}, capture_output=True, check=True, cwd=root)  # noqa: S603 - the command above
    measured: dict[str, tuple[int, int]] = json.loads(result.stdout)
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", type=Path, help="another checkout, measured beside this one")
    arguments = parser.parse_args()
    checkouts = {"now": ROOT} | ({"before": arguments.before.resolve()} if arguments.before else {})
    columns = {name: measure_checkout(root) for name, root in sorted(checkouts.items())}
    print(f"{'':52}" + "".join(f"{name:>18}" for name in columns))
    for group in next(iter(columns.values())):
        cells = [cell(group, *column[group]) for column in columns.values()]
        print(f"{group:52}" + "".join(f"{each:>18}" for each in cells))


def cell(group: str, count: int, of: int) -> str:
    if group == "cost":
        return f"{count} µs/s of audio"
    noises = {trial.group for trial in noise_trials()}
    return f"{count} turns in {of} s" if group in noises else f"{count} of {of}"


if __name__ == "__main__":
    main()
