"""Measure the page's sound path in Chromium, Firefox ESR and WebKitGTK, and judge each figure by its goal.

    python benchmarks/sound.py [--engine chromium] [--stops 20] [--conversations 5] [--echoes 5]

Every measurement is made a fixed number of times; of repeated ones the median and the 95th percentile are printed, and the
median is judged. Shared machines are noisy: the times need an idle machine. Exit code 0 when every goal is reached.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.async_api import async_playwright

TESTS = Path(__file__).parent.parent / "tests"
sys.path[1:1] = [str(path) for path in (TESTS.parent, TESTS / "support")]

from barge_in import converse  # noqa: E402  found by the line above
from engines import ENGINES, open_tab  # noqa: E402
from pulse import Pulse  # noqa: E402
from server_process import StartServer  # noqa: E402
from sound_measurements import (  # noqa: E402
    RATES_HZ,
    capture_tones,
    hear_itself,
    measure,
    open_measuring_tab,
    play_tone,
    play_unevenly,
    stop_answer,
)

if TYPE_CHECKING:
    from engines import Tab
    from playwright.async_api import Playwright

SILENT_MS = {"chromium": 50, "firefox": 50, "webkit": 200}
"""WebKitGTK has buffers of its own before the sound server, which a page cannot shorten."""
STOP_AFTER_MS = (400, 430, 460, 490, 520)
INTERRUPTIONS = 4
BURSTS = 3
CANCELS_ECHO = ("chromium", "firefox")  # WebKitGTK claims to, and does not


@dataclass
class Report:
    """What was measured in one engine, printed line by line.

    Attributes:
        missed: the figures that missed their goal.
    """

    engine: str
    missed: list[str] = field(default_factory=list)

    def add(
        self,
        what: str,
        values: list[float],
        unit: str,
        *,
        most: float = math.inf,
        least: float = -math.inf,
    ) -> None:
        """Print a figure's median and 95th percentile, and hold the median to its goal."""
        median = statistics.median(values)
        p95 = sorted(values)[math.ceil(0.95 * len(values)) - 1]
        goal = f"≤ {most:g}" if most < math.inf else f"≥ {least:g}" if least > -math.inf else ""
        verdict = "" if least <= median <= most else "  MISSED"
        if verdict:
            self.missed.append(f"{self.engine}: {what}")
        spread = f"p95 {p95:8.4g} of {len(values)}" if len(values) > 1 else ""
        print(f"{self.engine:9} {what:52} {median:8.4g} {unit:5} {spread:18} {goal}{verdict}", flush=True)


async def measure_modules(tab: Tab, pulse: Pulse, report: Report, options: argparse.Namespace) -> None:
    """Measure the sound modules by themselves."""
    for rate_hz in RATES_HZ:
        captured = await capture_tones(tab, rate_hz)
        report.add(f"capture at {rate_hz} Hz: 997 Hz against noise", [captured.snr_db], "dB", least=75)
        report.add(f"capture at {rate_hz} Hz: change of level", [captured.level_change_db], "dB", most=0.05)
        if captured.aliases_db is not None:
            report.add(
                f"capture at {rate_hz} Hz: left of 13 to 18 kHz", [captured.aliases_db], "dB", most=-80
            )
        report.add(f"capture at {rate_hz} Hz: share of a core", [100 * captured.core_share], "%")
        played = await play_tone(tab, rate_hz)
        report.add(f"playback at {rate_hz} Hz: 997 Hz against noise", [played.snr_db], "dB", least=80)
        report.add(f"playback at {rate_hz} Hz: share of a core", [100 * played.core_share], "%")
    report.add("deltas every 100 ± 60 ms: interruptions in 3 s", [await play_unevenly(tab)], "", most=2)
    burst = await measure(tab, "burst", BURSTS)
    report.add("ten minutes at once: time to decode", burst["decodeMs"], "ms")
    report.add("ten minutes at once: time to queue", burst["queueMs"], "ms")
    stops = [
        await stop_answer(tab, pulse, STOP_AFTER_MS[number % len(STOP_AFTER_MS)])
        for number in range(options.stops)
    ]
    report.add(
        "stop to the last sample that leaves the page", [stop.left_page_ms for stop in stops], "ms", most=30
    )
    report.add(
        "stop to silence at the loudspeaker",
        [stop.silent_ms for stop in stops],
        "ms",
        most=SILENT_MS[report.engine],
    )
    report.add("played: reported against heard", [stop.error_ms for stop in stops], "ms", most=0.4)
    if report.engine in CANCELS_ECHO:
        with pulse.room():
            report.add("answer at the microphone, plain", [await hear_itself(tab, cancel=False)], "dBFS")
            left_db = [await hear_itself(tab, cancel=True) for _ in range(options.echoes)]
        report.add("answer at the microphone, echo cancelled", left_db, "dBFS", most=-58)


async def measure_engine(
    engine: str, playwright: Playwright, url: str, options: argparse.Namespace
) -> Report:
    report = Report(engine)
    with Pulse() as pulse:
        async with open_measuring_tab(engine, playwright, pulse) as tab:
            await measure_modules(tab, pulse, report, options)
        silent_ms = []
        for _ in range(options.conversations):
            async with open_tab(engine, playwright, pulse) as tab:
                interruptions = await converse(tab, pulse, url, INTERRUPTIONS)
            silent_ms += [each.silent_ms for each in interruptions if each.is_within_a_word]
    if silent_ms:
        report.add("interrupted by speech to silence", silent_ms, "ms", most=SILENT_MS[engine])
    return report


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--engine", action="append", choices=ENGINES, help="one engine; may be repeated")
    parser.add_argument("--stops", type=int, default=20, help="of an answer")
    parser.add_argument(
        "--conversations", type=int, default=5, help=f"with {INTERRUPTIONS} interruptions each"
    )
    parser.add_argument("--echoes", type=int, default=5, help="plays of eleven seconds of speech in a room")
    options = parser.parse_args()
    missed = []
    with StartServer() as start:
        url = start().url
        async with async_playwright() as playwright:
            for engine in options.engine or ENGINES:
                missed += (await measure_engine(engine, playwright, url, options)).missed
    print(f"goals missed: {', '.join(missed) or 'none'}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
