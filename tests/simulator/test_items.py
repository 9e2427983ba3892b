"""Items of the conversation, typed messages and responses outside of it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from session_client import (
    DIALECTS,
    UTTERANCE,
    Event,
    SessionClient,
    audio,
    done,
    message,
    one,
    ordered,
    types,
)


def said(events: list[Event]) -> str:
    """Return what the only message of a response says."""
    [part] = done(events)["output"][0]["content"]
    return str(part["transcript"])


def test_typed_message_is_answered_in_sound_and_writing(speaking: SessionClient) -> None:
    events = speaking.answer("Wie spät ist es? ⏰")

    transcript = one(events, speaking.named("audio_transcript.done"))["transcript"]
    assert (
        transcript == "I received your message, but I cannot understand it. (You typed: Wie spät ist es? ⏰)"
    )
    assert len(audio(events)) > 48 * 1000


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("Say exactly: pineapple", "pineapple"),
        ("What is 2 + 2?", "4"),
        ('Please say "Hello, world!"', "Hello, world!"),
    ],
)
def test_a_phrase_that_is_asked_for_is_said(speaking: SessionClient, asked: str, answer: str) -> None:
    plainly = "I say what I was asked to say, and understand nothing of it. "

    assert said(speaking.answer(asked)) == plainly + answer
    created = speaking.send("response.create", response={"instructions": asked})
    assert said([*created, *speaking.finish()]) == plainly + answer


def test_phrases_in_the_instructions_of_the_session_are_said_in_every_answer(speaking: SessionClient) -> None:
    speaking.update(instructions='Always include the phrase "San Francisco".')

    assert "San Francisco" in said(speaking.answer("How are you?"))
    speaking.speak(UTTERANCE)
    assert "San Francisco" in said(speaking.finish())


def test_a_question_is_answered_with_an_earlier_message_about_its_subject(speaking: SessionClient) -> None:
    speaking.say("My favorite number is seven.")
    speaking.say("I live in Bern.")
    created = speaking.send(
        "response.create", response={"instructions": "What is the user's favorite number?"}
    )

    assert said([*created, *speaking.finish()]).endswith("(You said: My favorite number is seven.)")


def test_instructions_that_ask_for_nothing_particular_are_repeated(speaking: SessionClient) -> None:
    created = speaking.send("response.create", response={"instructions": "Greet the user warmly."})

    assert said([*created, *speaking.finish()]).endswith("(My instructions: Greet the user warmly.)")


def test_text_only_session_answers_without_sound(speaking: SessionClient) -> None:
    speaking.text_only()
    events = speaking.answer("Hello.")

    text = one(events, speaking.named("text.done"))["text"]
    assert text == "I received your message, but I cannot understand it. (You typed: Hello.)"
    assert (
        "".join(event["delta"] for event in events if event["type"] == speaking.named("text.delta")) == text
    )
    assert audio(events) == b""
    assert done(events)["output"][0]["content"] == [
        {"type": "text" if speaking.name == "preview" else "output_text", "text": text}
    ]


def test_single_response_may_be_text_only(speaking: SessionClient) -> None:
    modalities = {"modalities" if speaking.name == "preview" else "output_modalities": ["text"]}

    assert audio(speaking.answer("Hello.", **modalities)) == b""
    assert audio(speaking.answer("Hello.")) != b""


def test_response_outside_the_conversation_leaves_no_item(speaking: SessionClient) -> None:
    asked = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Aside."}]}]
    created = speaking.send(
        "response.create", response={"conversation": "none", "input": asked, "metadata": {"a": "b"}}
    )
    events = [*created, *speaking.finish()]

    response = done(events)
    assert response["conversation_id"] is None
    assert response["metadata"] == {"a": "b"}
    assert "(You typed: Aside.)" in response["output"][0]["content"][0]["transcript"]
    assert not [name for name in types(events) if name.startswith("conversation.item")]
    error = speaking.fails({"type": "conversation.item.retrieve", "item_id": response["output"][0]["id"]})
    assert error["code"] == "item_retrieve_invalid_item_id"


def test_response_to_given_items_uses_only_those_items(speaking: SessionClient) -> None:
    speaking.say("My favorite number is seven.")
    call = {"type": "function_call", "name": "look", "call_id": "c", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c", "output": "sunny"}
    created = speaking.send("response.create", response={"conversation": "none", "input": [call, output]})
    response = done([*created, *speaking.finish()])

    assert response["output"][0]["content"][0]["transcript"] == "Your tool has answered. (It said: sunny)"
    given = response["usage"]["input_token_details"]["text_tokens"]
    everything = done(speaking.answer("Hello."))["usage"]["input_token_details"]["text_tokens"]
    assert given < everything + 4


def test_response_may_refer_to_an_item(speaking: SessionClient) -> None:
    speaking.send("conversation.item.create", item=message("Say exactly: pineapple"))
    reference = {"type": "item_reference", "id": "Say exactly: pineapple"}
    request = {"type": "response.create", "response": {"conversation": "none", "input": [reference]}}
    created = speaking.send_raw(json.dumps(request))

    assert said([*created, *speaking.finish()]).endswith("pineapple")


def test_response_in_an_empty_conversation_says_that_there_is_nothing_to_answer(
    speaking: SessionClient,
) -> None:
    speaking.send("response.create")

    assert done(speaking.finish())["output"][0]["content"][0]["transcript"] == "There is nothing to answer."


def test_items_are_inserted_after_previous_item_id(client: SessionClient) -> None:
    def put(item_id: str, after: str | None = None) -> Any:
        place = {} if after is None else {"previous_item_id": after}
        return client.send("conversation.item.create", item=message(item_id), **place)[0]["previous_item_id"]

    assert put("a") is None
    assert put("c") == "a"
    assert put("b", "a") == "a"
    assert put("first", "root") is None
    assert put("d") == "c"


def test_history_of_all_roles_is_accepted(client: SessionClient) -> None:
    kinds = (
        ("system", "input_text"),
        ("user", "input_text"),
        ("assistant", DIALECTS[client.name].text_content),
    )
    for role, kind in kinds:
        events = client.send("conversation.item.create", item=message(role, role, kind))
        assert types(events) == ordered(client, "conversation.item.added", "conversation.item.done")
        assert events[0]["item"]["status"] == "completed"


def test_items_that_a_client_creates_keep_their_ids_and_their_order(client: SessionClient) -> None:
    """As a page does that lets a new session know what was said in earlier ones."""
    kinds = {"user": "input_text", "assistant": DIALECTS[client.name].text_content}
    ids = [f"rv_{number:029}" for number in range(20)]
    announced = [
        client.send("conversation.item.create", item=message(item_id, role, kinds[role]))[0]
        for item_id, role in zip(ids, ["user", "assistant"] * 10, strict=True)
    ]
    assert [event["item"]["id"] for event in announced] == ids
    assert [event["previous_item_id"] for event in announced] == [None, *ids[:-1]]
    for item_id in ids:
        client.send("conversation.item.delete", item_id=item_id)
    added = client.send("conversation.item.create", item=message(ids[0]))[0]
    assert added["previous_item_id"] is None


def test_an_answer_in_progress_can_be_deleted(client: SessionClient) -> None:
    client.say("hello")
    client.send("response.create")
    added = one(client.step(2), "response.output_item.added")

    client.send("conversation.item.delete", item_id=added["item"]["id"])
    client.finish()

    assert types(client.say("again")) == ordered(client, "conversation.item.added", "conversation.item.done")


def test_deleted_item_is_gone(client: SessionClient) -> None:
    client.send("conversation.item.create", item=message("a"))

    assert client.send("conversation.item.delete", item_id="a")[0]["item_id"] == "a"
    error = client.fails({"type": "conversation.item.delete", "item_id": "a"})
    assert (error["code"], error["param"]) == ("item_delete_invalid_item_id", "item_id")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"item": message("a")}, "item_create_duplicate_item_id"),
        ({"item": message("b"), "previous_item_id": "z"}, "item_create_invalid_previous_item_id"),
        ({"item": {"type": "function_call_output", "call_id": "x", "output": ""}}, "invalid_tool_call_id"),
        ({"item": {"type": "message", "role": "user"}}, "missing_required_parameter"),
        ({"item": message("b" * 33)}, "string_above_max_length"),
        ({"item": message("b", "assistant")}, "invalid_value"),
        ({"item": message("b", "narrator")}, "invalid_value"),
        ({"item": {"type": "poem"}}, "invalid_value"),
        (
            {
                "item": {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_image", "image_url": "x"}],
                }
            },
            "invalid_value",
        ),
        (
            {"item": {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": "%"}]}},
            "invalid_value",
        ),
    ],
)
def test_bad_item_is_refused(client: SessionClient, fields: Event, code: str) -> None:
    client.send("conversation.item.create", item=message("a"))

    assert client.fails({"type": "conversation.item.create", **fields})["code"] == code


def test_audio_in_an_item_is_heard(speaking: SessionClient) -> None:
    content = [{"type": "input_audio", "audio": base64.b64encode(UTTERANCE).decode()}]
    events = speaking.send(
        "conversation.item.create", item={"type": "message", "role": "user", "content": content}
    )
    assert events[0]["item"]["content"] == [{"type": "input_audio", "transcript": None}]

    speaking.send("response.create")
    assert "This is what I heard." in done(speaking.finish())["output"][0]["content"][0]["transcript"]
