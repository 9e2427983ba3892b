"""One session opened ahead of the next page, so that its Connect waits for no handshake."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol, cast

from realtime_voice.endings import CloseReason, RefusedError
from realtime_voice.upstream import UpstreamConnection, close

if TYPE_CHECKING:
    from realtime_voice.upstream import Dialect, Upstream

log = logging.getLogger("realtime_voice")
RENEW_SECONDS = (
    240  # the age at which a warm session is replaced: whoever takes it loses that much of its time
)
RETRY_SECONDS = 30


class WaitingConnection(UpstreamConnection, Protocol):
    """A connection that keeps what the upstream sends until the relay begins, and notes when it ends."""

    ended: asyncio.Future[CloseReason]


class WarmSession:
    """Keeps one session open for the next page to take.

    An open session may count against a quota, so `keep` runs only when the settings ask for it.
    What the upstream sends meanwhile (`session.created`) waits in the connection.
    """

    def __init__(self, upstream: Upstream, create_connection: type[WaitingConnection]) -> None:
        self.upstream = upstream
        self.create_connection = create_connection
        self.connection: WaitingConnection | None = None
        self.dialect: Dialect | None = None
        self.gone = asyncio.Event()  # the session was taken, or has ended

    def take(self, dialect: Dialect) -> WaitingConnection | None:
        """Return the warm session if one is open in this dialect; the caller owns and closes it."""
        connection = self.connection
        if connection is None or dialect != self.dialect or connection.ended.done():
            return None
        self.connection = None
        self.gone.set()
        return connection

    async def keep(self) -> None:
        """Keep one session open, and replace it before it is too old; runs until it is cancelled."""
        while True:
            try:
                opened = await self.upstream.open(create_connection=self.create_connection)
            except RefusedError as refused:
                log.warning("no warm session: %s", refused.close_reason.reason)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self.gone.clear()
            connection = cast("WaitingConnection", opened)
            self.connection, self.dialect = connection, self.upstream.dialect
            connection.ended.add_done_callback(lambda _: self.gone.set())
            lost = False
            try:
                async with asyncio.timeout(RENEW_SECONDS):
                    await self.gone.wait()
                lost = self.connection is not None
            except TimeoutError:
                pass  # it is too old: open the next
            finally:
                if self.connection is not None:
                    self.connection = None
                    await close(connection)
            if lost:
                await asyncio.sleep(RETRY_SECONDS)
