"""The upgrade request: which dialect a path speaks, who may connect, and refusals in Azure's words. Pure."""

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers

from simulator.dialect import Deployment, SessionKind
from simulator.faults import Faults

PREVIEW_PATH = "/openai/realtime"
AZURE_GA_PATH = "/openai/v1/realtime"
SDK_PATHS = ("/v1/realtime", "/realtime")  # a stock SDK with this server as its base URL
REALTIME_MODEL = re.compile(r"gpt-(4o-)?(mini-)?(realtime|audio)[a-z0-9.-]*")
FIRST_API_VERSION = "2024-10-01-preview"
PREVIEW_API_VERSION = re.compile(r"\d{4}-\d\d-\d\d-preview")

REFUSALS = {
    400: (
        "OpperationNotSupported",  # Azure's spelling
        "The realtime operation does not work with the specified model. Please choose different model and try again.",
    ),
    401: (
        "401",
        "Access denied due to invalid subscription key or wrong API endpoint.",
    ),
    403: ("AccessDenied", "Access denied due to Virtual Network/Firewall rules."),
    404: (
        "DeploymentNotFound",
        "The API deployment for this resource does not exist.",
    ),
    429: (
        "429",
        "Requests have exceeded the call rate limit of your current pricing tier. Please retry later.",
    ),
    500: ("InternalServerError", "The server had an error while processing your request. Sorry about that!"),
    503: (
        "ServiceUnavailable",
        "The service is temporarily unable to process your request. Please try again later.",
    ),
}


@dataclass(frozen=True)
class Handshake:
    """An upgrade request: the path without its query, the query's last values, and the headers."""

    path: str
    query: dict[str, str]
    headers: Headers

    @classmethod
    def of(cls, target: str, headers: Headers) -> "Handshake":
        url = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        return cls(url.path, query, headers)

    @property
    def dialect(self) -> Literal["preview", "ga"] | None:
        """The dialect this path speaks, None for a path that is not served."""
        if self.path == PREVIEW_PATH:
            return "preview"
        if self.path == AZURE_GA_PATH:
            return "ga"
        if self.path in SDK_PATHS:
            wants_preview = self.headers.get("OpenAI-Beta") == "realtime=v1" or "api-version" in self.query
            return "preview" if wants_preview else "ga"
        return None

    def deployment(self, model: str | None) -> Deployment:
        """Return what is asked for. `model` overrides the name in the query, which on Azure is a deployment's and can be any."""
        name = self.query.get("deployment") or self.query.get("model") or ""
        if model is None and REALTIME_MODEL.fullmatch(name):
            model = name
        return Deployment(
            model or Deployment.model,
            is_azure=self.path not in SDK_PATHS,
            kind=self.kind,
            has_transcription_deltas=self.query.get("api-version") != FIRST_API_VERSION,
        )

    @property
    def kind(self) -> SessionKind:
        return "transcription" if self.query.get("intent") == "transcription" else "realtime"


@dataclass(frozen=True)
class Refusal:
    """An HTTP answer in place of the upgrade."""

    status: HTTPStatus
    headers: dict[str, str]
    body: str


def refusal(
    status: int, code: str = "", message: str = "", headers: Mapping[str, str] = MappingProxyType({})
) -> Refusal:
    """Return a refusal with a body like Azure's; by default with the code and message of REFUSALS."""
    http_status = HTTPStatus(status)
    known = REFUSALS.get(status, (str(status), http_status.phrase))
    body = json.dumps({"error": {"code": code or known[0], "message": message or known[1]}})
    return Refusal(http_status, {"content-type": "application/json", **headers}, body)


def check_handshake(handshake: Handshake, faults: Faults, key: str | None) -> Refusal | None:
    """Return how an upgrade is refused, None if it is accepted."""
    if faults.redirect:
        return refusal(307, headers={"location": faults.redirect})
    if faults.refuse:
        retry = {} if faults.retry_after_s is None else {"retry-after": str(faults.retry_after_s)}
        return refusal(faults.refuse, headers=retry)
    if key is not None and not any(
        hmac.compare_digest(each.encode(errors="replace"), key.encode()) for each in keys(handshake.headers)
    ):
        return refusal(401)
    return check_address(handshake, faults.only)


def check_address(handshake: Handshake, only: str | None) -> Refusal | None:
    """Return how a path or query is refused, None if a dialect is served there."""
    api_version = handshake.query.get("api-version")
    unserved = handshake.dialect is None or only not in (None, handshake.dialect)
    if unserved or (handshake.path == PREVIEW_PATH and not PREVIEW_API_VERSION.fullmatch(api_version or "")):
        return refusal(404, "404", "Resource not found")
    if handshake.path == AZURE_GA_PATH and api_version is not None:
        return refusal(400, "BadRequest", "api-version query parameter is not allowed when using /v1 path")
    names_model = handshake.query.get("deployment") or handshake.query.get("model")
    if not names_model and handshake.kind == "realtime":
        return refusal(404)
    return None


def keys(headers: Headers) -> list[str]:
    """Return the keys a request offers."""
    bearers = [
        value.removeprefix("Bearer ")
        for value in headers.get_all("Authorization")
        if value.startswith("Bearer ")
    ]
    return [*headers.get_all("api-key"), *bearers]
