"""Make items of a conversation from a client's descriptions. Their audio is analysed and not kept. Pure."""

import binascii
from dataclasses import replace
from typing import Any

from simulator.checks import RequestError
from simulator.conversation import Item
from simulator.dialect import Dialect
from simulator.g711 import Decoder, Law
from simulator.pictures import read_picture
from simulator.turns import KEPT_MS, Heard, InputAudio

G711_BYTES_PER_MS = 8


def to_item(given: dict[str, Any], dialect: Dialect, law: Law | None) -> Item:
    """Return the conversation's item for a checked description with an id.

    Args:
        law: of the session's input, None for PCM16.
    """
    shown = {**given, "status": "completed"}
    if given["type"] != "message":
        return Item(dialect.item(shown))
    content, sound, pictures = [], b"", []
    for index, part in enumerate(given["content"]):
        param = f"item.content[{index}]"
        kept = {name: value for name, value in part.items() if name not in ("audio", "image_url")}
        if part["type"] == "input_audio":
            sound += to_sound(part["audio"], f"{param}.audio")
            kept.setdefault("transcript", None)
        elif part["type"] == "input_image":
            kept.setdefault("detail", "auto")
            pictures.append(read_picture(part["image_url"], kept["detail"], f"{param}.image_url"))
        content.append(kept)
    heard = hear(sound, law) if sound else None
    return Item(
        dialect.item({**shown, "content": content}),
        audio_ms=heard.audio_ms if heard else 0,
        pictures=tuple(pictures),
        heard=heard,
    )


def hear(sound: bytes, law: Law | None) -> Heard:
    """Analyse the audio of an item; of G.711, only as much as is kept."""
    listener = InputAudio()
    if law is None:
        list(listener.append(sound))
        return listener.commit()
    list(listener.append(Decoder(law).decode(sound[: KEPT_MS * G711_BYTES_PER_MS])))
    return replace(listener.commit(), audio_ms=len(sound) // G711_BYTES_PER_MS)


def to_sound(audio: str, param: str) -> bytes:
    try:
        return binascii.a2b_base64(audio, strict_mode=True)
    except ValueError:
        raise RequestError("invalid_value", "Invalid audio: expected base64.", param) from None
