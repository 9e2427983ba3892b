"""Tokens of Entra ID, for an Azure OpenAI resource that is asked without a key. Needs azure-identity."""

from __future__ import annotations

import asyncio
import importlib
import logging
import time

log = logging.getLogger("realtime_voice")
RENEW_SECONDS = 300  # before a token ends: a handshake with one that has just ended would be refused
FETCH_SECONDS = 30


class NoTokenError(Exception):
    """Entra ID gave no token."""


class Tokens:
    """The token of the one identity that this server has: its managed identity, or who ran `az login`."""

    def __init__(self, scope: str) -> None:
        # By name, because the package is optional.
        self._credential = importlib.import_module("azure.identity").DefaultAzureCredential()
        self._failure: type[Exception] = importlib.import_module("azure.core.exceptions").AzureError
        self._scope = scope
        self._lock = asyncio.Lock()
        self._token = ""
        self._renew_at = 0.0

    async def get(self) -> str:
        """Return a token that still holds for five minutes, as far as Entra ID gives such.

        Fetched in a thread, by the first session that needs it; the others wait for the same.

        Raises:
            NoTokenError: there is none, or not in time.

        """
        async with self._lock:
            if time.time() >= self._renew_at:
                try:
                    async with asyncio.timeout(FETCH_SECONDS):
                        token = await asyncio.to_thread(self._credential.get_token, self._scope)
                except (TimeoutError, self._failure) as failure:
                    log.warning("Entra ID gave no token: %s", type(failure).__name__)
                    raise NoTokenError from None
                self._token, self._renew_at = token.token, token.expires_on - RENEW_SECONDS
            return self._token
