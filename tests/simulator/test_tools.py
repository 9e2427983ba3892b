"""Function calls of a session: when the simulator makes one, which one, and the order of its events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from session_client import DIALECTS, OTHER, TYPED, UTTERANCE, WEATHER, SessionClient, done, one

CAPITAL = {
    "type": "function",
    "name": "get_capital",
    "description": "Tell the capital of a country.",
    "parameters": {"type": "object", "properties": {"country": {"type": "string"}}, "required": ["country"]},
}


def calls(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the arguments of a response's calls by the names of their functions."""
    return {
        item["name"]: json.loads(item["arguments"])
        for item in done(events)["output"]
        if item["type"] == "function_call"
    }


def transcript(client: SessionClient, events: list[dict[str, Any]]) -> str:
    return str(one(events, client.named("audio_transcript.done"))["transcript"])


def test_a_tool_that_fits_the_words_is_called_with_arguments_from_them(client: SessionClient) -> None:
    client.update(tools=[OTHER, WEATHER, CAPITAL])

    assert calls(client.answer("What's the weather in Paris?")) == {"get_weather": {"city": "Paris"}}
    assert calls(client.answer("And what is the capital of France?")) == {
        "get_capital": {"country": "France"}
    }
    assert calls(client.answer("Thank you.")) == {}


def test_a_tool_that_fits_the_instructions_of_a_response_is_called(client: SessionClient) -> None:
    client.update(tools=[WEATHER, CAPITAL])
    created = client.send(
        "response.create", response={"instructions": "What is the capital of France? Use the tool."}
    )

    assert calls([*created, *client.finish()]) == {"get_capital": {"country": "France"}}


def test_events_of_a_call_point_at_each_other(client: SessionClient) -> None:
    client.update(tools=[WEATHER])
    events = client.answer("The weather in Paris, please.")

    [call] = done(events)["output"]
    assert (call["type"], call["name"], call["status"]) == ("function_call", "get_weather", "completed")
    deltas = [event for event in events if event["type"] == "response.function_call_arguments.delta"]
    assert len(deltas) > 1
    assert "".join(event["delta"] for event in deltas) == call["arguments"]
    finished = one(events, "response.function_call_arguments.done")
    assert finished["arguments"] == call["arguments"]
    assert finished["name"] == "get_weather"
    assert {event["call_id"] for event in [*deltas, finished]} == {call["call_id"]}


def give_output(client: SessionClient, events: list[dict[str, Any]], output: str) -> None:
    for item in done(events)["output"]:
        answer = {"type": "function_call_output", "call_id": item["call_id"], "output": output}
        client.send("conversation.item.create", item=answer)


def test_an_output_is_spoken_and_no_tool_is_called_again(speaking: SessionClient) -> None:
    speaking.update(tools=[WEATHER])
    give_output(speaking, speaking.answer("The weather in Paris, please."), "The weather in Paris is sunny.")
    speaking.send("response.create", response={"instructions": "Tell the weather in Paris."})

    said = transcript(speaking, speaking.finish())
    assert said == "Your tool has answered. (It said: The weather in Paris is sunny.)"


def test_ga_output_has_no_status(client: SessionClient) -> None:
    client.update(tools=[WEATHER])
    give_output(client, client.answer("The weather in Paris, please."), "sunny")

    item = next(event["item"] for event in reversed(client.events) if "item" in event)
    assert item["type"] == "function_call_output"
    assert ("status" in item) == (client.name == "preview")


def test_an_output_without_its_call_is_refused(client: SessionClient) -> None:
    answer = {"type": "function_call_output", "call_id": "call_other", "output": "sunny"}
    error = client.fails({"type": "conversation.item.create", "item": answer})

    assert (error["code"], error["param"]) == ("invalid_tool_call_id", "item.call_id")


def test_with_tool_choice_none_no_tool_is_called(client: SessionClient) -> None:
    client.update(tools=[WEATHER], tool_choice="none")

    assert calls(client.answer("The weather in Paris, please.")) == {}


