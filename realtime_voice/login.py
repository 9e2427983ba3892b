"""The access code: what proves it, and the page that asks for it. Keeps nothing of a login."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import logging
import time
from collections import deque
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from realtime_voice.settings import PUBLIC

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

log = logging.getLogger("realtime_voice")
PAGE = PUBLIC / "login.html"
LOGIN_SECONDS = 12 * 3600
FAILURES_A_MINUTE = 10
MAX_BODY_BYTES = 4096
BODY_SECONDS = 10
# no-referrer would make browsers send `Origin: null` with the form, which is then no proof of where it comes from.
HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}


class TooManyFailuresError(Exception):
    """This client has offered ten wrong codes within a minute."""


class AccessCode:
    """The one code of a server: compares what is offered with it, and signs the cookies of those who know it.

    A cookie holds its own end, so every replica with the code knows it, and another code ends all of them.
    """

    def __init__(self, code: str) -> None:
        self._digest = hashlib.sha256(code.encode()).digest()
        # Slow on purpose: a stolen cookie shall not let anyone try codes by the billion.
        self._key = hashlib.scrypt(code.encode(), salt=b"realtime-voice login", n=2**14, r=8, p=1)
        self._failures: dict[str, deque[float]] = {}  # by client, the latest to fail last

    def check(self, offered: str, client: str) -> bool:
        """Tell whether the code is right, in a time that does not depend on it.

        Raises:
            TooManyFailuresError: the client has to wait; right or wrong is not told.

        """
        now = time.monotonic()
        name = to_network(client)
        while self._failures and self._failures[oldest := next(iter(self._failures))][-1] < now - 60:
            del self._failures[oldest]
        failures = self._failures.get(name, deque(maxlen=FAILURES_A_MINUTE))
        if len(failures) == FAILURES_A_MINUTE and failures[0] > now - 60:
            raise TooManyFailuresError
        if hmac.compare_digest(hashlib.sha256(offered.encode()).digest(), self._digest):
            return True
        failures.append(now)
        self._failures.pop(name, None)
        self._failures[name] = failures
        if len(failures) == FAILURES_A_MINUTE and failures[0] > now - 60:
            log.warning("ten wrong access codes within a minute from %s", name)
        return False

    def sign(self) -> str:
        """Return a cookie that holds for 12 hours."""
        end = str(int(time.time()) + LOGIN_SECONDS)
        return f"{end}.{self._signature(end)}"

    def proves(self, cookie: str) -> bool:
        """Tell whether a cookie was signed with this code and still holds."""
        end, _, signature = cookie.partition(".")
        genuine = hmac.compare_digest(signature.encode(), self._signature(end).encode())
        return genuine and int(end) > time.time()

    def _signature(self, end: str) -> str:
        return hmac.new(self._key, end.encode(), "sha256").hexdigest()


def to_network(client: str) -> str:
    """Return the address that failures are counted for: of IPv6 the /64, which one household has to itself."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else client  # noqa: PLR2004


def cookie_name(origin: str) -> str:
    """Return the cookie's name: over https one that browsers take from this very host alone."""
    return "__Host-voice" if origin.startswith("https:") else "voice"


class Login:
    """ASGI app: show the login page, and give who sends the code a cookie.

    The gate has checked that the form comes from this server's own page.
    """

    def __init__(self, code: AccessCode) -> None:
        self.code = code
        self.page = PAGE.read_text()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self.take(request) if request.method == "POST" else self.show()
        await response(scope, receive, send)

    def show(self, status: int = 200, problem: str = "", **headers: str) -> Response:
        """Return the page, with a word on what went wrong."""
        return HTMLResponse(self.page.replace("{problem}", problem), status, {**HEADERS, **headers})

    async def take(self, request: Request) -> Response:
        """Answer a form that was sent."""
        body = b""
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for part in request.stream():
                    body += part
                    if len(body) > MAX_BODY_BYTES:
                        return self.show(413, "That is too long for a code.", Connection="close")
        except (TimeoutError, ClientDisconnect):
            return self.show(408, "That took too long. Please try again.", Connection="close")
        offered = parse_qs(body.decode(errors="replace")).get("code", [""])[0].strip()
        client = request.client.host if request.client else ""
        try:
            right = self.code.check(offered, client)
        except TooManyFailuresError:
            words = "That were too many wrong codes. Please wait a minute."
            return self.show(429, words, **{"Retry-After": "60"})
        if not right:
            return self.show(403, "That is not the code. Please try again.")
        origin = request.headers["origin"]
        answer = RedirectResponse("/", 303, HEADERS)
        answer.set_cookie(
            cookie_name(origin),
            self.code.sign(),
            max_age=LOGIN_SECONDS,
            secure=origin.startswith("https:"),
            httponly=True,
            samesite="strict",
        )
        return answer
