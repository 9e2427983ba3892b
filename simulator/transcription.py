"""Transcription of what a user said. No words are recognised: the transcript says how long somebody spoke. Pure."""

import re
from typing import Any

from simulator.conversation import USER_AUDIO_TOKENS_PER_S, to_text_tokens
from simulator.dialect import Event, Settings
from simulator.turns import Heard

LOGPROBS = "item.input_audio_transcription.logprobs"  # in a session's `include`
LOGPROB = -0.05  # of each word
STEM = "conversation.item.input_audio_transcription"


def to_transcript(heard: Heard) -> str:
    """Return the text in place of the words of a turn; "" for a silence."""
    if not heard.speech_ms:
        return ""
    return f"[{heard.speech_ms / 1000:.1f} s of speech; the simulator does not transcribe]"


def transcription_events(
    item_id: str, heard: Heard, settings: Settings, *, with_logprobs: bool
) -> list[Event]:
    """Return the events of one item's transcription, the completed one last.

    Whisper sends all words in one delta; the models after it send one word in each.
    """
    transcript = to_transcript(heard)
    is_whisper = str(settings.get("model", "whisper-1")).startswith("whisper")
    place = {"item_id": item_id, "content_index": 0}
    words = [transcript] if is_whisper else re.findall(r"\S+\s*", transcript)

    def logprobs(tokens: list[str]) -> dict[str, Any]:
        probabilities = [{"token": each, "bytes": list(each.encode()), "logprob": LOGPROB} for each in tokens]
        return {"logprobs": probabilities} if with_logprobs else {}

    deltas = [{"type": f"{STEM}.delta", **place, "delta": word, **logprobs([word])} for word in words if word]
    completed = {
        "type": f"{STEM}.completed",
        **place,
        "transcript": transcript,
        "usage": usage(heard.audio_ms, transcript, is_whisper=is_whisper),
        **logprobs(words),
    }
    return [*deltas, completed]


def transcription_failure(item_id: str) -> Event:
    """Return the event of a transcription for which the resource has no deployment."""
    error = {
        "type": "invalid_request_error",
        "code": "DeploymentNotFound",
        "message": "The API deployment for this resource does not exist.",
        "param": None,
    }
    return {"type": f"{STEM}.failed", "item_id": item_id, "content_index": 0, "error": error}


def usage(audio_ms: int, transcript: str, *, is_whisper: bool) -> dict[str, Any]:
    """Return the usage of a transcription: seconds with whisper, tokens with the models after it."""
    if is_whisper:
        return {"type": "duration", "seconds": round(audio_ms / 1000, 1)}
    read, written = audio_ms * USER_AUDIO_TOKENS_PER_S // 1000, to_text_tokens(transcript)
    return {
        "type": "tokens",
        "total_tokens": read + written,
        "input_tokens": read,
        "input_token_details": {"text_tokens": 0, "audio_tokens": read},
        "output_tokens": written,
    }
