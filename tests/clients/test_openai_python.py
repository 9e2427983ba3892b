"""The `openai` package through relay and simulator: every feature of a session, in both dialects, with asyncio and without.

All that the package receives is judged by its own models (sdk_connection.py).
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import signals
from anyio.from_thread import start_blocking_portal
from sdk_connection import SdkConnection, connect, run
from server_process import StartServer
from session_client import OTHER, PRODUCT_UPDATE, TYPED, UTTERANCE, WEATHER, message
from websockets.exceptions import ConnectionClosed

from simulator import Simulator
from simulator.session import Session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from simulator.dialect import Dialect

REASONING_MODEL = "gpt-realtime-2"
THEIR_KEY = {"api-key": "theirs"}
STYLES = {"async": True, "sync": False}
QUIET = base64.b64encode(signals.to_pcm(signals.silence(1))).decode()
SPOKEN = base64.b64encode(UTTERANCE).decode()


pytestmark = pytest.mark.filterwarnings(
    # Of websockets 17.1 and later: the package, version 3.57, opens its blocking connections in the old way.
    r"ignore:connect\(\) must be used as a context manager:DeprecationWarning"
)


@dataclass(frozen=True)
class Service:
    """A relay, and the simulator behind it, which answers without pauses."""

    relay: str
    simulator: Simulator


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with start_blocking_portal() as portal, StartServer() as start:
        simulator = Simulator(key="theirs", scripted=True, new_session=with_words)
        with portal.wrap_async_context_manager(simulator):
            server = start(
                AZURE_OPENAI_ENDPOINT=simulator.url.replace("ws", "http", 1),
                AZURE_OPENAI_API_KEY="theirs",
            )
            yield Service(server.ws_url, simulator)


def with_words(dialect: Dialect, **options: Any) -> Session:
    """Return a session that answers in words, not with ramps."""
    return Session(dialect, **{**options, "scripted": False})


@pytest.fixture(params=STYLES)
def style(request: pytest.FixtureRequest) -> bool:
    return STYLES[request.param]


@pytest.fixture(params=["ga", "preview"])
async def client(
    request: pytest.FixtureRequest, service: Service, style: bool
) -> AsyncIterator[SdkConnection]:
    async with connect(service.relay, request.param, asynchronous=style) as connection:
        yield connection


@pytest.fixture
async def ga(service: Service, style: bool) -> AsyncIterator[SdkConnection]:
    async with connect(service.relay, "ga", asynchronous=style) as connection:
        yield connection


@pytest.fixture
async def reasoning(service: Service, style: bool) -> AsyncIterator[SdkConnection]:
    """A session with a model that reasons. The relay has another one, so this client asks the simulator itself."""
    async with connect(
        service.simulator.url, "ga", asynchronous=style, model=REASONING_MODEL, extra_headers=THEIR_KEY
    ) as connection:
        yield connection


@pytest.fixture
async def preview(service: Service, style: bool) -> AsyncIterator[SdkConnection]:
    async with connect(service.relay, "preview", asynchronous=style) as connection:
        yield connection


@pytest.fixture(params=["ga", "preview"])
async def paced(request: pytest.FixtureRequest, site: str, style: bool) -> AsyncIterator[SdkConnection]:
    """A session whose answers take their time, so that they can be interrupted."""
    async with connect(site.replace("http", "ws", 1), request.param, asynchronous=style) as connection:
        yield connection


def at(value: Any, path: str) -> Any:
    """Return what stands at a dotted path in an object as it came."""
    for name in path.split("."):
        value = value[name]
    return value


def nested(path: str, value: Any) -> dict[str, Any]:
    """Return the object in which the value stands at a dotted path."""
    name, _, rest = path.partition(".")
    return {name: nested(rest, value) if rest else value}


# The session


async def test_the_session_is_described_when_it_opens(client: SdkConnection) -> None:
    session = client.events[0]["session"]
    assert session["id"].startswith("sess_")
    assert session["model"] == "gpt-realtime"
    assert session["expires_at"]
    assert ("audio" in session) == (client.dialect == "ga")


GA_SETTINGS: dict[str, Any] = {
    "output_modalities": ["text"],
    "instructions": "Be brief.",
    "tools": [WEATHER],
    "tool_choice": {"type": "function", "name": "get_weather"},
    "max_output_tokens": 300,
    "tracing": {"workflow_name": "support", "group_id": "7"},
    "truncation": {"type": "retention_ratio", "retention_ratio": 0.8},
    "include": ["item.input_audio_transcription.logprobs"],
    "prompt": {"id": "pmpt_1", "version": "2", "variables": {"city": "Oslo"}},
    "audio.input.format": {"type": "audio/pcmu"},
    "audio.input.noise_reduction": {"type": "near_field"},
    "audio.input.transcription": {"model": "whisper-1", "language": "en", "prompt": "Names."},
    "audio.input.turn_detection": None,
    "audio.output.format": {"type": "audio/pcma"},
    "audio.output.voice": "marin",
    "audio.output.speed": 1.25,
}
PREVIEW_SETTINGS: dict[str, Any] = {
    "modalities": ["text"],
    "instructions": "Be brief.",
    "voice": "sage",
    "input_audio_format": "g711_ulaw",
    "output_audio_format": "g711_alaw",
    "input_audio_transcription": {"model": "whisper-1", "language": "en", "prompt": "Names."},
    "input_audio_noise_reduction": {"type": "far_field"},
    "turn_detection": None,
    "tools": [WEATHER],
    "tool_choice": "none",
    "temperature": 0.7,
    "max_response_output_tokens": 300,
    "speed": 1.25,
    "tracing": "auto",
}


@pytest.mark.parametrize("path", GA_SETTINGS)
async def test_each_setting_is_sent_back(ga: SdkConnection, path: str) -> None:
    await ga.update(**nested(path, GA_SETTINGS[path]))
    assert at(ga.events[-1]["session"], path) == GA_SETTINGS[path]


@pytest.mark.parametrize(
    ("name", "value"), [("reasoning", {"effort": "high"}), ("parallel_tool_calls", False)]
)
async def test_each_setting_of_a_reasoning_model_is_sent_back(
    reasoning: SdkConnection, name: str, value: Any
) -> None:
    await reasoning.update(**{name: value})
    assert reasoning.events[-1]["session"][name] == value


@pytest.mark.parametrize("name", PREVIEW_SETTINGS)
async def test_each_setting_of_the_preview_is_sent_back(preview: SdkConnection, name: str) -> None:
    await preview.update(**{name: PREVIEW_SETTINGS[name]})
    assert preview.events[-1]["session"][name] == PREVIEW_SETTINGS[name]


async def test_an_update_leaves_other_settings_alone(client: SdkConnection) -> None:
    first = await client.update(**PRODUCT_UPDATE[client.dialect])
    second = await client.update(instructions="Be long.")
    assert second.instructions == "Be long."
    assert second.to_dict() == {**first.to_dict(), "instructions": "Be long."}


@pytest.mark.parametrize("eagerness", ["low", "high"])
async def test_semantic_turn_detection_is_sent_back(client: SdkConnection, eagerness: str) -> None:
    wanted = {
        "type": "semantic_vad",
        "eagerness": eagerness,
        "create_response": False,
        "interrupt_response": False,
    }
    session = await client.update_input(turn_detection=wanted)
    detection = session.audio.input.turn_detection if client.dialect == "ga" else session.turn_detection
    assert detection.to_dict() == wanted


# Turns


async def test_a_typed_turn_is_answered_in_text(client: SdkConnection) -> None:
    await client.text_only()
    response = await client.answer("Tell me about penguins.")
    deltas = "".join(event["delta"] for event in client.of(client.named("text.delta")))
    [done] = client.of(client.named("text.done"))
    assert done["text"] == deltas
    assert "penguins" in deltas
    assert response.status == "completed"
    assert response.output[0].content[0].text == deltas
    assert not client.of(client.named("audio.delta"))


async def test_a_typed_turn_is_answered_aloud(client: SdkConnection) -> None:
    response = await client.answer("Tell me about penguins.")
    transcript = "".join(event["delta"] for event in client.of(client.named("audio_transcript.delta")))
    [done] = client.of(client.named("audio_transcript.done"))
    assert done["transcript"] == transcript
    assert response.output[0].content[0].transcript == transcript
    assert sum(len(base64.b64decode(event["delta"])) for event in client.of(client.named("audio.delta")))


async def test_a_spoken_turn_is_heard_transcribed_and_answered(client: SdkConnection) -> None:
    await client.update(**PRODUCT_UPDATE[client.dialect])
    await client.send("input_audio_buffer.append", audio=SPOKEN)
    await client.until("response.done")
    kinds = [event["type"] for event in client.events]
    wanted = [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "response.created",
        client.named("audio.delta"),
        client.named("audio.done"),
        "response.done",
    ]
    assert [kind for kind in dict.fromkeys(kinds) if kind in wanted] == wanted
    [started], [committed] = client.of(wanted[0]), client.of(wanted[2])
    [words] = client.of("conversation.item.input_audio_transcription.completed")
    assert started["item_id"] == committed["item_id"] == words["item_id"]
    assert words["transcript"]


async def test_a_turn_is_committed_by_push_to_talk(client: SdkConnection) -> None:
    await client.update_input(turn_detection=None)
    await client.send("input_audio_buffer.append", audio=SPOKEN)
    await client.send("input_audio_buffer.commit")
    committed = await client.until("input_audio_buffer.committed")
    await client.until(client.item_complete)
    assert client.events[-1]["item"]["id"] == committed.item_id
    response = await client.respond()
    assert response.status == "completed"
    assert not client.of("input_audio_buffer.speech_started")


async def test_a_cleared_buffer_has_nothing_to_commit(client: SdkConnection) -> None:
    await client.update_input(turn_detection=None)
    await client.send("input_audio_buffer.append", audio=SPOKEN)
    await client.send("input_audio_buffer.clear")
    await client.until("input_audio_buffer.cleared")
    await client.send("input_audio_buffer.commit")
    assert (await client.error()).code == "input_audio_buffer_commit_empty"


async def test_speech_without_create_response_waits_for_the_client(client: SdkConnection) -> None:
    await client.update_input(turn_detection={"type": "server_vad", "create_response": False})
    await client.send("input_audio_buffer.append", audio=SPOKEN)
    await client.until(client.item_complete)
    assert not client.of("response.created")
    assert (await client.respond()).status == "completed"


# Items


async def test_an_item_is_inserted_retrieved_and_deleted(client: SdkConnection) -> None:
    await client.add(message("first"))
    placed = await client.add(message("before"), previous_item_id="root")
    assert placed.id == "before"
    await client.send("conversation.item.retrieve", item_id="before")
    assert (await client.until("conversation.item.retrieved")).item.content[0].text == "before"
    await client.send("conversation.item.delete", item_id="before")
    assert (await client.until("conversation.item.deleted")).item_id == "before"
    await client.send("conversation.item.retrieve", item_id="before")
    assert (await client.error()).param == "item_id"


async def test_a_conversation_of_all_roles_is_accepted(client: SdkConnection) -> None:
    written = "output_text" if client.dialect == "ga" else "text"
    history = [
        message("rules", "system"),
        message("question"),
        message("reply", "assistant", written),
        {"id": "call", "type": "function_call", "call_id": "call_1", "name": "other", "arguments": "{}"},
        {"id": "output", "type": "function_call_output", "call_id": "call_1", "output": '{"done": true}'},
    ]
    before = None
    for item in history:
        assert (await client.add(item)).id == item["id"]
        assert client.events[-1]["previous_item_id"] == before
        before = item["id"]
    assert "done" in (await client.respond()).output[0].content[0].transcript


async def test_an_answer_is_truncated_to_what_was_heard(client: SdkConnection) -> None:
    response = await client.answer("Hello")
    item_id = response.output[0].id
    await client.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=300)
    truncated = await client.until("conversation.item.truncated")
    assert (truncated.item_id, truncated.audio_end_ms) == (item_id, 300)
    await client.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=9000)
    assert "already shorter" in (await client.error()).message


async def test_a_picture_is_looked_at_and_counted(ga: SdkConnection) -> None:
    picture = {"type": "input_image", "image_url": f"data:image/png;base64,{png(64, 32)}"}
    await ga.add({"type": "message", "role": "user", "content": [picture]})
    response = await ga.respond()
    assert "64" in response.output[0].content[0].transcript
    assert response.usage.input_token_details.image_tokens > 0


def png(width: int, height: int) -> str:
    """Return a black picture as a PNG in base64."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(height * (width + 1)))
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return base64.b64encode(data).decode()


