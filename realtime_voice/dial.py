"""TCP connections to a host that has several addresses."""

from __future__ import annotations

import asyncio
import socket

from aiohappyeyeballs import start_connection

NEXT_ADDRESS_SECONDS = 0.25


async def dial(host: str, port: int) -> socket.socket:
    """Return a socket connected to whichever of a host's addresses answers first (RFC 8305).

    The event loops try addresses one after the other, so an IPv6 address that leads nowhere would
    use up all the time.

    Raises:
        OSError: the name does not resolve, or no address answers.

    """
    loop = asyncio.get_running_loop()
    addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return await start_connection(addresses, happy_eyeballs_delay=NEXT_ADDRESS_SECONDS, loop=loop)
