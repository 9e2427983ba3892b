"""Access tokens of Entra ID, used when no API key is set. Needs the optional package azure-identity."""

from __future__ import annotations

import asyncio
import importlib
import logging
import time

log = logging.getLogger("realtime_voice")
RENEW_SECONDS = 300  # renew a token so long before it expires: Azure refuses a handshake with an expired one
FETCH_SECONDS = 30


class NoTokenError(Exception):
    """Entra ID gave no token."""


class Tokens:
    """Tokens of the identity under which this server runs: its managed identity, or whoever ran `az login`."""

    def __init__(self, scope: str) -> None:
        # Imported by name, because the package is optional.
        self._credential = importlib.import_module("azure.identity").DefaultAzureCredential()
        self._failure: type[Exception] = importlib.import_module("azure.core.exceptions").AzureError
        self._scope = scope
        self._lock = asyncio.Lock()
        self._token = ""
        self._renew_at = 0.0

    async def get(self) -> str:
        """Return a token that is valid for at least five more minutes, unless Entra ID issues shorter ones.

        The first session that needs a token fetches it, in a thread; other sessions wait for the same one.

        Raises:
            NoTokenError: Entra ID refused, or did not answer within 30 s.

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
