"""pydantic-ai: `Agent.realtime`."""

from __future__ import annotations

import base64
import contextlib
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from pydantic_ai import Agent, BinaryContent
from pydantic_ai.messages import (
    FunctionToolResultEvent,
    RealtimeInputSpeechStartEvent,
    RealtimeSessionErrorEvent,
    RealtimeTurnCompleteEvent,
    SpeechPart,
    ToolReturnPart,
)
from pydantic_ai.providers.azure import AzureProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.realtime.azure import AzureRealtimeModel
from pydantic_ai.realtime.openai import OpenAIRealtimeModel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CHUNK = 4800  # bytes: 100 ms
PATIENCE_S = 30

agent = Agent(instructions="Be brief.")


@agent.tool_plain
def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"{city}: 11 degrees and rain"


def model_of(relay: str) -> OpenAIRealtimeModel:
    base_url = relay.replace("ws", "http", 1) + "/v1"
    return OpenAIRealtimeModel("any", provider=OpenAIProvider(base_url=base_url, api_key="any"))


@contextlib.asynccontextmanager
async def open_session(relay: str, **settings: Any) -> AsyncIterator[Any]:
    async with agent.realtime(model_of(relay), model_settings=settings).session() as session:
        yield session


@pytest.fixture
async def session(relay: str) -> AsyncIterator[Any]:
    async with open_session(relay) as session:
        yield session


async def until(events: AsyncIterator[Any], kind: type[Any]) -> Any:
    """Return the first event of a kind."""
    with anyio.fail_after(PATIENCE_S):
        while not isinstance(event := await anext(events), kind):
            assert not isinstance(event, RealtimeSessionErrorEvent), event
    return event


async def speak(session: Any, pcm: bytes) -> None:
    for start in range(0, len(pcm), CHUNK):
        await session.send_audio(pcm[start : start + CHUNK])


def spoken(session: Any, speaker: str) -> str:
    """Return what one side has said aloud."""
    parts = [part for message in session.all_messages() for part in message.parts]
    return " ".join(
        part.transcript or "" for part in parts if isinstance(part, SpeechPart) and part.speaker == speaker
    )


async def test_a_typed_turn_is_answered_aloud(session: Any) -> None:
    events = aiter(session)
    sound = session.stream_audio()
    await session.send("Tell me about penguins.")
    await until(events, RealtimeTurnCompleteEvent)
    assert "penguins" in spoken(session, "assistant")
    assert await anext(sound)


async def test_a_spoken_turn_is_transcribed_and_answered_aloud(session: Any, speech: bytes) -> None:
    events = aiter(session)
    sound = session.stream_audio()
    await speak(session, speech)
    await until(events, RealtimeTurnCompleteEvent)
    assert "of speech" in spoken(session, "user")
    assert spoken(session, "assistant")
    assert await anext(sound)


async def test_a_tool_is_run_and_its_output_spoken(session: Any) -> None:
    events = aiter(session)
    await session.send("What is the weather in Paris?")
    result = await until(events, FunctionToolResultEvent)
    assert result.part.content == "Paris: 11 degrees and rain"
    await until(events, RealtimeTurnCompleteEvent)
    assert "Paris: 11 degrees and rain" in spoken(session, "assistant")
    returned = [
        part
        for message in session.all_messages()
        for part in message.parts
        if isinstance(part, ToolReturnPart)
    ]
    assert [part.tool_name for part in returned] == ["get_weather"]


async def test_speech_interrupts_the_answer(session: Any, speech: bytes) -> None:
    events = aiter(session)
    sound = session.stream_audio()
    await session.send("/long")
    assert await anext(sound)
    await speak(session, speech)
    await until(events, RealtimeInputSpeechStartEvent)
    await until(events, RealtimeTurnCompleteEvent)


async def test_the_program_interrupts_the_answer(session: Any) -> None:
    sound = session.stream_audio()
    await session.send("/long")
    assert await anext(sound)
    await session.interrupt(played_ms=100)
    await session.send("Tell me about penguins.")
    with anyio.fail_after(PATIENCE_S):
        await session.wait_for_reply()
    assert "penguins" in spoken(session, "assistant")


async def test_a_turn_is_committed_by_push_to_talk(relay: str, speech: bytes) -> None:
    async with open_session(relay, turn_detection=False) as session:
        events = aiter(session)
        await speak(session, speech)
        await session.commit_audio()
        await session.create_response()
        await until(events, RealtimeTurnCompleteEvent)
        assert spoken(session, "assistant")


async def test_a_text_session_is_answered_in_text(relay: str) -> None:
    async with open_session(relay, output_modality="text") as session:
        await session.send("Tell me about penguins.")
        await session.wait_for_reply()
        assert "penguins" in str(session.all_messages()[-1].parts)


async def test_a_picture_is_looked_at(session: Any) -> None:
    dot = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
    )
    await session.send([BinaryContent(dot, media_type="image/png"), "What do you see?"])
    await session.wait_for_reply()
    assert spoken(session, "assistant")


async def test_an_earlier_conversation_goes_on(relay: str) -> None:
    async with open_session(relay) as session:
        await session.send("My favourite animal is the penguin.")
        await session.wait_for_reply()
        history = session.all_messages()
    async with agent.realtime(model_of(relay), message_history=history).session() as session:
        await session.send("What is my favourite animal?")
        await session.wait_for_reply()
        assert "penguin" in spoken(session, "assistant").rpartition("favourite animal?")[2]


async def test_a_session_of_azure_is_answered(tls_relay: str) -> None:
    provider = AzureProvider(
        azure_endpoint=tls_relay.replace("wss", "https", 1), api_version="v1", api_key="any"
    )
    async with agent.realtime(AzureRealtimeModel("any", provider=provider)).session() as session:
        await session.send("What is the weather in Paris?")
        await session.wait_for_reply()
        assert "Paris: 11 degrees and rain" in spoken(session, "assistant")
