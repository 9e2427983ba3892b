"""Every close code that the server sends, with its reason and its message.

No other module chooses a close code: the others use the constants and functions of this one.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace

# The two time limits that messages below mention; the modules that apply them import them from here.
OPEN_SECONDS = 10  # for opening the upstream
BLOCKED_SECONDS = 10  # while one side accepts no data


@dataclass(frozen=True, slots=True)
class CloseReason:
    """Why a session ends: a websocket close code, a short reason and a message for a person.

    A reason without a message sends no `error` event before the close. `when` names the cause, for the
    documentation. `{names}` in a message stand for values that the functions below fill in.
    """

    code: int
    reason: str
    message: str = ""
    when: str = ""

    def with_values(self, **values: float) -> CloseReason:
        """Return the same reason with the values filled into its message."""
        return replace(self, message=self.message.format(**values))

    def event(self) -> str:
        """Return an `error` event in the Realtime API's shape that explains the close."""
        error = {
            "type": "relay_error",
            "code": self.reason,
            "message": self.message,
            "param": None,
            "event_id": None,
        }
        return json.dumps({"type": "error", "event_id": f"event_{secrets.token_hex(8)}", "error": error})


class RefusedError(Exception):
    """The upstream did not open a session; `close_reason` says why in fixed words."""

    def __init__(self, close_reason: CloseReason) -> None:
        super().__init__(close_reason.reason)
        self.close_reason = close_reason


# The relay's own reasons.
DONE = CloseReason(1000, "done", when="the client or the upstream closed with 1000")
PROTOCOL_ERROR = CloseReason(
    1002,
    "protocol_error",
    "The connection broke the websocket protocol.",
    when="a frame breaks RFC 6455",
)
TEXT_ONLY = CloseReason(
    1003,
    "text_only",
    "The Realtime API takes events as JSON text, not as binary data.",
    when="the client sent a binary message",
)
TOO_BIG = CloseReason(
    1009,
    "too_big",
    "An event was larger than the limit of {limit_bytes} bytes.",
    when="an event is larger than MAX_EVENT_BYTES from the client, or 16 MiB from the upstream",
)
STALLED = CloseReason(
    1011,
    "stalled",
    f"The connection was blocked for {BLOCKED_SECONDS} seconds.",
    when=f"one side accepted no data for {BLOCKED_SECONDS} s",
)
INTERNAL = CloseReason(1011, "internal", "The server failed. Its log says more.", when="the server has a bug")
RESTARTING = CloseReason(
    1012,
    "restarting",
    "The server is restarting. Please connect again in a moment.",
    when="the server is stopping",
)
BUSY = CloseReason(
    1013,
    "busy",
    "The server is full. Please try again in a few minutes.",
    when="MAX_SESSIONS are open",
)
DAILY_LIMIT = CloseReason(
    1013,
    "daily_limit",
    "Today's minutes are used up. Please come back tomorrow.",
    when="MAX_DAILY_MINUTES are used up",
)
TIME_LIMIT = CloseReason(
    4408,
    "time_limit",
    "The session reached its limit of {minutes:g} minutes.",
    when="the session lasted MAX_SESSION_MINUTES",
)
IDLE = CloseReason(
    4409,
    "idle",
    "Nothing was said for {minutes:g} minutes, so the session was closed.",
    when="nobody spoke for IDLE_MINUTES",
)