# Responses


async def test_a_response_outside_the_conversation_does_not_change_it(client: SdkConnection) -> None:
    await client.say("We speak of apples.")
    question = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "Which topic is this: pears?"}],
    }
    response = await client.respond(conversation="none", metadata={"purpose": "topic"}, input=[question])
    assert response.metadata == {"purpose": "topic"}
    assert "pears" in response.output[0].content[0].transcript
    assert not [
        event
        for event in client.events
        if event["type"].startswith("conversation.item") and event["item"]["role"] == "assistant"
    ]


async def test_a_response_may_refer_to_an_item(client: SdkConnection) -> None:
    await client.say("We speak of apples.")
    item_id = client.events[-1]["item"]["id"]
    await client.say("We speak of pears.")
    response = await client.respond(conversation="none", input=[{"type": "item_reference", "id": item_id}])
    assert "apples" in response.output[0].content[0].transcript


async def test_a_response_has_its_own_instructions_and_modality(client: SdkConnection) -> None:
    text = {"output_modalities" if client.dialect == "ga" else "modalities": ["text"]}
    response = await client.respond(instructions="Say exactly: pineapple.", **text)
    assert "pineapple" in response.output[0].content[0].text


async def test_a_response_stops_at_its_most_tokens(client: SdkConnection) -> None:
    most = "max_output_tokens" if client.dialect == "ga" else "max_response_output_tokens"
    response = await client.answer("/long", **{most: 20})
    assert (response.status, response.status_details.reason) == ("incomplete", "max_output_tokens")
    assert response.output[0].status == "incomplete"


