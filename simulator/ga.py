"""The dialect of general availability, nested: `/openai/v1/realtime?model=…`. Pure."""

from collections.abc import Mapping
from typing import Any

from simulator.checks import (
    Check,
    anything,
    array_of,
    boolean,
    decimal,
    either,
    integer,
    map_of,
    nullable,
    one_of,
    record,
    string,
    variants,
)
from simulator.dialect import (
    INSTRUCTIONS,
    REASONING_TOKENS,
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
    CONTEXT_TOKENS,
    SERVER_VAD,
    VOICES,
    content_part,
    function_tool,
    item_fields,
    item_kinds,
    modalities,
    named_function,
    output_tokens,
    short_id,
    speed,
    tool_choice,
    tracing,
    turn_detections,
)

LAWS: Mapping[str, Law | None] = {"audio/pcm": None, "audio/pcmu": "mu", "audio/pcma": "a"}
PCM = {"type": "audio/pcm", "rate": 24_000}

audio_format = variants(
    "type",
    {
        "audio/pcm": record({"type": string, "rate": integer(24_000, 24_000)}),
        "audio/pcmu": record({"type": string}),
        "audio/pcma": record({"type": string}),
    },
)
named_voice = one_of(*VOICES)
custom_voice = record({"id": string}, ("id",))
logprobs = nullable(array_of(one_of("item.input_audio_transcription.logprobs")))
transcription = nullable(
    record(
        {
            "model": string,
            "language": nullable(string),
            "languages": nullable(array_of(string)),
            "prompt": nullable(string),
            "keywords": nullable(array_of(string)),
            "delay": nullable(one_of("minimal", "low", "medium", "high", "xhigh")),
        }
    )
)
INPUT = record(
    {
        "format": audio_format,
        "transcription": transcription,
        "noise_reduction": nullable(
            record({"type": one_of("near_field", "far_field"), "strength": decimal(0, 1)}, ("type",))
        ),
        "turn_detection": nullable(variants("type", turn_detections(nullable(integer(5000, 30_000))))),
    }
)
truncation = nullable(
    either(
        "auto",
        either(
            "disabled",
            record(
                {
                    "type": one_of("retention_ratio"),
                    "retention_ratio": decimal(0, 1),
                    "token_limits": nullable(record({"post_instructions": integer(1, CONTEXT_TOKENS)})),
                },
                ("type", "retention_ratio"),
            ),
        ),
    )
)
prompt = nullable(
    record({"id": string, "version": nullable(string), "variables": nullable(map_of(anything))}, ("id",))
)
reasoning = nullable(record({"effort": one_of(*REASONING_TOKENS)}))

tool_filter = record({"tool_names": array_of(string), "read_only": boolean})


def some_tools(value: Any, param: str) -> None:
    """Accept names of tools, or a filter."""
    (tool_filter if isinstance(value, dict) else array_of(string))(value, param)


def approval(value: Any, param: str) -> None:
    """Accept "always", "never", or a filter for each."""
    filters = record({"always": tool_filter, "never": tool_filter})
    (filters if isinstance(value, dict) else one_of("always", "never"))(value, param)


mcp_tool = record(
    {
        "type": string,
        "server_label": string,
        "server_url": nullable(string),
        "server_description": nullable(string),
        "connector_id": nullable(string),
        "tunnel_id": nullable(string),
        "authorization": nullable(string),
        "headers": nullable(map_of(string)),
        "allowed_tools": nullable(some_tools),
        "allowed_callers": nullable(array_of(one_of("direct", "programmatic"))),
        "require_approval": nullable(approval),
        "defer_loading": nullable(boolean),
    },
    ("server_label",),
)
named_mcp_tool = record(
    {"type": one_of("mcp"), "server_label": string, "name": nullable(string)}, ("type", "server_label")
)
TOOLS: Mapping[str, Check] = {
    "tools": array_of(variants("type", {"function": function_tool, "mcp": mcp_tool})),
    "tool_choice": tool_choice(named_mcp_tool, named_function),
    "parallel_tool_calls": nullable(boolean),
    "max_output_tokens": output_tokens,
    "output_modalities": modalities(["text"], ["audio"]),
    "prompt": prompt,
    "reasoning": reasoning,
}


mcp_call = {"server_label": string, "name": string, "arguments": string}
mcp_items: Mapping[str, Check] = {
    "mcp_approval_response": record(
        item_fields(approval_request_id=short_id, approve=boolean, reason=nullable(string)),
        ("approval_request_id", "approve"),
    ),
    "mcp_approval_request": record(item_fields(**mcp_call), tuple(mcp_call)),
    "mcp_call": record(
        item_fields(
            **mcp_call,
            approval_request_id=nullable(string),
            output=nullable(string),
            error=nullable(anything),
        ),
        tuple(mcp_call),
    ),
    "mcp_list_tools": record(
        item_fields(server_label=string, tools=array_of(map_of(anything))), ("server_label", "tools")
    ),
}


def voice(value: Any, param: str) -> None:
    """Accept the name of a voice, or the id of a custom one."""
    (custom_voice if isinstance(value, dict) else named_voice)(value, param)


