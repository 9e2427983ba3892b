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
    map_of,
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
CONTEXT_TOKENS = 28_672  # 32k less the longest answer: what a conversation may have

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
speed = decimal(0.25, 1.5)
function_tool = record(
    {"type": string, "name": string, "description": nullable(string), "parameters": anything}, ("name",)
)
named_function = record({"type": one_of("function"), "name": string}, ("type", "name"))
tracing = nullable(
    either(
        "auto",
        record({"workflow_name": nullable(string), "group_id": nullable(string), "metadata": anything}),
    )
)


def turn_detections(idle_timeout_ms: Check) -> dict[str, Check]:
    """Return the checks of turn detection by its type."""
    answering = {"create_response": boolean, "interrupt_response": boolean}
    return {
        "server_vad": record(
            {
                "type": string,
                "threshold": decimal(0, 1),
                "prefix_padding_ms": integer(0, 5000),
                "silence_duration_ms": integer(0, 10_000),
                "idle_timeout_ms": idle_timeout_ms,
                **answering,
            }
        ),
        "semantic_vad": record({"type": string, "eagerness": one_of(*SEMANTIC_SILENCE_MS), **answering}),
    }


def tool_choice(*kinds: Check) -> Check:
    """Accept a word, or an object of one of these kinds."""
    by_word = one_of("auto", "none", "required")

    def check(value: Any, param: str) -> None:
        if not isinstance(value, dict):
            by_word(value, param)
            return
        for kind in kinds[:-1]:
            try:
                kind(value, param)
            except RequestError:
                continue
            return
        kinds[-1](value, param)

    return check


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


input_text = content_part("text")


def item_kinds(user: Mapping[str, Check], assistant: Mapping[str, Check]) -> dict[str, Check]:
    """Return the checks of items a client may create, by type.

    Args:
        user: the content parts that a user's message may have besides text and audio.
        assistant: those that an assistant's message may have.
    """

    def message(contents: Mapping[str, Check]) -> Check:
        fields = item_fields(role=string, content=array_of(variants("type", contents)))
        return record(fields, ("role", "content"))

    input_audio = content_part("audio", transcript=nullable(string))
    return {
        "message": variants(
            "role",
            {
                "system": message({"input_text": input_text}),
                "user": message({"input_text": input_text, "input_audio": input_audio, **user}),
                "assistant": message(assistant),
            },
        ),
        "function_call": record(
            item_fields(call_id=short_id, name=string, arguments=string), ("name", "arguments")
        ),
        "function_call_output": record(item_fields(call_id=short_id, output=string), ("call_id", "output")),
    }


def response_settings(items: Mapping[str, Check], settings: Mapping[str, Check]) -> Check:
    """Accept what a response may be given in both dialects, and these settings."""
    reference = record({"type": string, "id": string}, ("id",))
    return record(
        {
            "conversation": one_of("auto", "none"),
            "input": array_of(variants("type", {**items, "item_reference": reference})),
            "instructions": nullable(string),
            "metadata": nullable(map_of(string)),
            **settings,
        }
    )
