"""Two servers behind a real nginx, and a server that restarts whenever its code changes."""

from __future__ import annotations

import contextlib
import signal
import sys
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from environment import User, open_context, open_environment, open_upstream
from invariants import Invariants
from nginx import run_nginx
from processes import free_port
from recording_session import LONG
from server_process import StartServer, copy_product

from realtime_voice.login import AccessCode

if TYPE_CHECKING:
    from pathlib import Path

    import trustme
    from playwright.async_api import Browser

CODE = "a-code-of-the-tests-0123456789"


async def test_a_conversation_continues_on_the_other_server_when_one_is_killed(
    chromium: Browser, server: StartServer, authority: trustme.CA, tmp_path: Path
) -> None:
    port, plain_port = free_port(), free_port()
    origin = f"https://localhost:{port}"
    async with open_upstream() as upstream, open_context(chromium, ignore_https_errors=True) as context:
        settings = {**upstream.settings, "ACCESS_CODE": CODE, "PUBLIC_ORIGIN": origin}
        servers = [server(**settings, TRUSTED_PROXIES="127.0.0.0/8") for _ in range(2)]
        with run_nginx(tmp_path, authority, servers, port=port, plain_port=plain_port, silence_seconds=60):
            signed = AccessCode(CODE).sign_cookie()
            await context.add_cookies(
                [{"name": "__Host-voice", "value": signed, "url": origin, "secure": True}]
            )
            user = User(await context.new_page())
            invariants = Invariants(user, upstream)
            await user.page.goto(origin)
            await user.press("Connect")
            await user.state("connected")
            await invariants.converse("Are you there?")
            await invariants.ask(f"Answer {LONG}")

            [busy] = [each for each in servers if " started " in each.log()]
            await anyio.to_thread.run_sync(busy.stop, signal.SIGKILL)
            await upstream.wait_for_session(2)
            await user.state("connected")
            await invariants.check_restored()
            await invariants.converse("Who is there?")


async def test_a_conversation_survives_a_change_of_the_servers_code(
    chromium: Browser, tmp_path: Path
) -> None:
    """As with `npm run dev`."""
    folder = tmp_path / "copy"
    folder.mkdir()
    copy_product(folder)
    with StartServer([sys.executable, "server.py", "--reload"], folder) as start:
        async with open_environment(chromium, start) as environment, contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(
                environment.stop_server, signal.SIGTERM
            )  # the reloader ends its child process
            user = environment.user
            invariants = Invariants(user, environment.upstream)
            await user.press("Connect")
            await user.state("connected")
            await invariants.converse("Are you there?")
            await invariants.ask(f"Answer {LONG}")

            code = anyio.Path(folder / "server.py")
            await code.write_text(await code.read_text() + "\n")
            await user.closed_with(1012)
            await environment.upstream.wait_for_session(2)
            await user.state("connected")
            await invariants.check_restored()
            await invariants.converse("Are you back?")
