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
    "ga": r"session\.(object|id|expires_at)|obfuscation|content(\..*)?|.*item\.phase|.*output_token_details\.reasoning_tokens",
    "preview": r"session\.(object|expires_at|client_secret|include|truncation|prompt)|obfuscation|content(\..*)?|name"
    r"|.*turn_detection\.idle_timeout_ms|.*usage\..*(cached_tokens_details|image_tokens)",
}


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
    """Return an event with that taken out which the service sends and the preview's models declare otherwise.

    They know `tool_choice` as a word only, though a function may be named.
    """
    session = event.get("session")
    if not (
        isinstance(session, dict) and isinstance(session.get("tool_choice"), dict) and "type" not in session
    ):
        return event
    return {**event, "session": {**session, "tool_choice": session["tool_choice"]["type"]}}


def check_event(event: dict[str, Any], dialect: str, side: typing.Literal["server", "client"]) -> None:
    """Fail unless the SDK knows this event and each of its fields."""
    models = event_models(dialect, side)
    assert event["type"] in models, f"{dialect} has no {side} event {event['type']}"
    try:
        model = models[event["type"]].model_validate(as_declared(event))
    except ValidationError as error:
        raise AssertionError(f"{event}\n{error}") from None
    extra = [name for name in undeclared(model) if not re.fullmatch(UNDECLARED_BUT_SENT[dialect], name)]
    assert not extra, f"{event['type']} has undeclared fields: {extra}"
