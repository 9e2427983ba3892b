"""Who may enter.

Decided from the raw request, before anything is accepted or spent. What no rule lets in stays out.
"""

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

FOR_PROBES = {"/healthz", "/readyz"}  # they say nothing of worth, and orchestrators ask by pod address
FOR_STRANGERS = {"/styles/tokens.css", "/styles/base.css", "/styles/login.css", "/icons/voice.svg"}
"""What the login page is made of."""
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
KEY_PROTOCOL = (
    "openai-insecure-api-key."  # how the SDK sends its key from a browser, which lets it set no header
)


class Gate:
    """ASGI middleware: let through what names this server exactly and, if there is a code, knows it.

    Without a code the server is for this machine alone: it answers to its own loopback names and port,
    so no rebound DNS name (Host) and no other site's script (Origin) gets in, and nothing that a proxy
    brings from elsewhere. With one, every door but the login page's and the probes' asks for it.
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

        await self.answerer(request, origin)(scope, receive, add_headers(send, origin))

    def origin_of(self, request: HTTPConnection) -> str | None:
        """Return the server's origin that a request's Host names, exactly; None is for a stranger's name."""
        hosts = request.headers.getlist("host")
        origins = self.origins or loopback_origins(request.scope["server"][1])
        return origins.get(hosts[0].lower()) if len(hosts) == 1 else None

    def answerer(self, request: HTTPConnection, origin: str | None) -> ASGIApp:
        """Return who answers a request: the app, the login page or a refusal."""
        # Not request.url: that is put together from the Host, which may hold a path of its own.
        http, path = request.scope["type"] == "http", request.scope["path"]
        method = request.scope["method"] if http else "GET"
        logging_in = self.login is not None and http and path == "/login"
        if method not in {"GET", "HEAD"} and not (logging_in and method == "POST"):
            return refusal(405)
        if http and path in FOR_PROBES:
            return self.app
        if origin is None or not self.trusts(request, origin, required=method == "POST"):
            return refusal(403)
        if self.login is None or (http and path in FOR_STRANGERS):
            return self.app
        return self.login if logging_in else self.admit(request, origin, self.login.code)

    def trusts(self, request: HTTPConnection, origin: str, *, required: bool) -> bool:
        """Tell whether a request comes from this server's own page, or from a program that is no page.

        Browsers name the page's origin with every websocket and form. Without a code, a program has
        to be on this machine.
        """
        sources = request.headers.getlist("origin")
        if sources != [origin] and (sources or required):
            return False
        return self.login is not None or is_from_here(request)

    def admit(self, request: HTTPConnection, origin: str, code: AccessCode) -> ASGIApp:
        """Return the app for who has logged in or sends the code as an API key; a page goes to the login."""
        if any(map(code.verify_cookie, cookies(request, cookie_name(origin)))):
            return self.app
        offer = offered_key(request)
        if offer is None:
            page = request.scope["type"] == "http" and request.scope["path"] in {"/", "/index.html"}
            return to_login(request) if page else refusal(401)
        try:
            right = code.verify_code(offer, request.client.host if request.client else "")
        except TooManyFailuresError:
            return refusal(429)
        return self.app if right else refusal(401)


def to_login(request: HTTPConnection) -> ASGIApp:
    """Send a visitor to the login; one who followed another site's link comes back as our own first.

    With such a link browsers do not send a strict cookie, so the visitor may have logged in all the same.
    """
    if request.headers.get("sec-fetch-site") == "cross-site":
        return HTMLResponse('<!doctype html><meta http-equiv="refresh" content="0; url=/">')
    return RedirectResponse("/login", 303)


def refusal(status: int) -> ASGIApp:
    """Return an answer that says no, and nothing else."""
    headers = {401: {"WWW-Authenticate": "Bearer"}, 405: {"Allow": "GET, HEAD"}, 429: {"Retry-After": "60"}}
    return PlainTextResponse(f"{HTTPStatus(status).phrase}\n", status, headers.get(status))


def loopback_origins(port: int) -> dict[str, str]:
    """Return the origins under which a browser on this machine sees the server, by Host."""
    suffix = "" if port == 80 else f":{port}"  # noqa: PLR2004  the port that browsers leave out
    return {f"{name}{suffix}": f"http://{name}{suffix}" for name in LOOPBACK}


def is_from_here(request: HTTPConnection) -> bool:
    """Tell whether a request began on this machine: not on the network, nor behind a proxy."""
    if any(name in request.headers for name in FORWARDED) or request.client is None:
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
