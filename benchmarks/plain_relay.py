"""A websocket relay as tutorials write it, without their mistakes, to compare with.

No compression, one TLS context, uvloop; the two libraries read and write every event.
"""

from __future__ import annotations

import asyncio
import os
import ssl

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

TLS = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
app = FastAPI()


@app.websocket("/ws")
async def relay(browser: WebSocket) -> None:
    """Relay one browser to the upstream and back."""
    await browser.accept()
    async with connect(os.environ["UPSTREAM"], ssl=TLS, compression=None, max_size=2**24) as upstream:

        async def up() -> None:
            while True:
                await upstream.send(await browser.receive_text())

        async def down() -> None:
            async for event in upstream:
                await browser.send_text(str(event))

        tasks = [asyncio.create_task(up()), asyncio.create_task(down())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception) and not isinstance(ended, WebSocketDisconnect | ConnectionClosed):
                raise ended
