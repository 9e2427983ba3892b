"""The simulator over real sockets: stock SDK clients, pace, handshakes, and each fault it can be given."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import ssl
import sys
from typing import TYPE_CHECKING, Any, Literal

import pytest
import signals
from openai import AsyncAzureOpenAI, AsyncOpenAI
from sdk_models import check_event
from waiting import eventually
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.typing import Subprotocol

from simulator import Faults, Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import trustme

PATHS = {
    "preview": "/openai/realtime?api-version=2025-04-01-preview&deployment=gpt-realtime",
    "ga": "/openai/v1/realtime?model=gpt-realtime",
}
KEY = "the-key-of-this-test"
Event = dict[str, Any]


def open_session(simulator: Simulator, dialect: str = "ga", path: str = "", **options: Any) -> connect:
    return connect(
        simulator.url + (path or PATHS[dialect]), max_size=None, proxy=None, close_timeout=2, **options
    )


async def receive(client: ClientConnection, until: str) -> list[Event]:
    """Return the events up to the first of this type."""
    events: list[Event] = []
    async with asyncio.timeout(30):
        while not events or events[-1]["type"] != until:
            events.append(json.loads(await client.recv()))
    return events


async def send(client: ClientConnection, kind: str, **fields: Any) -> None:
    await client.send(json.dumps({"type": kind, **fields}))


async def ask(client: ClientConnection, text: str) -> None:
    """Type a message and ask for the answer."""
    content = [{"type": "input_text", "text": text}]
    await send(
        client, "conversation.item.create", item={"type": "message", "role": "user", "content": content}
    )
    await send(client, "response.create")


async def speak(client: ClientConnection, pcm: bytes) -> None:
    for start in range(0, len(pcm), 1920):
        await send(
            client, "input_audio_buffer.append", audio=base64.b64encode(pcm[start : start + 1920]).decode()
        )


def utterance() -> bytes:
    return signals.recording("what_is_the_weather") + bytes(48_000)


def audio(events: list[Event]) -> bytes:
    deltas = [event["delta"] for event in events if event["type"].endswith("audio.delta")]
    return b"".join(map(base64.b64decode, deltas))


async def ending(client: ClientConnection) -> tuple[int, str]:
    """Read to the end of a session and return its close code and reason."""
    async with asyncio.timeout(10):
        while True:
            try:
                await client.recv()
            except ConnectionClosed as closed:
                return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")


async def flood(client: ClientConnection) -> None:
    while True:
        await send(client, "input_audio_buffer.append", audio="A" * 400_000)


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(scripted=True) as simulator:
        yield simulator


@pytest.fixture
async def paced() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        yield simulator


# Stock clients


async def converse(connection: Any, dialect: str) -> str:
    """Speak one turn through an SDK connection and return the written answer."""
    pcm = utterance()
    for start in range(0, len(pcm), 9600):
        await connection.input_audio_buffer.append(audio=base64.b64encode(pcm[start : start + 9600]).decode())
    transcript = ""
    async with asyncio.timeout(60):
        async for event in connection:
            check_event(event.to_dict(), dialect, "server")
            if event.type.endswith("audio_transcript.done"):
                transcript = event.transcript
            if event.type == "response.done":
                assert event.response.status == "completed"
                return transcript
    return transcript


async def test_stock_openai_client_holds_a_spoken_turn(paced: Simulator) -> None:
    client = AsyncOpenAI(api_key=KEY, websocket_base_url=paced.url)
    async with client.realtime.connect(model="gpt-realtime") as connection:
        transcript = await converse(connection, "ga")

    assert transcript.endswith("This is what I heard. (Your own voice, replayed.)")
    [handshake] = paced.handshakes
    assert handshake.path == "/realtime"
    assert handshake.query == {"model": "gpt-realtime"}
    assert handshake.headers["Authorization"] == f"Bearer {KEY}"
    await client.close()


async def test_stock_azure_client_holds_a_spoken_turn_in_preview(paced: Simulator) -> None:
    client = AsyncAzureOpenAI(
        api_key=KEY,
        azure_endpoint="https://nowhere.invalid",
        api_version="2025-04-01-preview",
        websocket_base_url=f"{paced.url}/openai",
    )
    async with client.beta.realtime.connect(model="gpt-realtime") as connection:
        transcript = await converse(connection, "preview")

    assert transcript.endswith("This is what I heard. (Your own voice, replayed.)")
    [handshake] = paced.handshakes
    assert handshake.path == "/openai/realtime"
    assert handshake.query == {"api-version": "2025-04-01-preview", "deployment": "gpt-realtime"}
    assert handshake.headers["api-key"] == KEY
    await client.close()


async def test_stock_beta_client_gets_the_preview_dialect(simulator: Simulator) -> None:
    client = AsyncOpenAI(api_key=KEY, websocket_base_url=f"{simulator.url}/v1")
    async with client.beta.realtime.connect(model="gpt-realtime") as connection:
        await connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}]}
        )
        await connection.response.create()
        async with asyncio.timeout(30):
            async for event in connection:
                check_event(event.to_dict(), "preview", "server")
                if event.type == "response.done":
                    break
    await client.close()


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/v1/realtime?model=x", "ga"),
        ("/realtime?model=x", "ga"),
        ("/realtime?api-version=2025-04-01-preview&deployment=x", "preview"),
    ],
)
async def test_sdk_paths_speak_what_the_request_asks_for(
    simulator: Simulator, path: str, dialect: str
) -> None:
    async with open_session(simulator, path=path) as client:
        [created] = await receive(client, "session.created")

    assert ("type" in created["session"]) == (dialect == "ga")
    check_event(created, dialect, "server")


# Pace and pressure


@pytest.mark.parametrize("dialect", PATHS)
async def test_scripted_answer_arrives_whole_and_in_order(simulator: Simulator, dialect: str) -> None:
    async with open_session(simulator, dialect) as client:
        await ask(client, "/long")
        pcm = audio(await receive(client, "response.done"))

    period = b"".join(value.to_bytes(2, "little", signed=True) for value in range(-32768, 32768))
    assert pcm == (period * 22)[: 60_000 * 48]


async def test_cancel_is_handled_while_the_answer_is_sent(paced: Simulator) -> None:
    async with open_session(paced) as client:
        await ask(client, "/long")
        before = await receive(client, "response.output_audio.delta")
        await send(client, "response.cancel")
        after = await receive(client, "response.done")

    assert after[-1]["response"]["status_details"]["reason"] == "client_cancelled"
    assert len(audio(before + after)) < 30_000 * 48


async def test_a_stuck_answer_is_cancelled() -> None:
    async with (
        Simulator(scripted=True, faults=Faults(answers=("stuck_midway",))) as simulator,
        open_session(simulator) as client,
    ):
        await ask(client, "Hello.")
        await receive(client, "response.output_audio.delta")
        await send(client, "response.cancel")
        last = await receive(client, "response.done")

    assert last[-1]["response"]["status_details"]["reason"] == "client_cancelled"


async def test_speech_is_handled_while_the_answer_is_sent(paced: Simulator) -> None:
    async with open_session(paced) as client:
        await ask(client, "/long")
        await receive(client, "response.output_audio.delta")
        await speak(client, utterance())
        interrupted = await receive(client, "response.done")
        answered = await receive(client, "response.done")

    names = [event["type"] for event in interrupted]
    assert "response.output_audio.delta" not in names[names.index("input_audio_buffer.speech_started") :]
    assert interrupted[-1]["response"]["status_details"]["reason"] == "turn_detected"
    assert answered[-1]["response"]["status"] == "completed"


async def test_sessions_do_not_wait_for_each_other(paced: Simulator) -> None:
    async with open_session(paced) as talkative, open_session(paced) as other:
        await ask(talkative, "/long")
        await receive(talkative, "response.output_audio.delta")
        await ask(other, "Hello.")
        await receive(other, "response.done")
        await send(talkative, "response.cancel")
        last = await receive(talkative, "response.done")

    assert last[-1]["response"]["status"] == "cancelled"


async def test_client_that_does_not_read_stops_the_simulator() -> None:
    async with Simulator(scripted=True) as simulator, open_session(simulator, max_queue=1) as client:
        await receive(client, "session.created")
        for _ in range(3):
            await ask(client, "/long")
        call = next(iter(simulator._server.connections))  # type: ignore[union-attr]  # noqa: SLF001 - the claim is about its buffer
        await eventually(lambda: call.transport.get_write_buffer_size() > 0, "nothing is buffered")
        assert call.transport.get_write_buffer_size() < 2**18
        await receive(client, "response.done")


async def test_largest_append_is_taken(simulator: Simulator) -> None:
    async with open_session(simulator) as client:
        await send(client, "input_audio_buffer.append", audio="A" * (15 * 2**20))
        await send(client, "input_audio_buffer.clear")
        events = await receive(client, "input_audio_buffer.cleared")

    assert [event["type"] for event in events] == ["session.created", "input_audio_buffer.cleared"]


@pytest.mark.thorough
async def test_others_are_served_during_a_long_append(simulator: Simulator) -> None:
    async with open_session(simulator) as loud, open_session(simulator) as other:
        pcm = base64.b64encode(signals.to_pcm(signals.at(signals.voice(120), -20))).decode()
        await send(loud, "input_audio_buffer.append", audio=pcm)
        await send(loud, "input_audio_buffer.clear")
        await receive(loud, "input_audio_buffer.speech_started")
        append_is_done = asyncio.create_task(receive(loud, "input_audio_buffer.cleared"))
        await ask(other, "Hello.")
        await receive(other, "response.done")
        assert not append_is_done.done()
        await append_is_done


async def test_live_counts_open_sessions(simulator: Simulator) -> None:
    assert simulator.live == 0
    async with open_session(simulator) as client:
        await receive(client, "session.created")
        assert simulator.live == 1
    await eventually(lambda: simulator.live == 0, "a session is left")


async def test_leaving_ends_the_sessions() -> None:
    async with Simulator() as simulator:
        client = await open_session(simulator)
        await receive(client, "session.created")

    assert await ending(client) == (1001, "")


async def test_close_command_closes_with_its_code(simulator: Simulator) -> None:
    async with open_session(simulator) as client:
        await ask(client, "/close 4321")

        assert await ending(client) == (4321, "Closed because it was asked to.")


@pytest.mark.long
async def test_silence_after_an_answer_is_answered_in_time(simulator: Simulator) -> None:
    detection = {"type": "server_vad", "idle_timeout_ms": 5000}
    settings = {
        "type": "realtime",
        "output_modalities": ["text"],
        "audio": {"input": {"turn_detection": detection}},
    }
    async with open_session(simulator) as client:
        await send(client, "session.update", session=settings)
        await ask(client, "Hello.")
        await receive(client, "response.done")
        began_at = asyncio.get_running_loop().time()
        await receive(client, "input_audio_buffer.timeout_triggered")
        assert asyncio.get_running_loop().time() - began_at > 4.5
        await receive(client, "response.done")


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/openai/v1/realtime?model=gpt-realtime-2.1", "gpt-realtime-2.1"),
        ("/openai/v1/realtime?model=my-deployment", "gpt-realtime"),
        ("/realtime?model=gpt-4o-mini-realtime-preview", "gpt-4o-mini-realtime-preview"),
    ],
)
async def test_session_names_the_model_of_the_handshake(simulator: Simulator, path: str, model: str) -> None:
    async with open_session(simulator, path=path) as client:
        [created] = await receive(client, "session.created")

    assert created["session"]["model"] == model


async def test_model_may_be_set() -> None:
    async with Simulator(model="gpt-realtime-2") as simulator, open_session(simulator) as client:
        [created] = await receive(client, "session.created")

    assert created["session"]["model"] == "gpt-realtime-2"


@pytest.mark.parametrize(
    ("path", "opening"),
    [
        ("/openai/v1/realtime?intent=transcription", "session.created"),
        ("/v1/realtime?intent=transcription", "session.created"),
        (
            "/openai/realtime?api-version=2025-04-01-preview&intent=transcription",
            "transcription_session.created",
        ),
    ],
)
async def test_intent_opens_a_transcription_session(simulator: Simulator, path: str, opening: str) -> None:
    async with open_session(simulator, path=path) as client:
        [created] = await receive(client, opening)

    assert created["session"]["object"] == "realtime.transcription_session"


async def test_subprotocol_realtime_is_selected(simulator: Simulator) -> None:
    offered = [Subprotocol("realtime"), Subprotocol("openai-insecure-api-key.x")]
    async with open_session(simulator, subprotocols=offered) as client:
        assert client.subprotocol == "realtime"
    async with open_session(simulator) as client:
        assert client.subprotocol is None
        assert "Sec-WebSocket-Extensions" not in client.response.headers  # type: ignore[union-attr]


async def test_tls_is_served(authority: trustme.CA, azure_tls: ssl.SSLContext) -> None:
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with Simulator(host="localhost", ssl=azure_tls) as simulator:
        assert simulator.url.startswith("wss://localhost:")
        async with open_session(simulator, ssl=trusting) as client:
            await receive(client, "session.created")


# Handshakes


async def refused(simulator: Simulator, path: str, **options: Any) -> tuple[int, str, dict[str, str]]:
    """Return the status, error code and headers of a refusal."""
    with pytest.raises(InvalidStatus) as refusal:
        await open_session(simulator, path=path, **options)
    response = refusal.value.response
    assert response.headers["content-type"] == "application/json"
    assert response.body
    return (
        response.status_code,
        json.loads(response.body)["error"]["code"],
        dict(response.headers.raw_items()),
    )


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/", 404, "404"),
        ("/openai/realtime?deployment=x", 404, "404"),
        ("/openai/realtime?api-version=2031&deployment=x", 404, "404"),
        ("/openai/realtime?api-version=2025-04-01-preview", 404, "DeploymentNotFound"),
        ("/openai/v1/realtime", 404, "DeploymentNotFound"),
        ("/openai/v1/realtime?api-version=2025-04-01-preview&model=x", 400, "BadRequest"),
    ],
)
async def test_wrong_address_is_refused(simulator: Simulator, path: str, status: int, code: str) -> None:
    assert (await refused(simulator, path))[:2] == (status, code)


@pytest.mark.parametrize("dialect", PATHS)
async def test_a_key_is_required_and_accepted_in_either_header(dialect: str) -> None:
    async with Simulator(key=KEY) as simulator:
        for headers in ({}, {"api-key": "wrong"}, {"Authorization": "Bearer wrong"}, {"Authorization": KEY}):
            status, *_ = await refused(simulator, PATHS[dialect], additional_headers=headers)
            assert status == 401
        for headers in ({"api-key": KEY}, {"Authorization": f"Bearer {KEY}"}):
            async with open_session(simulator, dialect, additional_headers=headers) as client:
                await receive(client, "session.created")
        assert len(simulator.handshakes) == 6


async def test_last_thousand_handshakes_are_kept(simulator: Simulator) -> None:
    await refused(simulator, "/")
    simulator.handshakes *= 600
    await refused(simulator, "/second")
    assert len(simulator.handshakes) == 601
    simulator.handshakes *= 2
    await refused(simulator, "/last")

    assert len(simulator.handshakes) == 1000
    assert simulator.handshakes[-1].path == "/last"


# Faults


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "OpperationNotSupported"),
        (401, "401"),
        (403, "AccessDenied"),
        (404, "DeploymentNotFound"),
        (429, "429"),
        (500, "InternalServerError"),
        (502, "502"),
        (503, "ServiceUnavailable"),
    ],
)
async def test_refusal_has_azures_status_and_body(status: int, code: str) -> None:
    async with Simulator(faults=Faults(refuse=status)) as simulator:
        assert (await refused(simulator, PATHS["ga"]))[:2] == (status, code)
        assert simulator.handshakes[0].path == "/openai/v1/realtime"


async def test_refusal_may_say_when_to_retry() -> None:
    async with Simulator(faults=Faults(refuse=429, retry_after_s=7)) as simulator:
        assert (await refused(simulator, PATHS["ga"]))[2]["retry-after"] == "7"


async def test_faults_end_after_the_given_number_of_handshakes() -> None:
    async with Simulator(faults=Faults(refuse=503, times=2)) as simulator:
        for _ in range(2):
            await refused(simulator, PATHS["ga"])
        async with open_session(simulator) as client:
            await receive(client, "session.created")


async def test_faults_can_be_changed_while_the_simulator_serves() -> None:
    async with Simulator() as simulator:
        async with open_session(simulator) as client:
            await receive(client, "session.created")
        simulator.faults = Faults(refuse=403)
        assert (await refused(simulator, PATHS["ga"]))[0] == 403


async def test_redirect_leads_to_its_location(simulator: Simulator) -> None:
    async with Simulator(faults=Faults(redirect=simulator.url + PATHS["ga"])) as redirecting:
        async with open_session(redirecting) as client:
            await receive(client, "session.created")

        assert len(redirecting.handshakes) == len(simulator.handshakes) == 1


@pytest.mark.parametrize("only", ["preview", "ga"])
async def test_one_dialect_may_be_all_that_is_served(only: Any) -> None:
    async with Simulator(faults=Faults(only=only)) as simulator:
        for dialect, path in PATHS.items():
            if dialect == only:
                async with open_session(simulator, dialect) as client:
                    await receive(client, "session.created")
            else:
                assert (await refused(simulator, path))[:2] == (404, "404")


async def test_handshake_may_be_slow() -> None:
    async with Simulator(faults=Faults(handshake_delay_s=60)) as simulator:
        with pytest.raises(TimeoutError):
            await open_session(simulator, open_timeout=0.3)
        assert len(simulator.handshakes) == 1


@pytest.mark.parametrize(("close", "code"), [(3000, "invalid_api_key"), (4000, "invalid_model")])
async def test_session_may_be_rejected_after_the_upgrade(close: Literal[3000, 4000], code: str) -> None:
    async with Simulator(faults=Faults(reject=close)) as simulator, open_session(simulator) as client:
        [error] = await receive(client, "error")
        check_event(error, "ga", "server")
        assert error["error"]["code"] == code
        assert await ending(client) == (close, f"invalid_request_error.{code}")


async def test_session_expires() -> None:
    async with Simulator(faults=Faults(session_s=0.2)) as simulator, open_session(simulator) as client:
        *_, error = await receive(client, "error")
        assert error["error"]["code"] == "session_expired"
        assert await ending(client) == (1001, "Your session hit the maximum duration of 60 minutes.")


async def test_connection_closes_after_so_many_events() -> None:
    faults = Faults(close=4002, close_reason="Enough.", after_events=5)
    async with Simulator(scripted=True, faults=faults) as simulator, open_session(simulator) as client:
        await ask(client, "Hello.")
        for _ in range(5):
            await client.recv()
        assert await ending(client) == (4002, "Enough.")


async def test_connection_closes_after_so_long() -> None:
    faults = Faults(close=1011, after_s=0.2)
    async with Simulator(faults=faults) as simulator, open_session(simulator) as client:
        await receive(client, "session.created")
        assert (await ending(client))[0] == 1011


async def test_connection_may_be_reset() -> None:
    async with (
        Simulator(faults=Faults(drop=True, after_events=1)) as simulator,
        open_session(simulator) as client,
    ):
        await receive(client, "session.created")
        with pytest.raises(ConnectionClosedError) as closed:
            await client.recv()
        assert closed.value.rcvd is None


async def test_simulator_may_stop_sending_and_still_read() -> None:
    faults = Faults(stop_sending=True, after_events=2)
    async with Simulator(scripted=True, faults=faults) as simulator, open_session(simulator) as client:
        await ask(client, "Hello.")
        await client.recv()
        await client.recv()
        for _ in range(40):
            await send(client, "input_audio_buffer.append", audio="A" * 400_000)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await client.recv()


async def test_simulator_may_stop_reading() -> None:
    faults = Faults(stop_reading=True, after_events=1)
    async with Simulator(faults=faults) as simulator, open_session(simulator) as client:
        await receive(client, "session.created")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(flood(client), 1)
        client.transport.abort()


@pytest.mark.parametrize("garbage", ["text", "binary"])
async def test_garbage_comes_once(garbage: Any) -> None:
    faults = Faults(garbage=garbage, after_events=1)
    async with Simulator(scripted=True, faults=faults) as simulator, open_session(simulator) as client:
        await receive(client, "session.created")
        message = await client.recv()
        if garbage == "text":
            with pytest.raises(json.JSONDecodeError):
                json.loads(message)
        else:
            assert isinstance(message, bytes)
        await ask(client, "Hello.")
        await receive(client, "response.done")


async def test_garbage_may_be_no_frame_at_all() -> None:
    faults = Faults(garbage="frame", after_events=1)
    async with Simulator(faults=faults) as simulator, open_session(simulator) as client:
        await receive(client, "session.created")
        with pytest.raises(ConnectionClosedError) as closed:
            await client.recv()
        assert closed.value.sent
        assert closed.value.sent.code == 1002


# The command


async def test_command_serves_and_prints_its_address() -> None:
    options = ("--port", "0", "--key", KEY, "--model", "gpt-realtime-2")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulator", *options, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    try:
        said = [(await process.stdout.readline()).decode() for _ in range(3)]
        for line in said[1:]:
            headers = {"api-key": KEY}
            async with connect(line.split()[1], proxy=None, additional_headers=headers) as client:
                [created] = await receive(client, "session.created")
            assert created["session"]["model"] == "gpt-realtime-2"
    finally:
        process.terminate()
        await process.wait()


async def test_a_port_in_use_is_reported() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(OSError, match="address already in use"),
    ):
        await Simulator(port=taken.getsockname()[1]).__aenter__()


@pytest.mark.parametrize("dialect", ["preview", "ga"])
async def test_the_beta_may_be_switched_off_after_the_upgrade(dialect: str) -> None:
    faults = Faults(beta_disabled=True)
    async with Simulator(faults=faults) as simulator, open_session(simulator, dialect) as client:
        [first] = await receive(client, "session.created" if dialect == "ga" else "error")
        if dialect == "preview":
            assert first["error"]["code"] == "beta_api_shape_disabled"
            assert await ending(client) == (4000, "invalid_request_error.beta_api_shape_disabled")
