"""pipecat: a pipeline around `OpenAIRealtimeLLMService`."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    FunctionCallResultFrame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
    UserStartedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.llm_service import FunctionCallParams  # noqa: TC002 - pipecat reads the signature of a tool
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.workers.runner import WorkerRunner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

RATE = 24_000
CHUNK = 4800  # bytes: 100 ms
PATIENCE_S = 30


async def get_weather(params: FunctionCallParams, city: str) -> None:
    """Tell the weather in a city.

    Args:
        city: The city's name.
    """
    await params.result_callback(f"{city}: 11 degrees and rain")


class Listener(FrameProcessor):
    """Keep every frame that passes."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: asyncio.Queue[Frame] = asyncio.Queue()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self.frames.put_nowait(frame)
        await self.push_frame(frame, direction)


@dataclass
class Conversation:
    """A running pipeline."""

    worker: Any
    listener: Listener
    context: LLMContext

    def said_by_user(self) -> str:
        """Return what the user has said and typed."""
        messages: list[Any] = self.context.get_messages()
        return " ".join(str(message["content"]) for message in messages if message["role"] == "user")

    async def until(self, kind: type[Frame]) -> list[Frame]:
        """Return the frames up to one of a kind."""
        frames: list[Frame] = []
        with anyio.fail_after(PATIENCE_S):
            while not frames or not isinstance(frames[-1], kind):
                frames.append(await self.listener.frames.get())
                assert not isinstance(frames[-1], ErrorFrame), frames[-1]
        return frames

    async def speak(self, pcm: bytes) -> None:
        for start in range(0, len(pcm), CHUNK):
            chunk = pcm[start : start + CHUNK]
            await self.worker.queue_frame(InputAudioRawFrame(chunk, RATE, 1))


@contextlib.asynccontextmanager
async def run_pipeline(relay: str, opening: str = "") -> AsyncIterator[Conversation]:
    """Run a pipeline, and open the conversation with what the user has typed, which is how pipecat sends text."""
    properties = events.SessionProperties(
        instructions="Be brief.",
        audio=events.AudioConfiguration(
            input=events.AudioInput(
                transcription=events.InputAudioTranscription(), turn_detection=events.TurnDetection()
            )
        ),
    )
    service = OpenAIRealtimeLLMService(
        api_key="any",
        base_url=f"{relay}/v1/realtime",
        settings=OpenAIRealtimeLLMService.Settings(model="any", session_properties=properties),
    )
    messages: Any = [{"role": "user", "content": opening}] if opening else []
    context = LLMContext(messages, tools=[get_weather])
    aggregators = LLMContextAggregatorPair(context)
    listener = Listener()
    worker = PipelineWorker(Pipeline([aggregators.user(), service, listener, aggregators.assistant()]))
    started = asyncio.Event()
    worker.add_event_handler("on_pipeline_started", lambda *_: started.set())
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(runner.run())
        with anyio.fail_after(PATIENCE_S):
            await started.wait()
        await worker.queue_frame(LLMContextFrame(context))
        try:
            yield Conversation(worker, listener, context)
        finally:
            await worker.queue_frame(EndFrame())


def words(frames: list[Frame]) -> str:
    return "".join(frame.text for frame in frames if isinstance(frame, TTSTextFrame))


def seconds(frames: list[Frame]) -> float:
    return sum(len(frame.audio) for frame in frames if isinstance(frame, TTSAudioRawFrame)) / 2 / RATE


async def test_a_typed_turn_is_answered_aloud(relay: str) -> None:
    async with run_pipeline(relay, "Tell me about penguins.") as conversation:
        frames = await conversation.until(LLMFullResponseEndFrame)
        assert "penguins" in words(frames)
        assert seconds(frames) > 1


async def test_a_spoken_turn_is_transcribed_and_answered_aloud(relay: str, speech: bytes) -> None:
    async with run_pipeline(relay) as conversation:
        await conversation.until(LLMFullResponseEndFrame)
        await conversation.speak(speech)
        await conversation.until(UserStartedSpeakingFrame)
        frames = await conversation.until(LLMFullResponseEndFrame)
        assert "of speech" in conversation.said_by_user()
        assert words(frames)
        assert seconds(frames) > 1


async def test_a_tool_is_run_and_its_output_spoken(relay: str) -> None:
    async with run_pipeline(relay, "What is the weather in Paris?") as conversation:
        *_, result = await conversation.until(FunctionCallResultFrame)
        assert result.result == "Paris: 11 degrees and rain"
        frames: list[Frame] = []
        while not seconds(frames):
            frames = await conversation.until(LLMFullResponseEndFrame)
        assert "Paris: 11 degrees and rain" in words(frames)


async def test_speech_interrupts_the_answer(relay: str, speech: bytes) -> None:
    async with run_pipeline(relay, "/long") as conversation:
        await conversation.until(TTSAudioRawFrame)
        await conversation.speak(speech)
        await conversation.until(InterruptionFrame)
        frames: list[Frame] = []
        while "your own voice" not in words(frames).lower():
            frames = await conversation.until(LLMFullResponseEndFrame)
        assert "of speech" in conversation.said_by_user()
