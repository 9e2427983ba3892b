"""The simulator's websocket server: a session for each connection, paced, with the faults it was given."""

import asyncio
import contextlib
import json
import math
import socket
import ssl
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self
from weakref import WeakKeyDictionary

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.typing import Subprotocol

from simulator.checks import RequestError
from simulator.client_events import to_event
from simulator.dialect import Dialect, Event
from simulator.faults import Faults
from simulator.ga import GA
from simulator.handshake import Handshake, check_handshake
from simulator.network import Network, through
from simulator.preview import Preview
from simulator.recording import Record, Recorder, Service, read_recording, record_service, replay_session
from simulator.session import BETA_DISABLED, INVALID_SHAPE, Session, random_id

MAX_MESSAGE_BYTES = 16 * 2**20  # an append of 15 MiB and its envelope
HANDSHAKES_KEPT = 1000
OPEN_TIMEOUT_S = 60  # longer than a client waits, so that a slow handshake is the client's to give up
DIALECTS: Mapping[str, Dialect] = {"preview": Preview(), "ga": GA()}
CATCH_UP_S = (
    1.0  # steps of an answer that are so late follow one another at once, so that its sound does not run out
)
REALTIME = Subprotocol("realtime")
REJECTIONS = {
    3000: RequestError("invalid_api_key", "Incorrect API key provided."),
    INVALID_SHAPE: RequestError("invalid_model", "The model does not support the realtime API."),
}
"""The errors before the close codes of `Faults.reject`."""
to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing resets the connection


class Simulator:
    """Serve the Realtime API on a port of this machine, in the running event loop, inside `async with`.

    Args:
        port: 0 for a free one, which `url` then names.
        key: what `api-key` or `Authorization: Bearer` must carry; None lets everybody in.
        ssl: serve wss with these certificates.
        model: the model that session.created names; None for the one in the handshake's query.
        scripted: for tests: ids count up, nothing is paced, answers are ramps.
        clock: Unix time, from which a session's `expires_at` is computed; a test may fix it.
        network: between the clients and the simulator.
        record: the file in which all sessions are recorded (recording.py).
        service: the real service, which then answers all clients, so that it can be recorded.
        replay: a recording whose sessions are replayed in order, the last one to all later clients too.
        new_session: makes the session of a connection; a test may give one that records its calls.

    Attributes:
        handshakes: the upgrade requests so far, refused ones too (the last 1000).
        sessions: those open now, oldest first.
        faults: the faults of the handshakes from now on and of their sessions; may be changed. Either one for all
            handshakes, or a list with one for each; handshakes after the end of the list have none.
    """

    def __init__(  # noqa: PLR0913 - each is an independent setting
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        key: str | None = None,
        ssl: ssl.SSLContext | None = None,
        faults: Faults | Sequence[Faults] = Faults(),  # noqa: B008 - frozen
        model: str | None = None,
        scripted: bool = False,
        clock: Callable[[], float] = time.time,
        network: Network = Network(),  # noqa: B008 - frozen
        record: Path | None = None,
        service: Service | None = None,
        replay: Path | None = None,
        new_session: Callable[..., Session] = Session,
    ) -> None:
        self.handshakes: list[Handshake] = []
        self.sessions: list[Session] = []
        self.faults: Faults | Sequence[Faults] = faults
        self._clock, self._network, self._service = clock, network, service
        self._recorder = None if record is None else Recorder(record)
        self._replays = [] if replay is None else read_recording(replay)
        self._host, self._port, self._ssl = host, port, ssl
        self._key, self._model, self._scripted, self._new_session = key, model, scripted, new_session
        self._server: Server | None = None
        self._openings: WeakKeyDictionary[ServerConnection, tuple[Handshake, Faults]] = WeakKeyDictionary()

    @property
    def live(self) -> int:
        """Number of sessions open now."""
        return len(self.sessions)

    @property
    def url(self) -> str:
        """`ws://HOST:PORT` or `wss://HOST:PORT`, without a path; known once the simulator serves."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'wss' if self._ssl else 'ws'}://{host}:{self._port}"

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._serve,
            self._host,
            self._port,
            ssl=self._ssl,
            process_request=self._check,
            select_subprotocol=select_subprotocol,
            compression=None,
            open_timeout=OPEN_TIMEOUT_S,
            max_size=MAX_MESSAGE_BYTES,
            close_timeout=1,
        )
        self._port = next(iter(self._server.sockets)).getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server:
            for connection in self._openings:
                if connection.state is State.CONNECTING:
                    connection.transport.abort()
            self._server.close()
            await self._server.wait_closed()
        if self._recorder:
            self._recorder.close()

    async def _check(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse an upgrade or accept it, and store the faults of its session."""
        handshake = Handshake.of(request.path, request.headers)
        self.handshakes.append(handshake)
        del self.handshakes[:-HANDSHAKES_KEPT]
        faults = self._next_faults()
        self._openings[connection] = handshake, faults
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(faults.handshake_delay_s):
                await connection.wait_closed()
        refusal = check_handshake(handshake, faults, self._key)
        if refusal is None:
            return None
        response = connection.respond(refusal.status, refusal.body)
        for name, value in refusal.headers.items():
            response.headers.pop(name, None)
            response.headers[name] = value
        return response

    def _next_faults(self) -> Faults:
        """Return the faults for one more handshake and count it."""
        faults = self.faults
        if not isinstance(faults, Faults):
            first, *self.faults = faults or [Faults()]
            return first
        if faults.times is not None:
            left = faults.times - 1
            self.faults = replace(faults, times=left) if left else Faults()
        return faults

    async def _serve(self, connection: ServerConnection) -> None:
        handshake, faults = self._openings[connection]
        dialect = DIALECTS[handshake.dialect or "ga"]
        if self._replays:
            recorded = self._replays.pop(0) if len(self._replays) > 1 else self._replays[0]
            async with through(self._network, connection) as distant:
                await replay_session(distant, recorded, paced=not self._scripted)
            return
        record = self._recorder.session() if self._recorder else None
        if self._service:
            await record_service(connection, self._service, record or (lambda _side, _message: None))
            return
        expires_at = int(self._clock() + faults.session_s)
        session = self._new_session(
            dialect,
            expires_at=expires_at,
            scripted=self._scripted,
            deployment=handshake.deployment(self._model),
            faults=faults,
        )
        self.sessions.append(session)
        try:
            if faults.beta_disabled and dialect.name == "preview":
                await reject(connection, INVALID_SHAPE, BETA_DISABLED)
            elif faults.reject:
                await reject(connection, faults.reject, REJECTIONS[faults.reject])
            else:
                async with through(self._network, connection) as distant:
                    await Client(distant, session, faults, paced=not self._scripted, record=record).run()
        except ConnectionClosed:
            pass  # the client may leave at any time
        finally:
            self.sessions.remove(session)


