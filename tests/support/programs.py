"""Find the programs that the browser tests run, or say which package has them."""

from __future__ import annotations

import shutil
from pathlib import Path

PACKAGES = {
    "chromium": "chromium",
    "chromium-headless-shell": "chromium-headless-shell",
    "firefox-esr": "firefox-esr",
    "pulseaudio": "pulseaudio",
    "pactl": "pulseaudio-utils",
    "paplay": "pulseaudio-utils",
    "parec": "pulseaudio-utils",
    "Xvfb": "xvfb",
    "WebKitWebDriver": "webkit2gtk-driver",
    "MiniBrowser": "webkit2gtk-driver",
}
"""Debian's package of each program."""


class ProgramMissingError(Exception):
    """A program that the tests need is not installed."""


def find_program(name: str, *others: str) -> str:
    """Return the path of the first of these programs that is installed.

    Raises:
        ProgramMissingError: none is; the message says what to install.
    """
    for candidate in (name, *others):
        if path := shutil.which(candidate):
            return path
    raise ProgramMissingError(
        f"The browser tests need {name}, which is not installed. On Debian: apt-get install {PACKAGES[name]}"
    )


def find_minibrowser() -> str:
    """Return the path of WebKitGTK's test browser, which Debian keeps off the PATH."""
    found = sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))
    return str(found[-1]) if found else find_program("MiniBrowser")
