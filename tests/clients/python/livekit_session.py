"""livekit-plugins-openai: its realtime model alone, and as the model of an `AgentSession`."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from livekit import rtc
from livekit.agents import Agent, AgentSession, function_tool, llm, utils
from livekit.plugins import openai
from openai.types.beta.realtime.session import TurnDetection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

RATE = 24_000
CHUNK = 4800  # bytes: 100 ms
PATIENCE_S = 30
LONG_S = 50  # /long takes a minute when nobody interrupts


@function_tool
async def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"{city}: 11 degrees and rain"


@contextlib.asynccontextmanager
async def open_model(relay: str, **settings: Any) -> AsyncIterator[Any]:
    async with utils.http_context.open():
        model = openai.realtime.RealtimeModel(
            base_url=f"{relay}/v1",
            api_key="any",
            **{"turn_detection": TurnDetection(type="server_vad"), **settings},
        )
        try:
            yield model
        finally:
            await model.aclose()


@contextlib.asynccontextmanager
async def open_session(relay: str, **settings: Any) -> AsyncIterator[Session]:
    async with open_model(relay, **settings) as model:
        session = Session(model.session())
        try:
            yield session
        finally:
            await session.session.aclose()


@pytest.fixture
async def session(relay: str) -> AsyncIterator[Session]:
    async with open_session(relay) as session:
        yield session


class Session:
    """A session of the realtime model, and what it tells of."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.reported: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        for name in (
            "generation_created",
            "input_speech_started",
            "input_audio_transcription_completed",
            "error",
        ):
            session.on(name, lambda event, name=name: self.reported.put_nowait((name, event)))
        self.opened = asyncio.Event()
        session.on("openai_server_event_received", lambda _event: self.opened.set())

    async def until(self, wanted: str) -> Any:
        with anyio.fail_after(PATIENCE_S):
            while True:
                name, event = await self.reported.get()
                if name == wanted:
                    return event
                assert name != "error", event

    def speak(self, pcm: bytes) -> None:
        for start in range(0, len(pcm), CHUNK):
            chunk = pcm[start : start + CHUNK]
            self.session.push_audio(rtc.AudioFrame(chunk, RATE, 1, len(chunk) // 2))

    async def ask(self, text: str) -> Any:
        """Type a message, ask for the answer, and return it when it begins."""
        with anyio.fail_after(PATIENCE_S):
            await self.opened.wait()  # the client gives up 5 s after a message, connected or not
        context = self.session.chat_ctx.copy()
        context.add_message(role="user", content=text)
        await self.session.update_chat_ctx(context)
        with anyio.fail_after(PATIENCE_S):
            return await self.session.generate_reply()


async def heard(generation: Any) -> tuple[str, float]:
    """Return the words of an answer and the seconds of its sound."""
    words, seconds = "", 0.0
    with anyio.fail_after(PATIENCE_S):
        async for message in generation.message_stream:
            words += "".join([str(text) async for text in message.text_stream])
            seconds += sum([frame.duration async for frame in message.audio_stream])
    return words, seconds


async def rest_of(message: Any) -> float:
    """Return the seconds of sound that still come."""
    with anyio.fail_after(PATIENCE_S):
        return sum([frame.duration async for frame in message.audio_stream])


async def test_a_typed_turn_is_answered_aloud(session: Session) -> None:
    words, seconds = await heard(await session.ask("Tell me about penguins."))
    assert "penguins" in words
    assert seconds > 1


async def test_a_spoken_turn_is_transcribed_and_answered_aloud(session: Session, speech: bytes) -> None:
    session.speak(speech)
    await session.until("input_speech_started")
    generation = await session.until("generation_created")
    words, seconds = await heard(generation)
    assert words
    assert seconds > 1


async def test_speech_is_transcribed(session: Session, speech: bytes) -> None:
    session.speak(speech)
    while not (reported := await session.until("input_audio_transcription_completed")).is_final:
        pass
    assert "of speech" in reported.transcript


async def test_a_tool_is_called_and_its_output_spoken(session: Session) -> None:
    await session.session.update_tools([get_weather])
    generation = await session.ask("What is the weather in Paris?")
    [call] = [call async for call in generation.function_stream]
    assert (call.name, call.arguments) == ("get_weather", '{"city": "Paris"}')
    context = session.session.chat_ctx.copy()
    context.items.append(call)
    context.items.append(
        llm.FunctionCallOutput(call_id=call.call_id, name=call.name, output="11 degrees", is_error=False)
    )
    await session.session.update_chat_ctx(context)
    words, seconds = await heard(await session.session.generate_reply())
    assert "11 degrees" in words
    assert seconds > 1


async def test_speech_interrupts_the_answer(session: Session, speech: bytes) -> None:
    generation = await session.ask("/long")
    message = await anext(aiter(generation.message_stream))
    await anext(aiter(message.audio_stream))
    session.speak(speech)
    await session.until("input_speech_started")
    assert await rest_of(message) < LONG_S


async def test_the_program_interrupts_and_truncates_the_answer(session: Session) -> None:
    generation = await session.ask("/long")
    message = await anext(aiter(generation.message_stream))
    await anext(aiter(message.audio_stream))
    session.session.interrupt()
    assert await rest_of(message) < LONG_S
    session.session.truncate(message_id=message.message_id, modalities=["audio"], audio_end_ms=100)
    words, _ = await heard(await session.ask("Tell me about penguins."))
    assert "penguins" in words


async def test_a_turn_is_committed_by_push_to_talk(relay: str, speech: bytes) -> None:
    async with open_session(relay, turn_detection=None) as session:
        session.speak(speech)
        session.session.commit_audio()
        words, seconds = await heard(await session.session.generate_reply())
        assert words
        assert seconds > 1


async def test_an_agent_session_runs_the_tool_and_speaks_of_it(relay: str) -> None:
    async with open_model(relay) as model, AgentSession(llm=model) as session:
        said: asyncio.Queue[str] = asyncio.Queue()
        session.on("conversation_item_added", lambda event: said.put_nowait(event.item.text_content or ""))
        await session.start(Agent(instructions="Be brief.", tools=[get_weather]))
        session.generate_reply(user_input="What is the weather in Paris?")
        with anyio.fail_after(PATIENCE_S):
            while "Paris: 11 degrees and rain" not in await said.get():
                pass


async def test_a_session_in_the_preview_of_azure_is_answered(relay: str) -> None:
    async with utils.http_context.open():
        model = openai.realtime.RealtimeModel.with_azure(
            azure_deployment="any",
            azure_endpoint=relay.replace("ws", "http", 1),
            api_key="any",
            api_version="2025-04-01-preview",
        )
        session = Session(model.session())
        words, seconds = await heard(await session.ask("Tell me about penguins."))
        assert "penguins" in words
        assert seconds > 1
        await session.session.aclose()
