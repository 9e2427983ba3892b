"""The settings: the environment and `.env`, checked before anything starts."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import re
import ssl
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import certifi
from dotenv import dotenv_values
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    model_validator,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
IS_INSTALLED = (HERE / "public").is_dir()
"""A wheel holds the page inside this package. A checkout holds it beside this package."""
PUBLIC = (HERE if IS_INSTALLED else HERE.parent) / "public"
ENV_FILE = Path(".env") if IS_INSTALLED else HERE.parent / ".env"


class SettingsError(Exception):
    """A setting cannot be used. The text names the variable and how to correct it, never the value."""


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


def to_networks(text: str) -> tuple[str, ...]:
    """Return the addresses and networks of a comma-separated list."""
    try:
        return tuple(str(ipaddress.ip_network(part.strip())) for part in text.split(",") if part.strip())
    except ValueError:
        raise SettingsError(
            "TRUSTED_PROXIES must be addresses or networks, such as 10.1.2.3 or 10.0.0.0/8, comma-separated"
        ) from None


def to_tls(bundle: str | None = None) -> ssl.SSLContext:
    """Return the one TLS context of all sessions; it trusts the bundle, or certifi's."""
    try:
        return ssl.create_default_context(cafile=bundle or certifi.where())
    except (OSError, ssl.SSLError):
        raise SettingsError(
            "SSL_CERT_FILE must name a readable file of CA certificates in PEM form"
        ) from None


def text(default: str | None, pattern: str, mend: str, **options: Any) -> Any:
    """Declare a setting whose whole value matches a pattern. The mend completes the sentence "NAME ..."."""
    return Field(default, pattern=f"^({pattern})$", description=mend, **options)


def number(default: float | None, low: float, high: float) -> Any:
    """Declare a setting that is a number within a range."""
    return Field(default, ge=low, le=high, description=f"must be a number from {low:g} to {high:g}")


def whole_number(default: int, low: int, high: int) -> Any:
    """Declare a setting that is a whole number within a range."""
    return Field(default, ge=low, le=high, description=f"must be a whole number from {low} to {high}")


class Settings(BaseModel):
    """The checked settings. A field that declares no alias is the variable of the same name in capitals.

    `endpoint` is a websocket origin, or None for the simulator. With an endpoint and no `api_key`, Entra ID is used.
    """

    model_config = ConfigDict(alias_generator=str.upper, frozen=True, hide_input_in_errors=True)

    endpoint: Annotated[str | None, PlainValidator(to_websocket_origin)] = Field(
        None, alias="AZURE_OPENAI_ENDPOINT"
    )
    api_key: str = text(
        "",
        r"[!-~]*",
        "holds a space, a line break or a character no key has: paste it again",
        alias="AZURE_OPENAI_API_KEY",
        repr=False,
    )
    token_scope: str = text(
        "https://cognitiveservices.azure.com/.default",
        r"(https|api)://[A-Za-z0-9_./-]+/\.default",
        "must be a scope such as https://cognitiveservices.azure.com/.default",
        alias="AZURE_OPENAI_TOKEN_SCOPE",
    )
    deployment: str = text(
        "gpt-realtime",
        r"[A-Za-z0-9._-]{1,64}",
        "must be the deployment's name: letters, digits, '-', '_', '.'",
        alias="AZURE_OPENAI_DEPLOYMENT",
    )
    api_version: str = text(
        "2025-04-01-preview",
        r"v1|[0-9]{4}-[0-9]{2}-[0-9]{2}(-preview)?",
        "must be v1, or a date such as 2025-04-01-preview",
        alias="AZURE_OPENAI_API_VERSION",
    )
    host: str = text(
        "127.0.0.1",
        r"[A-Za-z0-9.:-]+",
        "must be an address to listen on, such as 127.0.0.1 or 0.0.0.0",
    )
    port: int = whole_number(3000, 0, 65535)
    access_code: str | None = text(
        None, r"[!-~]{16,256}", "must be at least 16 letters, digits or signs, without spaces", repr=False
    )
    public_origins: Annotated[tuple[str, ...], PlainValidator(to_public_origins)] = Field(
        (), alias="PUBLIC_ORIGIN"
    )
    trusted_proxies: Annotated[tuple[str, ...], PlainValidator(to_networks)] = ()
    max_sessions: int = whole_number(20, 1, 10_000)
    max_session_minutes: float = number(60, 0.001, 24 * 60)
    idle_minutes: float = number(10, 0.001, 24 * 60)
    max_daily_minutes: float | None = number(None, 1, 10**6)
    warm_start: bool = Field(default=False, description="must be on or off")
    max_event_bytes: int = whole_number(2**20, 1024, 15 * 2**20)
    tls: Annotated[ssl.SSLContext, PlainValidator(to_tls)] = Field(
        alias="SSL_CERT_FILE", default_factory=to_tls
    )
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(str.upper)] = Field(
        "INFO", description="must be debug, info, warning or error"
    )
    log_format: Literal["text", "json"] = Field("text", description="must be text or json")

    @model_validator(mode="after")
    def check_together(self) -> Self:
        """Check the settings that need one another."""
        if self.api_key and not self.endpoint:
            raise SettingsError(
                "AZURE_OPENAI_ENDPOINT is missing: set it beside AZURE_OPENAI_API_KEY, or unset both to use the simulator"
            )
        if self.endpoint and not self.api_key and not has_azure_identity():
            raise SettingsError(
                "AZURE_OPENAI_API_KEY is missing: set it beside AZURE_OPENAI_ENDPOINT, or pip install azure-identity to do "
                "without a key (Entra ID), or unset both to use the simulator"
            )
        if not is_loopback(self.host) and not (self.access_code and self.public_origins):
            raise SettingsError(
                "HOST opens the server to the network: set ACCESS_CODE and PUBLIC_ORIGIN too, or leave HOST out"
            )
        return self

    @classmethod
    def read(cls, environment: Mapping[str, str | None]) -> Settings:
        """Return the settings of these variables. An empty value counts as absent.

        Raises:
            SettingsError: a value cannot be used, or two do not fit together.

        """
        try:
            return cls.model_validate({name: value for name, value in environment.items() if value})
        except ValidationError as error:
            name = error.errors()[0]["loc"][0]
            (mend,) = (field.description for field in cls.model_fields.values() if field.alias == name)
            raise SettingsError(f"{name} {mend}") from None


def read_environment() -> Settings:
    """Return the settings of `.env` and of the environment, which wins.

    `.env` is read from the folder of `server.py`, or, when the server was installed, from the current folder.
    """
    # Interpolation would change a key that holds `${`.
    return Settings.read({**dotenv_values(ENV_FILE, interpolate=False), **os.environ})


def has_azure_identity() -> bool:
    """Tell whether the optional package for Entra ID is installed."""
    try:
        return importlib.util.find_spec("azure.identity") is not None
    except ModuleNotFoundError:
        return False


def is_readable_by_all(path: Path) -> bool:
    """Tell whether every user of this machine can read a file; False if the file does not exist."""
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
