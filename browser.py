"""The browser's socket as uvicorn drives it, with what a relay needs beyond ASGI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    from starlette.websockets import WebSocket
    from websockets.http11 import Request

MAX_FRAME_BYTES = 16 * 2**20  # the exact limit of an event is the session's; this one bounds memory before it
EXTENSION = "realtime_voice.browser"


class Browser(WebSocketsSansIOProtocol):
    """uvicorn's websocket protocol; sessions find it in their scope."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:  # noqa: PLR2004  only then there is a scope
            cast("dict[str, Any]", self.scope["extensions"])[EXTENSION] = self


def abort(browser: WebSocket) -> None:
    """Cut the browser's connection at once, whatever is still to be written."""
    protocol = browser.scope["extensions"].get(EXTENSION)
    if protocol is not None:
        protocol.transport.abort()
