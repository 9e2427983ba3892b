"""Serve the page, and relay each page's websocket to Azure OpenAI's gpt-realtime.

Reads in the order of a session's life: session, app, main. Beside it: settings.py checks the environment,
gate.py decides who may enter, upstream.py opens the way to Azure, relay.py joins the two sockets.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import logging
import math
import secrets
import socket
import sys
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocketDisconnect
from uvicorn.supervisors import ChangeReload

from realtime_voice.access import Gate
from realtime_voice.endings import DONE, INTERNAL, RESTARTING, Ending, Limits, Traffic
from realtime_voice.entra import Tokens
from realtime_voice.quota import DAILY_LIMIT, Allowance
from realtime_voice.relay import first_of, relay
from realtime_voice.settings import (
    ENV_FILE,
    PUBLIC,
    Settings,
    SettingsError,
    is_loopback,
    is_readable_by_all,
    read_environment,
)
from realtime_voice.splice import BrowserLeg, abort, begin
from realtime_voice.telemetry import Telemetry, set_up_log
from realtime_voice.upstream import PING_SECONDS, PONG_SECONDS, Dialect, Refused, Upstream, close
from simulator import Simulator

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator

    from starlette.types import Message, Scope

log = logging.getLogger("realtime_voice")
PAGE_PATH = "/ws"
SDK_PATHS = (
    "/ws/realtime",
    "/ws/v1/realtime",
    "/openai/realtime",
    "/openai/v1/realtime",
    "/v1/realtime",
)
READY_SECONDS = 10  # how long an answer of /readyz is kept
TELL_SECONDS = 1  # how long a page may take to read why its session ended
MAX_MESSAGE_BYTES = 16 * 2**20  # uvicorn's own bound; the exact one is MAX_EVENT_BYTES, checked in the relay
STOP_SECONDS = 3  # how long sessions may take to end when the server stops


BUSY = Ending(1013, "busy", "All places are taken. Please try again in a few minutes.")


def dialect_of(browser: WebSocket) -> Dialect | None:
    """Return the dialect that a client's request asks for; None takes the configured one, as the page does."""
    offered, query, headers = browser.scope["subprotocols"], browser.query_params, browser.headers
    if (
        headers.get("openai-beta") == "realtime=v1"
        or "openai-beta.realtime-v1" in offered
        or "api-version" in query
    ):
        return "preview"
    brings_key = {"authorization", "api-key"} & set(headers) or any(
        name.startswith("openai-insecure-api-key.") for name in offered
    )
    return "ga" if brings_key or "model" in query or browser.url.path != PAGE_PATH else None


