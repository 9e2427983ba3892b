"""`idle_timeout_ms`: an answer of the service's own after a silence."""

from __future__ import annotations

import pytest
from session_client import UTTERANCE, SessionClient, done, one, types


@pytest.fixture
def waiting() -> SessionClient:
    """A session with an idle timeout, after its first answer, which lasts 3 s."""
    client = SessionClient("ga")
    client.update_input(
        turn_detection={"type": "server_vad", "idle_timeout_ms": 6000}, transcription={"model": "whisper-1"}
    )
    client.answer("Hello.")
    return client


def test_the_wait_begins_after_the_playback_of_an_answer(waiting: SessionClient) -> None:
    assert waiting.session.idle_timer
    assert waiting.session.idle_timer.after_ms == 6000 + 3000


def test_silence_is_committed_and_answered(waiting: SessionClient) -> None:
    waiting.speak(bytes(7000 * 48))
    events = waiting.take(waiting.session.time_out())

    assert types(events) == [
        "input_audio_buffer.timeout_triggered",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
    ]
    triggered, committed = events[:2]
    assert (triggered["audio_start_ms"], triggered["audio_end_ms"]) == (1000, 7000)
    assert triggered["item_id"] == committed["item_id"]
    answered = waiting.finish()
    assert done(answered)["status"] == "completed"
    completed = one(answered, "conversation.item.input_audio_transcription.completed")
    assert completed["transcript"] == ""
    assert waiting.session.idle_timer, "the next wait has begun"


def test_the_answer_asks_whether_anybody_is_there() -> None:
    client = SessionClient("ga", scripted=False)
    client.update_input(turn_detection={"type": "server_vad", "idle_timeout_ms": 6000})
    client.answer("Hello.")
    client.take(client.session.time_out())

    [part] = done(client.finish())["output"][0]["content"]
    assert part["transcript"] == "Are you still there?"


def test_speech_ends_the_wait(waiting: SessionClient) -> None:
    waiting.speak(UTTERANCE[: 1000 * 48])

    assert waiting.session.idle_timer is None
    assert waiting.session.time_out() == []


@pytest.mark.parametrize(
    "turn_detection", [None, {"type": "semantic_vad"}, {"type": "server_vad", "idle_timeout_ms": None}]
)
def test_without_the_setting_there_is_no_idle_timer(
    waiting: SessionClient, turn_detection: dict[str, object] | None
) -> None:
    waiting.update_input(turn_detection=turn_detection)

    assert waiting.session.idle_timer is None
    waiting.answer("Hello again.")
    assert waiting.session.idle_timer is None
