"""Usage, limits, and what a session keeps."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from session_client import UTTERANCE, SessionClient, done, message


def test_usage_counts_audio_at_the_documented_rates(client: SessionClient) -> None:
    client.update(instructions="x" * 400)
    client.speak(UTTERANCE)
    usage = done(client.finish())["usage"]

    assert usage["output_token_details"]["audio_tokens"] == 60
    assert usage["input_token_details"]["audio_tokens"] in range(15, 22)
    assert usage["input_token_details"]["text_tokens"] == 100
    for side in ("input", "output"):
        details = usage[f"{side}_token_details"]
        assert usage[f"{side}_tokens"] == details["text_tokens"] + details["audio_tokens"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_second_response_reads_the_first_ones_input_from_the_cache(client: SessionClient) -> None:
    client.update(instructions="x" * 800)
    first = done(client.answer("Hello."))["usage"]["input_token_details"]
    second = done(client.answer("Again."))["usage"]["input_token_details"]

    assert first["cached_tokens"] == 0
    assert second["cached_tokens"] == 192
    if client.name == "ga":
        assert second["cached_tokens_details"] == {"text_tokens": 192, "audio_tokens": 0, "image_tokens": 0}


def test_answer_ends_at_the_limit_of_output_tokens(client: SessionClient) -> None:
    limit = {"max_response_output_tokens" if client.name == "preview" else "max_output_tokens": 30}
    response = done(client.answer("Hello.", **limit))

    assert response["status"] == "incomplete"
    assert response["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert 30 <= response["usage"]["output_tokens"] < 36


@pytest.mark.parametrize(
    ("name", "is_azure", "names"),
    [
        ("preview", True, ["requests", "tokens"]),
        ("preview", False, ["tokens"]),
        ("ga", False, ["tokens"]),
        ("ga", True, None),
    ],
)
def test_rate_limits_follow_a_response_where_the_service_sends_them(
    name: str, is_azure: bool, names: list[str] | None
) -> None:
    last = SessionClient(name, is_azure=is_azure).answer("Hello.")[-1]

    if names is None:
        assert last["type"] == "response.done"
        return
    assert [limit["name"] for limit in last["rate_limits"]] == names
    assert last["rate_limits"][-1]["remaining"] < last["rate_limits"][-1]["limit"]


def test_the_oldest_items_are_dropped_when_the_models_context_is_full(client: SessionClient) -> None:
    client.send("conversation.item.create", item=message("old"))
    client.say("x" * 200_000)
    client.send("response.create")
    client.finish()

    assert (
        client.fails({"type": "conversation.item.retrieve", "item_id": "old"})["code"]
        == "item_retrieve_invalid_item_id"
    )


@pytest.mark.parametrize(
    ("truncation", "kept"),
    [
        (
            {"type": "retention_ratio", "retention_ratio": 0.5, "token_limits": {"post_instructions": 100}},
            ["e"],
        ),
        (
            {"type": "retention_ratio", "retention_ratio": 1.0, "token_limits": {"post_instructions": 100}},
            ["d", "e"],
        ),
        ("auto", ["a", "b", "c", "d", "e"]),
        ("disabled", ["a", "b", "c", "d", "e"]),
    ],
)
def test_truncation_retains_the_configured_share(truncation: Any, kept: list[str]) -> None:
    client = SessionClient("ga")
    client.update(truncation=truncation)
    for item_id in "abcde":
        content = [{"type": "input_text", "text": "x" * 160}]
        item = {"id": item_id, "type": "message", "role": "user", "content": content}
        client.send("conversation.item.create", item=item)

    retrieved = [client.send("conversation.item.retrieve", item_id=item_id)[0] for item_id in "abcde"]
    assert [event["item"]["id"] for event in retrieved if "item" in event] == kept


def test_no_more_than_400_items_are_kept(client: SessionClient) -> None:
    for _ in range(500):
        client.send_raw(
            '{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[]}}'
        )

    assert len(client.session._conversation._items) == 400  # noqa: SLF001 - memory is the claim


def test_heard_audio_is_forgotten_once_answered(client: SessionClient) -> None:
    client.speak(UTTERANCE)

    assert all(item.heard is None for item in client.session._conversation._items)  # noqa: SLF001 - memory is the claim


def test_only_the_last_audio_waits_for_an_answer(client: SessionClient) -> None:
    client.update_input(turn_detection={"type": "server_vad", "create_response": False})
    for _ in range(3):
        client.speak(UTTERANCE)

    waiting = [item for item in client.session._conversation._items if item.heard]  # noqa: SLF001 - memory is the claim
    assert waiting == [client.session._conversation.items[-1]]  # noqa: SLF001


def test_expired_session_says_so(client: SessionClient) -> None:
    [event] = client.take(client.session.expire())

    assert event["error"]["code"] == "session_expired"
    assert client.session.ending
    assert (client.session.ending.code, client.session.ending.reason) == (
        1001,
        "Your session hit the maximum duration of 60 minutes.",
    )


def test_long_append_is_worked_through_in_slices(client: SessionClient) -> None:
    encoded = base64.b64encode(bytes(60_000 * 48)).decode()
    batches = list(
        client.session.receive(json.dumps({"type": "input_audio_buffer.append", "audio": encoded}))
    )

    assert len(batches) == 300
