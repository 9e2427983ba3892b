"""Spoken turns: their events in order, commits by the client, barge-in, cancel and truncate."""

from __future__ import annotations

import numpy as np
import pytest
import signals
from session_client import DIALECTS, UTTERANCE, Event, SessionClient, audio, done, one, ordered, types


def test_spoken_turn_comes_in_the_documented_order(client: SessionClient) -> None:
    client.update_input(transcription={"model": "whisper-1"})
    heard = client.speak(UTTERANCE)
    answered = client.finish()

    assert types(heard) == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        *ordered(client, "conversation.item.added", "conversation.item.done"),
        "response.created",
    ]
    names = types(answered)
    deltas = [name for name in names if name.endswith(".delta") and name.startswith("response")]
    assert names == [
        "response.output_item.added",
        *ordered(client, "conversation.item.added"),
        "response.content_part.added",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
        *deltas,
        client.named("audio.done"),
        client.named("audio_transcript.done"),
        "response.content_part.done",
        *(["conversation.item.done"] if client.name == "ga" else []),
        "response.output_item.done",
        "response.done",
        *(["rate_limits.updated"] if client.name == "preview" else []),
    ]
    assert set(deltas) == {client.named("audio.delta"), client.named("audio_transcript.delta")}


def test_events_of_a_turn_point_at_each_other(client: SessionClient) -> None:
    heard, answered = client.speak(UTTERANCE), client.finish()

    started, stopped, committed = heard[:3]
    user_item = heard[3]["item"]
    assert started["item_id"] == stopped["item_id"] == committed["item_id"] == user_item["id"]
    assert committed["previous_item_id"] is None
    assert 0 <= started["audio_start_ms"] < 700 < stopped["audio_end_ms"] < 2200
    assistant = next(event for event in answered if event["type"].startswith("conversation.item"))
    assert assistant["previous_item_id"] == user_item["id"]
    response = done(answered)
    assert response["status"] == "completed"
    assert response["output"][0]["id"] == assistant["item"]["id"]
    placed = [event for event in answered if "content_index" in event]
    assert {(event["response_id"], event["item_id"], event["output_index"]) for event in placed} == {
        (response["id"], assistant["item"]["id"], 0)
    }


def test_every_event_has_an_id_of_its_own(client: SessionClient) -> None:
    client.speak(UTTERANCE)
    client.finish()

    ids = [event["event_id"] for event in client.events]
    assert len(set(ids)) == len(ids)


def test_scripted_sessions_are_alike() -> None:
    def events() -> list[Event]:
        client = SessionClient("ga")
        client.speak(UTTERANCE)
        client.finish()
        return client.events

    assert events() == events()


def test_scripted_answer_counts_every_sample(client: SessionClient) -> None:
    client.speak(UTTERANCE)

    samples = np.frombuffer(audio(client.finish()), "<i2").astype(int)

    assert len(samples) == 72_000
    assert (samples == np.arange(72_000) % 65536 - 32768).all()


def test_transcript_says_how_long_the_speech_lasted_and_that_no_words_were_recognised(
    client: SessionClient,
) -> None:
    client.update_input(transcription={"model": "whisper-1"})
    client.speak(UTTERANCE)
    events = client.finish()

    added = next(event["item"] for event in client.events if "item" in event)
    assert added["content"] == [{"type": "input_audio", "transcript": None}]
    completed = one(events, "conversation.item.input_audio_transcription.completed")
    assert completed["transcript"] == "[1.2 s of speech; the simulator does not transcribe]"
    [retrieved] = client.send("conversation.item.retrieve", item_id=completed["item_id"])
    assert retrieved["item"]["content"][0]["transcript"] == completed["transcript"]


def test_without_transcription_none_comes(client: SessionClient) -> None:
    client.speak(UTTERANCE)
    client.finish()

    assert not [name for name in types(client.events) if "transcription" in name]


def test_first_answer_explains_the_simulator_and_replays_the_voice(speaking: SessionClient) -> None:
    speaking.speak(UTTERANCE)
    events = speaking.finish()

    transcript = one(events, speaking.named("audio_transcript.done"))["transcript"]
    assert transcript == (
        "Hello! I am the built-in simulator. No model is connected, so I understand nothing. "
        "This is what I heard. (Your own voice, replayed.)"
    )
    deltas = [event["delta"] for event in events if event["type"] == speaking.named("audio_transcript.delta")]
    assert "".join(deltas) == transcript
    heard = np.frombuffer(UTTERANCE, "<i2").astype(float)
    said = np.frombuffer(audio(events), "<i2").astype(float)
    likeness = np.abs(np.fft.irfft(np.fft.rfft(said, 2**20) * np.conj(np.fft.rfft(heard, 2**20))))
    tail = said[int(np.argmax(likeness)) :][: len(heard)]
    assert np.corrcoef(tail, heard[: len(tail)])[0, 1] > 0.95


