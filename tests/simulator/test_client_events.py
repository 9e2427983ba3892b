"""What a client may send: anything at all is answered in the protocol."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from session_client import (
    DIALECTS,
    PRODUCT_UPDATE,
    TYPED,
    UTTERANCE,
    WEATHER,
    Event,
    SessionClient,
    done,
    message,
)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", "invalid_json"),
        ("[1]", "invalid_event"),
        ('"text"', "invalid_event"),
        ('{"type": "input_audio_buffer.append", "audio": NaN}', "invalid_json"),
        ("[" * 100_000, "invalid_json"),
        (b"\x00\x01", "invalid_event"),
        ("{}", "missing_required_parameter"),
        ('{"type": 1}', "invalid_type"),
        ('{"type": "session.begin"}', "invalid_value"),
        ('{"type": "input_audio_buffer.append"}', "missing_required_parameter"),
        ('{"type": "input_audio_buffer.append", "audio": 1}', "invalid_type"),
        ('{"type": "input_audio_buffer.append", "audio": "A"}', "invalid_value"),
        ('{"type": "input_audio_buffer.append", "audio": "é"}', "invalid_value"),
        ('{"type": "input_audio_buffer.append", "audio": "", "rate": 1}', "unknown_parameter"),
        ('{"type": "session.update", "session": null}', "invalid_type"),
        ('{"type": "response.create", "response": []}', "invalid_type"),
        ('{"type": "conversation.item.truncate", "item_id": "a"}', "missing_required_parameter"),
        ('{"type": "output_audio_buffer.clear"}', "invalid_value"),
    ],
)
def test_a_message_that_is_no_event_causes_an_error_and_the_session_goes_on(
    client: SessionClient, message: str | bytes, code: str
) -> None:
    assert client.fails(message)["code"] == code
    assert done(client.answer("Still there?"))["status"] == "completed"


def test_the_error_for_an_unknown_event_type_lists_the_known_types(client: SessionClient) -> None:
    error = client.fails({"type": "session.begin"})

    assert error["message"].startswith(
        "Invalid value: 'session.begin'. Supported values are: 'session.update', "
    )
    assert error["param"] == "type"


def test_too_long_append_is_refused(client: SessionClient) -> None:
    error = client.fails({"type": "input_audio_buffer.append", "audio": "A" * (15 * 2**20 + 4)})

    assert error["code"] == "string_above_max_length"


@pytest.mark.parametrize("schema", ['{"a":' * 40 + "1" + "}" * 40, '{"maximum": 1e400}'])
def test_a_schema_that_cannot_be_sent_back_as_json_is_refused(client: SessionClient, schema: str) -> None:
    settings = json.dumps(
        {**TYPED[client.name], "tools": [{"type": "function", "name": "x", "parameters": "?"}]}
    )
    update = f'{{"type": "session.update", "session": {settings.replace(chr(34) + "?" + chr(34), schema)}}}'

    assert client.fails(update)["code"] == "invalid_value"


def test_lone_surrogate_survives(client: SessionClient) -> None:
    [created, *_] = client.send_raw(
        '{"type":"conversation.item.create","item":{"type":"message","role":"user",'
        '"content":[{"type":"input_text","text":"\\ud800"}]}}'
    )
    assert created["item"]["content"][0]["text"] == "\ud800"


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9999)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["auto", "none"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "id", "name", "text", "audio"]), inner, max_size=4)
    ),
    max_leaves=6,
)


def some_events(dialect: str) -> list[Event]:
    """Return a valid event of each kind."""
    modalities = {"modalities" if dialect == "preview" else "output_modalities": ["text"]}
    tools = {"tools": [WEATHER], "tool_choice": "required"}
    return [
        {"type": "session.update", "session": {**PRODUCT_UPDATE[dialect], **tools}},
        {"type": "input_audio_buffer.append", "audio": base64.b64encode(UTTERANCE).decode()},
        {"type": "input_audio_buffer.commit"},
        {"type": "conversation.item.create", "previous_item_id": "root", "item": message("a")},
        {"type": "conversation.item.create", "item": message("b", "assistant", DIALECTS[dialect].text_content)},
        {"type": "conversation.item.create", "item": {"type": "function_call", "name": "x", "call_id": "c", "arguments": "{}"}},
        {"type": "conversation.item.create", "item": {"type": "function_call_output", "call_id": "c", "output": "1"}},
        {"type": "conversation.item.retrieve", "item_id": "a"},
        {"type": "conversation.item.truncate", "item_id": "item_000002", "content_index": 0, "audio_end_ms": 9},
        {"type": "conversation.item.delete", "item_id": "a"},
        {"type": "response.create", "response": {**modalities, "input": [message("d")], "conversation": "none", "metadata": {"a": "b"}}},
        {"type": "response.create"},
        {"type": "response.cancel"},
    ]  # fmt: skip


def spoilt(event: Event, seed: int, value: Any) -> Event:
    """Return the event with some part of it replaced, taken out or joined by another."""
    event = json.loads(json.dumps(event))
    chance = random.Random(seed)
    place: Any = event
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = chance.choice(keys)
        if isinstance(place[key], dict | list) and place[key] and chance.random() < 0.8:
            place = place[key]
            continue
        if chance.random() < 0.2:
            del place[key]
        elif chance.random() < 0.2 and isinstance(place, dict):
            place[chance.choice(["id", "type", "status", "more"])] = value
        else:
            place[key] = value
        return event


@pytest.mark.thorough
@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 9999), VALUES, st.booleans()), max_size=8))
def test_any_event_is_answered_by_events_of_the_protocol(
    dialect: str, sent: list[tuple[int, int, Any, bool]]
) -> None:
    client, right = SessionClient(dialect), some_events(dialect)
    for index, seed, value, is_right in sent:
        event = right[index] if is_right else spoilt(right[index], seed, value)
        client.send_raw(json.dumps(event))
        client.step(2)
    client.finish()
