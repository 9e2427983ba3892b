"""openai-agents: `RealtimeAgent` and `RealtimeRunner`."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner, realtime_handoff

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

CHUNK = 4800  # bytes: 100 ms


@function_tool
def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"{city}: 11 degrees and rain"


@contextlib.asynccontextmanager
async def open_session(relay: str, agent: RealtimeAgent[Any], **settings: Any) -> AsyncIterator[Any]:
    runner = RealtimeRunner(agent, config={"tracing_disabled": True})
    config: Any = {
        "api_key": "any",
        "url": f"{relay}/v1/realtime?model=any",
        "initial_model_settings": {"turn_detection": {"type": "server_vad"}, **settings},
    }
    async with await runner.run(model_config=config) as session:
        yield session


@pytest.fixture
async def session(relay: str) -> AsyncIterator[Any]:
    agent = RealtimeAgent[Any](name="Weather", instructions="Be brief.", tools=[get_weather])
    async with open_session(relay, agent) as session:
        yield session


async def until(session: Any, wanted: Callable[[Any], bool], seen: list[Any] | None = None) -> Any:
    """Return the first event that is wanted, and keep those before it in `seen`."""
    async for event in session:
        assert event.type != "error", event.error
        if wanted(event):
            return event
        if seen is not None:
            seen.append(event)
    raise AssertionError("the session has ended")


async def speak(session: Any, pcm: bytes) -> None:
    for start in range(0, len(pcm), CHUNK):
        await session.send_audio(pcm[start : start + CHUNK])


def is_type(kind: str) -> Callable[[Any], bool]:
    return lambda event: event.type == kind


def words(event: Any, role: str) -> str:
    """Return what one side has said in the history that an event tells."""
    if event.type not in ("history_updated", "history_added"):
        return ""
    items = event.history if event.type == "history_updated" else [event.item]
    parts = [part for item in items if getattr(item, "role", "") == role for part in item.content]
    return " ".join(getattr(part, "transcript", None) or getattr(part, "text", None) or "" for part in parts)


async def test_a_typed_turn_is_answered_aloud(session: Any) -> None:
    await session.send_message("Tell me about penguins.")
    seen: list[Any] = []
    await until(session, is_type("agent_end"), seen)
    assert sum(len(event.audio.data) for event in seen if event.type == "audio")
    assert any("penguins" in words(event, "assistant") for event in seen)


async def test_a_spoken_turn_is_transcribed_and_answered_aloud(session: Any, speech: bytes) -> None:
    await speak(session, speech)
    seen: list[Any] = []
    await until(session, is_type("agent_end"), seen)
    assert sum(len(event.audio.data) for event in seen if event.type == "audio")
    assert any("of speech" in words(event, "user") for event in seen)
    assert any(words(event, "assistant") for event in seen)


async def test_a_tool_is_run_and_its_output_spoken(session: Any) -> None:
    await session.send_message("What is the weather in Paris?")
    end = await until(session, is_type("tool_end"))
    assert end.output == "Paris: 11 degrees and rain"
    seen: list[Any] = []
    await until(session, is_type("agent_end"), seen)
    assert any("Paris: 11 degrees and rain" in words(event, "assistant") for event in seen)


async def test_speech_interrupts_the_answer(session: Any, speech: bytes) -> None:
    await session.send_message("/long")
    await until(session, is_type("audio"))
    await speak(session, speech)
    await until(session, is_type("audio_interrupted"))
    await until(session, is_type("audio_end"))


async def test_the_program_interrupts_the_answer(session: Any) -> None:
    await session.send_message("/long")
    await until(session, is_type("audio"))
    await session.interrupt()
    await until(session, is_type("agent_end"))
    await session.send_message("Tell me about penguins.")
    await until(session, lambda event: "penguins" in words(event, "assistant"))


async def test_a_picture_is_looked_at(session: Any) -> None:
    dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
    picture = {"type": "input_image", "image_url": f"data:image/png;base64,{dot}"}
    await session.send_message({"type": "message", "role": "user", "content": [picture]})
    await until(session, lambda event: "picture" in words(event, "assistant"))


async def test_a_conversation_is_handed_over_to_another_agent(relay: str) -> None:
    billing = RealtimeAgent[Any](name="Billing", instructions='Begin with "You have reached billing".')
    desk = RealtimeAgent[Any](name="Desk", instructions="Hand over.", handoffs=[realtime_handoff(billing)])
    async with open_session(relay, desk) as session:
        await session.send_message("Please transfer me to billing.")
        handed = await until(session, is_type("handoff"))
        assert (handed.from_agent.name, handed.to_agent.name) == ("Desk", "Billing")
        await until(session, lambda event: "reached billing" in words(event, "assistant"))


async def test_a_text_session_is_answered_in_text(relay: str) -> None:
    agent = RealtimeAgent[Any](name="Writer", instructions="Be brief.")
    async with open_session(relay, agent, output_modalities=["text"]) as session:
        await session.send_message("Tell me about penguins.")
        seen: list[Any] = []
        await until(session, lambda event: "penguins" in words(event, "assistant"), seen)
        assert not [event for event in seen if event.type == "audio"]
