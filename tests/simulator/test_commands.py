"""Typed commands."""

from __future__ import annotations

import pytest
from session_client import SessionClient, audio, done


def test_error_command_fails_the_response(client: SessionClient) -> None:
    response = done(client.answer("/error"))

    assert response["status"] == "failed"
    assert response["status_details"]["error"]["type"] == "server_error"
    assert response["output"] == []


def test_error_command_with_a_code_sends_that_error(client: SessionClient) -> None:
    client.say("/error rate_limit_exceeded")

    assert client.fails({"type": "response.create"})["code"] == "rate_limit_exceeded"


@pytest.mark.parametrize(("text", "code"), [("/close", 1011), ("/close 4321", 4321)])
def test_close_command_ends_the_session(client: SessionClient, text: str, code: int) -> None:
    client.say(text)

    assert client.send("response.create") == []
    assert client.session.ending
    assert client.session.ending.code == code


@pytest.mark.parametrize("code", ["1006", "5000", "soon", "9" * 5000])
def test_close_command_takes_only_codes_a_server_may_send(client: SessionClient, code: str) -> None:
    client.say(f"/close {code}")

    assert client.fails({"type": "response.create"})["code"] == "invalid_value"
    assert client.session.ending is None


def test_silence_command_is_silent(client: SessionClient) -> None:
    assert audio(client.answer("/silence")) == bytes(3000 * 48)


def test_long_command_speaks_for_a_minute(speaking: SessionClient) -> None:
    assert 60 <= len(audio(speaking.answer("/long"))) / 48_000 <= 80


def test_help_command_lists_the_commands(speaking: SessionClient) -> None:
    transcript = done(speaking.answer("/help"))["output"][0]["content"][0]["transcript"]

    for command in ("/error", "/close", "/slow", "/tool", "/silence", "/long"):
        assert command in transcript


def test_slow_command_speaks_slower_than_real_time(speaking: SessionClient) -> None:
    def pace(text: str) -> tuple[float, float]:
        speaking.say(text)
        speaking.send("response.create")
        first, audio_ms, pause_ms = speaking.session.advance(), 0.0, 0.0
        while speaking.session.response:
            step = speaking.session.advance()
            audio_ms += len(audio(step.events)) / 48
            pause_ms += step.pause_ms
        return first.pause_ms, audio_ms / pause_ms

    assert pace("Hello.") == pytest.approx((200, 4), rel=0.1)
    assert pace("/slow") == pytest.approx((3000, 0.75), rel=0.1)