async def test_usage_is_counted_and_grows(client: SdkConnection) -> None:
    await client.update(instructions="Be brief. " * 50)  # what is cached is counted in blocks
    first = (await client.answer("One")).usage
    second = (await client.answer("Two")).usage
    assert first.total_tokens == first.input_tokens + first.output_tokens
    assert first.output_token_details.audio_tokens > 0
    assert second.input_tokens > first.input_tokens
    assert second.input_token_details.cached_tokens > 0


async def test_a_failed_response_says_why(client: SdkConnection) -> None:
    response = await client.answer("/error")
    assert response.status == "failed"
    assert response.status_details.error.code or response.status_details.error.type


async def test_a_response_is_cancelled(paced: SdkConnection) -> None:
    await paced.say("/long")
    await paced.send("response.create")
    created = await paced.until("response.created")
    await paced.until(paced.named("audio.delta"))
    await paced.send("response.cancel", response_id=created.response.id)
    response = (await paced.until("response.done")).response
    assert (response.status, response.status_details.reason) == ("cancelled", "client_cancelled")
    assert response.output[0].status == "incomplete"


async def test_there_is_one_response_at_a_time(paced: SdkConnection) -> None:
    await paced.say("/long")
    await paced.send("response.create")
    await paced.until(paced.named("audio.delta"))
    await paced.send("response.create")
    with pytest.raises(AssertionError, match="conversation_already_has_active_response"):
        await paced.until("response.done")


