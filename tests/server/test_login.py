"""The login page over raw sockets, and the access code and its cookies by themselves."""

from __future__ import annotations

import html.parser
import itertools
import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from raw_http import Answer, ask, head, open_connection, opens_websocket, read_all
from server_process import StartServer

from realtime_voice.login import AccessCode, TooManyFailuresError

if TYPE_CHECKING:
    from collections.abc import Iterator

CODE = "a-code-of-the-tests-0123456789"
HOST = "voice.example.com"
ORIGIN = f"https://{HOST}"
FORM = ("Content-Type", "application/x-www-form-urlencoded")
CLIENTS = itertools.count(1)


@pytest.fixture(scope="module")
def start() -> Iterator[StartServer]:
    with StartServer() as start:
        yield start
        assert not any(CODE in server.log() for server in start.servers)


@pytest.fixture(scope="module")
def url(start: StartServer) -> str:
    origins = f"{ORIGIN}, http://localhost:1"
    return start(ACCESS_CODE=CODE, PUBLIC_ORIGIN=origins, TRUSTED_PROXIES="127.0.0.0/8, ::1").url


def as_new_client() -> tuple[str, str]:
    """Return the header of a trusted proxy for a client that has sent no wrong code yet."""
    return ("X-Forwarded-For", f"203.0.113.{next(CLIENTS)}")


def send_form(url: str, code: str, *headers: tuple[str, str], origin: str = ORIGIN) -> Answer:
    source = [("Origin", origin)] if origin else []
    host = origin.partition("://")[2] if origin in {ORIGIN, "http://localhost:1"} else HOST
    body = urlencode({"code": code}).encode()
    return ask(url, "/login", FORM, *source, *headers, method="POST", host=host, body=body)


def cookie_of(answer: Answer) -> str:
    return answer.headers["set-cookie"].partition(";")[0]


def test_the_right_code_opens_the_page_and_the_relay_for_twelve_hours(url: str) -> None:
    answer = send_form(url, f" {CODE} ")
    assert (answer.status, answer.headers["location"]) == (303, "/")
    cookie, *flags = answer.headers["set-cookie"].split("; ")
    assert cookie.startswith("__Host-voice=")
    assert {flag.lower() for flag in flags} == {
        "httponly",
        "max-age=43200",
        "path=/",
        "samesite=strict",
        "secure",
    }
    assert CODE not in answer.raw.decode()
    assert ask(url, "/", ("Cookie", cookie), host=HOST).status == 200
    assert ask(url, "/config", ("Cookie", cookie), host=HOST).status == 200
    assert opens_websocket(url, ("Origin", ORIGIN), ("Cookie", cookie), host=HOST)


def test_over_http_on_this_machine_the_cookie_is_not_limited_to_https(url: str) -> None:
    answer = send_form(url, CODE, origin="http://localhost:1")
    assert answer.headers["set-cookie"].startswith("voice=")
    assert "secure" not in answer.headers["set-cookie"].lower()
    assert ask(url, "/config", ("Cookie", cookie_of(answer)), host="localhost:1").status == 200


@pytest.mark.parametrize(
    "origin", ["", "null", "https://evil.example", f"http://{HOST}", "http://localhost:1/"]
)
def test_a_form_from_another_origin_is_refused_even_with_the_right_code(url: str, origin: str) -> None:
    answer = send_form(url, CODE, origin=origin)
    assert answer.status == 403
    assert "set-cookie" not in answer.headers


def test_a_wrong_code_is_reported_on_the_page_without_being_repeated(url: str) -> None:
    answer = send_form(url, "<b>guess</b>", as_new_client())
    assert answer.status == 403
    assert b"That is not the code" in answer.body
    assert b"guess" not in answer.body
    assert "set-cookie" not in answer.headers


def test_after_ten_wrong_codes_from_the_form_or_as_a_key_no_code_is_checked_but_cookies_are(
    start: StartServer,
) -> None:
    server = start(ACCESS_CODE=CODE, PUBLIC_ORIGIN=ORIGIN)
    before = send_form(server.url, CODE)
    for number in range(5):
        assert send_form(server.url, f"wrong {number}").status == 403
        assert ask(server.url, "/config", ("api-key", f"wrong-{number}"), host=HOST).status == 401
    assert server.wait_for_log("ten wrong access codes within a minute from (127.0.0.1|::)")
    for offer in (CODE, "wrong"):
        answer = send_form(server.url, offer)
        assert (answer.status, answer.headers["retry-after"]) == (429, "60")
        assert b"Try again in a minute" in answer.body
        assert ask(server.url, "/config", ("api-key", offer), host=HOST).status == 429
    assert ask(server.url, "/config", ("Cookie", cookie_of(before)), host=HOST).status == 200


def test_behind_a_trusted_proxy_one_client_does_not_lock_out_another(url: str) -> None:
    client = as_new_client()
    statuses = [send_form(url, "wrong", client).status for _ in range(11)]
    assert statuses == [403] * 10 + [429]
    assert send_form(url, CODE, as_new_client()).status == 303


