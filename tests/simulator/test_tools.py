"""Function calls."""

from __future__ import annotations

import json
from typing import Any

import pytest
from session_client import OTHER, WEATHER, SessionClient, done, one


def test_tool_is_called_and_its_answer_spoken(speaking: SessionClient) -> None:
    speaking.update(tools=[WEATHER, OTHER])
    events = speaking.answer("/tool")

    [call] = done(events)["output"]
    assert (call["type"], call["name"], call["status"]) == ("function_call", "get_weather", "completed")
    assert json.loads(call["arguments"]) == {"city": "example", "days": 1, "unit": "celsius", "hours": [1]}
    deltas = [event["delta"] for event in events if event["type"] == "response.function_call_arguments.delta"]
    assert len(deltas) > 1
    assert "".join(deltas) == call["arguments"]
    finished = one(events, "response.function_call_arguments.done")
    assert finished["arguments"] == call["arguments"]
    assert finished["name"] == "get_weather"

    speaking.send(
        "conversation.item.create",
        item={"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"},
    )
    speaking.send("response.create")
    transcript = one(speaking.finish(), speaking.named("audio_transcript.done"))["transcript"]
    assert transcript == "Your tool has answered. (It said: sunny)"


@pytest.mark.parametrize("choice", ["required", {"type": "function", "name": "other"}])
def test_tool_choice_calls_a_tool(choice: Any) -> None:
    client = SessionClient("ga")
    client.update(tools=[WEATHER, OTHER], tool_choice=choice)

    [call] = done(client.answer("What now?"))["output"]

    assert call["name"] == ("get_weather" if choice == "required" else "other")


def test_tool_without_tools_is_invented(client: SessionClient) -> None:
    [call] = done(client.answer("/tool"))["output"]

    assert (call["name"], call["arguments"]) == ("simulator_example", '{"invented": true}')
