"""A session in a file: recorded without secrets, and replayed as it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from simulator import Simulator
from simulator.recording import RecordingError, Service, read_recording, without_secrets

if TYPE_CHECKING:
    from pathlib import Path


KEY = "sk-of-the-tests-0123456789"


async def converse(simulator: Simulator, text: str) -> list[dict[str, Any]]:
    """Ask something by text, and return all that the server sends."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    received: list[dict[str, Any]] = []
    async with connect(
        f"{simulator.url}/v1/realtime?model=gpt-realtime", max_size=None, proxy=None
    ) as client:
        received.append(json.loads(await client.recv()))
        await client.send(json.dumps({"type": "conversation.item.create", "item": item}))
        await client.send(json.dumps({"type": "response.create"}))
        while received[-1]["type"] != "response.done":
            received.append(json.loads(await client.recv()))
    return received


async def test_a_replayed_session_sends_what_was_recorded(tmp_path: Path) -> None:
    path = tmp_path / "sessions.jsonl"
    async with Simulator(scripted=True, record=path) as simulator:
        first = await converse(simulator, "Hello")
        second = await converse(simulator, "/error")
    async with Simulator(scripted=True, replay=path) as simulator:
        assert await converse(simulator, "Hello") == first
        assert await converse(simulator, "Anything") == second
        assert await converse(simulator, "Anything") == second


async def test_the_service_is_recorded_without_its_key(tmp_path: Path) -> None:
    """A simulator that requires a key takes the place of the service."""
    path = tmp_path / "session.jsonl"
    async with Simulator(scripted=True, key=KEY) as service:
        url = f"{service.url}/v1/realtime?model=gpt-realtime"
        async with Simulator(service=Service(url, KEY), record=path) as recording:
            received = await converse(recording, f"My key is {KEY}")
    async with Simulator(scripted=True, replay=path) as simulator:
        replayed = await converse(simulator, "Hello")

    assert [event["event_id"] for event in replayed] == [event["event_id"] for event in received]
    assert KEY not in path.read_text()


@pytest.mark.parametrize(("key", "port"), [("a-wrong-key", None), (KEY, 9)])
async def test_a_service_that_cannot_be_reached_is_reported(key: str, port: int | None) -> None:
    async with Simulator(key=KEY) as service:
        origin = f"ws://127.0.0.1:{port}" if port else service.url
        url = f"{origin}/v1/realtime?model=gpt-realtime"
        async with (
            Simulator(service=Service(url, key)) as recording,
            connect(f"{recording.url}/v1/realtime?model=gpt-realtime", proxy=None) as client,
        ):
            with pytest.raises(ConnectionClosed):
                await client.recv()
            assert client.close_code == 1014
            assert client.close_reason
            assert "not reached" in client.close_reason


async def test_a_replay_waits_for_the_client(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    lines = [
        {"session": 1, "at_ms": 0, "from": "server", "event": {"type": "session.created"}},
        {"session": 1, "at_ms": 5, "from": "client", "event": {"type": "input_audio_buffer.append"}},
        {"session": 1, "at_ms": 9, "from": "client", "event": {"type": "response.create"}},
        {"session": 1, "at_ms": 12, "from": "server", "event": {"type": "response.created"}},
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    async with (
        Simulator(replay=path) as simulator,
        connect(f"{simulator.url}/v1/realtime?model=gpt-realtime", proxy=None) as client,
    ):
        assert json.loads(await client.recv())["type"] == "session.created"
        for _ in range(5):
            await client.send('{"type":"input_audio_buffer.append","audio":""}')
        await (await client.ping())  # all appends have been read, and nothing has come
        await client.send('{"type":"response.create"}')
        assert json.loads(await client.recv())["type"] == "response.created"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"authorization": "Bearer abc"}, {"authorization": "removed"}),
        ({"session": {"client_secret": {"value": "ek_1"}}}, {"session": {"client_secret": "removed"}}),
        ({"client_secret": None}, {"client_secret": None}),
        ({"text": "my key is sk-proj-0123456789abc"}, {"text": "my key is removed"}),
        ({"tools": [{"headers": {"x": "y"}}]}, {"tools": [{"headers": "removed"}]}),
        (
            {"server_url": "https://contoso.openai.azure.com/x"},
            {"server_url": "https://NAME.openai.azure.com/x"},
        ),
        ({"delta": "c2stcHJvai0wMTIzNDU2Nzg5"}, {"delta": "c2stcHJvai0wMTIzNDU2Nzg5"}),
        ({"text": "Nothing to hide"}, {"text": "Nothing to hide"}),
    ],
)
def test_keys_and_names_are_taken_out(given: dict[str, Any], kept: dict[str, Any]) -> None:
    assert without_secrets(given) == kept


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "holds no session"),
        ("{", "line 1 is not"),
        ('{"session": 1, "at_ms": 1, "from": "server"}', "line 1 is not"),
    ],
)
def test_a_wrong_recording_is_reported_in_one_line(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "wrong.jsonl"
    path.write_text(content)
    with pytest.raises(RecordingError, match=words):
        read_recording(path)
