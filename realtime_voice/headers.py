"""The security headers of every HTTP response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

if TYPE_CHECKING:
    from starlette.types import Message, Send

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "media-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
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
HSTS = "max-age=31536000"


def add_headers(send: Send, origin: str | None) -> Send:
    """Return an ASGI `send` that adds each header which a response does not set itself.

    `origin` is the one under which the request reached this server. If it is https, Strict-Transport-Security is added.
    """

    async def send_with_headers(message: Message) -> None:
        if message["type"].endswith("http.response.start"):
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if origin and origin.startswith("https:"):
                headers["Strict-Transport-Security"] = HSTS
        await send(message)

    return send_with_headers
