"""Stock SDK clients: the relay sends Azure the same handshake as they do, and they hold conversations through the relay."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from mock_azure import KEY, Azure
from openai import AsyncAzureOpenAI, AsyncOpenAI
from websockets.asyncio.client import connect

if TYPE_CHECKING:
    import ssl

    from server_process import StartServer

pytestmark = pytest.mark.thorough
DEPLOYMENT = "my-voice"


def preview_client(base_url: str, key: str = KEY) -> AsyncAzureOpenAI:
    return AsyncAzureOpenAI(
        api_key=key,
        api_version="2025-04-01-preview",
        azure_endpoint="https://unused.example",
        websocket_base_url=base_url,
    )


def ga_client(base_url: str, key: str = KEY) -> AsyncOpenAI:
    """Return the client that Microsoft's guide to the GA protocol uses: OpenAI's own, with Azure's base URL."""
    return AsyncOpenAI(api_key=key, websocket_base_url=base_url)


@pytest.mark.parametrize("dialect", ["preview", "ga"])
async def test_the_relay_sends_azure_the_handshake_that_the_sdk_sends(
    server: StartServer, azure: Azure, ca_file: str, client_tls: ssl.SSLContext, dialect: str
) -> None:
    origin = azure.origin.replace("https", "wss")
    options: dict[str, Any] = {"websocket_connection_options": {"ssl": client_tls}}
    if dialect == "preview":
        async with preview_client(f"{origin}/openai").beta.realtime.connect(model=DEPLOYMENT, **options):
            pass
    else:
        async with ga_client(f"{origin}/openai/v1").realtime.connect(model=DEPLOYMENT, **options):
            pass
    running = server(
        **azure.environment(
            SSL_CERT_FILE=ca_file,
            AZURE_OPENAI_DEPLOYMENT=DEPLOYMENT,
            AZURE_OPENAI_API_VERSION="v1" if dialect == "ga" else "",
        )
    )
    async with connect(f"{running.ws_url}/ws"):
        await azure.sessions.get()
        await azure.sessions.get()
    theirs, ours = azure.handshakes
    assert sorted(theirs.path.split("?")[1].split("&")) == sorted(ours.path.split("?")[1].split("&"))
    assert theirs.path.split("?")[0] == ours.path.split("?")[0]
    if dialect == "preview":
        assert theirs.headers["api-key"] == ours.headers["api-key"] == KEY


@pytest.mark.parametrize("path", ["/ws", "/v1", "/openai/v1", "/ws/v1"])
async def test_the_sdk_holds_a_ga_conversation_through_the_relay_with_any_key(
    server: StartServer, path: str
) -> None:
    client = ga_client(server().ws_url + path, key="any")
    async with asyncio.timeout(60), client.realtime.connect(model="any") as connection:
        await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        await connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}
        )
        await connection.response.create()
        async for event in connection:
            if event.type == "response.output_text.done":
                assert event.text
            if event.type == "response.done":
                assert event.response.status == "completed"
                break


@pytest.mark.parametrize("path", ["/ws", "/openai"])
async def test_the_sdk_holds_a_preview_conversation_through_the_relay_with_any_key(
    server: StartServer, path: str
) -> None:
    client = preview_client(server().ws_url + path, key="any")
    async with asyncio.timeout(60), client.beta.realtime.connect(model="any") as connection:
        await connection.session.update(session={"modalities": ["text"]})
        await connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}
        )
        await connection.response.create()
        async for event in connection:
            if event.type == "response.text.done":
                assert event.text
            if event.type == "response.done":
                assert event.response.status == "completed"
                break