async def test_speech_interrupts_the_answer(paced: SdkConnection) -> None:
    await paced.say("/long")
    await paced.send("response.create")
    await paced.until(paced.named("audio.delta"))
    await paced.send("input_audio_buffer.append", audio=SPOKEN)
    await paced.until("input_audio_buffer.speech_started")
    response = (await paced.until("response.done")).response
    assert (response.status, response.status_details.reason) == ("cancelled", "turn_detected")


async def test_a_cancel_without_a_response_is_an_error(client: SdkConnection) -> None:
    await client.send("response.cancel")
    assert (await client.error()).code == "response_cancel_not_active"


# Tools


async def test_a_tool_is_called_and_its_output_spoken(client: SdkConnection) -> None:
    await client.update(tools=[WEATHER, OTHER], tool_choice="auto")
    response = await client.answer("What is the weather in Paris?")
    [call] = [item for item in response.output if item.type == "function_call"]
    assert (call.name, json.loads(call.arguments)["city"]) == ("get_weather", "Paris")
    deltas = "".join(event["delta"] for event in client.of("response.function_call_arguments.delta"))
    [done] = client.of("response.function_call_arguments.done")
    assert done["arguments"] == deltas == call.arguments
    assert done["name"] == "get_weather"
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "11 degrees and rain"}
    await client.add(output)
    spoken = await client.respond()
    assert "11 degrees and rain" in spoken.output[0].content[0].transcript


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ("required", "get_weather"),
        ("none", None),
        ({"type": "function", "name": "other"}, "other"),
    ],
)
async def test_the_choice_of_tools_is_obeyed(client: SdkConnection, choice: Any, called: str | None) -> None:
    await client.say("What is the weather in Paris?")
    response = await client.respond(tools=[WEATHER, OTHER], tool_choice=choice)
    assert [item.name for item in response.output if item.type == "function_call"] == [called] * bool(called)


