"""Who may enter, and the headers of every answer.

Decided from the raw request, before anything is accepted or spent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

OPEN_TO_PROBES = {"/healthz", "/readyz"}  # they say nothing of worth, and orchestrators ask by pod address
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "media-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": (
        "microphone=(self), speaker-selection=(self), screen-wake-lock=(self), camera=(), geolocation=()"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


class Gate:
    """ASGI middleware: let through what names this server exactly, refuse the rest with 403.

    Without public origins the server is on loopback and answers to its own names and port only:
    no rebound DNS name (Host) and no other site's script (Origin) gets in.
    """

    def __init__(self, app: ASGIApp, public_origins: tuple[str, ...]) -> None:
        self.app = app
        self.public_origins = frozenset(public_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"].endswith("http.response.start"):
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if scope["path"] in OPEN_TO_PROBES or self.admits(scope):
            await self.app(scope, receive, send_with_headers)
        else:
            await PlainTextResponse("not allowed\n", 403)(scope, receive, send_with_headers)

    def admits(self, scope: Scope) -> bool:
        """Tell whether Host, and Origin when there is one, are this server's own."""
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        allowed = self.public_origins or loopback_origins(scope["server"][1])
        if len(hosts) != 1 or hosts[0].lower() not in {urlsplit(origin).netloc for origin in allowed}:
            return False
        return not origins or (len(origins) == 1 and origins[0] in allowed)


def loopback_origins(port: int) -> frozenset[str]:
    """Return the origins under which a browser on this machine sees the server."""
    suffix = "" if port == 80 else f":{port}"  # noqa: PLR2004  the port that browsers leave out
    return frozenset(f"http://{name}{suffix}" for name in LOOPBACK)