def utterance(level_db: float = -20, seconds: float = 1.2, noise_db: float = -80) -> bytes:
    noise = signals.at(signals.hiss(seconds + 3.5), noise_db)
    start = 3 * signals.RATE
    noise[start : start + int(seconds * signals.RATE)] += signals.at(signals.voice(seconds), level_db)
    return signals.to_pcm(noise)


@pytest.mark.parametrize(
    ("pcm", "remark"),
    [
        (utterance(), "You can interrupt me at any time: just start speaking."),
        (utterance(level_db=-49), "That was very quiet."),
        (utterance(level_db=-2), "That was too loud. Turn your microphone down."),
        (utterance(level_db=-30, noise_db=-36), "There is a lot of background noise."),
        (utterance(seconds=0.25), "Please say a whole sentence."),
    ],
    ids=["good", "quiet", "clipped", "noisy", "short"],
)
def test_later_answers_end_with_a_remark_on_the_sound(
    speaking: SessionClient, pcm: bytes, remark: str
) -> None:
    speaking.speak(UTTERANCE)
    speaking.finish()

    speaking.speak(pcm)
    transcript = one(speaking.finish(), speaking.named("audio_transcript.done"))["transcript"]

    assert transcript == f"This is what I heard. (Your own voice, replayed.) {remark}"


def test_speech_without_create_response_waits_for_the_client(client: SessionClient) -> None:
    client.update_input(
        transcription={"model": "whisper-1"}, turn_detection={"type": "server_vad", "create_response": False}
    )
    heard = client.speak(UTTERANCE)

    assert client.session.response is None
    assert types(heard)[-1] == "conversation.item.input_audio_transcription.completed"
    assert types(client.send("response.create")) == ["response.created"]


def test_manual_turn_is_committed_and_answered_by_the_client(client: SessionClient) -> None:
    client.update_input(turn_detection=None)

    assert client.speak(UTTERANCE) == []
    assert types(client.send("input_audio_buffer.commit")) == [
        "input_audio_buffer.committed",
        *ordered(client, "conversation.item.added", "conversation.item.done"),
    ]
    client.send("response.create")
    assert done(client.finish())["status"] == "completed"


def test_empty_commit_says_how_much_there_was(client: SessionClient) -> None:
    client.update_input(turn_detection=None)
    client.speak(bytes(50 * 48))

    error = client.fails({"type": "input_audio_buffer.commit"})

    assert error["code"] == "input_audio_buffer_commit_empty"
    assert error["message"] == (
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer "
        "only has 50.00ms of audio."
    )


def test_cleared_audio_is_not_committed(client: SessionClient) -> None:
    client.update_input(turn_detection=None)
    client.speak(UTTERANCE)

    assert types(client.send("input_audio_buffer.clear")) == ["input_audio_buffer.cleared"]
    assert client.fails({"type": "input_audio_buffer.commit"})["code"] == "input_audio_buffer_commit_empty"


