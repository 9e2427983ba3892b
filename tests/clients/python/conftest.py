"""What the clients connect to, and what they say to it."""

from __future__ import annotations

import os
import wave
from pathlib import Path

import pytest

RECORDING = Path(__file__).parents[2] / "support" / "recordings" / "what_is_the_weather.wav"
SILENCE = bytes(48_000)  # one second


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def relay() -> str:
    """Address of the server: ws://HOST:PORT."""
    return os.environ["RELAY_URL"]


@pytest.fixture
def tls_relay() -> str:
    """Address of the same server behind TLS, for clients that insist on it: wss://HOST:PORT."""
    return os.environ["TLS_RELAY_URL"]


@pytest.fixture
def speech() -> bytes:
    """A spoken question and the silence after it: mono PCM16, 24 kHz."""
    with wave.open(str(RECORDING), "rb") as file:
        return file.readframes(file.getnframes()) + SILENCE
