"""Measure the sound path of the page in Chromium, Firefox ESR and WebKitGTK, and print the table: `python benchmarks/sound.py`.

The measurements are those of the tests, which also hold each against its limit; words after the command go to pytest, for
instance `-k firefox`. Exit code 0 when every limit is held.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

BROWSER_TESTS = Path(__file__).parent.parent / "tests" / "browser"

if __name__ == "__main__":
    measured = [str(BROWSER_TESTS / "sound"), str(BROWSER_TESTS / "test_engines.py")]
    sys.exit(pytest.main(["-q", *measured, *sys.argv[1:]]))
