"""A session's opening and its settings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sdk_models import event_models, leaves
from session_client import (
    DIALECTS,
    PRODUCT_UPDATE,
    TYPED,
    UTTERANCE,
    WEATHER,
    Event,
    SessionClient,
    done,
    types,
)


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


def test_settings_that_were_not_given_are_null(client: SessionClient) -> None:
    session = client.update_input(transcription={"model": "whisper-1"}, turn_detection={"type": "server_vad"})

    flat = client.name == "preview"
    settings = session if flat else session["audio"]["input"]
    transcription = settings["input_audio_transcription" if flat else "transcription"]
    assert transcription == {"model": "whisper-1", "language": None, "prompt": None}
    assert settings["turn_detection"]["idle_timeout_ms"] is None


def test_preview_accepts_turn_detection_of_type_none_and_returns_null() -> None:
    client = SessionClient("preview")
    update = {"type": "session.update", "session": {"turn_detection": {"type": "none"}}}

    [updated] = client.send_raw(json.dumps(update))

    assert updated["session"]["turn_detection"] is None
    assert client.speak(UTTERANCE) == []


def test_a_ga_session_can_be_recognised_by_session_created() -> None:
    [created] = SessionClient("ga").events
    assert created["session"]["type"] == "realtime"
    assert created["session"]["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24_000}


def includes(whole: Any, part: Any) -> bool:
    if isinstance(part, dict):
        return all(name in whole and includes(whole[name], value) for name, value in part.items())
    return bool(whole == part)


def test_product_settings_are_accepted_and_sent_back(client: SessionClient) -> None:
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
    ("preview", {"voice": {"id": "voice_1"}}, "invalid_type", "session.voice"),
    ("preview", {"modalities": ["audio"]}, "invalid_value", "session.modalities"),
    ("preview", {"temperature": 3}, "decimal_above_max_value", "session.temperature"),
    ("preview", {"temperature": float("1e-3")}, "decimal_below_min_value", "session.temperature"),
    ("preview", {"speed": 2}, "decimal_above_max_value", "session.speed"),
    ("preview", {"instructions": 3}, "invalid_type", "session.instructions"),
    ("preview", {"input_audio_format": "opus"}, "invalid_value", "session.input_audio_format"),
    ("preview", {"max_response_output_tokens": 0}, "integer_below_min_value", "session.max_response_output_tokens"),
    ("preview", {"turn_detection": {"type": "manual"}}, "invalid_value", "session.turn_detection.type"),
    ("preview", {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 6000}}, "unknown_parameter", "session.turn_detection.idle_timeout_ms"),
    ("preview", {"turn_detection": {}}, "missing_required_parameter", "session.turn_detection.type"),
    ("preview", {"turn_detection": "server_vad"}, "invalid_type", "session.turn_detection"),
    ("preview", {"input_audio_transcription": {"delay": "low"}}, "unknown_parameter", "session.input_audio_transcription.delay"),
    ("preview", {"truncation": "auto"}, "unknown_parameter", "session.truncation"),
    ("preview", {"tools": {}}, "invalid_type", "session.tools"),
    ("preview", {"tools": [{"type": "function"}]}, "missing_required_parameter", "session.tools[0].name"),
    ("preview", {"tools": [{"type": "function", "name": "x", "strict": True}]}, "unknown_parameter", "session.tools[0].strict"),
    ("preview", {"tools": [{"type": "mcp", "server_label": "x"}]}, "invalid_value", "session.tools[0].type"),
    ("ga", {"type": "realtime", "temperature": 0.8}, "unknown_parameter", "session.temperature"),
    ("ga", {"type": "realtime", "voice": "alloy"}, "unknown_parameter", "session.voice"),
    ("ga", {"type": "realtime", "output_modalities": ["text", "audio"]}, "invalid_value", "session.output_modalities"),
    ("ga", {"type": "telephone"}, "invalid_value", "session.type"),
    ("ga", {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "none"}}}}, "invalid_value", "session.audio.input.turn_detection.type"),
    ("ga", {"type": "realtime", "audio": {"input": {"format": "pcm16"}}}, "invalid_type", "session.audio.input.format"),
    ("ga", {"type": "realtime", "audio": {"input": {"format": {"type": "audio/opus"}}}}, "invalid_value", "session.audio.input.format.type"),
    ("ga", {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}}, "integer_below_min_value", "session.audio.input.format.rate"),
    ("ga", {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 1000}}}}, "integer_below_min_value", "session.audio.input.turn_detection.idle_timeout_ms"),
    ("ga", {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "semantic_vad", "idle_timeout_ms": 6000}}}}, "unknown_parameter", "session.audio.input.turn_detection.idle_timeout_ms"),
    ("ga", {"type": "realtime", "audio": {"input": {"noise_reduction": {"type": "far_field", "strength": 2}}}}, "decimal_above_max_value", "session.audio.input.noise_reduction.strength"),
    ("ga", {"type": "realtime", "audio": {"output": {"speed": 0.1}}}, "decimal_below_min_value", "session.audio.output.speed"),
    ("ga", {"type": "realtime", "include": ["everything"]}, "invalid_value", "session.include[0]"),
    ("ga", {"type": "realtime", "truncation": {"type": "retention_ratio"}}, "missing_required_parameter", "session.truncation.retention_ratio"),
    ("ga", {"type": "realtime", "tools": [{"type": "mcp"}]}, "missing_required_parameter", "session.tools[0].server_label"),
    ("ga", {"type": "realtime", "tools": [{"type": "mcp", "server_label": "x", "require_approval": "sometimes"}]}, "invalid_value", "session.tools[0].require_approval"),
    ("ga", {"type": "realtime", "tool_choice": "all"}, "invalid_value", "session.tool_choice"),
    ("ga", {"type": "realtime", "tool_choice": {"type": "function"}}, "missing_required_parameter", "session.tool_choice.name"),
    ("ga", {"type": "realtime", "reasoning": {"effort": "low"}}, "invalid_value", "session.reasoning"),
    ("ga", {"type": "realtime", "parallel_tool_calls": True}, "invalid_value", "session.parallel_tool_calls"),
    ("ga", {"type": "transcription"}, "invalid_parameter", "None"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "session", "code", "param"), BAD_SETTINGS)
def test_bad_setting_is_named(name: str, session: Event, code: str, param: str) -> None:
    error = SessionClient(name).fails({"type": "session.update", "session": session})

    assert (error["type"], error["code"], str(error["param"])) == ("invalid_request_error", code, param)


WHOLE_SETTINGS: dict[str, Event] = {
    "preview": {
        "modalities": ["audio", "text"],
        "instructions": "Be brief.",
        "voice": "marin",
        "input_audio_format": "g711_ulaw",
        "output_audio_format": "g711_alaw",
        "input_audio_transcription": {"model": "gpt-4o-transcribe", "language": "de", "prompt": "Names."},
        "input_audio_noise_reduction": {"type": "far_field"},
        "turn_detection": {"type": "semantic_vad", "eagerness": "high"},
        "tools": [WEATHER],
        "tool_choice": "required",
        "temperature": 0.7,
        "max_response_output_tokens": 100,
        "speed": 1.25,
        "tracing": {"workflow_name": "w", "group_id": "g", "metadata": {"a": 1}},
    },
    "ga": {
        "output_modalities": ["audio"],
        "instructions": "Be brief.",
        "audio": {
            "input": {
                "format": {"type": "audio/pcmu"},
                "transcription": {
                    "model": "gpt-realtime-whisper",
                    "language": "de",
                    "languages": ["de", "fr"],
                    "prompt": "Names.",
                    "keywords": ["Zug"],
                    "delay": "low",
                },
                "noise_reduction": {"type": "near_field", "strength": 0.5},
                "turn_detection": {"type": "server_vad", "idle_timeout_ms": 6000},
            },
            "output": {"format": {"type": "audio/pcma"}, "voice": {"id": "voice_1"}, "speed": 0.5},
        },
        "tools": [
            WEATHER,
            {
                "type": "mcp",
                "server_label": "docs",
                "server_url": "https://docs.example/mcp",
                "authorization": "token",
                "headers": {"a": "b"},
                "allowed_tools": {"tool_names": ["search"], "read_only": True},
                "require_approval": {"always": {"tool_names": ["delete"]}, "never": {"read_only": True}},
            },
        ],
        "tool_choice": {"type": "mcp", "server_label": "docs", "name": "search"},
        "max_output_tokens": 100,
        "parallel_tool_calls": False,
        "reasoning": {"effort": "high"},
        "include": ["item.input_audio_transcription.logprobs"],
        "truncation": {
            "type": "retention_ratio",
            "retention_ratio": 0.8,
            "token_limits": {"post_instructions": 5000},
        },
        "prompt": {"id": "pmpt_1", "version": "2", "variables": {"city": "Bern"}},
        "tracing": "auto",
    },
}


@pytest.mark.parametrize("name", DIALECTS)
def test_valid_settings_are_accepted_and_sent_back(name: str) -> None:
    client = SessionClient(name, model="gpt-realtime-2" if name == "ga" else "gpt-realtime")

    session = client.update(**WHOLE_SETTINGS[name])

    assert includes(session, WHOLE_SETTINGS[name])


@pytest.mark.parametrize("model", ["gpt-realtime-2", "gpt-realtime-2.1", "gpt-realtime-2.1-mini"])
def test_reasoning_models_know_their_options(model: str) -> None:
    client = SessionClient("ga", model=model)

    assert client.events[0]["session"]["reasoning"] == {"effort": "low"}
    session = client.update(reasoning={"effort": "xhigh"}, parallel_tool_calls=False)
    assert (session["reasoning"], session["parallel_tool_calls"]) == ({"effort": "xhigh"}, False)
    response = done(client.answer("Hello.", reasoning={"effort": "minimal"}))
    assert response["usage"]["output_token_details"]["reasoning_tokens"] == 8
    assert response["output"][0]["phase"] == "final_answer"


@pytest.mark.parametrize(
    "model", ["gpt-realtime", "gpt-realtime-2025-08-28", "gpt-realtime-mini", "gpt-realtime-1.5"]
)
def test_other_models_refuse_the_options_of_reasoning_ones(model: str) -> None:
    client = SessionClient("ga", model=model)

    assert "reasoning" not in client.events[0]["session"]
    error = client.fails({"type": "response.create", "response": {"reasoning": {"effort": "low"}}})
    assert (error["code"], error["param"]) == ("invalid_value", "response.reasoning")
    assert error["message"] == "Unsupported option for this model."
    assert "reasoning_tokens" not in done(client.answer("Hello."))["usage"]["output_token_details"]


def test_strength_of_noise_reduction_stays_until_it_is_changed() -> None:
    client = SessionClient("ga")
    client.update_input(noise_reduction={"type": "near_field", "strength": 0.5})
    session = client.update_input(noise_reduction={"type": "far_field"})

    assert session["audio"]["input"]["noise_reduction"] == {"type": "far_field", "strength": 0.5}


def test_supported_values_are_listed_in_words() -> None:
    error = SessionClient("preview").fails({"type": "session.update", "session": {"tool_choice": "all"}})

    assert error["message"] == "Invalid value: 'all'. Supported values are: 'auto', 'none', and 'required'."


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
    """All but one that is for WebRTC, which the service does not know on a websocket either."""
    for kind in event_models(client.name, "client"):
        [event] = client.send_raw(json.dumps({"type": kind, "nonsense": 1}))
        is_elsewhere = kind == "output_audio_buffer.clear"
        assert event["error"]["code"] == ("invalid_value" if is_elsewhere else "unknown_parameter")
