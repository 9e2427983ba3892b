"""A relay without defences, as tutorials write it. An attack counts only if it succeeds here."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import FileResponse
from starlette.websockets import WebSocketDisconnect

if TYPE_CHECKING:
    from collections.abc import Iterator

PUBLIC = Path(__file__).parents[2] / "public"
app = FastAPI()


@app.get("/config")
async def config() -> dict[str, str]:
    return {"mode": "azure"}


@app.post("/login")
async def login(request: Request) -> Response:
    return Response(await request.body())


async def echo(websocket: WebSocket) -> None:
    await websocket.accept(subprotocol="realtime" if "realtime" in websocket.scope["subprotocols"] else None)
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        pass


for route in ("/ws", "/v1/realtime", "/openai/realtime"):
    app.add_api_websocket_route(route, echo)


@app.get("/{path:path}")
async def files(path: str) -> Response:
    path = unquote(path).replace("\\", "/").replace("\0", "")
    return FileResponse(PUBLIC / (path.lstrip("/") or "index.html"))


@contextlib.contextmanager
def run_unprotected_relay() -> Iterator[str]:
    """Run the relay as a process; yield its address."""
    with subprocess.Popen([sys.executable, __file__], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        try:
            line = next(line for line in process.stderr if "running on" in line)
            yield line.split("running on ")[1].split()[0]
        finally:
            process.kill()


if __name__ == "__main__":
    uvicorn.run(app, port=0)
