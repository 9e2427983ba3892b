"""A connection of the `openai` package, with asyncio or without it, driven by the same calls.

Every event that the package receives is judged by the package's own models.
"""

from __future__ import annotations

import contextlib
import inspect
import json
from functools import cache, partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
from openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI
from sdk_models import check_event
from session_client import TYPED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

PATIENCE_S = 20
API_VERSION = "2025-04-01-preview"


async def run(function: Callable[..., Any], *arguments: Any, **fields: Any) -> Any:
    """Call a function of either kind; one that blocks has a thread of its own."""
    if inspect.iscoroutinefunction(function):
        return await function(*arguments, **fields)
    return await anyio.to_thread.run_sync(partial(function, *arguments, **fields), abandon_on_cancel=True)


class SdkConnection:
    """A stock client in a session. Its calls are named like the client events that they send.

    Attributes:
        connection: the package's own object.
        events: what was received, in order, as it came.
    """

    def __init__(self, connection: Any, dialect: str) -> None:
        self.connection, self.dialect = connection, dialect
        self.events: list[dict[str, Any]] = []

    async def send(self, kind: str, **fields: Any) -> None:
        """Call the method for a client event: `connection.conversation.item.create(**fields)`."""
        await run(attrgetter(kind)(self.connection), **fields)

    async def send_raw(self, event: dict[str, Any]) -> None:
        """Send an event that the package has no method for, or would not make."""
        await run(self.connection.send, event)

    async def receive(self) -> Any:
        """Return the next server event as the package's own object."""
        with anyio.fail_after(PATIENCE_S):
            data = await run(self.connection.recv_bytes)
        event = json.loads(data)
        check_event(event, self.dialect, "server")
        self.events.append(event)
        return self.connection.parse_event(data)

    async def until(self, kind: str) -> Any:
        """Receive up to an event of this type, and return it; fail when an error comes before."""
        while (event := await self.receive()).type != kind:
            assert event.type != "error", event.error
        return event

    async def error(self) -> Any:
        """Return the error in the next event."""
        event = await self.receive()
        assert event.type == "error", event
        return event.error

    async def update(self, **settings: Any) -> Any:
        """Update the session, and return it as the service describes it."""
        await self.send("session.update", session={**TYPED[self.dialect], **settings})
        return (await self.until("session.updated")).session

    async def update_input(self, **settings: Any) -> Any:
        """Update what concerns the microphone: format, turn_detection, transcription."""
        if self.dialect == "ga":
            return await self.update(audio={"input": settings})
        names = {"transcription": "input_audio_transcription", "format": "input_audio_format"}
        return await self.update(**{names.get(name, name): value for name, value in settings.items()})

    async def text_only(self) -> None:
        await self.update(**{"output_modalities" if self.dialect == "ga" else "modalities": ["text"]})

    async def add(self, item: dict[str, Any], **fields: Any) -> Any:
        """Create an item, and return it as the service describes it."""
        await self.send("conversation.item.create", item=item, **fields)
        return (await self.until(self.item_complete)).item

    async def say(self, text: str) -> Any:
        return await self.add(
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        )

    async def respond(self, **response: Any) -> Any:
        """Ask for a response, and return it when it is done."""
        await self.send("response.create", **({"response": response} if response else {}))
        return (await self.until("response.done")).response

    async def answer(self, text: str, **response: Any) -> Any:
        await self.say(text)
        return await self.respond(**response)

    @property
    def item_complete(self) -> str:
        """The event for an item that is complete at once."""
        return "conversation.item.done" if self.dialect == "ga" else "conversation.item.created"

    def named(self, end: str) -> str:
        """Return the type of response.audio.* in this dialect."""
        return ("response.output_" if self.dialect == "ga" else "response.") + end

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the events of a type that were received."""
        return [event for event in self.events if event["type"] == kind]


@cache
def stock_client(url: str, dialect: str, *, asynchronous: bool) -> Any:
    """Return the package's client for a server at a ws:// address, as its documentation makes it for each dialect.

    It is kept, since each one loads the certificates of all authorities; it opens no connection of its own.
    """
    if dialect == "ga":
        return (AsyncOpenAI if asynchronous else OpenAI)(api_key="any", websocket_base_url=f"{url}/openai/v1")
    return (AsyncAzureOpenAI if asynchronous else AzureOpenAI)(
        api_key="any",
        api_version=API_VERSION,
        azure_endpoint=url.replace("ws", "http", 1),
        websocket_base_url=f"{url}/openai",
    )


@contextlib.asynccontextmanager
async def connect(
    url: str, dialect: str, *, asynchronous: bool, greeted: bool = True, **options: Any
) -> AsyncIterator[SdkConnection]:
    """Open a session of a stock client; `options` are those of its `connect`. `greeted`: its first event is read."""
    client = stock_client(url, dialect, asynchronous=asynchronous)
    realtime = client.realtime if dialect == "ga" else client.beta.realtime
    manager = realtime.connect(**{"model": "any", **options})
    connection = SdkConnection(await run(manager.enter), dialect)
    try:
        if greeted:
            assert (await connection.receive()).type == "session.created"
        yield connection
    finally:
        await run(connection.connection.close)
