"""The `openai` package's models of both dialects, as the judge of events.

Its models allow extra fields, so an event is right when its model takes it and no undeclared field is in it,
beyond the few that the service is known to send.
"""

from __future__ import annotations

import re
import typing
from functools import cache
from importlib import import_module
from typing import Any

from pydantic import BaseModel, ValidationError

PACKAGES = {"ga": "openai.types.realtime", "preview": "openai.types.beta.realtime"}
UNDECLARED_BUT_SENT = {
    "ga": r"session\.(object|id|expires_at)|obfuscation|content(\..*)?"
    r"|.*item\.phase|.*output\.phase|.*output_token_details\.reasoning_tokens",
    "preview": r"session\.(id|object|expires_at|client_secret|include|truncation|prompt|input_audio_noise_reduction)"
    r"|obfuscation|content(\..*)?|name"
    r"|.*turn_detection\.(idle_timeout_ms|create_response|interrupt_response|eagerness)"
    r"|.*usage\..*(cached_tokens_details|image_tokens)",
}
TRANSCRIPTION_OPENED, TRANSCRIPTION_UPDATED = "transcription_session.created", "transcription_session.updated"


def leaves(annotation: Any) -> list[type[BaseModel]]:
    """Return the models a type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in leaves(part)]


@cache
def event_models(dialect: str, side: typing.Literal["server", "client"]) -> dict[str, type[BaseModel]]:
    """Return the models of a side's events by their `type`."""
    module = import_module(f"{PACKAGES[dialect]}.realtime_{side}_event")
    union = getattr(module, f"Realtime{side.capitalize()}Event")
    return {
        name: model
        for model in leaves(union)
        for name in typing.get_args(model.model_fields["type"].annotation)
    }


def undeclared(value: Any, path: str = "") -> list[str]:
    if isinstance(value, list):
        return [name for item in value for name in undeclared(item, path)]
    if not isinstance(value, BaseModel):
        return []
    inner = (undeclared(getattr(value, name, None), f"{path}{name}.") for name in type(value).model_fields)
    return [
        *(f"{path}{name}" for name in value.model_extra or {}),
        *(name for names in inner for name in names),
    ]


def as_declared(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event without that which the service sends and the preview's models declare otherwise.

    They know `tool_choice` as a word only, though a function may be named. They lack the event that opens a
    transcription session, and want in it a client secret, which is given by HTTP only.
    """
    session = event.get("session")
    if event["type"] in (TRANSCRIPTION_OPENED, TRANSCRIPTION_UPDATED):
        secret = {"value": "none", "expires_at": 0}
        shown = {**event["session"], "client_secret": secret}
        return {**event, "type": TRANSCRIPTION_UPDATED, "session": shown}
    if isinstance(session, dict) and isinstance(session.get("tool_choice"), dict):
        return {**event, "session": {**session, "tool_choice": session["tool_choice"]["type"]}}
    return event


def check_event(event: dict[str, Any], dialect: str, side: typing.Literal["server", "client"]) -> None:
    """Fail unless the SDK knows this event and each of its fields."""
    models = event_models(dialect, side)
    declared = as_declared(event) if dialect == "preview" else event
    assert declared["type"] in models, f"{dialect} has no {side} event {event['type']}"
    try:
        model = models[declared["type"]].model_validate(declared)
    except ValidationError as error:
        raise AssertionError(f"{event}\n{error}") from None
    extra = [name for name in undeclared(model) if not re.fullmatch(UNDECLARED_BUT_SENT[dialect], name)]
    assert not extra, f"{event['type']} has undeclared fields: {extra}"