class Sessions:
    """All live sessions of one server: how many there may be, each one's life, and their common end."""

    def __init__(self, settings: Settings, upstream: Upstream) -> None:
        self.settings = settings
        self.upstream = upstream
        self.limits = Limits(
            seconds=settings.max_session_minutes * 60,
            idle_seconds=settings.idle_minutes * 60,
            event_bytes=settings.max_event_bytes,
        )
        self.allowance = Allowance(settings.max_daily_minutes)
        self.telemetry = Telemetry()
        self.live = 0
        self.stopping = asyncio.Event()
        self.empty = asyncio.Event()

    @property
    def state(self) -> str:
        """What a newcomer would meet: ready, busy or restarting."""
        refusal = self.refusal()
        return "ready" if refusal is None else "restarting" if refusal is RESTARTING else "busy"

    def refusal(self) -> Ending | None:
        """Return why there is no place for one more session, if so."""
        if self.stopping.is_set():
            return RESTARTING
        if self.live >= self.settings.max_sessions:
            return BUSY
        return DAILY_LIMIT if self.allowance.count() <= 0 else None

    async def run(self, browser: WebSocket) -> None:
        """Take one browser from its arrival to the end of both sockets."""
        await browser.accept(subprotocol="realtime" if "realtime" in browser.scope["subprotocols"] else None)
        traffic = Traffic()
        spliced = begin(browser, self.limits)
        if refusal := self.refusal():
            await tell(browser, refusal)
            return
        name, ending = secrets.token_hex(4), INTERNAL
        dialect = dialect_of(browser)
        self.live += 1
        self.empty.clear()
        session = self.telemetry.session(name, dialect or self.upstream.dialect, traffic)
        with session as report, self.allowance.talk():
            try:
                ending = await first_of(
                    self.converse(browser, dialect, traffic, spliced=spliced),
                    self.stopped(),
                    self.allowance.spent(),
                )
            except Exception as failure:  # noqa: BLE001  the last resort: an exception's text could hold the key, so its kind alone is logged
                log.error("session %s failed: %s", name, type(failure).__name__)  # noqa: TRY400
            finally:
                try:
                    await tell(browser, ending)
                finally:
                    self.live -= 1
                    if not self.live:
                        self.empty.set()
                    report.ended(ending)

    async def converse(
        self, browser: WebSocket, dialect: Dialect | None, traffic: Traffic, *, spliced: bool
    ) -> Ending:
        """Open the upstream, relay until one side ends, and close the upstream: it costs money."""
        early: deque[Message] = deque()
        opening = asyncio.create_task(self.telemetry.connect(self.upstream, dialect, spliced=spliced))
        leaving = asyncio.create_task(hold(browser, early, self.limits.event_bytes))
        try:
            await asyncio.wait({opening, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done():
                return DONE
            leaving.cancel()
            await asyncio.wait({leaving})
            return await relay(browser, opening.result(), early, self.limits, traffic)
        except Refused as refused:
            return refused.ending
        finally:
            opening.cancel()
            leaving.cancel()
            await asyncio.wait({opening, leaving})
            if not opening.cancelled() and not opening.exception():
                await close(opening.result())

    async def stopped(self) -> Ending:
        """Wait until the server stops."""
        await self.stopping.wait()
        return RESTARTING

    async def stop(self) -> None:
        """Take no more sessions and end the live ones, within 3 s."""
        self.stopping.set()
        if self.live:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.empty.wait(), STOP_SECONDS)


async def hold(browser: WebSocket, early: deque[Message], limit_bytes: int) -> None:
    """Keep what the browser sends before the upstream is open; return when it leaves."""
    held = 0
    while held <= limit_bytes:
        message = await browser.receive()
        if message["type"] == "websocket.disconnect":
            return
        early.append(message)
        held += len(message.get("text") or message.get("bytes") or "")
    await asyncio.Future()  # full: the rest waits in the browser's own socket


async def tell(browser: WebSocket, ending: Ending) -> None:
    """Say why the session ended and close the browser's socket; one that does not read is cut."""
    try:
        async with asyncio.timeout(TELL_SECONDS):
            if ending.message:
                await browser.send_text(ending.event())
            await browser.close(ending.code, ending.reason)
    except TimeoutError:
        abort(browser)
    except (WebSocketDisconnect, RuntimeError):
        pass  # it has left already


class PageFiles(StaticFiles):
    """The files of `public/`, and nothing else: no listings, no dotfiles, no links out."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        hidden = any(part.startswith(".") for part in Path(path).parts if part != ".")
        return ("", None) if hidden else super().lookup_path(path)

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Read the file at once: it is small, and Starlette's three turns in a thread would cost more."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        if not isinstance(response, FileResponse):
            return response  # the browser has it already
        return Response(Path(full_path).read_bytes(), status_code, response.headers)


def create_app(settings: Settings) -> FastAPI:
    """Return the ASGI app of one server; the simulator lives and ends with it."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Sessions]]:
        async with contextlib.AsyncExitStack() as stack:
            key = settings.api_key or secrets.token_urlsafe()
            origin = settings.endpoint
            if origin is None:
                origin = (await stack.enter_async_context(Simulator(key=key))).url
                log.warning(
                    "AZURE_OPENAI_ENDPOINT is not set: the built-in simulator answers, no model is connected"
                )
            else:
                log.info("sessions go to %s, deployment %s", origin, settings.deployment)
            tls = settings.tls if origin.startswith("wss:") else None
            tokens = Tokens(settings.token_scope) if settings.endpoint and not settings.api_key else None
            upstream = Upstream(origin, settings.deployment, settings.api_version, key, tokens, tls)
            if settings.warm_start:
                spare = asyncio.create_task(upstream.spare.keep())
                stack.push_async_callback(asyncio.wait, {spare})
                stack.callback(spare.cancel)
            sessions = Sessions(settings, upstream)
            yield {"sessions": sessions}
            await sessions.stop()

    # FastAPI's own spans would hold queries, which clients may put a secret into; sessions have theirs.
    app = FastAPI(lifespan=lifespan, openapi_url=None, telemetry={"exclude": lambda _: True, "logs": False})
    app.add_middleware(Gate, public_origins=settings.public_origins, access_code=settings.access_code)

    @app.get("/config")
    async def config(request: Request) -> dict[str, Any]:
        """What the page must know; no secret."""
        sessions: Sessions = request.state.sessions
        return {
            "mode": "azure" if settings.endpoint else "simulator",
            "deployment": settings.deployment,
            "dialect": sessions.upstream.dialect,
            "state": sessions.state,
            "access_code": settings.access_code is not None,
            "session_minutes": settings.max_session_minutes,
            "idle_minutes": settings.idle_minutes,
            "max_event_bytes": settings.max_event_bytes,
        }

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    asked_at, reachable = -math.inf, False

    @app.get("/readyz")
    async def readyz(request: Request, response: Response) -> dict[str, bool]:
        """Whether the upstream answers, asked at most every 10 s."""
        nonlocal asked_at, reachable
        if time.monotonic() - asked_at > READY_SECONDS:
            asked_at = time.monotonic()
            reachable = await request.state.sessions.upstream.reachable()
        response.status_code = 200 if reachable else 503
        return {"ready": reachable}

    async def session(websocket: WebSocket) -> None:
        await websocket.state.sessions.run(websocket)

    for path in (PAGE_PATH, *SDK_PATHS):
        app.add_api_websocket_route(path, session)
    app.mount("/", PageFiles(directory=PUBLIC, html=True))
    return app


def create_configured_app() -> FastAPI:
    """Return the app as `.env` and the environment set it up; `--reload` makes each new process with it."""
    settings = read_environment()
    set_up_log(settings.log_level, settings.log_format)
    return create_app(settings)


class Server(uvicorn.Server):
    """uvicorn, except that sessions are told of a stop before their sockets are closed."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.state["sessions"].stop()
        await super().shutdown(sockets)


def listen(settings: Settings) -> socket.socket:
    """Return the listening socket.

    Raises:
        SettingsError: the address cannot be used.

    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as failure:
        if failure.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"PORT {settings.port} is taken by another program: stop it, or set another PORT"
            ) from None
        raise SettingsError(
            f"HOST or PORT cannot be listened on ({errno.errorcode.get(failure.errno or 0, 'unknown host')})"
        ) from None


