"""Which tools fit a text, and arguments made from a schema and a text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from simulator.tool_calls import arguments, fitting

Schema = dict[str, Any]


def tool(name: str, description: str = "", **properties: Schema) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "name": name, "description": description, "parameters": parameters}


STRING: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
TOOLS = [
    tool("get_weather", "Get the current weather for a city.", city=STRING),
    tool("getCapital", "Tell the capital of a country.", country=STRING),
    tool("add", "Add two numbers.", a=NUMBER, b=NUMBER),
    tool("search_docs", "Search the documentation.", query=STRING),
    tool("lights", "Turn the lamps of a room on or off.", room={"enum": ["kitchen", "living room"]}),
    tool("transfer_to_billing", "Hand the conversation to somebody else."),
]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("What's the weather in Paris?", "get_weather"),
        ("Use the tool: what is the capital of France?", "getCapital"),
        ("Add 3 and 4, please.", "add"),
        ("Please call search_docs.", "search_docs"),
        ("Is there anything in the documentation about barge-in? Search it.", "search_docs"),
        ("Switch the kitchen lamps off", "lights"),
        ("I have a billing question.", "transfer_to_billing"),
    ],
)
def test_the_tool_that_a_text_is_about_is_found(text: str, name: str) -> None:
    assert fitting(TOOLS, text)[0]["name"] == name


@pytest.mark.parametrize("text", ["", "Hello.", "How are you?", "What now?", "Tell me a joke about cats."])
def test_no_tool_fits_a_text_about_something_else(text: str) -> None:
    assert fitting(TOOLS, text) == []


def test_the_only_tool_fits_when_a_tool_is_asked_for() -> None:
    assert fitting([TOOLS[2]], "Use the tool now.") == [TOOLS[2]]
    assert fitting(TOOLS, "Use the tool now.") == []


def with_required(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


@pytest.mark.parametrize(
    ("text", "properties", "expected"),
    [
        ("What's the weather in Paris?", {"city": STRING}, {"city": "Paris"}),
        ("weather in new york today", {"city": STRING}, {"city": "new york"}),
        ("Wie ist das Wetter in “Bern”?", {"city": STRING}, {"city": "Bern"}),
        ("Flights from Paris to San Francisco", {"destination": STRING, "origin": STRING}, {"destination": "San Francisco", "origin": "Paris"}),
        ("Call Ada Lovelace at 3pm on 2026-03-04", {"name": STRING, "time": STRING, "date": {"type": "string", "format": "date"}}, {"name": "Ada Lovelace", "time": "3pm", "date": "2026-03-04"}),
        ("Add 3 and 4.5", {"a": NUMBER, "b": NUMBER}, {"a": 3, "b": 4.5}),
        ("A table for four at 19:30", {"people": {"type": "integer"}, "time": STRING}, {"people": 4, "time": "19:30"}),
        ("Between 5 and 50", {"percent": {"type": "integer", "minimum": 10}}, {"percent": 50}),
        ("Mail ada@example.org", {"email": {"type": "string", "format": "email"}}, {"email": "ada@example.org"}),
        ("Where is order A-1234?", {"order_id": STRING}, {"order_id": "A-1234"}),
        ("What is 6 * 7?", {"expression": STRING}, {"expression": "6 * 7"}),
        ("Find out how echoes arise", {"query": STRING}, {"query": "Find out how echoes arise"}),
        ('Search for "echo cancellation"', {"query": STRING}, {"query": "echo cancellation"}),
        ("in Fahrenheit, please", {"unit": {"enum": ["celsius", "fahrenheit"]}}, {"unit": "fahrenheit"}),
        ("in the living room", {"room": {"enum": ["kitchen", "living_room"]}}, {"room": "living_room"}),
        ("red and blue", {"colours": {"type": "array", "items": {"enum": ["red", "green", "blue"]}}}, {"colours": ["red", "blue"]}),
        ("Ask Ada and Grace", {"people": {"type": "array", "items": STRING}}, {"people": ["Ada", "Grace"]}),
        ("Go to Bern", {"place": with_required(city=STRING)}, {"place": {"city": "Bern"}}),
        ("Do not notify me", {"notify": {"type": "boolean"}}, {"notify": False}),
        ("Remind me of “tea”", {"text": {"anyOf": [{"type": "null"}, STRING]}}, {"text": "tea"}),
    ],
)  # fmt: skip
def test_arguments_are_taken_from_the_text(text: str, properties: dict[str, Schema], expected: Any) -> None:
    assert arguments(with_required(**properties), text) == expected


def test_optional_arguments_are_given_only_where_the_text_has_them() -> None:
    schema = {
        "type": "object",
        "properties": {
            "city": STRING,
            "days": {"type": "integer"},
            "unit": {"enum": ["celsius", "fahrenheit"]},
        },
        "required": ["city"],
    }

    assert arguments(schema, "Weather in Paris") == {"city": "Paris"}
    assert arguments(schema, "Weather in Paris for 3 days in celsius") == {
        "city": "Paris",
        "days": 3,
        "unit": "celsius",
    }


def test_references_are_followed() -> None:
    place = {"type": "object", "properties": {"city": STRING}, "required": ["city"]}
    schema = {**with_required(to={"$ref": "#/$defs/Place"}), "$defs": {"Place": place}}

    assert arguments(schema, "Go to Bern") == {"to": {"city": "Bern"}}


def test_a_value_for_a_recursive_schema_is_finite() -> None:
    node = {
        "type": "object",
        "properties": {f"p{n}": {"$ref": "#"} for n in range(20)},
        "required": ["p1", "p2"],
    }

    assert set(arguments(node, "anything")) == {"p1", "p2"}


LIMITS = st.integers(-50, 50)
SIMPLE = (
    st.just({"type": "boolean"})
    | st.just({"type": "null"})
    | st.builds(lambda low, span, kind: {"type": kind, "minimum": low, "maximum": low + span}, LIMITS, st.integers(0, 9), st.sampled_from(["integer", "number"]))
    | st.builds(lambda low: {"type": "number", "exclusiveMinimum": low, "exclusiveMaximum": low + 2}, LIMITS)
    | st.builds(lambda step: {"type": "integer", "multipleOf": step}, st.integers(1, 12))
    | st.builds(lambda least, span: {"type": "string", "minLength": least, "maxLength": least + span}, st.integers(0, 30), st.integers(0, 30))
    | st.builds(lambda form: {"type": "string", "format": form}, st.sampled_from(["date", "date-time", "email", "uri", "uuid"]))
    | st.builds(lambda members: {"enum": members}, st.lists(st.sampled_from(["red", "dark blue", 3, None]), min_size=1, unique=True))
    | st.builds(lambda value: {"const": value}, st.sampled_from(["x", 1, None]))
    | st.just({"type": ["string", "null"]})
)  # fmt: skip
NAMES = st.sampled_from(["city", "date", "time", "email", "query", "id", "count", "from", "to", "note"])


def objects(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    return st.dictionaries(NAMES, inner, max_size=4).flatmap(
        lambda properties: st.builds(
            lambda required: {
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": False,
            },
            st.lists(st.sampled_from(sorted(properties)), unique=True) if properties else st.just([]),
        )
    )


SCHEMAS = st.recursive(
    SIMPLE,
    lambda inner: (
        objects(inner)
        | st.builds(
            lambda item, least: {"type": "array", "items": item, "minItems": least}, inner, st.integers(0, 3)
        )
        | st.builds(lambda first, second: {"anyOf": [first, second]}, inner, inner)
    ),
    max_leaves=8,
)
TEXTS = st.sampled_from(
    [
        "",
        "Go from Paris to Rome on 2026-03-04 at 3pm",
        "red 7 and 20",
        'mail a@b.example "x" https://c.example/d',
    ]
) | st.text(max_size=60)


@pytest.mark.thorough
@settings(max_examples=300, deadline=None)
@given(objects(SCHEMAS), TEXTS, st.booleans())
def test_arguments_are_what_the_schema_allows(schema: Schema, text: str, everything: bool) -> None:
    made = arguments(schema, text, everything=everything)

    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(made)
