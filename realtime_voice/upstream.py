"""The connection to Azure OpenAI or to the simulator: addresses, handshake, dialects, refusals."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast
from urllib.parse import urlencode, urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.proxy import get_proxy
from websockets.uri import parse_uri

from realtime_voice.dial import dial
from realtime_voice.endings import (
    HOST_NOT_FOUND,
    NO_TOKEN,
    OPEN_SECONDS,
    UPSTREAM_TIMEOUT,
    UPSTREAM_TLS,
    UPSTREAM_UNREACHABLE,
    CloseReason,
    RefusedError,
    refused_with,
)
from realtime_voice.entra import NoTokenError
from realtime_voice.frames import MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from realtime_voice.entra import Tokens

log = logging.getLogger("realtime_voice")
# websockets writes handshake headers, the key among them, at DEBUG.
logging.getLogger("websockets").setLevel(logging.WARNING)

Dialect = Literal["preview", "ga"]
PREVIEW_VERSION = "2025-04-01-preview"
PING_SECONDS = 10
PONG_SECONDS = 9  # a peer that fell silent is found within 20 s, the close included
CLOSE_SECONDS = 1
NOT_SERVED = {400, 404, 410, 426}  # HTTP statuses that may mean: this dialect is not served here


class UpstreamConnection(Protocol):
    """An open websocket to the upstream, as far as the relay uses it; websockets' ClientConnection is one."""

    transport: asyncio.Transport

    async def send(self, message: str) -> None:
        """Send one text message; raises ConnectionClosed."""

    async def recv(self, decode: Literal[False]) -> bytes:
        """Return the next message, undecoded; raises ConnectionClosed."""
        raise NotImplementedError

    async def close(self) -> None:
        """Do the closing handshake."""


class Connect(connect):
    """websockets' connect, except that it follows no redirect, which would carry the key to another host."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


@dataclass
class Upstream:
    """Where sessions go. Remembers which dialect the upstream speaks, for the life of the process.

    `origin` is scheme, host and port (`wss://name.openai.azure.com`).
    """

    origin: str
    deployment: str
    api_version: str
    key: str = field(repr=False)
    tokens: Tokens | None  # used instead of the key
    tls: ssl.SSLContext | None
    dialect: Dialect = field(init=False)

    def __post_init__(self) -> None:
        self.dialect = "ga" if self.api_version == "v1" else "preview"

    def url(self, dialect: Dialect) -> str:
        """Return the address of a session in a dialect; it holds no secret."""
        if dialect == "ga":
            return f"{self.origin}/openai/v1/realtime?{urlencode({'model': self.deployment})}"
        version = PREVIEW_VERSION if self.api_version == "v1" else self.api_version
        query = urlencode({"api-version": version, "deployment": self.deployment})
        return f"{self.origin}/openai/realtime?{query}"

    async def open(
        self, dialect: Dialect | None = None, create_connection: type[UpstreamConnection] | None = None
    ) -> UpstreamConnection:
        """Open a session and return its websocket, which the caller closes.

        With a dialect, only that one is tried: the client speaks no other. Without one, the dialect that
        worked last is tried, and then the other if the answer says that this one is not served.
        `create_connection` is a subclass of websockets' ClientConnection, and the class of what is returned.

        Raises:
            RefusedError: with fixed words; no exception text, address, key or answer is in them.

        """
        try:
            return await self.handshake(dialect or self.dialect, create_connection)
        except InvalidStatus as refusal:
            if dialect is not None or refusal.response.status_code not in NOT_SERVED:
                raise RefusedError(to_close_reason(refusal)) from None
            first = refusal
        except (OSError, InvalidHandshake, EOFError) as failure:
            raise RefusedError(to_close_reason(failure)) from None
        other: Dialect = "preview" if self.dialect == "ga" else "ga"
        try:
            connection = await self.handshake(other, create_connection)
        except (OSError, InvalidHandshake, EOFError):
            raise RefusedError(to_close_reason(first)) from None
        log.warning(
            "upstream answered %d in the %s dialect; using %s from now on",
            first.response.status_code,
            self.dialect,
            other,
        )
        self.dialect = other
        return connection

    async def handshake(
        self, dialect: Dialect, create_connection: type[UpstreamConnection] | None
    ) -> UpstreamConnection:
        """Open a websocket in one dialect, within 10 s, over verified TLS."""
        headers = {"api-key": self.key}
        if self.tokens:
            try:
                headers = {"Authorization": f"Bearer {await self.tokens.get()}"}
            except NoTokenError:
                raise RefusedError(NO_TOKEN) from None
        url = self.url(dialect)
        address = parse_uri(url)
        proxy = get_proxy(address) if self.tls else None
        async with asyncio.timeout(OPEN_SECONDS):
            direct: dict[str, Any] = {} if proxy else {"sock": await dial(address.host, address.port)}
            return await Connect(
                url,
                proxy=proxy,
                ssl=self.tls,
                **direct,
                additional_headers=headers,
                user_agent_header="realtime-voice",
                compression=None,
                open_timeout=None,
                ping_interval=PING_SECONDS,
                ping_timeout=PONG_SECONDS,
                close_timeout=CLOSE_SECONDS,
                max_size=MAX_MESSAGE_BYTES,
                create_connection=cast("type[ClientConnection] | None", create_connection),
            )

    async def reachable(self) -> bool:
        """Tell whether the upstream's address answers, over verified TLS; opens no session."""
        parts = urlsplit(self.origin)
        port = parts.port or (443 if self.tls else 80)
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                sock = await dial(parts.hostname or "", port)
                _, writer = await asyncio.open_connection(
                    sock=sock, ssl=self.tls, server_hostname=parts.hostname if self.tls else None
                )
        except OSError:
            return False
        writer.transport.abort()
        return True


async def close(connection: UpstreamConnection) -> None:
    """Close a connection within a second, even when the upstream no longer reads or answers."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await connection.close()
    except TimeoutError:
        pass
    finally:
        connection.transport.abort()


def to_close_reason(failure: Exception) -> CloseReason:
    """Return, in fixed words, why the handshake failed."""
    match failure:
        case InvalidStatus(response=response):
            return refused_with(response.status_code)
        case TimeoutError():
            return UPSTREAM_TIMEOUT
        case ssl.SSLError():
            return UPSTREAM_TLS
        case socket.gaierror():
            return HOST_NOT_FOUND
    return UPSTREAM_UNREACHABLE
