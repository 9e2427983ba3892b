"""No secret in any line of the log or any byte to a client, whatever goes wrong."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from mock_azure import GA, KEY, PREVIEW
from raw_http import Answer, ask, frame, read_all, upgrade
from server_process import ROOT, StartServer, copy_product
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mock_azure import Azure
    from server_process import Server
    from websockets.asyncio.server import ServerConnection

pytestmark = pytest.mark.thorough
CODE = "a-code-of-the-tests-0123456789"
HOST = "voice.example.com"
BODY = b'{"error":{"code":"401","message":"Access denied due to invalid key ' + KEY.encode() + b'"}}'
SECRETS = (KEY, CODE, KEY[4:30], "Access denied")


class Everything:
    """Collects all that a client is sent."""

    def __init__(self) -> None:
        self.came = b""

    def ask(self, server: Server, *arguments: Any, **more: Any) -> Answer:
        answer = ask(server.url, *arguments, host=HOST, **more)
        self.came += answer.raw
        return answer

    def converse(self, server: Server, *sent: bytes, target: str = "/ws") -> None:
        """Open a session, send, and read to its end."""
        with upgrade(server.url, ("api-key", CODE), host=HOST, target=target) as (sock, answer):
            for data in sent:
                sock.sendall(data)
            self.came += answer.raw + read_all(sock)


@pytest.fixture
def everything(server: StartServer) -> Iterator[Everything]:
    everything = Everything()
    yield everything
    assert everything.came
    for text in [everything.came.decode("latin-1"), *(running.log() for running in server.servers)]:
        for secret in SECRETS:
            assert secret not in text, text
        assert "Traceback" not in text


@pytest.fixture
def start(server: StartServer, azure: Azure, ca_file: str) -> Callable[..., Server]:
    """Start a server at the loudest log level there is."""

    def start(**more: str) -> Server:
        guard = {"ACCESS_CODE": CODE, "PUBLIC_ORIGIN": f"https://{HOST}", "LOG_LEVEL": "debug"}
        return server(**azure.environment(SSL_CERT_FILE=ca_file, **guard) | more)

    return start


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 429, 500, 503])
async def test_a_refusal_by_the_upstream_reveals_no_secret(
    start: Callable[..., Server], azure: Azure, everything: Everything, status: int
) -> None:
    azure.refusals = {PREVIEW: status, GA: status}
    azure.body = BODY
    azure.headers = {"Location": f"https://localhost:1/{KEY}", "WWW-Authenticate": KEY}
    await asyncio.to_thread(everything.converse, start())


@pytest.mark.parametrize(
    "more",
    [
        {"SSL_CERT_FILE": ""},
        {"AZURE_OPENAI_ENDPOINT": "https://localhost:1"},
        {"AZURE_OPENAI_ENDPOINT": "https://no-such-host.invalid"},
        {"HTTPS_PROXY": f"http://user:{KEY}@localhost:1", "NO_PROXY": ""},
        {"HTTPS_PROXY": f"not a proxy {KEY}", "NO_PROXY": ""},
    ],
    ids=["certificate", "refused", "unknown host", "proxy", "bad proxy"],
)
async def test_an_unreachable_upstream_reveals_no_secret(
    start: Callable[..., Server], everything: Everything, more: dict[str, str]
) -> None:
    await asyncio.to_thread(everything.converse, start(**more))


async def fail_oddly(session: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        session.transport.write(b"\xff" * 50 + KEY.encode())
        await session.wait_closed()


async def leave_with_the_key(session: ServerConnection) -> None:
    await session.close(1011, f"key {KEY}")


@pytest.mark.parametrize("end", [fail_oddly, leave_with_the_key])
async def test_an_upstream_that_breaks_the_protocol_or_names_the_key_reveals_no_secret(
    start: Callable[..., Server], azure: Azure, everything: Everything, end: Callable[[ServerConnection], Any]
) -> None:
    conversing = asyncio.create_task(asyncio.to_thread(everything.converse, start()))
    await end(await azure.sessions.get())
    await conversing


async def test_an_upstreams_close_reason_is_logged_only_if_it_is_one_word(
    start: Callable[..., Server], azure: Azure
) -> None:
    server = start()
    conversing = asyncio.create_task(asyncio.to_thread(Everything().converse, server))
    await (await azure.sessions.get()).close(4000, f"x\n2026 INFO key {KEY}")
    await conversing
    server.wait_for_log("ended code=4000 reason=- ")
    assert KEY not in server.log()


async def test_clients_that_misbehave_learn_no_secret(
    start: Callable[..., Server], everything: Everything
) -> None:
    server = start()

    def misbehave() -> None:
        everything.converse(server, b"\xff" * 100)
        everything.converse(server, frame(1, b"\xff"), frame(8, b"\x03\xe8"))
        everything.converse(server, frame(1, b"x" * 2**21), target=f"/ws?api-key={CODE}")
        everything.ask(server, f"/config?api-key={CODE}")
        everything.ask(server, f"/nowhere?code={CODE}", ("Authorization", f"Bearer {CODE}"))
        everything.ask(server, "/login", ("Origin", f"https://{HOST}"), method="POST", body=CODE.encode())
        everything.ask(server, "/config", ("api-key", CODE), ("Origin", f"https://{HOST}"))
        everything.ask(server, "/", ("Bad Header", CODE))

    await asyncio.to_thread(misbehave)


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, False), (0o644, True)])
def test_the_log_warns_of_an_env_file_that_every_user_can_read(
    tmp_path: Path, mode: int, warned: bool
) -> None:
    program = copy_product(tmp_path)
    env = tmp_path / ".env"
    env.write_text("MAX_SESSIONS=7\n")
    env.chmod(mode)
    with StartServer([sys.executable, str(program)]) as start:
        server = start()
        assert ask(server.url, "/healthz").status == 200
        assert (".env can be read by every user of this machine" in server.log()) == warned


def test_git_and_docker_ignore_env_files() -> None:
    ignored = subprocess.run(["git", "check-ignore", ".env"], cwd=ROOT, check=False, capture_output=True)
    assert ignored.returncode == 0
    first, *rest = (ROOT / ".dockerignore").read_text().split()
    assert first == "*"
    assert all(line.startswith("!") and ".env" not in line for line in rest)


def test_libraries_that_log_headers_never_log_at_debug_level() -> None:
    script = (
        "import logging; from realtime_voice import log, upstream; log.set_up_log('DEBUG', 'text'); import websockets, uvicorn\n"
        "names = ['websockets', 'websockets.client', 'uvicorn.error', 'azure', 'msal', 'urllib3', 'asyncio']\n"
        "print([logging.getLogger(name).getEffectiveLevel() for name in names])"
    )
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)
    assert run.stdout.strip() == str([30] * 7)
