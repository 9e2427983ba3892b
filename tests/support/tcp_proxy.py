"""A TCP proxy to a server on this machine, which a test can break as networks break."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import Self

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing resets the connection
CHUNK_BYTES = 65536

Ends = tuple[asyncio.StreamWriter, asyncio.StreamWriter]


class TcpProxy:
    """Pass TCP connections on to a port, inside `async with`, in the running event loop.

    Attributes:
        target: the port they go to; may be changed.
        port: the proxy's own.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self._server: asyncio.Server | None = None
        self._flows = asyncio.Event()
        self._flows.set()
        self._connections: dict[asyncio.Task[None], Ends | None] = {}

    async def __aenter__(self) -> Self:
        await self.accept()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()
        self.thaw()
        while self._connections:
            self.cut()
            await asyncio.wait(self._connections, timeout=0.1)  # some may be connecting

    async def accept(self) -> None:
        """Take new connections again."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Refuse new connections, as though no program listened."""
        if self._server:
            self._server.close()
            self._server = None

    def cut(self) -> None:
        """Reset all connections."""
        for ends in self._connections.values():
            for end in ends or ():
                reset(end)

    def freeze(self) -> None:
        """Hold back every byte without closing anything. What is sent meanwhile waits, as in TCP."""
        self._flows.clear()

    def thaw(self) -> None:
        """Pass bytes again, also those held back."""
        self._flows.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections[task] = None
        try:
            await self._flows.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
            self._connections[task] = writer, far_writer
            pumps = [self._pump(reader, far_writer), self._pump(far_reader, writer)]
            await asyncio.gather(*pumps)
        except OSError:
            pass  # one end has closed; the other is reset below
        finally:
            for end in self._connections.pop(task) or (writer,):
                reset(end)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK_BYTES):
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
        await self._flows.wait()
        with contextlib.suppress(OSError):
            writer.write_eof()


def reset(end: asyncio.StreamWriter) -> None:
    """Reset a connection, as a crash does; do nothing if it is closed already."""
    with contextlib.suppress(OSError):
        end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    end.transport.abort()