async def test_tools_are_called_in_parallel(reasoning: SdkConnection) -> None:
    one_city = {**WEATHER, "parameters": {**WEATHER["parameters"], "required": ["city"]}}
    await reasoning.update(tools=[one_city], parallel_tool_calls=True)
    response = await reasoning.answer("What is the weather in Paris and Oslo?")
    calls = [item for item in response.output if item.type == "function_call"]
    assert [json.loads(call.arguments)["city"] for call in calls] == ["Paris", "Oslo"]
    for call in calls:
        await reasoning.add({"type": "function_call_output", "call_id": call.call_id, "output": "done"})
    assert (await reasoning.respond()).output[0].type == "message"


async def test_a_reasoning_model_names_the_phase_of_its_answer(reasoning: SdkConnection) -> None:
    response = await reasoning.answer("Hello")
    assert response.output[0].phase == "final_answer"
    assert response.usage.output_token_details.reasoning_tokens > 0


async def test_an_output_for_no_call_is_refused(client: SdkConnection) -> None:
    output = {"type": "function_call_output", "call_id": "call_x", "output": "done"}
    await client.send("conversation.item.create", item=output)
    assert (await client.error()).code == "invalid_tool_call_id"


# Audio formats, speed, transcription, silence


@pytest.mark.parametrize(("ga_name", "preview_name"), [("pcmu", "g711_ulaw"), ("pcma", "g711_alaw")])
async def test_g711_audio_is_heard_and_spoken(client: SdkConnection, ga_name: str, preview_name: str) -> None:
    if client.dialect == "ga":
        form = {"format": {"type": f"audio/{ga_name}"}}
        await client.update(audio={"input": form, "output": form})
    else:
        await client.update(input_audio_format=preview_name, output_audio_format=preview_name)
    spoken = base64.b64encode(to_g711(UTTERANCE, ga_name)).decode()
    await client.send("input_audio_buffer.append", audio=spoken)
    started = await client.until("input_audio_buffer.speech_started")
    assert abs(started.audio_start_ms - 200) < 200  # half a second of silence, less the padding
    response = (await client.until("response.done")).response
    seconds = response.usage.output_token_details.audio_tokens / 20
    received = sum(len(base64.b64decode(event["delta"])) for event in client.of(client.named("audio.delta")))
    assert received / 8000 == pytest.approx(seconds, rel=0.1)


def to_g711(pcm: bytes, law: str) -> bytes:
    """Return 24 kHz PCM16 as 8 kHz G.711, by the formulas of the two laws."""
    samples = struct.unpack(f"<{len(pcm) // 2}h", pcm)[::3]
    return bytes(mu_law(each) if law == "pcmu" else a_law(each) for each in samples)


def mu_law(sample: int) -> int:
    magnitude = min(abs(sample), 32635) + 132
    exponent = magnitude.bit_length() - 8
    mantissa = magnitude >> (exponent + 3) & 15
    return ~((0x80 if sample < 0 else 0) | exponent << 4 | mantissa) & 0xFF


def a_law(sample: int) -> int:
    magnitude = min(abs(sample) >> 3, 4095)
    exponent = max(magnitude.bit_length() - 5, 0)
    mantissa = magnitude >> max(exponent, 1) & 15
    return ((0 if sample < 0 else 0x80) | exponent << 4 | mantissa) ^ 0x55


async def test_a_faster_voice_needs_less_audio(client: SdkConnection) -> None:
    lengths = []
    for speed in (1.0, 1.5):
        await client.update(
            **({"audio": {"output": {"speed": speed}}} if client.dialect == "ga" else {"speed": speed})
        )
        del client.events[:]
        await client.answer("Say exactly: penguins.")
        deltas = client.of(client.named("audio.delta"))
        lengths.append(sum(len(base64.b64decode(event["delta"])) for event in deltas))
    assert lengths[0] / lengths[1] == pytest.approx(1.5, rel=0.1)


