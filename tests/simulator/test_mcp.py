"""MCP servers of the service: import of their tools, calls, approval, and the response that follows by itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from session_client import Event, SessionClient, done, one, types

from simulator import Faults

DELETE, SEARCH = "Delete the page “Old news”.", "Search the pages for “echo”."


def session(
    url: str = "https://docs.example/mcp", *, late: str = "", **more: Any
) -> tuple[SessionClient, list[Event]]:
    """Return the client of a session with an MCP server, and the events of importing its tools."""
    faults = Faults(always=(f"late {late}",)) if late else None
    client = SessionClient("ga", scripted=False, faults=faults)
    server = {"type": "mcp", "server_label": "docs", "server_url": url, **more}
    return client, client.send("session.update", session={"type": "realtime", "tools": [server]})[1:]


def test_tools_of_a_server_are_imported() -> None:
    client, events = session()

    assert types(events) == [
        "conversation.item.added",
        "mcp_list_tools.in_progress",
        "conversation.item.done",
        "mcp_list_tools.completed",
    ]
    assert {event.get("item_id") or event["item"]["id"] for event in events} == {events[0]["item"]["id"]}
    assert [tool["name"] for tool in events[2]["item"]["tools"]] == ["search", "delete_page"]
    assert types(
        client.send("session.update", session={"type": "realtime", "instructions": "Be brief."})
    ) == ["session.updated"]


@pytest.mark.parametrize("allowed", [["search"], {"tool_names": ["search"]}, {"read_only": True}])
def test_only_allowed_tools_are_imported(allowed: Any) -> None:
    _, events = session(allowed_tools=allowed)

    assert [tool["name"] for tool in events[2]["item"]["tools"]] == ["search"]


def test_import_from_an_unreachable_server_fails() -> None:
    _, events = session("https://unreachable.example/mcp")

    assert types(events) == ["conversation.item.added", "mcp_list_tools.in_progress", "mcp_list_tools.failed"]


def test_an_import_may_last_until_a_response_has_begun() -> None:
    client, events = session(late="mcp_list_tools.completed")
    response = types(client.answer("Hello"))

    assert types(events)[-1] == "conversation.item.done"
    begun = types(client.events).index("response.created")
    assert types(client.events).index("mcp_list_tools.completed") > begun
    assert response[-1] == "response.done"


def test_a_call_may_end_after_its_response() -> None:
    client, _ = session(
        "https://silent.example/mcp", late="response.mcp_call.completed", require_approval="never"
    )
    events = types(client.answer(SEARCH))

    assert events.index("response.mcp_call.completed") > events.index("response.done")


def test_the_service_makes_the_call_and_then_speaks_about_its_output() -> None:
    client, _ = session(require_approval="never")
    events = client.answer(SEARCH)

    names = [name for name in types(events) if name.startswith("response.")]
    assert names[:2] == ["response.created", "response.output_item.added"]
    call_ended = names.index("response.output_item.done")
    assert names[call_ended - 3 : call_ended + 3] == [
        "response.mcp_call_arguments.done",
        "response.mcp_call.in_progress",
        "response.mcp_call.completed",
        "response.output_item.done",
        "response.done",
        "response.created",
    ]
    first, second = [event["response"] for event in events if event["type"] == "response.done"]
    [call] = first["output"]
    assert (call["type"], call["server_label"], call["name"]) == ("mcp_call", "docs", "search")
    assert json.loads(call["arguments"]) == {"query": "echo"}
    assert call["error"] is None
    assert call["output"] in second["output"][0]["content"][0]["transcript"]


@pytest.mark.parametrize("kind", ["http", "protocol", "tool_execution"])
def test_a_failed_call_has_its_error(kind: str) -> None:
    word = {"tool_execution": "execution"}.get(kind, kind)
    client, _ = session(f"https://{word}-error.example/mcp", require_approval="never")
    events = client.answer(SEARCH)

    one(events, "response.mcp_call.failed")
    [call] = next(event["response"]["output"] for event in events if event["type"] == "response.done")
    assert call["error"]["type"] == f"{kind}_error"
    assert call["output"] is None


def test_without_a_follow_up_the_client_asks_for_one() -> None:
    client, _ = session("https://silent.example/mcp", require_approval="never")

    assert [item["type"] for item in done(client.answer(SEARCH))["output"]] == ["mcp_call"]
    client.send("response.create")
    assert [item["type"] for item in done(client.finish())["output"]] == ["message"]


def ask_to_delete(client: SessionClient) -> str:
    """Return the id of the request to approve a deletion."""
    [request] = done(client.answer(DELETE))["output"]
    assert (request["type"], request["name"]) == ("mcp_approval_request", "delete_page")
    assert json.loads(request["arguments"]) == {"title": "Old news"}
    return str(request["id"])


def answer_request(client: SessionClient, request_id: str, *, approve: bool) -> list[Event]:
    item = {
        "id": "mine",
        "type": "mcp_approval_response",
        "approval_request_id": request_id,
        "approve": approve,
    }
    return [*client.send("conversation.item.create", item=item), *client.finish()]


@pytest.mark.parametrize(
    "setting", [None, "always", {"always": {"tool_names": ["delete_page"]}, "never": {"read_only": True}}]
)
def test_an_approved_call_is_made(setting: Any) -> None:
    client, _ = session(require_approval=setting)
    request_id = ask_to_delete(client)
    events = answer_request(client, request_id, approve=True)

    one(events, "response.mcp_call.completed")
    [call] = next(event["response"]["output"] for event in events if event["type"] == "response.done")
    assert (call["type"], call["approval_request_id"]) == ("mcp_call", request_id)


def test_a_denied_call_is_not_made() -> None:
    client, _ = session()
    events = answer_request(client, ask_to_delete(client), approve=False)

    assert "response.mcp_call.in_progress" not in types(events)
    assert [item["type"] for item in done(events)["output"]] == ["message"]


def test_a_tool_that_needs_no_approval_is_called_at_once() -> None:
    client, _ = session(require_approval={"never": {"read_only": True}})

    one(client.answer(SEARCH), "response.mcp_call.completed")


def test_an_approval_without_a_request_is_refused() -> None:
    client, _ = session()
    item = {"type": "mcp_approval_response", "id": "mine", "approval_request_id": "other", "approve": True}
    error = client.fails({"type": "conversation.item.create", "item": item})

    assert (error["code"], error["param"]) == ("invalid_value", "item.approval_request_id")


def test_tool_choice_may_name_a_tool_of_an_mcp_server() -> None:
    client, _ = session(require_approval="never")
    choice = {"type": "mcp", "server_label": "docs", "name": "search"}
    events = client.answer("Hello.", tool_choice=choice)

    assert one(events, "response.mcp_call_arguments.done")["arguments"] == '{"query": "Hello."}'
    error = client.fails(
        {"type": "response.create", "response": {"tool_choice": {**choice, "server_label": "other"}}}
    )
    assert error["message"] == "Tool choice 'other' not found in 'tools' parameter."


def test_a_choice_that_requires_calls_ends_after_one() -> None:
    client, _ = session(require_approval="never")
    client.update(tool_choice="required")

    assert types(client.answer("Hello.")).count("response.mcp_call.completed") == 1
