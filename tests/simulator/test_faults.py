"""Every fault on the list happens, in both dialects, by a typed command and by data, in events that the service could send."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from session_client import UTTERANCE, WEATHER, SessionClient, audio, done, one, types

from simulator import Faults
from simulator.faults import FAULTS, ScenarioError, read_scenario

if TYPE_CHECKING:
    from session_client import Event

PNG = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(params=["command", "data"])
def misbehaving(request: pytest.FixtureRequest, client: SessionClient) -> Misbehaving:
    return Misbehaving(client, by_command=request.param == "command")


class Misbehaving:
    """A client whose session meets a fault that was typed, or one that a test gave."""

    def __init__(self, client: SessionClient, *, by_command: bool) -> None:
        self.client, self._by_command = client, by_command

    def meet(self, fault: str) -> SessionClient:
        """Return the client of a session that misbehaves: in its next answer, or from now on."""
        name = fault.partition(" ")[0]
        if not self._by_command:
            of_answers = FAULTS[name].lasts == "answer"
            faults = Faults(answers=(fault,)) if of_answers else Faults(always=(fault,))
            self.client = SessionClient(self.client.name, faults=faults)
        elif FAULTS[name].lasts == "answer":
            self.client.answer(f"/fault {fault} next")
        else:
            self.client.answer(f"/fault {fault}")
        return self.client


def error_of(response: Event) -> Any:
    return response["status_details"]["error"]["code"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("failed", "server_error"),
        ("rate_limited", "rate_limit_exceeded"),
        ("out_of_quota", "insufficient_quota"),
    ],
)
def test_an_answer_fails_before_anything_is_said(misbehaving: Misbehaving, fault: str, code: str) -> None:
    response = done(misbehaving.meet(fault).answer("Hello"))

    assert (response["status"], error_of(response), response["output"]) == ("failed", code, [])


def test_an_answer_fails_halfway(misbehaving: Misbehaving) -> None:
    events = misbehaving.meet("failed_midway").answer("Hello")

    response = done(events)
    assert (response["status"], error_of(response)) == ("failed", "server_error")
    assert 0 < len(audio(events)) < 3000 * 48
    assert response["output"][0]["status"] == "incomplete"


@pytest.mark.parametrize("reason", ["content_filter", "max_output_tokens"])
def test_an_answer_ends_incomplete_halfway(misbehaving: Misbehaving, reason: str) -> None:
    events = misbehaving.meet(reason).answer("Hello")

    assert done(events)["status_details"] == {"type": "incomplete", "reason": reason}
    assert 0 < len(audio(events)) < 3000 * 48


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("content_filter_empty", "content_filter"), ("max_output_tokens_empty", "max_output_tokens")],
)
def test_an_answer_ends_incomplete_without_output(misbehaving: Misbehaving, fault: str, reason: str) -> None:
    response = done(misbehaving.meet(fault).answer("Hello"))

    assert (response["status"], response["output"]) == ("incomplete", [])
    assert response["status_details"] == {"type": "incomplete", "reason": reason}


def test_a_session_is_closed_halfway_without_an_error(misbehaving: Misbehaving) -> None:
    client = misbehaving.meet("close_midway")
    client.say("Hello")
    client.send("response.create")
    while client.session.ending is None:
        assert client.session.response
        client.step()

    assert client.session.ending.code == 1000
    assert "error" not in types(client.events)


def test_an_answer_is_interrupted_by_a_cough_and_no_other_follows(misbehaving: Misbehaving) -> None:
    client = misbehaving.meet("cough")
    events = client.answer("Hello")

    assert done(events)["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    order = [
        kind
        for kind in types(events)
        if kind.startswith("input_audio_buffer.") or kind in ("response.created", "response.done")
    ]
    assert order == [
        "response.created",
        "input_audio_buffer.speech_started",
        "response.done",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
    ]
    assert client.session.response is None


@pytest.mark.parametrize("fault", ["stuck", "stuck_midway"])
def test_a_stuck_answer_ends_only_when_it_is_cancelled(misbehaving: Misbehaving, fault: str) -> None:
    client = misbehaving.meet(fault)
    client.say("Hello")
    client.send("response.create")
    came = []
    while client.session.has_step:
        came += client.step()

    assert bool(audio(came)) == (fault == "stuck_midway")
    assert client.step() == []
    assert done(client.send("response.cancel"))["status_details"]["reason"] == "client_cancelled"


def test_an_answer_thinks_for_six_seconds(misbehaving: Misbehaving) -> None:
    client = misbehaving.meet("thinking")
    client.say("Hello")
    client.send("response.create")
    pause_ms = 0.0
    events: list[Event] = []
    while not events:
        step = client.session.advance()
        pause_ms, events = pause_ms + step.pause_ms, step.events

    assert 6000 <= pause_ms <= 7000


def test_limits_are_used_up_before_the_answer(misbehaving: Misbehaving) -> None:
    client = misbehaving.meet("limits_used_up")
    client.say("Hello")

    limits, created = client.send("response.create")
    assert [limit["remaining"] for limit in limits["rate_limits"]] == [0]
    assert created["type"] == "response.created"


def test_speech_is_not_noticed_and_other_events_are(misbehaving: Misbehaving) -> None:
    client = misbehaving.meet("deaf")

    assert client.speak(UTTERANCE) == []
    error = client.fails({"type": "conversation.item.delete", "item_id": "item_of_nobody"})
    assert error["code"] == "item_delete_invalid_item_id"


def test_the_output_of_a_call_is_refused(misbehaving: Misbehaving) -> None:
    client = misbehaving.meet("forgets_calls")
    client.update(tools=[WEATHER])
    [call] = done(client.answer("/tool"))["output"]
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "{}"}

    error = client.fails({"type": "conversation.item.create", "item": output})
    assert error["code"] == "invalid_tool_call_id"


def test_an_answer_does_not_come_and_the_next_one_does(misbehaving: Misbehaving) -> None:
    client = misbehaving.meet("no_answer")
    client.say("Hello")

    assert client.send("response.create") == []
    assert client.session.response is None
    assert types(client.send("response.create")) == ["response.created"]


def test_a_response_is_refused_as_if_another_were_active(misbehaving: Misbehaving) -> None:
    client = misbehaving.meet("busy")
    client.say("Hello")

    error = client.fails({"type": "response.create"})
    assert error["code"] == "conversation_already_has_active_response"
    assert types(client.send("response.create")) == ["response.created"]


def test_a_server_error_belongs_to_no_response(misbehaving: Misbehaving) -> None:
    client = misbehaving.meet("server_error")
    client.say("Hello")

    error, created = client.send("response.create")
    assert (error["type"], error["error"]["type"]) == ("error", "server_error")
    assert created["type"] == "response.created"
    assert done(client.finish())["status"] == "completed"


def test_the_beta_is_switched_off_in_the_session(misbehaving: Misbehaving) -> None:
    client = misbehaving.meet("beta_disabled")
    client.say("Hello")

    assert client.fails({"type": "response.create"})["code"] == "beta_api_shape_disabled"
    assert client.session.ending
    assert client.session.ending.code == 4000


def test_an_answer_comes_as_text_alone(misbehaving: Misbehaving) -> None:
    events = misbehaving.meet("text_only").answer("Hello")

    assert audio(events) == b""
    assert any(kind.endswith("text.delta") for kind in types(events))


def test_an_answer_has_two_messages(misbehaving: Misbehaving) -> None:
    first, second = done(misbehaving.meet("two_messages").answer("Hello"))["output"]

    assert first["id"] != second["id"]
    assert first["content"] == second["content"]


def test_audio_comes_after_its_done_event(misbehaving: Misbehaving) -> None:
    client = misbehaving.meet("late_audio")
    events = client.answer("Hello")

    kinds = [kind for kind in types(events) if ".audio." in kind or "output_audio." in kind]
    delta, end = client.named("audio.delta"), client.named("audio.done")
    assert kinds[kinds.index(end) :] == [end, delta, delta]
    assert len(audio(events)) == 3000 * 48


def test_a_function_is_called_that_nobody_declared(misbehaving: Misbehaving) -> None:
    client = misbehaving.meet("unknown_call")
    client.update(tools=[WEATHER])
    [call] = done(client.answer("Hello"))["output"]

    assert call["type"] == "function_call"
    assert call["name"] != "get_weather"


def test_an_interrupted_call_keeps_the_arguments_that_were_sent(misbehaving: Misbehaving) -> None:
    client = misbehaving.meet("slow_call")
    client.update(tools=[WEATHER])
    client.say("Hello")
    client.send("response.create")
    sent = ""
    while len(sent) < 5:
        sent += "".join(
            event["delta"] for event in client.step() if event["type"].endswith("arguments.delta")
        )
    [call] = done(client.send("response.cancel"))["output"]

    assert (call["status"], call["arguments"]) == ("incomplete", sent)


def test_arguments_come_only_at_the_end(misbehaving: Misbehaving) -> None:
    client = misbehaving.meet("no_argument_deltas")
    client.update(tools=[WEATHER])
    events = client.answer("Hello")

    stem = "response.function_call_arguments"
    assert f"{stem}.delta" not in types(events)
    assert json.loads(one(events, f"{stem}.done")["arguments"])


def test_nothing_is_sent_any_more(misbehaving: Misbehaving) -> None:
    assert misbehaving.meet("silent").answer("Hello") == []


def test_no_response_begins(misbehaving: Misbehaving) -> None:
    client = misbehaving.meet("never_answers")

    for _ in range(3):
        client.say("Hello")
        assert client.send("response.create") == []


def test_a_second_response_create_is_dropped_without_an_error(misbehaving: Misbehaving) -> None:
    client = misbehaving.meet("ignores_create")
    client.say("Hello")
    client.send("response.create")

    assert client.send("response.create") == []
    assert done(client.finish())["status"] == "completed"


def test_answers_are_text_once_the_client_gave_an_assistants_message(misbehaving: Misbehaving) -> None:
    client = misbehaving.meet("text_after_history")
    before = client.answer("Hello")
    kind = "text" if client.name == "preview" else "output_text"
    client.send(
        "conversation.item.create",
        item={"type": "message", "role": "assistant", "content": [{"type": kind, "text": "Good day."}]},
    )

    assert audio(before)
    assert audio(client.answer("Hello")) == b""


def spoken(client: SessionClient) -> list[Event]:
    client.update_input(transcription={"model": "whisper-1"})
    return [*client.speak(UTTERANCE), *client.finish()]


TRANSCRIPTION = "conversation.item.input_audio_transcription."


def test_no_transcription_comes(misbehaving: Misbehaving) -> None:
    events = spoken(misbehaving.meet("no_transcript"))

    assert "input_audio_buffer.committed" in types(events)
    assert not [kind for kind in types(events) if kind.startswith(TRANSCRIPTION)]


def test_each_transcription_fails(misbehaving: Misbehaving) -> None:
    events = spoken(misbehaving.meet("transcription_failed"))

    assert one(events, f"{TRANSCRIPTION}failed")["error"]["code"] == "DeploymentNotFound"
    assert f"{TRANSCRIPTION}completed" not in types(events)


@pytest.mark.parametrize("fault", ["no_speech_started", ""])
def test_semantic_vad_sends_no_speech_started(client: SessionClient, fault: str) -> None:
    client = SessionClient(client.name, faults=Faults(always=(fault,) if fault else ()))
    client.update_input(turn_detection={"type": "semantic_vad", "eagerness": "high"})
    events = client.speak(UTTERANCE * 2)

    assert ("input_audio_buffer.speech_started" in types(events)) == (not fault)
    assert "input_audio_buffer.speech_stopped" in types(events)


def test_an_image_is_refused_and_its_item_stays() -> None:
    client = SessionClient("ga", faults=Faults(always=("image_refused",)))
    item = {
        "id": "item_of_the_test",
        "type": "message",
        "role": "user",
        "content": [{"type": "input_image", "image_url": PNG}],
    }
    events = client.send("conversation.item.create", item=item)

    assert one(events, "error")["error"]["param"] == "item.content"
    assert one(
        client.send("conversation.item.retrieve", item_id="item_of_the_test"), "conversation.item.retrieved"
    )


def test_one_parameter_is_refused(misbehaving: Misbehaving) -> None:
    name = "input_audio_transcription" if misbehaving.client.name == "preview" else "transcription"
    client = misbehaving.meet(f"refuse {name}")
    update = client.update_input
    with pytest.raises(AssertionError, match="invalid_value") as refused:
        update(transcription={"model": "whisper-1"})

    assert name in str(refused.value)
    assert update(turn_detection=None)


@pytest.mark.parametrize(("fault", "times"), [("drop", 0), ("double", 2), ("late", 1)])
def test_events_of_a_type_are_dropped_doubled_or_late(
    misbehaving: Misbehaving, fault: str, times: int
) -> None:
    kinds = types(misbehaving.meet(f"{fault} response.output_item.added").answer("Hello"))

    assert kinds.count("response.output_item.added") == times
    if fault == "late":
        assert kinds.index("response.output_item.added") > kinds.index("response.content_part.added")


def test_every_fault_on_the_list_has_its_test() -> None:
    source = Path(__file__).read_text()
    assert [name for name in FAULTS if not re.search(rf'"{name}[" ]', source)] == []


def test_a_fault_can_be_ended(client: SessionClient) -> None:
    client.answer("/fault never_answers")
    client.say("/fault off")
    client.send("response.create")
    client.finish()

    assert done(client.answer("Hello"))["status"] == "completed"


def test_the_typed_message_itself_meets_the_fault(client: SessionClient) -> None:
    assert done(client.answer("/fault failed"))["status"] == "failed"
    assert done(client.answer("Hello"))["status"] == "completed"


@pytest.mark.parametrize("typed", ["/fault", "/fault sneeze", "/fault drop", "/fault failed now"])
def test_an_unknown_fault_is_an_error(client: SessionClient, typed: str) -> None:
    client.say(typed)

    assert client.fails({"type": "response.create"})["code"] == "invalid_value"


def test_the_faults_are_listed(client: SessionClient) -> None:
    transcript = done(client.answer("/faults"))["output"][0]["content"][0]["transcript"]

    assert all(name in transcript for name in FAULTS)


@pytest.mark.parametrize(
    "wrong",
    [{"always": ("failed",)}, {"answers": ("silent",)}, {"answers": ("sneeze",)}, {"always": ("drop",)}],
)
def test_faults_are_checked_when_they_are_given(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"the fault|no fault"):
        Faults(**wrong)


def test_a_scenario_file_gives_each_session_its_faults(tmp_path: Path) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(
        '[[session]]\nrefuse = 503\n[[session]]\nanswers = ["", "failed"]\nalways = ["drop response.done"]\n'
    )

    assert read_scenario(path) == [
        Faults(refuse=503),
        Faults(answers=("", "failed"), always=("drop response.done",)),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[[session]", "cannot be read"),
        ("refuse = 503", "must hold"),
        ("[[session]]\nrefuse = 'soon'", "session 1: refuse"),
        ("[[session]]\n[[session]]\nsneeze = true", "session 2: sneeze"),
        ("[[session]]\nanswers = ['sneeze']", "there is no fault"),
    ],
)
def test_a_wrong_scenario_is_reported_in_one_line(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(content)
    with pytest.raises(ScenarioError, match=words) as refused:
        read_scenario(path)

    assert "\n" not in str(refused.value)


def test_a_missing_scenario_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot be read"):
        read_scenario(tmp_path / "none.toml")