def main() -> None:
    """Start the server; end with code 2 and one line when it cannot start."""
    options = argparse.ArgumentParser(description="Talk with gpt-realtime in a web page.")
    options.add_argument("--reload", action="store_true", help="start anew when a file changes")
    reload = options.parse_args().reload
    try:
        settings = read_environment()
        listener = listen(settings)
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201  no log is set up yet
        sys.exit(2)
    set_up_log(settings.log_level, settings.log_format)
    if is_readable_by_all(ENV_FILE):
        log.warning(".env can be read by every user of this machine: chmod 600 .env")
    if settings.public_origins and not settings.access_code:
        log.warning("PUBLIC_ORIGIN is set without ACCESS_CODE: requests that a proxy forwards are refused")
    config = uvicorn.Config(
        "server:create_configured_app" if reload else create_app(settings),
        factory=reload,
        reload=reload,
        http="h11",  # bounds headers, unlike httptools, and parses nothing but handshakes and page files
        ws=BrowserLeg,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,  # costs more processor time than all the rest of the relay
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PONG_SECONDS,
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=16 * 2**10,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        server_header=False,
        access_log=False,
        log_config=None,
    )
    server = Server(config)
    name = f"[{settings.host}]" if ":" in settings.host else settings.host
    shown = "localhost" if is_loopback(settings.host) else name
    log.info("open http://%s:%d", shown, listener.getsockname()[1])
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C, which uvicorn raises again once it has ended
        if reload:
            ChangeReload(config, target=server.run, sockets=[listener]).run()
        else:
            server.run(sockets=[listener])


if __name__ == "__main__":
    main()