def test_speech_cuts_the_answer_off(client: SessionClient) -> None:
    client.speak(UTTERANCE)
    before = client.step(8)

    interrupted = client.speak(UTTERANCE[: 1000 * 48])

    assert types(interrupted) == [
        "input_audio_buffer.speech_started",
        client.named("audio.done"),
        client.named("audio_transcript.done"),
        "response.content_part.done",
        *(["conversation.item.done"] if client.name == "ga" else []),
        "response.output_item.done",
        "response.done",
        *(["rate_limits.updated"] if client.name == "preview" else []),
    ]
    response = done(interrupted)
    assert response["status"] == "cancelled"
    assert response["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert response["output"][0]["status"] == "incomplete"
    assert 0 < len(audio(before)) < 72_000 * 2
    assert client.step() == []


def test_speech_does_not_cut_the_answer_off_without_interrupt_response(client: SessionClient) -> None:
    client.update_input(turn_detection={"type": "server_vad", "interrupt_response": False})
    client.speak(UTTERANCE)
    client.step(3)

    interrupted = client.speak(UTTERANCE)

    assert types(interrupted)[-1] == "error"
    assert interrupted[-1]["error"]["code"] == "conversation_already_has_active_response"
    assert done(client.finish())["status"] == "completed"


@pytest.mark.parametrize("steps", [0, 1, 2, 5])
def test_client_cancels_at_any_point(client: SessionClient, steps: int) -> None:
    client.say("Hello.")
    client.send("response.create")
    client.step(steps)

    response = done(client.send("response.cancel"))

    assert response["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
    assert len(response["output"]) == (1 if steps > 1 else 0)
    assert done(client.answer("And now?"))["status"] == "completed"


def test_cancel_without_a_response_is_an_error(client: SessionClient) -> None:
    assert client.fails({"type": "response.cancel"}) == {
        "type": "invalid_request_error",
        "code": "response_cancel_not_active",
        "message": "Cancellation failed: no active response found",
        "param": None,
        "event_id": None,
    }


def test_cancel_of_another_response_leaves_this_one(client: SessionClient) -> None:
    client.say("Hello.")
    client.send("response.create")

    error = client.fails({"type": "response.cancel", "response_id": "resp_other"})

    assert error["code"] == "response_cancel_not_active"
    assert done(client.finish())["status"] == "completed"


def test_one_response_at_a_time(client: SessionClient) -> None:
    client.say("Hello.")
    [created] = client.send("response.create")

    error = client.fails({"type": "response.create", "event_id": "second"})

    assert error["code"] == "conversation_already_has_active_response"
    assert created["response"]["id"] in error["message"]
    assert error["event_id"] == "second"


def test_truncate_shortens_what_was_said(client: SessionClient) -> None:
    item_id = done(client.answer("Hello."))["output"][0]["id"]

    [truncated] = client.send(
        "conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=1234
    )
    assert (truncated["type"], truncated["audio_end_ms"]) == ("conversation.item.truncated", 1234)
    [retrieved] = client.send("conversation.item.retrieve", item_id=item_id)
    assert retrieved["item"]["content"][0]["transcript"] == ""

    error = client.fails(
        {"type": "conversation.item.truncate", "item_id": item_id, "content_index": 0, "audio_end_ms": 1300}
    )
    assert error["message"] == "Audio content of 1234ms is already shorter than 1300ms"


def test_truncate_beyond_the_audio_is_an_error(client: SessionClient) -> None:
    item_id = done(client.answer("Hello."))["output"][0]["id"]
    event = {
        "type": "conversation.item.truncate",
        "item_id": item_id,
        "content_index": 0,
        "audio_end_ms": 3001,
    }

    assert client.fails(event)["message"] == "Audio content of 3000ms is already shorter than 3001ms"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"item_id": "item_other"}, "item_id"),
        ({"content_index": 1}, "content_index"),
        ({"item_id": "mine"}, "item_id"),
    ],
)
def test_truncate_names_what_is_wrong(client: SessionClient, change: Event, param: str) -> None:
    client.send(
        "conversation.item.create",
        item={
            "id": "mine",
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "a"}],
        },
    )
    item_id = done(client.answer("Hello."))["output"][0]["id"]
    event = {"type": "conversation.item.truncate", "item_id": item_id, "content_index": 0, "audio_end_ms": 10}

    assert client.fails({**event, **change})["param"] == param


def test_deltas_of_words_hide_their_length(client: SessionClient) -> None:
    client.update_input(transcription={"model": "whisper-1"})
    client.speak(UTTERANCE)
    client.finish()

    deltas = [event for event in client.events if event["type"].endswith(".delta")]
    for event in deltas:
        is_sound = event["type"].endswith("audio.delta")
        assert ("obfuscation" in event) == (not is_sound)
        assert is_sound or (len(event["delta"]) + len(event["obfuscation"])) % 16 == 0
    assert len({event["type"] for event in deltas}) == 3


@pytest.mark.parametrize("is_azure", [True, False])
@pytest.mark.parametrize("name", DIALECTS)
def test_azure_sends_a_content_part_in_two_fields(name: str, is_azure: bool) -> None:
    events = SessionClient(name, is_azure=is_azure).answer("Hello.")

    parts = [event for event in events if event["type"].startswith("response.content_part.")]
    assert len(parts) == 2
    for event in parts:
        assert event.get("content") == (event["part"] if is_azure else None)


def test_ga_items_have_no_object(client: SessionClient) -> None:
    client.speak(UTTERANCE)
    client.finish()

    items = [event["item"] for event in client.events if "item" in event]
    assert {item.get("object") for item in items} == {"realtime.item" if client.name == "preview" else None}
