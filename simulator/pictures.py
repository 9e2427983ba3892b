"""Pictures that a client sends: what kind and size they are, and what they count. Nothing of them is seen. Pure."""

import binascii
import re
from dataclasses import dataclass

from simulator.checks import RequestError

DATA_URL = re.compile(r"data:image/(png|jpeg|jpg);base64,", re.IGNORECASE)
LOW_DETAIL_TOKENS, TILE_TOKENS = 85, 170
TILE, LONGEST_SIDE, SHORT_SIDE = 512, 2048, 768  # pixels
PNG_START = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Picture:
    """A picture without its pixels."""

    kind: str
    width: int
    height: int
    detail: str = "auto"

    def __str__(self) -> str:
        return f"A {self.kind} picture of {self.width} × {self.height} pixels"  # noqa: RUF001 - as sizes are written

    @property
    def tokens(self) -> int:
        """What a model would read: a number for each tile of 512 pixels, after scaling down."""
        if self.detail == "low":
            return LOW_DETAIL_TOKENS
        scale = min(1, LONGEST_SIDE / max(self.width, self.height), SHORT_SIDE / min(self.width, self.height))
        across, down = (-(-int(side * scale) // TILE) for side in (self.width, self.height))
        return LOW_DETAIL_TOKENS + TILE_TOKENS * max(1, across) * max(1, down)


def read_picture(data_url: str, detail: str, param: str) -> Picture:
    """Return what a data URL holds; raise RequestError for anything but a PNG or JPEG in base64."""
    start = DATA_URL.match(data_url)
    expected = (
        f"Invalid '{param}'. Expected a base64-encoded data URL with an image MIME type (e.g. "
        "'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU='), but got an invalid value."
    )
    if not start:
        raise RequestError("invalid_value", expected, param)
    try:
        data = binascii.a2b_base64(data_url[start.end() :], strict_mode=True)
    except ValueError:
        raise RequestError("invalid_value", expected, param) from None
    size = png_size(data) or jpeg_size(data)
    if size is None or 0 in size:
        message = "The image data you provided does not represent a valid image. Please check your input and try again."
        raise RequestError("invalid_value", message, param)
    return Picture("PNG" if data.startswith(PNG_START) else "JPEG", *size, detail)


def png_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height of a PNG, None for anything else."""
    header = data[:24]
    if not header.startswith(PNG_START) or header[12:16] != b"IHDR":
        return None
    return int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height of a JPEG, which stand in its frame header; None for anything else."""
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:  # noqa: PLR2004 - each marker begins so
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # noqa: PLR2004 - the frame headers' range
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
