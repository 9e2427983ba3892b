"""Make the spoken WAV files beside each JSON file named: 24 kHz mono PCM16.

Not part of the product: it needs numpy and hibari-tts 0.2.1 (Apache-2.0, its voice is in the package), best
in an environment of its own. From the top of the repository:

    python simulator/make_lines.py simulator/lines/lines.json tests/support/recordings/recordings.json
"""

import json
import sys
import wave
from pathlib import Path

import numpy as np
from hibari import SAMPLE_RATE, Hibari  # type: ignore[import-not-found]  # not a dependency of the product

PEAK = 0.7  # of full scale, -3 dBFS
AUDIBLE = 0.01  # of full scale, -40 dBFS: where a line starts and ends


def main(lists: list[str]) -> None:
    speak = Hibari()
    for path in map(Path, lists):
        made = json.loads(path.read_text(encoding="utf-8"))
        for name, text in made["texts"].items():
            sound = speak(text, seed=0)
            sound *= PEAK / np.abs(sound).max()
            audible = np.flatnonzero(np.abs(sound) > AUDIBLE)
            sound = np.concatenate(
                (
                    np.zeros(made["lead_in_ms"] * SAMPLE_RATE // 1000),
                    sound[audible[0] : audible[-1] + 1],
                    np.zeros(made["tail_ms"] * SAMPLE_RATE // 1000),
                )
            )
            with wave.open(str(path.with_name(f"{name}.wav")), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(SAMPLE_RATE)
                file.writeframes((sound * 32767).astype("<i2").tobytes())


if __name__ == "__main__":
    main(sys.argv[1:])
