"""The fixture that pytest finds once this package is installed."""

from collections.abc import Iterator

import pytest

from simulator import Simulator, run_in_thread


@pytest.fixture
def realtime_simulator() -> Iterator[Simulator]:
    """Serve a scripted simulator, for one test: ids count up, nothing is paced, and answers are ramps."""
    with run_in_thread(scripted=True) as simulator:
        yield simulator