class Client:
    """Serve one connection: take client events one at a time and send the session's events at the pace of speech.

    While a client does not read, its own events are not read either, so nothing piles up.
    """

    def __init__(
        self,
        connection: ServerConnection,
        session: Session,
        faults: Faults,
        *,
        paced: bool,
        record: Record | None = None,
    ) -> None:
        self._record = record
        self._connection, self._session, self._faults, self._paced = connection, session, faults, paced
        self._now = asyncio.get_running_loop().time
        self._began_at = self._now()
        self._events_sent = 0
        self._fault_to_come = faults.in_session
        self._mute = False

    async def run(self) -> None:
        """Serve until the session ends; raise ConnectionClosed when the connection is closed before."""
        session = self._session
        try:
            async with asyncio.timeout(self._faults.session_s):
                await self._converse()
        except TimeoutError:
            await self._send(session.expire())
        if session.ending:
            await self._connection.close(session.ending.code, session.ending.reason)

    async def _converse(self) -> None:
        """Exchange events until the session sets its ending."""
        session, faults = self._session, self._faults
        await self._misbehave_when_due()
        await self._send(session.greet())
        step_at = -math.inf
        idle_timer, idle_at = session.idle_timer, math.inf
        while session.ending is None:
            now = self._now()
            if session.idle_timer is not idle_timer:
                idle_timer = session.idle_timer
                idle_at = now + idle_timer.after_ms / 1000 if idle_timer else math.inf
            if session.has_step and now >= step_at:
                step = session.advance()
                await self._send(step.events)
                due = step_at if now - step_at < CATCH_UP_S else now
                step_at = due + step.pause_ms / 1000 if self._paced and session.response else -math.inf
                await asyncio.sleep(0)
            elif now >= idle_at:
                await self._send(session.time_out())
            else:
                await self._misbehave_when_due()
                fault_at = self._began_at + faults.after_s if self._fault_to_come else math.inf
                next_step_at = step_at if session.has_step else math.inf
                await self._take_event(min(next_step_at, fault_at, idle_at))

    async def _take_event(self, until: float) -> None:
        """Carry out one client event if one arrives before `until`."""
        if until == math.inf:
            message = await self._connection.recv()
        else:
            try:
                async with asyncio.timeout_at(until):
                    message = await self._connection.recv()
            except TimeoutError:
                return
        if self._record:
            self._record("client", message)
        for number, batch in enumerate(self._session.receive(message)):
            if number:
                await asyncio.sleep(0)  # let other sessions run between two slices of a long append
            await self._send(batch)

    async def _send(self, events: list[Event]) -> None:
        for event in events:
            if self._mute:
                return
            # Lone surrogates, which JSON can carry and UTF-8 cannot, go out as the escapes they came in as.
            message = to_json(event)
            if self._record:
                self._record("server", message)
            await self._connection.send(message.encode("utf-8", "backslashreplace"), text=True)
            self._events_sent += 1
            await self._misbehave_when_due()

    async def _misbehave_when_due(self) -> None:
        faults, connection = self._faults, self._connection
        too_early = self._events_sent < faults.after_events or self._now() < self._began_at + faults.after_s
        if not self._fault_to_come or too_early:
            return
        self._fault_to_come = False
        if faults.garbage == "text":
            await connection.send('{"type": "response.done", "response"')
        elif faults.garbage == "binary":
            await connection.send(b"\x00\x01\x02\x03")
        elif faults.garbage == "frame":
            connection.transport.write(b"\xff" * 8)
        self._mute = faults.stop_sending
        if faults.stop_reading:
            await connection.wait_closed()
        if faults.drop:
            connection.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, RESET
            )
            connection.transport.abort()
            await connection.wait_closed()
        if faults.close:
            await connection.close(faults.close, faults.close_reason)


async def reject(connection: ServerConnection, code: int, error: RequestError) -> None:
    """Send the error that explains why there is no session, and close the accepted connection."""
    await connection.send(json.dumps({**to_event(error, None), "event_id": random_id("event")}))
    await connection.close(code, f"invalid_request_error.{error.code}")


def select_subprotocol(_connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return REALTIME if REALTIME in offered else None
