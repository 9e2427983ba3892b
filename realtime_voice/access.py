"""Decide who may enter, from the request alone, before anything is accepted. Default deny."""

from __future__ import annotations

import ipaddress
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse

from realtime_voice.headers import add_headers
from realtime_voice.login import AccessCode, Login, TooManyFailuresError, cookie_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Receive, Scope, Send

# Orchestrators request these by a pod's address, with any Host; the answers hold nothing confidential.
PROBE_PATHS = {"/healthz", "/readyz"}
# The files of the login page, which visitors without the code need.
LOGIN_PAGE_PATHS = {"/styles/tokens.css", "/styles/base.css", "/styles/login.css", "/icons/voice.svg"}
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
FORWARDING_HEADERS = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
# OpenAI's SDK sends its key in a subprotocol from a browser, where a websocket cannot have headers.
KEY_PROTOCOL = "openai-insecure-api-key."


class Gate:
    """ASGI middleware: pass a request to the app if it names this server exactly and brings the access code.

    Without an access code only this machine may use the server. A request must then name a loopback
    address and the port as its Host (against DNS rebinding), must not come from another site's page (Origin), and must
    not come through a proxy. With an access code, every path needs it but the login page's and the probes'.
    """

    def __init__(self, app: ASGIApp, public_origins: tuple[str, ...], access_code: str | None) -> None:
        self.app = app
        self.origins = {urlsplit(origin).netloc: origin for origin in public_origins}
        self.login = Login(AccessCode(access_code)) if access_code else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        request = HTTPConnection(scope)
        origin = self.origin_of(request)
        await self.choose_app(request, origin)(scope, receive, add_headers(send, origin))

    def origin_of(self, request: HTTPConnection) -> str | None:
        """Return the origin of this server that the request's Host names exactly, or None for any other Host."""
        hosts = request.headers.getlist("host")
        origins = self.origins or loopback_origins(request.scope["server"][1])
        return origins.get(hosts[0].lower()) if len(hosts) == 1 else None

    def choose_app(self, request: HTTPConnection, origin: str | None) -> ASGIApp:
        """Return what answers a request: the app, the login page or a refusal."""
        # Not request.url.path: it is parsed from a URL that begins with the Host, which could hold a path too.
        http, path = request.scope["type"] == "http", request.scope["path"]
        method = request.scope["method"] if http else "GET"
        logging_in = self.login is not None and http and path == "/login"
        if method not in {"GET", "HEAD"} and not (logging_in and method == "POST"):
            return refusal(405)
        if http and path in PROBE_PATHS:
            return self.app
        if origin is None or not self.trusts(request, origin, origin_required=method == "POST"):
            return refusal(403)
        if self.login is None or (http and path in LOGIN_PAGE_PATHS):
            return self.app
        return self.login if logging_in else self.admit(request, origin, self.login.code)

    def trusts(self, request: HTTPConnection, origin: str, *, origin_required: bool) -> bool:
        """Tell whether a request comes from this server's own page, or from a program that is not a browser.

        Browsers send an Origin with every websocket and form. Without an access code, the request must also
        come from this machine.
        """
        sources = request.headers.getlist("origin")
        if sources != [origin] and (sources or origin_required):
            return False
        return self.login is not None or is_local(request)

    def admit(self, request: HTTPConnection, origin: str, code: AccessCode) -> ASGIApp:
        """Return the app for a client with a login cookie or the code as its API key; send a visitor to the login."""
        if any(map(code.verify_cookie, cookies(request, cookie_name(origin)))):
            return self.app
        key = offered_key(request)
        if key is None:
            page = request.scope["type"] == "http" and request.scope["path"] in {"/", "/index.html"}
            return to_login(request) if page else refusal(401)
        try:
            right = code.verify_code(key, request.client.host if request.client else "")
        except TooManyFailuresError:
            return refusal(429)
        return self.app if right else refusal(401)


def to_login(request: HTTPConnection) -> ASGIApp:
    """Redirect a visitor to the login page. A visitor from another site's link first loads `/` once more.

    Browsers do not send a SameSite=Strict cookie with a link from another site, so the visitor may already
    be logged in. The second load comes from this site and brings the cookie.
    """
    if request.headers.get("sec-fetch-site") == "cross-site":
        return HTMLResponse('<!doctype html><meta http-equiv="refresh" content="0; url=/">')
    return RedirectResponse("/login", 303)


def refusal(status: int) -> ASGIApp:
    """Return an app that answers with a status and its standard phrase, nothing else."""
    headers = {401: {"WWW-Authenticate": "Bearer"}, 405: {"Allow": "GET, HEAD"}, 429: {"Retry-After": "60"}}
    return PlainTextResponse(f"{HTTPStatus(status).phrase}\n", status, headers.get(status))


def loopback_origins(port: int) -> dict[str, str]:
    """Return the origins under which a browser on this machine reaches the server, by Host."""
    suffix = "" if port == 80 else f":{port}"  # noqa: PLR2004  the port that browsers leave out
    return {f"{name}{suffix}": f"http://{name}{suffix}" for name in LOOPBACK}


def is_local(request: HTTPConnection) -> bool:
    """Tell whether a request was made on this machine: it came from loopback and through no proxy."""
    if any(name in request.headers for name in FORWARDING_HEADERS) or request.client is None:
        return False
    return ipaddress.ip_address(request.client.host).is_loopback


def cookies(request: HTTPConnection, name: str) -> Iterator[str]:
    """Yield the values of each cookie of that name."""
    for header in request.headers.getlist("cookie"):
        for part in header.split(";"):
            key, _, value = part.strip().partition("=")
            if key == name:
                yield value


def offered_key(request: HTTPConnection) -> str | None:
    """Return the key that an SDK client sends: Azure's header, OpenAI's, or the browser SDK's subprotocol."""
    if key := request.headers.get("api-key"):
        return key
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    for protocol in request.scope.get("subprotocols", ()):
        if protocol.startswith(KEY_PROTOCOL):
            return str(protocol.removeprefix(KEY_PROTOCOL))
    return None
