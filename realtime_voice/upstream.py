"""The way to Azure OpenAI or to the simulator: addresses, the handshake, and refusals in plain words."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from dataclasses import dataclass, field
from typing import Literal, cast
from urllib.parse import urlencode, urlsplit

from aiohappyeyeballs import start_connection
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.proxy import get_proxy

from realtime_voice.endings import INTERNAL, Ending
from realtime_voice.entra import NoTokenError, Tokens
from realtime_voice.splice import MAX_SERVER_EVENT_BYTES, UpstreamLeg

log = logging.getLogger("realtime_voice")
# websockets writes handshake headers, the key among them, at DEBUG.
logging.getLogger("websockets").setLevel(logging.WARNING)

Dialect = Literal["preview", "ga"]
PREVIEW_VERSION = "2025-04-01-preview"
OPEN_SECONDS = 10
NEXT_ADDRESS_SECONDS = 0.25
PING_SECONDS = 10
PONG_SECONDS = 9  # with the close that follows, an end that fell silent is found within 20 s
CLOSE_SECONDS = 1
SPARE_SECONDS = 240  # how old a spare session may grow: the time it has lost when it is taken
SPARE_RETRY_SECONDS = 30
NOT_SERVED = {400, 404, 410, 426}  # answers that may mean: this dialect is not served here


class Refused(Exception):  # noqa: N818  the field's word: the upstream refused the session
    """The upstream did not take the session; `ending` says why in fixed words."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.reason)
        self.ending = ending


async def dial(host: str, port: int) -> socket.socket:
    """Return a socket to whichever of a host's addresses answers first (RFC 8305).

    The event loops try them one after the other: an IPv6 that leads nowhere would use up all the time.
    """
    loop = asyncio.get_running_loop()
    addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return await start_connection(addresses, happy_eyeballs_delay=NEXT_ADDRESS_SECONDS, loop=loop)


class Connect(connect):
    """websockets' connect, but a host's addresses race, and a redirect, which would carry the key elsewhere, is refused."""

    async def open_tcp_connection(self) -> ClientConnection:
        if self.proxy is None or get_proxy(self.ws_uri) is None:
            self.create_connection_kwargs["sock"] = await dial(self.ws_uri.host, self.ws_uri.port)
        return await super().open_tcp_connection()

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


