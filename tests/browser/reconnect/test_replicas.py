"""Two servers behind a real nginx, and a server that starts anew whenever its code changes."""

from __future__ import annotations

import contextlib
import signal
import sys
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from environment import Visit, make_world, open_context, open_service
from invariants import Ledger
from nginx import run_nginx
from noting_session import LONG
from processes import free_port
from server_process import StartServer, copy_product

from realtime_voice.login import AccessCode

if TYPE_CHECKING:
    from pathlib import Path

    import trustme
    from playwright.async_api import Browser

CODE = "a-code-of-the-tests-0123456789"


async def test_a_talk_goes_on_through_the_other_server_when_one_is_killed_amid_an_answer(
    chromium: Browser, server: StartServer, authority: trustme.CA, tmp_path: Path
) -> None:
    port, plain_port = free_port(), free_port()
    origin = f"https://localhost:{port}"
    async with open_service() as service, open_context(chromium, ignore_https_errors=True) as context:
        settings = {**service.environment, "ACCESS_CODE": CODE, "PUBLIC_ORIGIN": origin}
        servers = [server(**settings, TRUSTED_PROXIES="127.0.0.0/8") for _ in range(2)]
        with run_nginx(tmp_path, authority, servers, port=port, plain_port=plain_port, silence_seconds=60):
            signed = AccessCode(CODE).sign_cookie()
            await context.add_cookies(
                [{"name": "__Host-voice", "value": signed, "url": origin, "secure": True}]
            )
            visit = Visit(await context.new_page())
            ledger = Ledger(visit, service)
            await visit.page.goto(origin)
            await visit.press("Connect")
            await visit.state("connected")
            await ledger.talk("Are you there?")
            await ledger.ask(f"Answer {LONG}")

            [busy] = [each for each in servers if " started " in each.log()]
            await anyio.to_thread.run_sync(busy.stop, signal.SIGKILL)
            await service.reach(2)
            await visit.state("connected")
            await ledger.check_restored()
            await ledger.talk("Who is there?")


async def test_a_talk_survives_a_change_of_the_servers_code(chromium: Browser, tmp_path: Path) -> None:
    """As with `npm run dev`."""
    folder = tmp_path / "copy"
    folder.mkdir()
    copy_product(folder)
    with StartServer([sys.executable, "server.py", "--reload"], folder) as start:
        async with make_world(chromium, start) as world, contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(world.stop_server, signal.SIGTERM)  # it has a process of its own to end
            visit = world.visit
            ledger = Ledger(visit, world.service)
            await visit.press("Connect")
            await visit.state("connected")
            await ledger.talk("Are you there?")
            await ledger.ask(f"Answer {LONG}")

            code = anyio.Path(folder / "server.py")
            await code.write_text(await code.read_text() + "\n")
            await visit.closed_with(1012)
            await world.service.reach(2)
            await visit.state("connected")
            await ledger.check_restored()
            await ledger.talk("Are you back?")
