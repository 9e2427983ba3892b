"""A simulator for programs without an event loop: it serves in a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from simulator.server import Simulator

START_SECONDS = 30  # generous: the machine may be busy


@contextmanager
def run_in_thread(**options: Any) -> Iterator[Simulator]:
    """Serve a simulator in a thread while the block runs; takes the arguments of Simulator.

    `faults` may be changed, and `handshakes` and `url` read, from the block.

    Raises:
        OSError: the port cannot be listened on.
    """
    started: threading.Event = threading.Event()
    state: dict[str, Any] = {}

    async def serve() -> None:
        state["stop"], state["loop"] = asyncio.Event(), asyncio.get_running_loop()
        try:
            async with Simulator(**options) as state["simulator"]:
                started.set()
                await state["stop"].wait()
        except BaseException as error:
            state["error"] = error
            raise
        finally:
            started.set()

    def run() -> None:
        try:
            asyncio.run(serve())
        except Exception:
            if "simulator" in state:  # otherwise the block's own thread raises it
                raise

    thread = threading.Thread(target=run, name="simulator", daemon=True)
    thread.start()
    if not started.wait(START_SECONDS):
        raise TimeoutError(f"the simulator has not started within {START_SECONDS} s")
    if "error" in state:
        thread.join()
        raise state["error"]
    try:
        yield state["simulator"]
    finally:
        state["loop"].call_soon_threadsafe(state["stop"].set)
        thread.join()