class GA(Dialect):
    """The names and shapes of general availability."""

    name = "ga"
    text_event, audio_event = "response.output_text", "response.output_audio"
    transcript_event = "response.output_audio_transcript"
    text_content, audio_content = "output_text", "output_audio"
    rate_limits = ()
    created_event: Mapping[SessionKind, str] = dict.fromkeys(("realtime", "transcription"), "session.created")
    updated_event: Mapping[SessionKind, str] = dict.fromkeys(("realtime", "transcription"), "session.updated")
    empty_commit = ""

    def _items(self) -> dict[str, Check]:
        image = content_part("image_url", detail=one_of("auto", "low", "high"))
        spoken = content_part(audio=nullable(string), transcript=nullable(string))
        return {
            **item_kinds(
                {"input_image": image}, {"output_text": content_part("text"), "output_audio": spoken}
            ),
            **mcp_items,
        }

    def _session_check(self) -> Check:
        output = record({"format": audio_format, "voice": voice, "speed": speed})
        realtime = record(
            {
                "type": string,
                "model": string,
                "instructions": string,
                "audio": record({"input": INPUT, "output": output}),
                "include": logprobs,
                "truncation": truncation,
                "tracing": tracing,
                **TOOLS,
            }
        )
        return variants("type", {"realtime": realtime, "transcription": self._transcription_session_check()})

    def _transcription_session_check(self) -> Check:
        return record({"type": string, "audio": record({"input": INPUT}), "include": logprobs})

    def _response_checks(self) -> dict[str, Check]:
        return {"audio": record({"output": record({"format": audio_format, "voice": voice})}), **TOOLS}

    def default_session(self, deployment: Deployment) -> Settings:
        heard = {
            "format": PCM,
            "transcription": None,
            "noise_reduction": None,
            "turn_detection": {"type": "server_vad", **SERVER_VAD},
        }
        if deployment.kind == "transcription":
            return {
                "type": "transcription",
                "object": "realtime.transcription_session",
                "audio": {"input": heard},
                "include": None,
            }
        reasoning = {"reasoning": {"effort": "low"}, "parallel_tool_calls": True}
        return {
            "type": "realtime",
            "object": "realtime.session",
            "model": deployment.model,
            "output_modalities": ["audio"],
            "instructions": INSTRUCTIONS,
            "audio": {"input": heard, "output": {"format": PCM, "voice": "alloy", "speed": 1.0}},
            "tools": [],
            "tool_choice": "auto",
            "max_output_tokens": "inf",
            "truncation": "auto",
            "prompt": None,
            "include": None,
            "tracing": None,
            **(reasoning if deployment.reasons else {}),
        }

    def kind_of_update(self, event: Event) -> SessionKind:
        is_realtime = event["type"] == "session.update" and event["session"]["type"] == "realtime"
        return "realtime" if is_realtime else "transcription"

    def merge(self, session: Settings, update: Settings) -> Settings:
        asked = update.get("audio", {})
        audio = {name: {**settings, **asked.get(name, {})} for name, settings in session["audio"].items()}
        for settings in audio.values():
            settings["format"] = whole_format(settings["format"])
        heard = audio["input"]
        heard["turn_detection"] = filled(heard["turn_detection"])
        heard["transcription"] = with_nulls(heard["transcription"])
        heard["noise_reduction"] = with_strength(
            heard["noise_reduction"], session["audio"]["input"]["noise_reduction"]
        )
        kept = {"model": session["model"]} if "model" in session else {}
        return {**session, **update, **kept, "audio": audio}

    def input_settings(self, session: Settings) -> Settings:
        settings: Settings = session["audio"]["input"]
        return settings

    def input_law(self, session: Settings) -> Law | None:
        return LAWS[session["audio"]["input"]["format"]["type"]]

    def asked(self, session: Settings, response: dict[str, Any], deployment: Deployment) -> Asked:
        both = {**session, **response}
        output = {**session["audio"]["output"], **response.get("audio", {}).get("output", {})}
        effort = (both.get("reasoning") or {}).get("effort", "low")
        return Asked(
            text_only=both["output_modalities"] == ["text"],
            voice=output["voice"],
            max_output_tokens=both["max_output_tokens"],
            **asked_alike(both, response),
            temperature=None,
            audio_format=whole_format(output["format"]),
            law=LAWS[output["format"]["type"]],
            speed=session["audio"]["output"]["speed"],
            parallel=bool(both.get("parallel_tool_calls")),
            reasons=deployment.reasons,
            reasoning_tokens=REASONING_TOKENS[effort] if deployment.reasons else 0,
        )

    def response_fields(self, asked: Asked) -> dict[str, Any]:
        voice = asked.voice["id"] if isinstance(asked.voice, dict) else asked.voice
        return {
            "output_modalities": ["text"] if asked.text_only else ["audio"],
            "audio": {"output": {"format": asked.audio_format, "voice": voice}},
        }

    def item(self, fields: dict[str, Any]) -> dict[str, Any]:
        has_status = fields["type"] in ("message", "function_call")
        hidden = ("object",) if has_status else ("object", "status")
        item = {"status": "completed", **fields}
        return {name: value for name, value in item.items() if name not in hidden}

    def item_added(self, item: dict[str, Any], previous_item_id: str | None, *, done: bool) -> list[Event]:
        added = {"type": "conversation.item.added", "previous_item_id": previous_item_id, "item": item}
        return [added, *(self.item_done(item, previous_item_id) if done else [])]

    def item_done(self, item: dict[str, Any], previous_item_id: str | None) -> list[Event]:
        return [{"type": "conversation.item.done", "previous_item_id": previous_item_id, "item": item}]

    def cached_details(self, text_tokens: int, audio_tokens: int) -> dict[str, Any]:
        return {
            "cached_tokens_details": {
                "text_tokens": text_tokens,
                "audio_tokens": audio_tokens,
                "image_tokens": 0,
            }
        }


def whole_format(audio_format: Settings) -> Settings:
    """Return an audio format with the rate that PCM has."""
    return {**PCM, **audio_format} if audio_format["type"] == "audio/pcm" else audio_format


def with_strength(noise_reduction: Settings | None, before: Settings | None) -> Settings | None:
    """Return noise reduction with the strength that it had before, when none is given."""
    if noise_reduction is None or before is None or "strength" not in before:
        return noise_reduction
    return {"strength": before["strength"], **noise_reduction}
