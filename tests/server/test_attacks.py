"""Attacks on the gate over raw sockets. Each succeeds on a relay without defences and fails on this server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from raw_http import ask, frame, netloc, opens_websocket, read_all, upgrade
from server_process import StartServer
from unprotected_relay import run_unprotected_relay

from realtime_voice.login import AccessCode

if TYPE_CHECKING:
    from collections.abc import Iterator

CODE = "a-code-of-the-tests-0123456789"
PUBLIC_HOST = "voice.example.com"
PUBLIC = f"https://{PUBLIC_HOST}"


@pytest.fixture(scope="module")
def local() -> Iterator[str]:
    """A server for this machine alone, as it starts with nothing set."""
    with StartServer() as start:
        yield start().url


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    """A server with an access code, behind a proxy that passes on the public name."""
    with StartServer() as start:
        server = start(ACCESS_CODE=CODE, PUBLIC_ORIGIN=PUBLIC)
        yield server.url
        assert CODE not in server.log()


@pytest.fixture(scope="module")
def unprotected() -> Iterator[str]:
    with run_unprotected_relay() as url:
        yield url


@dataclass
class Attack:
    """A websocket handshake that must not succeed. `{}` stands for the port."""

    name: str
    host: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    target: str = "/ws"

    def succeeds(self, url: str) -> bool:
        port = url.rpartition(":")[2]
        headers = [(name, value.replace("{}", port)) for name, value in self.headers]
        host = self.host and self.host.replace("{}", port)
        return opens_websocket(url, *headers, target=self.target, host=host)


def from_page(origin: str) -> tuple[tuple[str, str], ...]:
    return (("Origin", origin),)


ON_LOCAL = [
    *(
        Attack(name, "localhost:{}", from_page(origin))
        for name, origin in (
            ("another site", "https://evil.example"),
            ("a sandboxed frame or a file", "null"),
            ("no name", ""),
            ("a name that begins alike", "http://localhost.evil.example:{}"),
            ("a name that ends alike", "http://evil-localhost:{}"),
            ("a port that begins alike", "http://localhost:{}0"),
            ("our name as user name", "http://localhost:{}@evil.example"),
            ("another program on this machine", "http://localhost:1"),
            ("our name without its port", "http://localhost"),
            ("another scheme", "https://localhost:{}"),
            ("another of our own names", "http://127.0.0.1:{}"),
            ("with a path", "http://localhost:{}/"),
            ("a list", "http://localhost:{} http://evil.example"),
        )
    ),
    Attack("a rebound name and its page", "evil.example:{}", from_page("http://evil.example:{}")),
    *(
        Attack(f"Host {host}", host)
        for host in (
            "evil.example:{}",
            "localhost",
            "localhost.:{}",
            "localhost:{}0",
            "user@localhost:{}",
            "localhost:{}/healthz?",
            "localhost:{}, localhost:{}",
            "127.0.0.1.evil.example:{}",
            "0.0.0.0:{}",
            "2130706433:{}",
            "[::ffff:127.0.0.1]:{}",
            PUBLIC_HOST,
        )
    ),
    *(
        Attack(f"brought by a proxy, as {name} tells", "localhost:{}", ((name, value),))
        for name, value in (
            ("X-Forwarded-For", "203.0.113.9"),
            ("Forwarded", "for=203.0.113.9"),
            ("X-Real-IP", "203.0.113.9"),
            ("Via", "1.1 elsewhere"),
        )
    ),
    Attack("an SDK's path", "localhost:{}", from_page("https://evil.example"), "/v1/realtime?model=x"),
    Attack("Azure's path", "evil.example", (), "/openai/realtime?deployment=x"),
]  # fmt: skip

GENUINE = AccessCode(CODE).sign_cookie()
END, SIGNATURE = GENUINE.split(".")
ON_GUARDED = [
    Attack("no code", PUBLIC_HOST, from_page(PUBLIC)),
    Attack("no code and no page", PUBLIC_HOST),
    *(
        Attack(f"the code in the address: {query}", PUBLIC_HOST, (), f"/ws?{query}={CODE}")
        for query in ("api-key", "code", "access_code", "token", "authorization")
    ),
    Attack("the code for another Host", "localhost:{}", (("api-key", CODE),)),
    Attack("the code from another site", PUBLIC_HOST, (*from_page("https://evil.example"), ("api-key", CODE))),
    Attack("a cookie from another site", PUBLIC_HOST, (*from_page("https://evil.example"), ("Cookie", f"__Host-voice={GENUINE}"))),
    Attack("a cookie of plain http", PUBLIC_HOST, (*from_page(PUBLIC), ("Cookie", f"voice={GENUINE}"))),
    *(
        Attack(f"a cookie {name}", PUBLIC_HOST, (*from_page(PUBLIC), ("Cookie", f"__Host-voice={value}")))
        for name, value in (
            ("of another code", AccessCode(CODE + "x").sign_cookie()),
            ("made to last", f"{int(END) + 10**6}.{SIGNATURE}"),
            ("without signature", END),
            ("with an empty signature", f"{END}."),
            ("with half a signature", f"{END}.{SIGNATURE[:32]}"),
            ("that is empty", ""),
            ("that is no number", f"never.{SIGNATURE}"),
            ("whose time holds a byte above ASCII", f"{END}\xff.{SIGNATURE}"),
            ("whose signature is a byte above ASCII", f"{END}.\xff"),
        )
    ),
    Attack("http alone", PUBLIC_HOST, from_page(f"http://{PUBLIC_HOST}")),
    Attack("another port", PUBLIC_HOST, from_page(f"{PUBLIC}:8443")),
]  # fmt: skip
WRONG_CODES = [
    Attack("wrong api-key", PUBLIC_HOST, (("api-key", "wrong"),)),
    Attack("wrong bearer", PUBLIC_HOST, (("Authorization", "Bearer wrong"),)),
    Attack("the code as user name", PUBLIC_HOST, (("Authorization", f"Basic {CODE}"),)),
    Attack("wrong subprotocol", PUBLIC_HOST, (("Sec-WebSocket-Protocol", "realtime, openai-insecure-api-key.wrong"),)),
]  # fmt: skip


def by_name(attack: Attack) -> str:
    return attack.name


@pytest.mark.parametrize("attack", [*ON_LOCAL, *ON_GUARDED, *WRONG_CODES], ids=by_name)
def test_each_attack_succeeds_on_a_relay_without_defences(unprotected: str, attack: Attack) -> None:
    assert attack.succeeds(unprotected)


@pytest.mark.parametrize("attack", ON_LOCAL, ids=by_name)
def test_a_server_for_this_machine_refuses(local: str, attack: Attack) -> None:
    assert not attack.succeeds(local)


@pytest.mark.parametrize("attack", [*ON_GUARDED, *WRONG_CODES], ids=by_name)
def test_a_server_with_a_code_refuses(guarded: str, attack: Attack) -> None:
    assert not attack.succeeds(guarded)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "LocalHost"])
def test_a_page_of_this_machine_opens_sessions(local: str, name: str) -> None:
    host = f"{name}:{local.rpartition(':')[2]}"
    assert opens_websocket(local, ("Origin", f"http://{host.lower()}"), host=host)
    assert ask(local, "/config", host=host).status == 200


def test_a_program_on_this_machine_opens_sessions_with_any_key(local: str) -> None:
    assert opens_websocket(local, ("Authorization", "Bearer any"))


@pytest.mark.parametrize(
    "headers",
    [
        (("Origin", PUBLIC), ("Cookie", f"a=b; __Host-voice={GENUINE}; c=d")),
        (("Cookie", "__Host-voice=old"), ("Cookie", f"__Host-voice={GENUINE}")),
        (("api-key", CODE),),
        (("Authorization", f"Bearer {CODE}"),),
        (("Sec-WebSocket-Protocol", f"realtime, openai-insecure-api-key.{CODE}"),),
    ],
    ids=["page", "two cookies", "api-key", "bearer", "subprotocol"],
)
def test_a_client_with_the_code_opens_sessions(guarded: str, headers: tuple[tuple[str, str], ...]) -> None:
    assert opens_websocket(guarded, *headers, host=PUBLIC_HOST)


def test_a_foreign_host_gets_403_and_a_missing_code_401(guarded: str) -> None:
    with (
        upgrade(guarded, host="evil.example") as (_, foreign_host),
        upgrade(guarded, host=PUBLIC_HOST) as (_, no_code),
    ):
        assert (foreign_host.status, no_code.status) == (403, 401)
        assert no_code.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("hosts", [[], ["localhost:{}", "evil.example"], ["evil.example", "localhost:{}"]])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_request_with_no_host_or_two_is_refused(local: str, hosts: list[str], version: str) -> None:
    headers = [("Host", host.replace("{}", local.rpartition(":")[2])) for host in hosts]
    assert ask(local, "/config", *headers, host="", version=version).status in {400, 403}


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"]
)
@pytest.mark.parametrize("path", ["/", "/config", "/login", "/healthz", "/ws"])
def test_only_get_and_head_are_served(local: str, method: str, path: str) -> None:
    assert ask(local, path, ("Origin", local), method=method).status == 405


FILES = [
    "/server.py",
    "/../server.py",
    "/..%2fserver.py",
    "/..%2Fserver.py",
    "/%2e%2e/server.py",
    "/%2e%2e%2fserver.py",
    "/%252e%252e%252fserver.py",
    "/..%252fserver.py",
    "/..%5cserver.py",
    "/..\\server.py",
    "/audio/../../server.py",
    "/audio/%2e%2e/%2e%2e/server.py",
    "/styles/..%2f..%2fserver.py",
    "/./../server.py",
    "//../server.py",
    "/..//server.py",
    "/%00../server.py",
    "/../.env.example",
    "/..%2f.git/HEAD",
    "/..%2fsimulator/__init__.py",
]


def serves(url: str, target: str, host: str | None = None) -> bool:
    return ask(url, target, host=host).status == 200


@pytest.mark.parametrize("target", [*FILES[1:], "/docs", "/openapi.json"])
def test_each_path_outside_the_public_files_is_served_by_a_relay_without_defences(
    unprotected: str, target: str
) -> None:
    assert serves(unprotected, target)


@pytest.mark.parametrize(
    "target",
    [
        *FILES,
        "/docs",
        "/redoc",
        "/openapi.json",
        "/.env",
        "/.git/config",
        "/audio",
        "/audio/",
        "/styles/",
        "/index.html%00",
        f"/{'a' * 4000}",
        "/%ff%fe",
        "/" + "../" * 20 + "etc/passwd",
        "/etc/passwd",
        "//etc/passwd",
    ],
)  # fmt: skip
def test_nothing_but_the_public_files_is_served(local: str, target: str) -> None:
    answer = ask(local, target)
    assert answer.status == 404
    assert answer.body in {b'{"detail":"Not Found"}', b"Not Found"}


@pytest.mark.parametrize(
    "target",
    ["/", "/app.js", "/config", "/login.html", "/audio/speaker.js", "/.env", "/styles/../app.js", "/nowhere"],
)
def test_a_client_without_the_code_is_sent_to_the_login_and_sees_nothing_else(
    guarded: str, target: str
) -> None:
    answer = ask(guarded, target, host=PUBLIC_HOST)
    if target == "/":
        assert (answer.status, answer.headers["location"]) == (303, "/login")
    else:
        assert (answer.status, answer.body) == (401, b"Unauthorized\n")


def test_probes_are_answered_under_any_host_name(guarded: str) -> None:
    assert ask(guarded, "/healthz", host="10.1.2.3:3000").body == b'{"status":"alive"}'
    assert ask(guarded, "/readyz", host="10.1.2.3:3000").body == b'{"ready":true}'
    assert not opens_websocket(guarded, target="/healthz", host="10.1.2.3:3000")


@pytest.mark.parametrize("target", ["/", "/config", "/nowhere", "/login", "/healthz"])
def test_every_response_carries_the_security_headers(guarded: str, target: str) -> None:
    for answer in (
        ask(guarded, target, host=PUBLIC_HOST),
        ask(guarded, target, ("api-key", CODE), host=PUBLIC_HOST),
    ):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        )
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "*" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["permissions-policy"].startswith("microphone=(self)")
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["referrer-policy"] == ("same-origin" if target == "/login" else "no-referrer")
        assert answer.headers.get("strict-transport-security") == "max-age=31536000"
        assert "server" not in answer.headers
    assert "strict-transport-security" not in ask(guarded, "/healthz", host="10.1.2.3").headers


def test_headers_that_are_too_large_are_refused(local: str) -> None:
    many = [(f"X-{number}", "a" * 1000) for number in range(1000)]  # uvicorn reads 64 KiB at once, or more
    assert ask(local, "/", *many).status in {0, 400}
    assert ask(local, "/", ("Cookie", "a" * 10**6)).status in {0, 400}
    assert ask(local, "/healthz").status == 200


@pytest.mark.parametrize(
    "headers",
    [[("Cookie", "a" * 9000)], [("Cookie", "a" * 15_000)], [(f"X-{number}", "a") for number in range(200)]],
    ids=["9 KB in a line", "15 KB in a line", "200 lines"],
)
def test_a_handshake_with_headers_above_the_bound_of_websockets_is_refused(
    local: str, headers: list[tuple[str, str]]
) -> None:
    with upgrade(local, *headers) as (_, answer):
        assert answer.status == 431
    assert ask(local, "/healthz").status == 200


def test_a_refused_handshake_opens_no_session(guarded: str) -> None:
    with upgrade(guarded, host=PUBLIC_HOST) as (sock, answer):
        assert answer.status == 401
        assert netloc(guarded) not in answer.raw.decode("latin-1")
        sock.sendall(frame(1, b'{"type":"response.create"}'))  # an event smuggled in behind the refusal
        assert read_all(sock) == b""
    assert ask(guarded, "/config", ("api-key", CODE), host=PUBLIC_HOST).status == 200
