"""A session's opening and its settings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sdk_models import event_models, leaves
from session_client import PRODUCT_UPDATE, TYPED, UTTERANCE, Event, SessionClient, types

from simulator.session import ELSEWHERE


def test_a_session_opens_with_one_event(client: SessionClient) -> None:
    assert types(client.events) == ["session.created"]


def test_preview_session_shows_what_only_its_service_adds() -> None:
    [created] = SessionClient("preview").events

    added = {"truncation": "auto", "prompt": None, "include": None, "client_secret": None}
    assert includes(created["session"], added)


def test_session_names_the_model_of_its_deployment(client: SessionClient) -> None:
    model = "gpt-realtime-2025-08-28"
    other = SessionClient(client.name, model=model)

    assert client.events[0]["session"]["model"] == "gpt-realtime"
    assert other.events[0]["session"]["model"] == other.update()["model"] == model


def test_settings_that_were_not_given_are_told_as_null(client: SessionClient) -> None:
    session = client.update_input(transcription={"model": "whisper-1"}, turn_detection={"type": "server_vad"})

    flat = client.name == "preview"
    settings = session if flat else session["audio"]["input"]
    transcription = settings["input_audio_transcription" if flat else "transcription"]
    assert transcription == {"model": "whisper-1", "language": None, "prompt": None}
    assert settings["turn_detection"]["idle_timeout_ms"] is None


def test_preview_takes_turn_detection_of_type_none_and_tells_null() -> None:
    client = SessionClient("preview")
    update = {"type": "session.update", "session": {"turn_detection": {"type": "none"}}}

    [updated] = client.send_raw(json.dumps(update))

    assert updated["session"]["turn_detection"] is None
    assert client.speak(UTTERANCE) == []


def test_ga_opens_with_session_that_tells_its_dialect() -> None:
    [created] = SessionClient("ga").events
    assert created["session"]["type"] == "realtime"
    assert created["session"]["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24_000}


def includes(whole: Any, part: Any) -> bool:
    if isinstance(part, dict):
        return all(name in whole and includes(whole[name], value) for name, value in part.items())
    return bool(whole == part)


def test_product_settings_are_accepted_and_told_back(client: SessionClient) -> None:
    [updated] = client.send("session.update", session=PRODUCT_UPDATE[client.name])

    assert updated["type"] == "session.updated"
    assert includes(updated["session"], PRODUCT_UPDATE[client.name])


def test_later_update_changes_only_what_it_names(client: SessionClient) -> None:
    before = client.update_input(transcription={"model": "whisper-1"})
    after = client.update(instructions="Now sing.")

    assert after == {**before, "instructions": "Now sing."}


def test_turn_detection_is_filled_with_the_defaults_of_its_type(client: SessionClient) -> None:
    updated = client.update_input(turn_detection={"type": "semantic_vad"})

    settings = updated if client.name == "preview" else updated["audio"]["input"]
    assert settings["turn_detection"] == {
        "type": "semantic_vad",
        "eagerness": "auto",
        "create_response": True,
        "interrupt_response": True,
    }


@pytest.mark.parametrize(("name", "other"), [("preview", "ga"), ("ga", "preview")])
def test_update_in_the_other_dialect_is_refused_whole(name: str, other: str) -> None:
    client = SessionClient(name)
    error = client.fails({"type": "session.update", "event_id": "mine", "session": PRODUCT_UPDATE[other]})

    if name == "preview":
        assert error["code"] == "unknown_parameter"
        assert error["message"] == "Unknown parameter: 'session.type'."
    else:
        assert error["code"] == "missing_required_parameter"
        assert error["message"] == "Missing required parameter: 'session.type'."
    assert error["param"] == "session.type"
    assert error["event_id"] == "mine"
    assert client.update()["instructions"].startswith("This is a simulator")


BAD_SETTINGS: list[tuple[str, Event, str, str]] = [
    ("preview", {"voice": "nobody"}, "invalid_value", "session.voice"),
    ("preview", {"modalities": ["audio"]}, "invalid_value", "session.modalities"),
    ("preview", {"temperature": 3}, "decimal_above_max_value", "session.temperature"),
    ("preview", {"temperature": float("1e-3")}, "decimal_below_min_value", "session.temperature"),
    ("preview", {"instructions": 3}, "invalid_type", "session.instructions"),
    ("preview", {"input_audio_format": "g711_ulaw"}, "unsupported_by_simulator", "session.input_audio_format"),
    ("preview", {"max_response_output_tokens": 0}, "integer_below_min_value", "session.max_response_output_tokens"),
    ("preview", {"turn_detection": {"type": "manual"}}, "invalid_value", "session.turn_detection.type"),
    ("ga", {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "none"}}}}, "invalid_value", "session.audio.input.turn_detection.type"),
    ("preview", {"turn_detection": {}}, "missing_required_parameter", "session.turn_detection.type"),
    ("preview", {"turn_detection": "server_vad"}, "invalid_type", "session.turn_detection"),
    ("preview", {"tools": {}}, "invalid_type", "session.tools"),
    ("preview", {"tools": [{"type": "function"}]}, "missing_required_parameter", "session.tools[0].name"),
    ("ga", {"type": "realtime", "temperature": 0.8}, "unknown_parameter", "session.temperature"),
    ("ga", {"type": "realtime", "output_modalities": ["text", "audio"]}, "invalid_value", "session.output_modalities"),
    ("ga", {"type": "transcription"}, "unsupported_by_simulator", "session"),
    ("ga", {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcmu"}}}}, "unsupported_by_simulator", "session.audio.input.format"),
    ("ga", {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 6000}}}}, "unsupported_by_simulator", "session.audio.input.turn_detection.idle_timeout_ms"),
    ("ga", {"type": "realtime", "tools": [{"type": "mcp", "server_label": "x"}]}, "unsupported_by_simulator", "session.tools[0]"),
    ("ga", {"type": "realtime", "tool_choice": "all"}, "invalid_value", "session.tool_choice"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "session", "code", "param"), BAD_SETTINGS)
def test_bad_setting_is_named(name: str, session: Event, code: str, param: str) -> None:
    error = SessionClient(name).fails({"type": "session.update", "session": session})

    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, param)


def test_supported_values_are_listed_in_words() -> None:
    error = SessionClient("preview").fails({"type": "session.update", "session": {"tool_choice": "all"}})

    assert error["message"] == "Invalid value: 'all'. Supported values are: 'auto', 'none' and 'required'."


def test_voice_stays_once_it_was_heard(client: SessionClient) -> None:
    def voice(name: str) -> Event:
        settings = {"voice": name} if client.name == "preview" else {"audio": {"output": {"voice": name}}}
        return client.send("session.update", session={**TYPED[client.name], **settings})[0]

    assert voice("verse")["type"] == "session.updated"
    client.answer("Hello.")

    assert voice("verse")["type"] == "session.updated"
    assert voice("alloy")["error"]["code"] == "cannot_update_voice"


def test_every_setting_of_the_sdk_is_known(client: SessionClient) -> None:
    """A setting is accepted, or refused for its value or as not simulated; none is unknown."""
    session = leaves(
        event_models(client.name, "client")["session.update"].model_fields["session"].annotation
    )[0]
    paths: list[tuple[str, ...]] = [(name,) for name in session.model_fields]
    if client.name == "ga":
        [both] = leaves(session.model_fields["audio"].annotation)
        directions = {name: leaves(field.annotation)[0] for name, field in both.model_fields.items()}
        paths += [("audio", name, inner) for name, part in directions.items() for inner in part.model_fields]

    for path in paths:
        settings: Any = None
        for name in reversed(path):
            settings = {name: settings}
        [event] = client.send_raw(
            json.dumps({"type": "session.update", "session": {**TYPED[client.name], **settings}})
        )
        assert event["type"] == "session.updated" or event["error"]["code"] != "unknown_parameter", event


def test_every_response_setting_of_the_sdk_is_known(client: SessionClient) -> None:
    model = leaves(
        event_models(client.name, "client")["response.create"].model_fields["response"].annotation
    )[0]
    for name in model.model_fields:
        event = client.send_raw(json.dumps({"type": "response.create", "response": {name: object.__name__}}))[
            0
        ]
        assert event["type"] != "error" or event["error"]["code"] != "unknown_parameter", event
        client.finish()


def test_every_client_event_of_the_sdk_is_known(client: SessionClient) -> None:
    for kind in event_models(client.name, "client"):
        [event] = client.send_raw(json.dumps({"type": kind, "nonsense": 1}))
        assert event["error"]["code"] == (
            "unsupported_by_simulator" if kind in ELSEWHERE else "unknown_parameter"
        )