def test_a_forwarded_address_is_ignored_when_it_does_not_come_from_a_trusted_proxy(
    start: StartServer,
) -> None:
    server = start(ACCESS_CODE=CODE, PUBLIC_ORIGIN=ORIGIN)
    statuses = [send_form(server.url, "wrong", as_new_client()).status for _ in range(11)]
    assert statuses == [403] * 10 + [429]


def test_every_replica_accepts_the_cookie_until_the_code_changes(start: StartServer, url: str) -> None:
    cookie = cookie_of(send_form(url, CODE))
    replica = start(ACCESS_CODE=CODE, PUBLIC_ORIGIN=ORIGIN)
    changed = start(ACCESS_CODE=CODE[::-1], PUBLIC_ORIGIN=ORIGIN)
    assert ask(replica.url, "/config", ("Cookie", cookie), host=HOST).status == 200
    assert ask(changed.url, "/config", ("Cookie", cookie), host=HOST).status == 401


def test_a_long_body_is_refused_with_or_without_a_content_length(url: str) -> None:
    big = b"code=" + b"a" * 5000
    assert ask(url, "/login", FORM, ("Origin", ORIGIN), method="POST", host=HOST, body=big).status == 413
    chunked = [("Host", HOST), ("Origin", ORIGIN), FORM, ("Transfer-Encoding", "chunked")]
    with open_connection(url) as sock:
        sock.sendall(head("POST", "/login", chunked) + b"1000\r\n" + b"a" * 4096 + b"\r\n")
        sock.sendall(b"1000\r\n" + b"a" * 4096 + b"\r\n")  # the last chunk never comes
        assert Answer(read_all(sock)).status == 413


@pytest.mark.parametrize(
    "body",
    [b"", b"code", b"code=", b"%ff%fe=%00", b"\xff\xfe", b"code=%", b"code=a&code=b", b'{"code": 1}'],
)
def test_a_malformed_form_counts_as_a_wrong_code(url: str, body: bytes) -> None:
    headers = (FORM, ("Origin", ORIGIN), as_new_client())
    answer = ask(url, "/login", *headers, method="POST", host=HOST, body=body)
    assert answer.status == 403
    assert b"That is not the code" in answer.body


def test_the_login_page_needs_no_script_and_every_file_it_uses_is_served(url: str) -> None:
    answer = ask(url, "/login", host=HOST)
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert b"<script" not in answer.body
    assert b"style=" not in answer.body
    assert b"{problem}" not in answer.body

    class Links(html.parser.HTMLParser):
        found: list[str] = []  # noqa: RUF012  only one page is parsed

        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            self.found += [
                value for name, value in attributes if name in {"href", "src"} and value and tag != "a"
            ]

    Links().feed(answer.body.decode())
    assert "/styles/login.css" in Links.found
    for link in Links.found:
        part = ask(url, link, host=HOST)
        assert part.status == 200, link
        for inner in re.findall(rb"url\(([^#)][^)]*)\)", part.body):
            assert ask(url, inner.decode(), host=HOST).status == 200, inner


def test_without_a_code_there_is_no_login(site: str) -> None:
    assert ask(site, "/login").status == 404
    assert ask(site, "/login", ("Origin", site), method="POST").status == 405


def test_a_cookie_expires_after_twelve_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    code = AccessCode(CODE)
    cookie = code.sign_cookie()
    signed_at = int(cookie.split(".")[0]) - 12 * 3600
    monkeypatch.setattr("realtime_voice.login.time.time", lambda: signed_at + 12 * 3600 - 1)
    assert code.verify_cookie(cookie)
    monkeypatch.setattr("realtime_voice.login.time.time", lambda: signed_at + 12 * 3600)
    assert not code.verify_cookie(cookie)


def test_a_client_may_try_again_after_a_minute_and_its_failures_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code = AccessCode(CODE)
    now = 1000.0
    monkeypatch.setattr("realtime_voice.login.time.monotonic", lambda: now)
    for number in range(10):
        assert not code.verify_code("wrong", f"2001:db8::{number}")  # one household has one network
    with pytest.raises(TooManyFailuresError):
        code.verify_code(CODE, "2001:db8::ffff")
    assert code.verify_code(CODE, "2001:db8:1::1")
    now += 61
    assert code.verify_code(CODE, "2001:db8::1")
    assert not code._failures  # noqa: SLF001  that nothing stays in memory is the claim


def test_codes_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    code = AccessCode(CODE)

    def compare(a: bytes, b: bytes) -> bool:
        compared.append((a, b))
        return a == b

    monkeypatch.setattr("realtime_voice.login.hmac.compare_digest", compare)
    assert not code.verify_code("short", "203.0.113.1")
    assert not code.verify_code(CODE + "x" * 1000, "203.0.113.1")
    assert code.verify_code(CODE, "203.0.113.1")
    assert [(len(a), len(b)) for a, b in compared] == [(32, 32)] * 3
