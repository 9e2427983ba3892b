"""The settings: what the environment and `.env` say, checked before anything starts."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import re
import ssl
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import certifi
from dotenv import dotenv_values

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
IS_INSTALLED = (HERE / "public").is_dir()
"""A wheel holds the page inside this package. A checkout holds it beside this package."""
PUBLIC = (HERE if IS_INSTALLED else HERE.parent) / "public"
ENV_FILE = Path(".env") if IS_INSTALLED else HERE.parent / ".env"


class SettingsError(ValueError):
    """A setting cannot be used; the text names the variable and the mend, never the value."""


@dataclass(frozen=True)
class Settings:
    """What the environment says, checked.

    `endpoint` is an origin; None means the simulator. An endpoint without an `api_key` is asked with Entra ID.
    """

    endpoint: str | None
    api_key: str = field(repr=False)
    token_scope: str
    deployment: str
    api_version: str
    host: str
    port: int
    access_code: str | None = field(repr=False)
    public_origins: tuple[str, ...]
    trusted_proxies: tuple[str, ...]
    max_sessions: int
    max_session_minutes: float
    idle_minutes: float
    max_daily_minutes: float | None
    warm_start: bool
    max_event_bytes: int
    tls: ssl.SSLContext
    log_level: str
    log_format: str

    @classmethod
    def read(cls, environment: Mapping[str, str | None]) -> Settings:
        """Return the settings that the variables ask for; an empty one counts as absent.

        Raises:
            SettingsError: a value cannot be used, or two do not fit together.

        """
        given = {name: value for name, value in environment.items() if value}

        def get(name: str, default: str, pattern: str, mend: str) -> str:
            value = given.get(name, default)
            if not re.fullmatch(pattern, value, re.ASCII):
                raise SettingsError(f"{name} {mend}")
            return value

        def number(name: str, default: str, low: float, high: float) -> float:
            mend = f"must be a number from {low:g} to {high:g}"
            value = float(get(name, default, r"\d{1,9}(\.\d{1,6})?", mend))
            if not low <= value <= high:
                raise SettingsError(f"{name} {mend}")
            return value

        def whole(name: str, default: str, low: int, high: int) -> int:
            mend = f"must be a whole number from {low} to {high}"
            get(name, default, r"\d{1,9}", mend)
            return int(number(name, default, low, high))

        endpoint = given.get("AZURE_OPENAI_ENDPOINT")
        key = get(
            "AZURE_OPENAI_API_KEY",
            "",
            r"[!-~]*",
            "holds a space, a line break or a character no key has: paste it again",
        )
        if key and not endpoint:
            raise SettingsError(
                "AZURE_OPENAI_ENDPOINT is missing: set it beside AZURE_OPENAI_API_KEY, or unset both to use the simulator"
            )
        if endpoint and not key and not has_azure_identity():
            raise SettingsError(
                "AZURE_OPENAI_API_KEY is missing: set it beside AZURE_OPENAI_ENDPOINT, or pip install azure-identity to do "
                "without a key (Entra ID), or unset both to use the simulator"
            )
        settings = cls(
            endpoint=to_websocket_origin(endpoint) if endpoint else None,
            api_key=key,
            token_scope=get(
                "AZURE_OPENAI_TOKEN_SCOPE",
                "https://cognitiveservices.azure.com/.default",
                r"(https|api)://[\w./-]+/\.default",
                "must be a scope such as https://cognitiveservices.azure.com/.default",
            ),
            deployment=get(
                "AZURE_OPENAI_DEPLOYMENT",
                "gpt-realtime",
                r"[A-Za-z0-9._-]{1,64}",
                "must be the deployment's name: letters, digits, '-', '_', '.'",
            ),
            api_version=get(
                "AZURE_OPENAI_API_VERSION",
                "2025-04-01-preview",
                r"v1|\d{4}-\d{2}-\d{2}(-preview)?",
                "must be v1, or a date such as 2025-04-01-preview",
            ),
            host=get(
                "HOST",
                "127.0.0.1",
                r"[A-Za-z0-9.:-]+",
                "must be an address to listen on, such as 127.0.0.1 or 0.0.0.0",
            ),
            port=whole("PORT", "3000", 0, 65535),
            access_code=get(
                "ACCESS_CODE",
                "",
                r"|[!-~]{16,256}",
                "must be at least 16 letters, digits or signs, without spaces",
            )
            or None,
            public_origins=to_public_origins(given.get("PUBLIC_ORIGIN", "")),
            trusted_proxies=to_networks(given.get("TRUSTED_PROXIES", "")),
            max_sessions=whole("MAX_SESSIONS", "20", 1, 10_000),
            max_session_minutes=number("MAX_SESSION_MINUTES", "60", 0.001, 24 * 60),
            idle_minutes=number("IDLE_MINUTES", "10", 0.001, 24 * 60),
            warm_start=get("WARM_START", "off", r"on|off", "must be on or off") == "on",
            max_daily_minutes=number("MAX_DAILY_MINUTES", "0", 1, 10**6)
            if "MAX_DAILY_MINUTES" in given
            else None,
            max_event_bytes=whole("MAX_EVENT_BYTES", str(2**20), 1024, 15 * 2**20),
            tls=to_tls(given.get("SSL_CERT_FILE")),
            log_level=get(
                "LOG_LEVEL", "info", r"(?i:debug|info|warning|error)", "must be debug, info, warning or error"
            ).upper(),
            log_format=get("LOG_FORMAT", "text", r"text|json", "must be text or json"),
        )
        if not is_loopback(settings.host) and not (settings.access_code and settings.public_origins):
            raise SettingsError(
                "HOST opens the server to the network: set ACCESS_CODE and PUBLIC_ORIGIN too, or leave HOST out"
            )
        return settings


def read_environment() -> Settings:
    """Return the settings of `.env` and of the environment, which wins.

    `.env` is read from the folder of `server.py`, or, when the server was installed, from the current folder.
    """
    return Settings.read({**dotenv_values(ENV_FILE), **os.environ})


def to_websocket_origin(endpoint: str) -> str:
    """Return `wss://host[:port]` for an Azure resource's address, however it was pasted."""
    mend = "AZURE_OPENAI_ENDPOINT must be the resource's address alone, such as https://NAME.openai.azure.com"
    try:
        parts = urlsplit(endpoint if "://" in endpoint else f"https://{endpoint}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise SettingsError(mend) from None
    if parts.scheme not in {"https", "wss", "http", "ws"} or not re.fullmatch(
        r"[\w.-]+|[\da-f:]+", host, re.ASCII
    ):
        raise SettingsError(mend)
    if parts.path not in {"", "/"} or parts.query or parts.fragment or "@" in parts.netloc:
        raise SettingsError(f"{mend}, without anything behind the host")
    if parts.scheme in {"http", "ws"} and not is_loopback(host):
        raise SettingsError(
            "AZURE_OPENAI_ENDPOINT must begin with https://: without TLS only this machine itself may be named"
        )
    name = f"[{host}]" if ":" in host else host
    scheme = "wss" if parts.scheme in {"https", "wss"} else "ws"
    return f"{scheme}://{name}" + (f":{port}" if port else "")


def to_public_origins(text: str) -> tuple[str, ...]:
    """Return the origins of a comma-separated list, as browsers write them."""
    origins = tuple(part.strip().rstrip("/").lower() for part in text.split(",") if part.strip())
    if not all(re.fullmatch(r"https?://[\w.-]+(:\d{1,5})?", origin, re.ASCII) for origin in origins):
        raise SettingsError(
            "PUBLIC_ORIGIN must be the page's address as browsers show it, such as https://voice.example.com"
        )
    if not all(origin.startswith("https:") or is_loopback_origin(origin) for origin in origins):
        raise SettingsError(
            "PUBLIC_ORIGIN must begin with https://: browsers give no microphone to other pages"
        )
    return tuple(re.sub(r"^(https://.*):443$|^(http://.*):80$", r"\1\2", origin) for origin in origins)


def to_tls(bundle: str | None) -> ssl.SSLContext:
    """Return the one TLS context of all sessions; it trusts the bundle, or certifi's."""
    try:
        return ssl.create_default_context(cafile=bundle or certifi.where())
    except (OSError, ssl.SSLError):
        raise SettingsError(
            "SSL_CERT_FILE must name a readable file of CA certificates in PEM form"
        ) from None


def to_networks(text: str) -> tuple[str, ...]:
    """Return the addresses and networks of a comma-separated list."""
    try:
        return tuple(str(ipaddress.ip_network(part.strip())) for part in text.split(",") if part.strip())
    except ValueError:
        raise SettingsError(
            "TRUSTED_PROXIES must be addresses or networks, such as 10.1.2.3 or 10.0.0.0/8, comma-separated"
        ) from None


def has_azure_identity() -> bool:
    """Tell whether the optional package for Entra ID is installed."""
    try:
        return importlib.util.find_spec("azure.identity") is not None
    except ModuleNotFoundError:
        return False


def is_readable_by_all(path: Path) -> bool:
    """Tell whether every user of this machine can read a file; one that is not there, nobody can."""
    try:
        return os.name == "posix" and bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def is_loopback_origin(origin: str) -> bool:
    """Tell whether an origin is this machine itself."""
    return is_loopback(urlsplit(origin).hostname or "")


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