def test_with_tool_choice_required_the_tool_that_fits_best_is_called(client: SessionClient) -> None:
    client.update(tools=[WEATHER, CAPITAL], tool_choice="required")

    assert list(calls(client.answer("What now?"))) == ["get_weather"]
    assert list(calls(client.answer("Which capital?"))) == ["get_capital"]


@pytest.mark.parametrize("name", DIALECTS)
def test_the_tool_that_is_named_is_called(name: str) -> None:
    client = SessionClient(name)
    choice = {"type": "function", "name": "get_capital"}
    update = {
        "type": "session.update",
        "session": {**TYPED[name], "tools": [WEATHER, CAPITAL], "tool_choice": choice},
    }
    client.send_raw(json.dumps(update))

    assert calls(client.answer("The weather in Paris, please.")) == {"get_capital": {"country": "Paris"}}


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ("required", "Tool choice 'required' must be specified with 'tools' parameter."),
        ({"type": "function", "name": "other"}, "Tool choice 'other' not found in 'tools' parameter."),
    ],
)
def test_a_choice_of_missing_tools_is_refused(client: SessionClient, choice: Any, message: str) -> None:
    error = client.fails({"type": "response.create", "response": {"tool_choice": choice}})

    assert (error["code"], error["message"]) == ("invalid_value", message)
    assert client.session.response is None


def test_a_spoken_turn_calls_no_tool_by_itself(client: SessionClient) -> None:
    client.update(tools=[WEATHER], instructions="You tell the weather.")
    client.speak(UTTERANCE)

    assert calls(client.finish()) == {}


# Commands


def test_tool_command_makes_arguments_up(client: SessionClient) -> None:
    client.update(tools=[WEATHER, CAPITAL])

    made = {"city": "example", "days": 1, "unit": "celsius", "hours": [1]}
    assert calls(client.answer("/tool")) == {"get_weather": made}
    assert calls(client.answer("/tool get_capital")) == {"get_capital": {"country": "example"}}


def test_tool_command_without_tools_calls_an_invented_one(client: SessionClient) -> None:
    assert calls(client.answer("/tool")) == {"simulator_example": {"invented": True}}


def test_tools_command_calls_several_at_once(client: SessionClient) -> None:
    client.update(tools=[WEATHER, CAPITAL])
    events = client.answer("/tools")

    output = done(events)["output"]
    assert [item["name"] for item in output] == ["get_weather", "get_capital"]
    assert len({item["call_id"] for item in output}) == len({item["id"] for item in output}) == 2
    added = [event for event in events if event["type"] == "response.output_item.added"]
    assert [event["output_index"] for event in added] == [0, 1]
    finished = [event for event in events if event["type"] == "response.output_item.done"]
    assert [event["item"] for event in finished] == output


def test_preamble_command_speaks_and_calls_in_one_response(client: SessionClient) -> None:
    client.update(tools=[WEATHER])

    assert [item["type"] for item in done(client.answer("/preamble"))["output"]] == [
        "message",
        "function_call",
    ]


def test_messages_command_answers_in_two() -> None:
    client = SessionClient("ga", model="gpt-realtime-2")
    output = done(client.answer("/messages"))["output"]

    assert [item["phase"] for item in output] == ["commentary", "final_answer"]
    assert len({item["id"] for item in output}) == 2


# Several calls at once


@pytest.mark.parametrize("parallel", [True, False])
def test_several_tools_are_called_where_that_is_allowed(parallel: bool) -> None:
    client = SessionClient("ga", model="gpt-realtime-2")
    client.update(tools=[WEATHER, CAPITAL, OTHER], parallel_tool_calls=parallel)
    made = calls(client.answer("What is the capital of France, and the weather there?"))

    assert sorted(made) == (["get_capital", "get_weather"] if parallel else ["get_weather"])


def test_a_tool_is_called_for_each_of_the_names() -> None:
    client = SessionClient("ga", model="gpt-realtime-2")
    client.update(tools=[CAPITAL])
    output = done(client.answer("Which capital have France and Italy?"))["output"]

    assert [json.loads(item["arguments"]) for item in output] == [{"country": "France"}, {"country": "Italy"}]