@dataclass
class Upstream:
    """Where sessions go. Remembers which dialect answered, for the life of the process.

    `origin` is scheme, host and port (`wss://name.openai.azure.com`).
    """

    origin: str
    deployment: str
    api_version: str
    key: str = field(repr=False)
    tokens: Tokens | None  # instead of the key
    tls: ssl.SSLContext | None
    dialect: Dialect = field(init=False)
    spare: Spare = field(init=False)

    def __post_init__(self) -> None:
        self.dialect = "ga" if self.api_version == "v1" else "preview"
        self.spare = Spare(self)

    def url(self, dialect: Dialect) -> str:
        """Return the address of a session in a dialect; it holds no secret."""
        if dialect == "ga":
            return f"{self.origin}/openai/v1/realtime?{urlencode({'model': self.deployment})}"
        version = PREVIEW_VERSION if self.api_version == "v1" else self.api_version
        query = urlencode({"api-version": version, "deployment": self.deployment})
        return f"{self.origin}/openai/realtime?{query}"

    async def open(self, dialect: Dialect | None, *, spliced: bool) -> ClientConnection:
        """Open a session and return its websocket, or its leg to be spliced; the caller closes it.

        With a dialect, in that one: the client speaks no other. Without, in the one known to
        work, or once in the other when the answer says that this one is not served.

        Raises:
            Refused: with fixed words; no exception text, address, key or answer is in them.

        """
        if spliced and (leg := self.spare.take(dialect or self.dialect)):
            return leg
        try:
            return await self.handshake(dialect or self.dialect, spliced=spliced)
        except InvalidStatus as refusal:
            if dialect is not None or refusal.response.status_code not in NOT_SERVED:
                raise Refused(to_refusal(refusal)) from None
            first = refusal
        except (OSError, InvalidHandshake, EOFError) as failure:
            raise Refused(to_refusal(failure)) from None
        other: Dialect = "preview" if self.dialect == "ga" else "ga"
        try:
            connection = await self.handshake(other, spliced=spliced)
        except (OSError, InvalidHandshake, EOFError):
            raise Refused(to_refusal(first)) from None
        log.warning(
            "upstream answered %d in the %s dialect; using %s from now on",
            first.response.status_code,
            self.dialect,
            other,
        )
        self.dialect = other
        return connection

    async def handshake(self, dialect: Dialect, *, spliced: bool) -> ClientConnection:
        """Open a websocket in one dialect, within 10 s, over verified TLS."""
        headers = {"api-key": self.key}
        if self.tokens:
            try:
                headers = {"Authorization": f"Bearer {await self.tokens.get()}"}
            except NoTokenError:
                raise Refused(NO_TOKEN) from None
        return await Connect(
            self.url(dialect),
            ssl=self.tls,
            additional_headers=headers,
            user_agent_header="realtime-voice",
            proxy=True if self.tls else None,
            compression=None,
            open_timeout=OPEN_SECONDS,
            ping_interval=PING_SECONDS,
            ping_timeout=PONG_SECONDS,
            close_timeout=CLOSE_SECONDS,
            max_size=MAX_SERVER_EVENT_BYTES,
            create_connection=UpstreamLeg if spliced else ClientConnection,
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


NO_TOKEN = Ending(
    4401,
    "upstream_unauthorized",
    "Entra ID gave no token: give the server a managed identity, or run az login on it.",
)


class Spare:
    """One session opened ahead of the next page, so that its Connect waits for no handshake.

    What the upstream sends meanwhile (`session.created`) waits in the leg. An open session may count
    against a quota, so `keep` runs only when the settings ask for it.
    """

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self.leg: UpstreamLeg | None = None
        self.dialect: Dialect | None = None
        self.gone = asyncio.Event()

    def take(self, dialect: Dialect) -> UpstreamLeg | None:
        """Return the spare session, the taker's from now on, if there is a live one in this dialect."""
        leg = self.leg
        if leg is None or dialect != self.dialect or leg.ended.done():
            return None
        self.leg = None
        self.gone.set()
        return leg

    async def keep(self) -> None:
        """Keep one session ready, and renew it before it ages; runs until it is cancelled."""
        while True:
            try:
                leg = await self.upstream.open(None, spliced=True)
            except Refused as refused:
                log.warning("no spare session: %s", refused.ending.reason)
                await asyncio.sleep(SPARE_RETRY_SECONDS)
                continue
            self.gone.clear()
            self.leg, self.dialect = cast("UpstreamLeg", leg), self.upstream.dialect
            self.leg.ended.add_done_callback(lambda _: self.gone.set())
            lost = False
            try:
                async with asyncio.timeout(SPARE_SECONDS):
                    await self.gone.wait()
                lost = self.leg is not None
            except TimeoutError:
                pass  # it has aged: on to the next
            finally:
                if self.leg is not None:
                    self.leg = None
                    await close(leg)
            if lost:
                await asyncio.sleep(SPARE_RETRY_SECONDS)


async def close(upstream: ClientConnection) -> None:
    """Close the upstream within a second, even when it no longer reads or answers."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await upstream.close()
    except TimeoutError:
        pass
    finally:
        upstream.transport.abort()


REFUSALS = {
    400: Ending(
        4400,
        "upstream_bad_request",
        "Azure did not accept the request (400): the deployment is probably not a realtime model.",
    ),
    401: Ending(
        4401,
        "upstream_unauthorized",
        "Azure refused access (401): check AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY, or the role of the server's identity.",
    ),
    403: Ending(
        4403,
        "upstream_forbidden",
        "Azure does not accept this network (403): check the resource's network rules.",
    ),
    404: Ending(
        4404,
        "deployment_not_found",
        "Azure does not know the deployment (404): check AZURE_OPENAI_DEPLOYMENT and AZURE_OPENAI_API_VERSION.",
    ),
    429: Ending(
        1013,
        "rate_limited",
        "Azure's quota is used up (429): wait a moment, or raise the deployment's quota.",
    ),
}
""" What each status of the handshake means to the person who set the server up. """


def to_refusal(failure: Exception) -> Ending:
    """Say in fixed words why the handshake failed."""
    match failure:
        case InvalidStatus(response=response):
            status = response.status_code
            words = (
                f"The speech service answered {status} instead of opening a session. Please try again later."
            )
            return REFUSALS.get(status, Ending(1014, "upstream_failed", words))
        case TimeoutError():
            return Ending(1014, "upstream_timeout", "The speech service did not answer within 10 seconds.")
        case ssl.SSLError():
            return Ending(
                1014,
                "upstream_tls",
                "The speech service's certificate was not accepted: check AZURE_OPENAI_ENDPOINT, or set SSL_CERT_FILE behind a corporate proxy.",
            )
        case socket.gaierror():
            return Ending(
                1014,
                "upstream_unreachable",
                "The speech service's host name was not found: check AZURE_OPENAI_ENDPOINT.",
            )
        case OSError() | InvalidHandshake() | EOFError():
            return Ending(
                1014,
                "upstream_unreachable",
                "The speech service could not be reached: check the network and AZURE_OPENAI_ENDPOINT.",
            )
    return INTERNAL
