"""At its start the server finds out whether the fast path works, and does without it if not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from server_process import StartServer
from websockets.asyncio.client import connect

if TYPE_CHECKING:
    from mock_azure import Azure
    from server_process import Server

FRAMES = ["frame ", "by frame"]
WARNING = "the fast path does not work with uvicorn"
# What a new version of uvicorn or websockets could do to splice.py.
BROKEN = {
    "uvicorn no longer calls a hook": "BrowserProtocol.handle_connect = WebSocketsSansIOProtocol.handle_connect",
    "a browser's hook raises": "BrowserProtocol.handle_connect = fail",
    "a browser's bytes go astray": "BrowserProtocol.data_received = lambda *_: None",
    "websockets no longer calls a hook": "UpstreamProtocol.data_received = ClientConnection.data_received",
    "an upstream's hook raises": "UpstreamProtocol.data_received = fail",
    "joining raises": "SplicedProtocol.join = fail",
}
BREAK = """
import server
from realtime_voice.splice import BrowserProtocol, ClientConnection, SplicedProtocol, UpstreamProtocol, WebSocketsSansIOProtocol
def fail(*_):
    raise AttributeError("renamed")
{}
server.main()
"""


async def relay_message(server: Server, azure: Azure) -> list[str | bytes]:
    """Send one message in two frames to the upstream and back; return the frames that come back."""
    async with connect(f"{server.ws_url}/ws", proxy=None) as page:
        upstream = await azure.sessions.get()
        await page.send(FRAMES)
        await upstream.send([frame async for frame in upstream.recv_streaming()])
        return [frame async for frame in page.recv_streaming()]


@pytest.mark.parametrize("how", BROKEN)
async def test_a_fast_path_that_does_not_work_is_logged_once_and_sessions_are_relayed_without_it(
    how: str, azure: Azure, ca_file: str
) -> None:
    with StartServer([sys.executable, "-c", BREAK.format(BROKEN[how])]) as start:
        running = start(**azure.environment(SSL_CERT_FILE=ca_file, WARM_START="on"))
        for _ in range(2):
            assert "".join(map(str, await relay_message(running, azure))) == "".join(FRAMES)
        running.stop()
        assert running.log().count(WARNING) == 1
        assert len(azure.handshakes) == 2  # no warm session is opened: only the fast path can take it


async def test_a_fast_path_that_works_is_used_and_nothing_is_logged(
    server: StartServer, azure: Azure, ca_file: str
) -> None:
    running = server(**azure.environment(SSL_CERT_FILE=ca_file))
    assert (await relay_message(running, azure))[:2] == FRAMES
    running.stop()
    assert WARNING not in running.log()