async def test_a_transcription_has_the_probabilities_of_its_words(ga: SdkConnection) -> None:
    await ga.update(
        include=["item.input_audio_transcription.logprobs"],
        audio={
            "input": {
                "transcription": {"model": "gpt-4o-transcribe"},
                "turn_detection": {"type": "server_vad", "create_response": False},
            }
        },
    )
    await ga.send("input_audio_buffer.append", audio=SPOKEN)
    words = await ga.until("conversation.item.input_audio_transcription.completed")
    assert "".join(each.token for each in words.logprobs) == words.transcript
    assert all(each.logprob <= 0 for each in words.logprobs)


async def test_a_session_may_transcribe_only(service: Service, style: bool) -> None:
    """The relay has no transcription sessions, so this client goes to the simulator itself."""
    query = {"intent": "transcription"}
    async with connect(
        service.simulator.url, "ga", asynchronous=style, extra_query=query, extra_headers=THEIR_KEY
    ) as client:
        heard = {"transcription": {"model": "gpt-4o-transcribe"}, "turn_detection": {"type": "server_vad"}}
        settings = {"type": "transcription", "audio": {"input": heard}}
        await client.send("session.update", session=settings)
        assert (await client.until("session.updated")).session.type == "transcription"
        await client.send("input_audio_buffer.append", audio=SPOKEN)
        words = await client.until("conversation.item.input_audio_transcription.completed")
        assert words.transcript
        assert words.usage.type == "tokens"
        assert not client.of("response.created")


@pytest.mark.long
async def test_a_silence_is_answered_after_the_idle_timeout(ga: SdkConnection) -> None:
    detection = {"type": "server_vad", "idle_timeout_ms": 5000}
    await ga.update(output_modalities=["text"], audio={"input": {"turn_detection": detection}})
    await ga.answer("Hello")
    triggered = await ga.until("input_audio_buffer.timeout_triggered")
    committed = await ga.until("input_audio_buffer.committed")
    assert committed.item_id == triggered.item_id
    assert (await ga.until("response.done")).response.status == "completed"


# Errors


@pytest.mark.parametrize(
    ("settings", "code", "param"),
    [
        ({"colour": "red"}, "unknown_parameter", "session.colour"),
        ({"instructions": 7}, "invalid_type", "session.instructions"),
        ({"tools": [{"type": "function"}]}, "missing_required_parameter", "session.tools[0].name"),
        ({"tool_choice": "perhaps"}, "invalid_value", "session.tool_choice"),
    ],
)
async def test_a_wrong_setting_is_refused(
    client: SdkConnection, settings: dict[str, Any], code: str, param: str
) -> None:
    event = {"type": "session.update", "event_id": "mine", "session": {**TYPED[client.dialect], **settings}}
    await client.send_raw(event)
    error = await client.error()
    assert (error.code, error.param, error.event_id) == (code, param, "mine")
    assert (await client.update(instructions="Still here.")).instructions == "Still here."


@pytest.mark.parametrize(
    ("dialect", "session"),
    [("ga", {"type": "realtime", "modalities": ["text"]}), ("preview", {"output_modalities": ["text"]})],
)
async def test_the_other_dialects_settings_are_refused(
    service: Service, style: bool, dialect: str, session: dict[str, Any]
) -> None:
    async with connect(service.relay, dialect, asynchronous=style) as client:
        await client.send_raw({"type": "session.update", "session": session})
        assert (await client.error()).code == "unknown_parameter"


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"type": "letter"}, "item.type"),
        ({"type": "message", "role": "teacher", "content": []}, "item.role"),
        (
            {"type": "message", "role": "user", "content": [{"type": "output_text", "text": "?"}]},
            "item.content[0].type",
        ),
    ],
)
async def test_a_wrong_item_is_refused(client: SdkConnection, item: dict[str, Any], param: str) -> None:
    await client.send_raw({"type": "conversation.item.create", "item": item})
    error = await client.error()
    assert (error.code, error.param) == ("invalid_value", param)


async def test_an_unknown_event_is_refused(client: SdkConnection) -> None:
    await client.send_raw({"type": "session.dance"})
    error = await client.error()
    assert error.type == "invalid_request_error"
    assert (error.code, error.param) == ("invalid_value", "type")


