"""Load the page as a first visit does, in a profile of its own, and time it without Playwright's own work in between."""

from __future__ import annotations

import asyncio
import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.async_api import CDPSession

WATCH = """
    globalThis.longTasks = [];
    new PerformanceObserver((list) => longTasks.push(...list.getEntries().map((entry) => Math.round(entry.duration))))
        .observe({ type: 'longtask', buffered: true });
    globalThis.ready = new Promise((resolve) => {
        const see = () => {
            const isUsable = document.body && !document.body.inert && document.getElementById('badge').textContent;
            if (isUsable) resolve(performance.now());
        };
        new MutationObserver(see).observe(document, { subtree: true, childList: true, attributes: true });
    });
"""
TRANSFERRED = """() => ['navigation', 'resource'].flatMap((type) => performance.getEntriesByType(type))
    .map(({ name, transferSize }) => [name, transferSize])"""
"""JavaScript: the address and the bytes, headers included, of everything that the page has transferred."""


@dataclass(frozen=True)
class PageLoad:
    """One load. `ready_ms`: until Connect works and the server's name is shown; `long_tasks_ms`: tasks over 50 ms."""

    ready_ms: float
    long_tasks_ms: list[int]


class PageLoader:
    """Load pages that Playwright does not follow: following each of a page's requests costs as much as the request."""

    def __init__(self, cdp: CDPSession) -> None:
        self._cdp = cdp
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        cdp.on("Target.receivedMessageFromTarget", self._take)

    async def load(self, url: str) -> PageLoad:
        """Load a page in a new profile, with nothing cached."""
        profile = await self._cdp.send("Target.createBrowserContext")
        target = await self._cdp.send("Target.createTarget", {"url": "about:blank", **profile})
        session = (await self._cdp.send("Target.attachToTarget", target))["sessionId"]
        await self._call(session, "Page.enable")
        await self._call(session, "Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        await self._call(session, "Page.navigate", url=url)
        ready = {"expression": "ready.then((ms) => [ms, longTasks])", "awaitPromise": True}
        answer = await self._call(session, "Runtime.evaluate", returnByValue=True, **ready)
        await self._cdp.send("Target.disposeBrowserContext", profile)
        ready_ms, long_tasks_ms = answer["result"]["value"]
        return PageLoad(ready_ms, long_tasks_ms)

    def _take(self, event: dict[str, str]) -> None:
        message = json.loads(event["message"])
        if "id" in message:
            self._answers.pop(message["id"]).set_result(message["result"])

    async def _call(self, session: str, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        message = json.dumps({"id": number, "method": method, "params": parameters})
        await self._cdp.send("Target.sendMessageToTarget", {"sessionId": session, "message": message})
        return await answer
