"""A network between a client and the simulator: each event arrives later, at uneven times, or after a stall; order is kept."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

WAITING_EVENTS = 256  # in each direction; then the sender waits


@dataclass(frozen=True)
class Network:
    """How events travel, in each direction.

    Attributes:
        latency_ms: delay of each event.
        jitter_ms: greatest random delay that is added to it.
        stall_every_s: nothing arrives for `stall_s` each time so much has passed; 0 for never.
        stall_s: how long a stall lasts.
    """

    latency_ms: float = 0
    jitter_ms: float = 0
    stall_every_s: float = 0
    stall_s: float = 0

    @property
    def is_perfect(self) -> bool:
        return self == Network()


class Travel:
    """Events of one direction on their way."""

    def __init__(self, network: Network, began_at: float) -> None:
        self._network, self._began_at = network, began_at
        self._now = asyncio.get_running_loop().time
        self._events: asyncio.Queue[tuple[float, Any]] = asyncio.Queue(WAITING_EVENTS)
        self._last_due = 0.0
        self._next: tuple[float, Any] | None = None

    async def put(self, event: Any) -> None:
        """Send an event; wait while too many are on their way."""
        self._last_due = max(self._last_due, self._due(self._now()))
        await self._events.put((self._last_due, event))

    async def get(self) -> Any:
        """Return the next event once it arrives. Cancelling loses none."""
        self._next = self._next or await self._events.get()
        due, event = self._next
        await asyncio.sleep(due - self._now())
        self._next = None
        self._events.task_done()
        return event

    async def empty(self) -> None:
        """Wait until every event has arrived."""
        await self._events.join()

    def _due(self, now: float) -> float:
        network = self._network
        due = now + (network.latency_ms + random.uniform(0, network.jitter_ms)) / 1000  # noqa: S311 - no secret
        if network.stall_every_s:
            cycle_s = network.stall_every_s + network.stall_s
            into_s = (due - self._began_at) % cycle_s
            if into_s > network.stall_every_s:
                due += cycle_s - into_s
        return due


class DistantConnection:
    """A connection whose events travel through a network. It has those members of ServerConnection that the simulator uses."""

    def __init__(self, connection: ServerConnection, network: Network) -> None:
        began_at = asyncio.get_running_loop().time()
        self._connection = connection
        self._up, self._down = Travel(network, began_at), Travel(network, began_at)
        self._lost: ConnectionClosed | None = None
        self.transport = connection.transport
        self.wait_closed = connection.wait_closed

    async def recv(self) -> str | bytes:
        event = await self._up.get()
        if isinstance(event, ConnectionClosed):
            raise event
        return event  # type: ignore[no-any-return]

    async def send(self, message: str | bytes, text: bool | None = None) -> None:  # noqa: FBT001 - as ServerConnection's
        if self._lost:
            raise self._lost
        await self._down.put((message, text))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection once all that was sent has arrived."""
        if not self._lost:
            await self._down.empty()
        await self._connection.close(code, reason)

    async def read(self) -> None:
        """Deliver the client's events until the connection is closed."""
        try:
            while True:
                await self._up.put(await self._connection.recv())
        except ConnectionClosed as closed:
            await self._up.put(closed)

    async def write(self) -> None:
        """Deliver the server's events until the connection is closed."""
        while True:
            message, text = await self._down.get()
            try:
                await self._connection.send(message, text=text)
            except ConnectionClosed as closed:
                self._lost = closed


@asynccontextmanager
async def through(network: Network, connection: ServerConnection) -> AsyncIterator[ServerConnection]:
    """Yield the connection as it is behind a network; behind a perfect one it is the same connection."""
    if network.is_perfect:
        yield connection
        return
    distant = DistantConnection(connection, network)
    tasks = [asyncio.create_task(distant.read()), asyncio.create_task(distant.write())]
    try:
        yield distant  # type: ignore[misc]  # it has all that Client uses
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