async def test_the_voice_stays_once_it_was_heard(client: SdkConnection) -> None:
    await client.answer("Hello")
    voice = {"audio": {"output": {"voice": "ash"}}} if client.dialect == "ga" else {"voice": "ash"}
    await client.send("session.update", session={**TYPED[client.dialect], **voice})
    await client.until("rate_limits.updated") if client.dialect == "preview" else None
    assert (await client.error()).code == "cannot_update_voice"


async def test_an_error_that_was_asked_for_comes_as_an_event(client: SdkConnection) -> None:
    await client.say("/error rate_limit_exceeded")
    await client.send("response.create")
    assert (await client.error()).code == "rate_limit_exceeded"


# The connection


@pytest.mark.parametrize("dialect", ["ga", "preview"])
async def test_headers_and_query_of_the_client_stay_with_the_relay(
    service: Service, style: bool, dialect: str
) -> None:
    async with connect(
        service.relay,
        dialect,
        asynchronous=style,
        extra_query={"colour": "red"},
        extra_headers={"x-client": "mine"},
    ):
        handshake = service.simulator.handshakes[-1]
    assert "colour" not in handshake.query
    assert "x-client" not in handshake.headers
    assert "any" not in handshake.query.values()


@pytest.mark.parametrize("dialect", ["ga", "preview"])
async def test_the_subprotocol_is_selected(service: Service, style: bool, dialect: str) -> None:
    options = {"subprotocols": ["realtime"]}
    async with connect(
        service.relay, dialect, asynchronous=style, websocket_connection_options=options
    ) as client:
        assert client.connection._connection.subprotocol == "realtime"  # noqa: SLF001 - the package has no name for it


async def test_a_close_code_of_the_service_arrives(client: SdkConnection) -> None:
    await client.say("/close 4321")
    await client.send("response.create")
    with pytest.raises(ConnectionClosed) as closed:
        await client.receive()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4321


async def test_events_are_iterated_to_the_answers_end(client: SdkConnection) -> None:
    await client.text_only()
    await client.say("Hello")
    await client.send("response.create")
    kinds = await iterate(client.connection, "response.done")
    assert kinds[0] == "response.created"
    assert client.named("text.delta") in kinds


async def iterate(connection: Any, last: str) -> list[str]:
    """Return the types of the events that the connection yields up to one of this type."""
    kinds: list[str] = []
    if hasattr(connection, "__iter__"):
        await run(lambda: kinds.extend(up_to(last, (event.type for event in connection))))
        return kinds
    async for event in connection:
        kinds.append(event.type)
        if event.type == last:
            break
    return kinds


def up_to(last: str, kinds: Iterable[str]) -> Iterator[str]:
    for kind in kinds:
        yield kind
        if kind == last:
            return


async def test_handlers_are_called_for_their_events(ga: SdkConnection) -> None:
    seen: list[str] = []
    await ga.text_only()
    await ga.say("Tell me about penguins.")
    ga.connection.on("response.output_text.done", lambda event: seen.append(event.text))
    ga.connection.on("response.done", lambda _event: ga.connection.close())
    await ga.send("response.create")
    await run(ga.connection.dispatch_events)
    [text] = seen
    assert "penguins" in text


async def test_a_lost_session_is_opened_again(service: Service, style: bool) -> None:
    codes: list[int] = []
    async with connect(
        service.relay,
        "ga",
        asynchronous=style,
        on_reconnecting=lambda event: codes.append(event.close_code),
        initial_delay=0.01,
    ) as client:
        await client.say("/close 1013")
        await client.send("response.create")
        assert (await iterate(client.connection, "session.created"))[-1] == "session.created"
        assert (await client.answer("Hello")).status == "completed"
    assert codes == [1013]


async def test_sessions_do_not_affect_each_other(service: Service, style: bool) -> None:
    async with (
        connect(service.relay, "ga", asynchronous=style) as first,
        connect(service.relay, "preview", asynchronous=style) as second,
    ):
        await first.say("We speak of apples.")
        await second.say("We speak of pears.")
        assert "pears" in (await second.respond()).output[0].content[0].transcript
        assert "apples" in (await first.respond()).output[0].content[0].transcript
