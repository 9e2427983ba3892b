"""How a session ended, as its page saw it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection


async def read_until_close(page: ClientConnection) -> tuple[int | None, str | None, list[Any]]:
    """Read until the close; return its code and reason, and the codes of the relay's `error` events before it."""
    codes = []
    async with asyncio.timeout(30):
        try:
            while True:
                event = json.loads(await page.recv())
                if event.get("error", {}).get("type") == "relay_error":
                    codes.append(event["error"]["code"])
        except ConnectionClosed:
            return page.close_code, page.close_reason, codes
