"""Pictures in messages: how many tokens they are, and what the answer says of them."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import pytest
from session_client import Event, SessionClient, done

from simulator.pictures import Picture


def png(width: int, height: int) -> bytes:
    """Return a black picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 1) * height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    """Return the beginning of a JPEG, with an application's segment before its frame header."""
    frame = struct.pack(">BBHBHHB", 0xFF, 0xC0, 8, 8, height, width, 0)
    return b"\xff\xd8" + b"\xff\xe0\x00\x04ab" + frame + b"\xff\xd9"


def message(url: str, **more: Any) -> Event:
    content = [{"type": "input_image", "image_url": url, **more}]
    return {"type": "message", "role": "user", "content": content}


def data_url(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (png(640, 480), "png", "A PNG picture of 640 \u00d7 480"),
        (jpeg(1600, 900), "jpeg", "A JPEG picture of 1600 \u00d7 900"),
    ],
)
def test_picture_is_named_in_the_answer_and_counted(data: bytes, kind: str, words: str) -> None:
    client = SessionClient("ga", scripted=False)
    [added, _] = client.send("conversation.item.create", item=message(data_url(data, kind)))
    assert added["item"]["content"] == [{"type": "input_image", "detail": "auto"}]
    client.send("response.create")
    response = done(client.finish())

    said = response["output"][0]["content"][0]["transcript"]
    assert said == f"I received your picture, but I cannot see it. ({words} pixels)"
    details = response["usage"]["input_token_details"]
    assert details["image_tokens"] > 85
    read = details["text_tokens"] + details["audio_tokens"] + details["image_tokens"]
    assert response["usage"]["input_tokens"] == read


@pytest.mark.parametrize(
    ("width", "height", "detail", "tokens"),
    [
        (512, 512, "high", 255),
        (1024, 1024, "auto", 765),
        (100, 100, "low", 85),
        (4096, 1024, "high", 765),
        (1, 1, "high", 255),
    ],
)
def test_tokens_grow_with_the_tiles(width: int, height: int, detail: str, tokens: int) -> None:
    assert Picture("PNG", width, height, detail).tokens == tokens


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/cat.png",
        "data:image/png;base64,%%%",
        "data:image/gif;base64,R0lGODdh",
        data_url(b"no picture", "png"),
        data_url(png(0, 5), "png"),
        data_url(b"\xff\xd8\xff\xe0\x00", "jpeg"),
    ],
)
def test_data_that_is_not_a_picture_is_refused(url: str) -> None:
    error = SessionClient("ga").fails({"type": "conversation.item.create", "item": message(url)})

    assert (error["code"], error["param"]) == ("invalid_value", "item.content[0].image_url")


def test_preview_refuses_pictures() -> None:
    item = message(data_url(png(1, 1), "png"))
    error = SessionClient("preview").fails({"type": "conversation.item.create", "item": item})

    assert (error["code"], error["param"]) == ("invalid_value", "item.content[0].type")
