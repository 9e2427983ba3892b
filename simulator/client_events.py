"""Client events before they are carried out: parsing, what depends on the model or the tools, and errors. Pure."""

import json
from typing import Any, NoReturn

from simulator.checks import RequestError
from simulator.dialect import Asked, Deployment, Event
from simulator.tool_calls import function_tools


def parse(message: str | bytes) -> dict[str, Any]:
    """Return a client event; raise RequestError for anything but a JSON object in a text frame."""
    if isinstance(message, bytes):
        raise RequestError("invalid_event", "Events are JSON in text frames; this frame is binary.")
    try:
        event = decode(message)
    except (ValueError, RecursionError):
        raise RequestError("invalid_json", "The event could not be parsed as JSON.") from None
    if not isinstance(event, dict):
        raise RequestError("invalid_event", "An event is a JSON object.")
    return event


def no_constant(name: str) -> NoReturn:
    raise ValueError(name)


decode = json.JSONDecoder(parse_constant=no_constant).decode


def to_event(error: RequestError, client_event_id: str | None, kind: str = "invalid_request_error") -> Event:
    return {
        "type": "error",
        "error": {
            "type": kind,
            "code": error.code,
            "message": error.message,
            "param": error.param,
            "event_id": client_event_id,
        },
    }


def check_options(event: Event, deployment: Deployment) -> None:
    """Refuse options of reasoning models when the model is not one of them."""
    for field in ("session", "response"):
        settings = event.get(field)
        for name in ("reasoning", "parallel_tool_calls"):
            if isinstance(settings, dict) and settings.get(name) is not None and not deployment.reasons:
                raise RequestError("invalid_value", "Unsupported option for this model.", f"{field}.{name}")


def check_tool_choice(asked: Asked) -> None:
    """Refuse a tool choice that names a missing tool, or requires one when there is none."""
    choice, names = asked.tool_choice, [tool["name"] for tool in function_tools(asked.tools)]
    if choice == "required" and not asked.tools:
        message = "Tool choice 'required' must be specified with 'tools' parameter."
        raise RequestError("invalid_value", message, "response.tool_choice")
    if isinstance(choice, dict) and choice["type"] == "function" and choice["name"] not in names:
        message = f"Tool choice '{choice['name']}' not found in 'tools' parameter."
        raise RequestError("invalid_value", message, "response.tool_choice")
    labels = [tool["server_label"] for tool in asked.tools if tool["type"] == "mcp"]
    if isinstance(choice, dict) and choice["type"] == "mcp" and choice["server_label"] not in labels:
        message = f"Tool choice '{choice['server_label']}' not found in 'tools' parameter."
        raise RequestError("invalid_value", message, "response.tool_choice")
