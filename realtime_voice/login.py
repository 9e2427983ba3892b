"""The access code: the check of a code, the cookie of those who know it, and the login page."""

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

from itsdangerous import BadSignature, Signer
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
# With no-referrer browsers would send `Origin: null` with the form, which does not prove where the form comes from.
HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}


class TooManyFailuresError(Exception):
    """This client has sent ten wrong codes within a minute."""


class AccessCode:
    """Verify codes, and sign and verify the cookies of clients who sent the right one.

    A cookie holds the time at which it expires. Every replica with the same code accepts it, and a change of the
    code invalidates all cookies.
    """

    def __init__(self, code: str) -> None:
        self._digest = hashlib.sha256(code.encode()).digest()
        # scrypt is slow, so that a stolen cookie cannot be used to try codes by the billion.
        key = hashlib.scrypt(code.encode(), salt=b"realtime-voice login", n=2**14, r=8, p=1)
        # Not TimestampSigner: it refuses a cookie signed by a replica whose clock is a second ahead.
        self._signer = Signer(key, digest_method=hashlib.sha256, key_derivation="hmac")
        self._failures: dict[str, deque[float]] = {}  # by client; the client that failed last is at the end

    def verify_code(self, offered: str, client: str) -> bool:
        """Tell whether the code is right. The time that this takes does not depend on the offered code.

        Raises:
            TooManyFailuresError: the client must wait. Whether the code is right is not looked at.

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

    def sign_cookie(self) -> str:
        """Return a cookie that is valid for 12 hours."""
        return self._signer.sign(str(int(time.time()) + LOGIN_SECONDS)).decode()

    def verify_cookie(self, cookie: str) -> bool:
        """Tell whether a cookie was signed with this code and has not expired."""
        try:
            return int(self._signer.unsign(cookie)) > time.time()
        except BadSignature:
            return False


def to_network(client: str) -> str:
    """Return what failures are counted for: an IPv4 address, or the /64 network that one household has in IPv6."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else client  # noqa: PLR2004


def cookie_name(origin: str) -> str:
    """Return the cookie's name. Over https, its prefix makes browsers accept it from this exact host only."""
    return "__Host-voice" if origin.startswith("https:") else "voice"


class Login:
    """ASGI app: show the login page, and set the cookie for a client that sends the right code.

    Access control has already checked that the form comes from this server's own page.
    """

    def __init__(self, code: AccessCode) -> None:
        self.code = code
        self.page = PAGE.read_text()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self.log_in(request) if request.method == "POST" else self.render_page()
        await response(scope, receive, send)

    def render_page(self, status: int = 200, problem: str = "", **headers: str) -> Response:
        """Return the page. `problem` says what went wrong."""
        return HTMLResponse(self.page.replace("{problem}", problem), status, {**HEADERS, **headers})

    async def log_in(self, request: Request) -> Response:
        """Answer a form: redirect to the page with the cookie, or show the login page with the problem."""
        body = b""
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for part in request.stream():
                    body += part
                    if len(body) > MAX_BODY_BYTES:
                        return self.render_page(413, "That is too long for a code.", Connection="close")
        except (TimeoutError, ClientDisconnect):
            return self.render_page(408, "That took too long. Please try again.", Connection="close")
        offered = parse_qs(body.decode(errors="replace")).get("code", [""])[0].strip()
        client = request.client.host if request.client else ""
        try:
            is_right = self.code.verify_code(offered, client)
        except TooManyFailuresError:
            words = "Too many wrong codes. Try again in a minute."
            return self.render_page(429, words, **{"Retry-After": "60"})
        if not is_right:
            return self.render_page(403, "That is not the code. Please try again.")
        origin = request.headers["origin"]
        response = RedirectResponse("/", 303, HEADERS)
        response.set_cookie(
            cookie_name(origin),
            self.code.sign_cookie(),
            max_age=LOGIN_SECONDS,
            secure=origin.startswith("https:"),
            httponly=True,
            samesite="strict",
        )
        return response
