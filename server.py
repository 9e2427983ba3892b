"""Serve the page, and relay each page's websocket to Azure OpenAI's gpt-realtime.

This module is the app, its routes, and main. The parts are in `realtime_voice/`: settings.py checks the
environment, access.py decides who may enter, sessions.py runs each session.
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
from typing import TYPE_CHECKING, Any, cast

import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket
from uvicorn.supervisors import ChangeReload

from realtime_voice.access import Gate
from realtime_voice.entra import Tokens
from realtime_voice.frames import MAX_MESSAGE_BYTES
from realtime_voice.log import set_up_log
from realtime_voice.page_files import PageFiles
from realtime_voice.self_check import fast_path_works
from realtime_voice.sessions import PAGE_PATH, Sessions
from realtime_voice.settings import (
    ENV_FILE,
    PUBLIC,
    Settings,
    SettingsError,
    is_loopback,
    is_readable_by_all,
    read_environment,
)
from realtime_voice.splice import STATE_KEY, HandshakeProtocol, create_browser_protocol
from realtime_voice.upstream import PING_SECONDS, PONG_SECONDS, Upstream
from simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

log = logging.getLogger("realtime_voice")
SDK_PATHS = (
    "/ws/realtime",
    "/ws/v1/realtime",
    "/openai/realtime",
    "/openai/v1/realtime",
    "/v1/realtime",
)
READY_SECONDS = 10  # how long /readyz repeats an answer before it asks the upstream again


def create_app(settings: Settings) -> FastAPI:
    """Return the ASGI app of one server. Its lifespan starts and stops the simulator, where it is used."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
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
            fast_path = await fast_path_works()
            sessions = Sessions(settings, upstream)
            if settings.warm_start and fast_path:
                warm = asyncio.create_task(sessions.warm.keep())
                stack.push_async_callback(asyncio.wait, {warm})
                stack.callback(warm.cancel)
            yield {"sessions": sessions, STATE_KEY: fast_path}
            await sessions.stop()

    # FastAPI's spans would contain the query, in which clients may send a secret. Telemetry makes a session's spans.
    app = FastAPI(lifespan=lifespan, openapi_url=None, telemetry={"exclude": lambda _: True, "logs": False})
    app.add_middleware(Gate, public_origins=settings.public_origins, access_code=settings.access_code)

    @app.get("/config")
    async def config(request: Request) -> dict[str, Any]:
        """What the page needs to know; contains no secret."""
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
        """Tell whether the upstream answers; it is asked at most every 10 s."""
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
    """Return the app with the settings of `.env` and the environment; with `--reload`, each new process calls this."""
    settings = read_environment()
    set_up_log(settings.log_level, settings.log_format)
    return create_app(settings)


class Server(uvicorn.Server):
    """uvicorn's server, except that sessions end with their own close code before it closes their sockets."""

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
    """Start the server. If a setting is wrong, print one line and exit with code 2."""
    options = argparse.ArgumentParser(description="A voice conversation with gpt-realtime in a web page.")
    options.add_argument("--reload", action="store_true", help="restart when a file changes")
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
        http=HandshakeProtocol,  # h11: unlike httptools it limits headers; it parses handshakes and page requests only
        ws=cast("type[asyncio.Protocol]", create_browser_protocol),
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,  # compression would take more processor time than all else in the relay
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
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises Ctrl-C again after its shutdown
        if reload:
            ChangeReload(config, target=server.run, sockets=[listener]).run()
        else:
            server.run(sockets=[listener])


if __name__ == "__main__":
    main()
