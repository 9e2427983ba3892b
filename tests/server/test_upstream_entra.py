"""Azure without a key: tokens of Entra ID, from a fake azure-identity."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from raw_http import ask
from server_process import ROOT, SETTINGS, StartServer
from websockets.asyncio.client import connect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mock_azure import Azure
    from server_process import Server
    from websockets.http11 import Request

SCOPE = "https://cognitiveservices.azure.com/.default"
IDENTITY = """
import asyncio, os, pathlib, time, types
from azure.core.exceptions import ClientAuthenticationError
folder = pathlib.Path(__file__).parent
class DefaultAzureCredential:
    def get_token(self, scope):
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            raise AssertionError("get_token blocks the event loop")
        with (folder / "asked").open("a") as asked:
            asked.write(scope + "\\n")
        while (folder / "hesitate").exists():
            time.sleep(0.01)
        if (folder / "fail").exists():
            raise ClientAuthenticationError("the secret reason")
        number = len((folder / "asked").read_text().split())
        return types.SimpleNamespace(token=f"token-{number}", expires_on=time.time() + float(os.environ["LIFETIME"]))
"""
EXCEPTIONS = "class AzureError(Exception): pass\nclass ClientAuthenticationError(AzureError): pass\n"


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    """The folder of a fake azure-identity."""
    files = {
        "__init__": "",
        "identity/__init__": IDENTITY,
        "core/__init__": "",
        "core/exceptions": EXCEPTIONS,
    }
    for name, source in files.items():
        path = tmp_path / "azure" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return tmp_path / "azure" / "identity"


@pytest.fixture
def start(server: StartServer, azure: Azure, ca_file: str, identity: Path) -> Callable[..., Server]:
    def start(**more: str) -> Server:
        path = str(identity.parent.parent)
        environment = {"SSL_CERT_FILE": ca_file, "PYTHONPATH": path, "LIFETIME": "3600", "LOG_LEVEL": "debug"}
        return server(**azure.environment(**environment) | {"AZURE_OPENAI_API_KEY": ""} | more)

    return start


async def open_session(server: Server, azure: Azure) -> Request:
    """Open a session and return the handshake request that Azure received."""
    async with connect(f"{server.ws_url}/ws", proxy=None), asyncio.timeout(20):
        await azure.sessions.get()
    return azure.handshakes[-1]


def asked(identity: Path) -> list[str]:
    return (identity / "asked").read_text().split()


async def test_a_token_is_sent_instead_of_the_key_and_used_for_many_sessions(
    start: Callable[..., Server], azure: Azure, identity: Path
) -> None:
    server = start()
    for _ in range(2):
        handshake = await open_session(server, azure)
        assert handshake.headers["Authorization"] == "Bearer token-1"
        assert "api-key" not in handshake.headers
    assert asked(identity) == [SCOPE]
    assert "token-1" not in server.log()


async def test_a_token_is_renewed_before_it_expires(
    start: Callable[..., Server], azure: Azure, identity: Path
) -> None:
    server = start(LIFETIME="299", AZURE_OPENAI_TOKEN_SCOPE="https://ai.azure.com/.default")
    seen = [(await open_session(server, azure)).headers["Authorization"] for _ in range(2)]
    assert seen == ["Bearer token-1", "Bearer token-2"]
    assert asked(identity) == ["https://ai.azure.com/.default"] * 2


async def test_a_missing_token_is_reported_and_the_next_session_asks_again(
    start: Callable[..., Server], azure: Azure, identity: Path
) -> None:
    server = start()
    (identity / "fail").touch()
    async with connect(f"{server.ws_url}/ws", proxy=None) as page:
        received = str(await page.recv())
        await page.wait_closed()
    assert page.close_code == 4401
    assert "Entra ID gave no token" in received
    assert "secret reason" not in received + server.log()
    assert azure.handshakes == []
    (identity / "fail").unlink()
    assert (await open_session(server, azure)).headers["Authorization"] == "Bearer token-2"


async def test_a_slow_identity_delays_only_the_sessions_that_wait_for_it(
    start: Callable[..., Server], azure: Azure, identity: Path
) -> None:
    server = start()
    (identity / "hesitate").touch()
    async with connect(f"{server.ws_url}/ws", proxy=None), connect(f"{server.ws_url}/ws", proxy=None):
        while not (identity / "asked").exists():  # noqa: ASYNC110  another process's file has no event here
            await asyncio.sleep(0.01)
        assert (await asyncio.to_thread(ask, server.url, "/healthz")).status == 200
        (identity / "hesitate").unlink()
        async with asyncio.timeout(20):
            for _ in range(2):
                await azure.sessions.get()
    assert asked(identity) == [SCOPE]


def test_without_the_package_the_start_fails_and_names_both_remedies(identity: Path) -> None:
    (identity / "__init__.py").unlink()
    identity.rmdir()
    blank = dict.fromkeys(SETTINGS, "")
    given = {
        "AZURE_OPENAI_ENDPOINT": "https://name.openai.azure.com",
        "PYTHONPATH": str(identity.parent.parent),
    }
    ended = subprocess.run(
        [sys.executable, "server.py"],
        cwd=ROOT,
        env={**os.environ, **blank, **given},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: AZURE_OPENAI_API_KEY is missing: set it")
    assert "pip install azure-identity" in ended.stderr
    assert ended.stderr.count("\n") == 1
