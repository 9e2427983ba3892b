"""The preview dialect, deprecated and flat: `/openai/realtime?api-version=…&deployment=…`. Pure."""

from collections.abc import Mapping
from typing import Any

from simulator.checks import (
    Check,
    RequestError,
    array_of,
    decimal,
    integer,
    nullable,
    one_of,
    record,
    string,
    variants,
)
from simulator.dialect import (
    INSTRUCTIONS,
    Asked,
    Deployment,
    Dialect,
    Event,
    SessionKind,
    Settings,
    asked_alike,
    filled,
    with_nulls,
)
from simulator.g711 import Law
from simulator.shapes import (
    SERVER_VAD,
    VOICES,
    content_part,
    function_tool,
    item_kinds,
    modalities,
    named_function,
    output_tokens,
    speed,
    tool_choice,
    tracing,
    turn_detections,
)

LAWS: Mapping[str, Law | None] = {"pcm16": None, "g711_ulaw": "mu", "g711_alaw": "a"}


def unknown(value: Any, param: str) -> None:
    """Accept only null, which the service sends for a setting that only the other dialect has."""
    if value is not None:
        raise RequestError("unknown_parameter", f"Unknown parameter: '{param}'.", param)


audio_format = one_of(*LAWS)
# Microsoft's own clients turn detection off by {"type": "none"}, which session.updated shows as null.
turn_detection = nullable(variants("type", {**turn_detections(unknown), "none": record({"type": string})}))
client_secret = nullable(
    record(
        {
            "expires_after": nullable(record({"anchor": string, "seconds": integer(10, 7200)})),
            "expires_at": nullable(record({"anchor": string, "seconds": integer(10, 7200)})),
        }
    )
)
INPUT: Mapping[str, Check] = {
    "input_audio_format": audio_format,
    "input_audio_transcription": nullable(
        record({"model": string, "language": nullable(string), "prompt": nullable(string)})
    ),
    "input_audio_noise_reduction": nullable(record({"type": one_of("near_field", "far_field")}, ("type",))),
    "turn_detection": turn_detection,
    "client_secret": client_secret,
}
ANSWER: Mapping[str, Check] = {
    "modalities": modalities(["text"], ["audio", "text"]),
    "voice": one_of(*VOICES),
    "output_audio_format": audio_format,
    "temperature": decimal(0.6, 1.2),
    "max_response_output_tokens": output_tokens,
    "tools": array_of(variants("type", {"function": function_tool})),
    "tool_choice": tool_choice(named_function),
}


class Preview(Dialect):
    """The names and shapes of 2025-04-01-preview."""

    name = "preview"
    text_event, audio_event, transcript_event = "response.text", "response.audio", "response.audio_transcript"
    text_content, audio_content = "text", "audio"
    rate_limits = ("requests", "tokens")
    created_event: Mapping[SessionKind, str] = {
        "realtime": "session.created",
        "transcription": "transcription_session.created",
    }
    updated_event: Mapping[SessionKind, str] = {
        "realtime": "session.updated",
        "transcription": "transcription_session.updated",
    }
    empty_commit = "Error committing input audio buffer: the buffer is empty."

    def _items(self) -> dict[str, Check]:
        return item_kinds({}, {"text": content_part("text")})

    def _session_check(self) -> Check:
        return record(
            {
                "model": string,
                "instructions": string,
                "speed": speed,
                "tracing": tracing,
                **INPUT,
                **ANSWER,
            }
        )

    def _transcription_session_check(self) -> Check:
        return record(
            {
                "modalities": array_of(one_of("text", "audio")),
                "include": nullable(array_of(one_of("item.input_audio_transcription.logprobs"))),
                **INPUT,
            }
        )

    def _response_checks(self) -> dict[str, Check]:
        return dict(ANSWER)

    def default_session(self, deployment: Deployment) -> Settings:
        heard: Settings = {
            "input_audio_format": "pcm16",
            "input_audio_transcription": None,
            "input_audio_noise_reduction": None,
            "turn_detection": {"type": "server_vad", **SERVER_VAD},
            "include": None,
            "client_secret": None,
        }
        if deployment.kind == "transcription":
            return {"object": "realtime.transcription_session", **heard}
        return {
            "object": "realtime.session",
            "model": deployment.model,
            "modalities": ["audio", "text"],
            "instructions": INSTRUCTIONS,
            "voice": "alloy",
            "output_audio_format": "pcm16",
            "tools": [],
            "tool_choice": "auto",
            "temperature": 0.8,
            "max_response_output_tokens": "inf",
            "speed": 1.0,
            "tracing": None,
            "truncation": "auto",
            "prompt": None,
            **heard,
        }

    def kind_of_update(self, event: Event) -> SessionKind:
        return "realtime" if event["type"] == "session.update" else "transcription"

    def merge(self, session: Settings, update: Settings) -> Settings:
        kept: Settings = {name: session[name] for name in ("model", "client_secret") if name in session}
        merged = {**session, **update, **kept}
        merged["turn_detection"] = filled(merged["turn_detection"])
        merged["input_audio_transcription"] = with_nulls(merged["input_audio_transcription"])
        return merged

    def input_settings(self, session: Settings) -> Settings:
        return {
            "format": session["input_audio_format"],
            "transcription": session["input_audio_transcription"],
            "turn_detection": session["turn_detection"],
        }

    def input_law(self, session: Settings) -> Law | None:
        return LAWS[session["input_audio_format"]]

    def asked(self, session: Settings, response: dict[str, Any], deployment: Deployment) -> Asked:  # noqa: ARG002 - no model of this dialect reasons
        both = {**session, **response}
        return Asked(
            text_only=both["modalities"] == ["text"],
            voice=both["voice"],
            max_output_tokens=both["max_response_output_tokens"],
            **asked_alike(both, response),
            temperature=both["temperature"],
            audio_format=both["output_audio_format"],
            law=LAWS[both["output_audio_format"]],
            speed=session["speed"],
        )

    def response_fields(self, asked: Asked) -> dict[str, Any]:
        return {
            "modalities": ["text"] if asked.text_only else ["audio", "text"],
            "voice": asked.voice,
            "output_audio_format": asked.audio_format,
            "temperature": asked.temperature,
        }

    def item(self, fields: dict[str, Any]) -> dict[str, Any]:
        return {"object": "realtime.item", "status": "completed", **fields}

    def item_added(self, item: dict[str, Any], previous_item_id: str | None, *, done: bool) -> list[Event]:  # noqa: ARG002 - one event covers both
        return [{"type": "conversation.item.created", "previous_item_id": previous_item_id, "item": item}]

    def item_done(self, item: dict[str, Any], previous_item_id: str | None) -> list[Event]:  # noqa: ARG002 - preview does not send this
        return []

    def cached_details(self, text_tokens: int, audio_tokens: int) -> dict[str, Any]:  # noqa: ARG002 - preview does not send this
        return {}
