"""A mocked Azure: a TLS websocket endpoint in the test's own event loop, which records each handshake."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

KEY = "0123456789abcdef-the-key-of-the-tests"
PREVIEW, GA = "/openai/realtime", "/openai/v1/realtime"


@dataclass
class Azure:
    """What the mock has received, and what a test makes it do."""

    origin: str = ""
    handshakes: list[Request] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)  # a first handshake has begun
    refusals: dict[str, int] = field(default_factory=dict)  # path -> status
    headers: dict[str, str] = field(default_factory=dict)  # of a refusal
    body: bytes = b"{}"  # of a refusal
    sessions: asyncio.Queue[ServerConnection] = field(default_factory=asyncio.Queue)
    ended: asyncio.Queue[ServerConnection] = field(default_factory=asyncio.Queue)
    hesitate: asyncio.Event | None = None  # when set, handshakes wait for it

    async def answer(self, _: ServerConnection, request: Request) -> Response | None:
        self.handshakes.append(request)
        self.asked.set()
        if self.hesitate:
            await self.hesitate.wait()
        status = self.refusals.get(request.path.partition("?")[0])
        if status is None:
            return None
        headers = Headers({"Content-Length": str(len(self.body)), **self.headers})
        return Response(status, HTTPStatus(status).phrase, headers, self.body)

    async def keep(self, session: ServerConnection) -> None:
        self.sessions.put_nowait(session)
        await session.wait_closed()
        self.ended.put_nowait(session)

    def environment(self, **more: str) -> dict[str, str]:
        """Return the settings that point a server at this mock."""
        return {"AZURE_OPENAI_ENDPOINT": self.origin, "AZURE_OPENAI_API_KEY": KEY, **more}


@contextlib.asynccontextmanager
async def mocked_azure(tls: ssl.SSLContext, host: str = "localhost") -> AsyncIterator[Azure]:
    """Serve a mock on a free port of a host until the block ends."""
    azure = Azure()
    async with serve(
        azure.keep,
        host,
        0,
        ssl=tls,
        process_request=azure.answer,
        max_size=2**24,
        compression=None,
        close_timeout=1,
    ) as server:
        name = f"[{host}]" if ":" in host else host
        azure.origin = f"https://{name}:{next(iter(server.sockets)).getsockname()[1]}"
        yield azure