# The upstream did not open a session.
BAD_REQUEST = CloseReason(
    4400,
    "upstream_bad_request",
    "Azure did not accept the request (400): the deployment is probably not a realtime model.",
    when="the upstream answered 400",
)
UNAUTHORIZED = CloseReason(
    4401,
    "upstream_unauthorized",
    "Azure refused access (401): check AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY, or the role of the server's identity.",
    when="the upstream answered 401",
)
NO_TOKEN = CloseReason(
    4401,
    "upstream_unauthorized",
    "Entra ID gave no token: give the server a managed identity, or run az login on it.",
    when="Entra ID gave no token",
)
FORBIDDEN = CloseReason(
    4403,
    "upstream_forbidden",
    "Azure does not accept this network (403): check the resource's network rules.",
    when="the upstream answered 403",
)
NOT_FOUND = CloseReason(
    4404,
    "deployment_not_found",
    "Azure does not know the deployment (404): check AZURE_OPENAI_DEPLOYMENT and AZURE_OPENAI_API_VERSION.",
    when="the upstream answered 404",
)
RATE_LIMITED = CloseReason(
    1013,
    "rate_limited",
    "Azure's quota is used up (429): wait a moment, or raise the deployment's quota.",
    when="the upstream answered 429",
)
UPSTREAM_FAILED = CloseReason(
    1014,
    "upstream_failed",
    "The speech service answered {status} instead of opening a session. Please try again later.",
    when="the upstream answered with any other status",
)
UPSTREAM_TIMEOUT = CloseReason(
    1014,
    "upstream_timeout",
    f"The speech service did not answer within {OPEN_SECONDS} seconds.",
    when=f"the upstream did not open a session within {OPEN_SECONDS} s",
)
UPSTREAM_TLS = CloseReason(
    1014,
    "upstream_tls",
    "The speech service's certificate was not accepted: check AZURE_OPENAI_ENDPOINT, or set SSL_CERT_FILE behind a corporate proxy.",
    when="the upstream's certificate could not be verified",
)
HOST_NOT_FOUND = CloseReason(
    1014,
    "upstream_unreachable",
    "The speech service's host name was not found: check AZURE_OPENAI_ENDPOINT.",
    when="the upstream's host name does not resolve",
)
UPSTREAM_UNREACHABLE = CloseReason(
    1014,
    "upstream_unreachable",
    "The speech service could not be reached: check the network and AZURE_OPENAI_ENDPOINT.",
    when="the upstream could not be connected to, or did not answer in HTTP",
)

# The upstream ended the session.
UPSTREAM_LOST = CloseReason(
    1014,
    "upstream_lost",
    "The connection to the speech service was lost.",
    when="the upstream vanished, or closed with a code that is not passed on",
)
SESSION_EXPIRED = CloseReason(
    4408,
    "session_expired",
    "The speech service ended the session: it reached its maximum length.",
    when="the upstream closed with 1001 and named its maximum duration",
)

CLOSE_REASONS = (
    DONE, PROTOCOL_ERROR, TEXT_ONLY, TOO_BIG, STALLED, INTERNAL, RESTARTING, BUSY, DAILY_LIMIT, TIME_LIMIT, IDLE,
    BAD_REQUEST, UNAUTHORIZED, NO_TOKEN, FORBIDDEN, NOT_FOUND, RATE_LIMITED, UPSTREAM_FAILED, UPSTREAM_TIMEOUT,
    UPSTREAM_TLS, HOST_NOT_FOUND, UPSTREAM_UNREACHABLE, UPSTREAM_LOST, SESSION_EXPIRED,
)  # fmt: skip
"""All of them, in the order above."""

REFUSALS = {400: BAD_REQUEST, 401: UNAUTHORIZED, 403: FORBIDDEN, 404: NOT_FOUND, 429: RATE_LIMITED}
PASSED_ON = {1007, 1008, 1009, 1013}
APPLICATION_CODES = range(3000, 5000)  # RFC 6455, 7.4.2
"""Close codes of the upstream that the page gets unchanged, with the upstream's own reason."""


def time_limit(minutes: float) -> CloseReason:
    """Return the reason for a session that has lasted as long as it may."""
    return TIME_LIMIT.with_values(minutes=minutes)


def idle(minutes: float) -> CloseReason:
    """Return the reason for a session in which nobody has spoken for so long."""
    return IDLE.with_values(minutes=minutes)


def too_big(limit_bytes: int) -> CloseReason:
    """Return the reason for an event that is larger than the limit."""
    return TOO_BIG.with_values(limit_bytes=limit_bytes)


def refused_with(status: int) -> CloseReason:
    """Return the reason for an HTTP status with which the upstream refused to open a session."""
    return REFUSALS.get(status) or UPSTREAM_FAILED.with_values(status=status)


def closed_with(code: int | None, reason: str = "") -> CloseReason:
    """Translate the upstream's close code and reason for the page; None if it sent no close frame."""
    if code == DONE.code:
        return DONE
    if code == 1001 and "maximum duration" in reason:  # noqa: PLR2004  how Azure and OpenAI end a session at their own limit
        return SESSION_EXPIRED
    if code is not None and (code in PASSED_ON or code in APPLICATION_CODES):
        return CloseReason(code, reason)
    return UPSTREAM_LOST
