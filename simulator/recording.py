"""Sessions in a file: recorded from the simulator or the real service without secrets and names of resources, and replayed to clients.

A line of the file is one event as JSON: `{"session": 1, "at_ms": 120, "from": "client", "event": {…}}`.
"""

import asyncio
import json
import re
import ssl
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

import certifi
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake

Side = Literal["client", "server"]
Record = Callable[[Side, str | bytes], None]
APPEND = "input_audio_buffer.append"
TYPE_WITHIN_CHARACTERS = 200  # of a client event
REMOVED = "removed"
SECRET_FIELDS = {"authorization", "headers", "api_key", "client_secret"}
SECRETS = re.compile(r"\b(sk-|ek_)[\w-]{8,}|\bBearer +[\w.~+/-]+=*", re.ASCII)
RESOURCE = re.compile(r"\b[\w-]+(?=\.(openai|cognitiveservices|services\.ai)\.azure\.com\b)", re.ASCII)
MAX_EVENT_BYTES = 16 * 2**20
UNSENDABLE_CODES = {1005, 1006, 1015}  # RFC 6455, 7.4.1: they stand for a close without a code
SOUND_FIELDS = {"audio", "delta"}  # base64, which may look like anything


class RecordingError(Exception):
    """A recording cannot be used; the text is one line that says why."""


def without_secrets(value: Any, name: str = "") -> Any:
    """Return an event without keys, tokens and names of resources."""
    if name in SECRET_FIELDS and value is not None:
        return REMOVED
    if isinstance(value, dict):
        return {key: without_secrets(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [without_secrets(each) for each in value]
    if isinstance(value, str) and name not in SOUND_FIELDS:
        return RESOURCE.sub("NAME", SECRETS.sub(REMOVED, value))
    return value


class Recorder:
    """Write the events of each session to a file as they pass."""

    def __init__(self, path: Path) -> None:
        try:
            self._file: IO[str] = path.open("w", encoding="utf-8")
        except OSError as error:
            raise RecordingError(f"{path.name} cannot be written: {error.strerror}") from None
        self._sessions = 0

    def session(self) -> Record:
        """Return a function that records the messages of one more session; messages that are not events are left out."""
        self._sessions += 1
        number, began_at = self._sessions, time.monotonic()

        def record(side: Side, message: str | bytes) -> None:
            try:
                event = json.loads(message)
            except (ValueError, RecursionError):
                return
            at_ms = round((time.monotonic() - began_at) * 1000)
            line = {"session": number, "at_ms": at_ms, "from": side, "event": without_secrets(event)}
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()

        return record

    def close(self) -> None:
        self._file.close()


class Connect(connect):
    """websockets' connect, except that it follows no redirect: the key would go to another host."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


@dataclass(frozen=True)
class Service:
    """The real service, to be recorded.

    Attributes:
        url: the whole address of a session, with its query.
        key: sent as `api-key` to Azure, as a bearer token to others.
    """

    url: str
    key: str = field(repr=False)

    def open(self) -> Connect:
        is_azure = ".azure.com" in self.url.partition("?")[0]
        headers = {"api-key": self.key} if is_azure else {"Authorization": f"Bearer {self.key}"}
        tls = ssl.create_default_context(cafile=certifi.where()) if self.url.startswith("wss:") else None
        return Connect(
            self.url, ssl=tls, additional_headers=headers, compression=None, max_size=MAX_EVENT_BYTES
        )


async def record_service(connection: ServerConnection, service: Service, record: Record) -> None:
    """Relay the events between a client and the service unchanged, and record them, until either of them leaves."""
    try:
        async with service.open() as upstream:
            up = asyncio.create_task(_pass_on(connection, upstream, "client", record))
            down = asyncio.create_task(_pass_on(upstream, connection, "server", record))
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
            if upstream.close_code is not None and upstream.close_code not in UNSENDABLE_CODES:
                await connection.close(upstream.close_code, upstream.close_reason or "")
    except (OSError, InvalidHandshake, EOFError) as failure:  # its text could hold the address
        await connection.close(1014, f"the service was not reached: {type(failure).__name__}")


async def _pass_on(
    source: ServerConnection | ClientConnection,
    target: ServerConnection | ClientConnection,
    side: Side,
    record: Record,
) -> None:
    try:
        while True:
            message = await source.recv()
            record(side, message)
            await target.send(message)
    except ConnectionClosed:
        pass  # either of them may leave at any time


@dataclass(frozen=True)
class Recorded:
    """A server event of a recording, and when it is due.

    Attributes:
        after_events: number of client events before it, without microphone audio.
        after_ms: time since the last of those, or since the beginning if there were none.
    """

    event: dict[str, Any]
    after_events: int
    after_ms: float


def read_recording(path: Path) -> list[list[Recorded]]:
    """Return the server events of each recorded session.

    Raises:
        RecordingError: the file does not exist, or a line of it is not one that Recorder writes.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingError(f"{path.name} cannot be read: {error}") from None
    sessions: dict[int, list[Recorded]] = {}
    sent: dict[int, tuple[int, float]] = {}  # client events so far, and the time of the last
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            session, at_ms, side, event = entry["session"], entry["at_ms"], entry["from"], entry["event"]
            kind = event["type"]
        except (ValueError, KeyError, TypeError):
            raise RecordingError(f"{path.name}, line {number} is not a recorded event") from None
        count, since_ms = sent.get(session, (0, 0.0))
        if side == "server":
            sessions.setdefault(session, []).append(Recorded(event, count, at_ms - since_ms))
        elif kind != APPEND:
            sent[session] = count + 1, at_ms
    if not sessions:
        raise RecordingError(f"{path.name} holds no session")
    return list(sessions.values())


async def replay_session(connection: ServerConnection, recorded: list[Recorded], *, paced: bool) -> None:
    """Send the server events of a recording, each once the client has sent as many events; ends when the client leaves.

    Args:
        paced: keep the recorded time between a client event and the server events after it.
    """
    now = asyncio.get_running_loop().time
    pending, received, last_at = deque(recorded), 0, now()
    try:
        while True:
            while pending and pending[0].after_events <= received:
                if paced:
                    await asyncio.sleep(last_at + pending[0].after_ms / 1000 - now())
                await connection.send(json.dumps(pending.popleft().event))
            if f'"{APPEND}"' not in str(await connection.recv())[:TYPE_WITHIN_CHARACTERS]:
                received, last_at = received + 1, now()
    except ConnectionClosed:
        pass  # the client may leave at any time
