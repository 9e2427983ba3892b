"""Checks of the parts of client events that both dialects have in common. Pure."""

from collections.abc import Mapping
from typing import Any

from simulator.checks import (
    Check,
    RequestError,
    anything,
    array_of,
    boolean,
    decimal,
    either,
    integer,
    not_simulated,
    nullable,
    one_of,
    record,
    string,
    string_up_to,
    variants,
)
from simulator.turns import SEMANTIC_SILENCE_MS

VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")
MAX_OUTPUT_TOKENS = 4096

ANSWERING: Mapping[str, Any] = {"create_response": True, "interrupt_response": True}
SERVER_VAD: Mapping[str, Any] = {
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 200,
    "idle_timeout_ms": None,
    **ANSWERING,
}
TURN_DETECTION_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "server_vad": SERVER_VAD,
    "semantic_vad": {"eagerness": "auto", **ANSWERING},
}

output_tokens = either("inf", integer(1, MAX_OUTPUT_TOKENS))
noise_reduction = nullable(record({"type": one_of("near_field", "far_field")}, ("type",)))
transcription = nullable(record({"model": string, "language": nullable(string), "prompt": nullable(string)}))
turn_detections: Mapping[str, Check] = {
    "server_vad": record(
        {
            "type": string,
            "threshold": decimal(0, 1),
            "prefix_padding_ms": integer(0, 5000),
            "silence_duration_ms": integer(0, 10_000),
            "idle_timeout_ms": not_simulated("idle timeouts"),
            "create_response": boolean,
            "interrupt_response": boolean,
        }
    ),
    "semantic_vad": record(
        {
            "type": string,
            "eagerness": one_of(*SEMANTIC_SILENCE_MS),
            "create_response": boolean,
            "interrupt_response": boolean,
        }
    ),
}
tracing = nullable(
    either(
        "auto",
        record({"workflow_name": nullable(string), "group_id": nullable(string), "metadata": anything}),
    )
)
tool = variants(
    "type",
    {
        "function": record(
            {"type": string, "name": string, "description": nullable(string), "parameters": anything},
            ("name",),
        ),
        "mcp": not_simulated("MCP tools"),
    },
)
pcm_format = variants(
    "type",
    {
        "audio/pcm": record({"type": string, "rate": integer(24_000, 24_000)}),
        "audio/pcmu": not_simulated("audio formats other than audio/pcm"),
        "audio/pcma": not_simulated("audio formats other than audio/pcm"),
    },
)
named_tool = record({"type": one_of("function"), "name": string}, ("type", "name"))


def tool_choice(value: Any, param: str) -> None:
    check = named_tool if isinstance(value, dict) else one_of("auto", "none", "required")
    check(value, param)


def modalities(*combinations: list[str]) -> Check:
    listed = " and ".join(str(combination) for combination in combinations)

    def check(value: Any, param: str) -> None:
        array_of(one_of("text", "audio"))(value, param)
        if sorted(value) not in combinations:
            raise RequestError(
                "invalid_value", f"Invalid modalities: {value}. Supported combinations are: {listed}.", param
            )

    return check


short_id = string_up_to(32)


def item_fields(**fields: Check) -> dict[str, Check]:
    return {
        "id": short_id,
        "object": one_of("realtime.item"),
        "type": string,
        "status": one_of("completed", "incomplete", "in_progress"),
        **fields,
    }


def content_part(*fields: str, **optional: Check) -> Check:
    return record({"type": string, **dict.fromkeys(fields, string), **optional}, fields)


def item_kinds(text_content: str) -> dict[str, Check]:
    """Return the checks of items a client may create, by type."""

    def message(**contents: Check) -> Check:
        fields = item_fields(role=string, content=array_of(variants("type", contents)))
        return record(fields, ("role", "content"))

    input_text = content_part("text")
    return {
        "message": variants(
            "role",
            {
                "system": message(input_text=input_text),
                "user": message(
                    input_text=input_text,
                    input_audio=content_part("audio", transcript=nullable(string)),
                    input_image=not_simulated("images"),
                ),
                "assistant": message(**{text_content: content_part("text")}),
            },
        ),
        "function_call": record(
            item_fields(call_id=short_id, name=string, arguments=string), ("name", "arguments")
        ),
        "function_call_output": record(item_fields(call_id=short_id, output=string), ("call_id", "output")),
    }
