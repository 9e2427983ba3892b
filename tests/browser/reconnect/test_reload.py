"""A page that is reloaded, two pages side by side, and a conversation that is cleared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from environment import Upstream, User
from invariants import Invariants
from playwright.async_api import expect
from recording_session import LONG
from waiting import eventually

if TYPE_CHECKING:
    from environment import Environment
    from recording_session import RecordingSession


async def connect(user: User, upstream: Upstream) -> RecordingSession:
    """Connect, and return the page's session."""
    opened = len(upstream.records.sessions)
    await user.press("Connect")
    await user.state("connected")
    assert len(upstream.records.sessions) == opened + 1
    return upstream.session


async def test_a_conversation_continues_after_a_reload_during_an_answer(
    environment: Environment, invariants: Invariants
) -> None:
    user, upstream = environment.user, environment.upstream
    await connect(user, upstream)
    await invariants.converse("Do you remember?")
    await invariants.ask(f"Answer {LONG}")
    await user.heard(1000)
    await user.page.reload()
    await eventually(lambda: upstream.simulator.live == 0, "the session outlives its page")
    await expect(user.log.locator("article")).to_have_count(4)
    cut = (await user.turns())[-1]
    assert (cut.role, cut.status) == ("assistant", "interrupted")
    assert 0 < cut.words.count("word") < 100
    await connect(user, upstream)
    await invariants.check_restored()
    await invariants.converse("And now?")


async def test_two_tabs_have_two_conversations(environment: Environment, invariants: Invariants) -> None:
    user, upstream = environment.user, environment.upstream
    session = await connect(user, upstream)
    await invariants.converse("Who is there?")

    other = User(await environment.context.new_page())
    await other.page.goto(environment.url)
    await expect(other.log.locator("article")).to_have_count(0)
    await connect(other, upstream)
    others = Invariants(other, upstream)
    await others.converse("Somebody else?")
    await user.page.bring_to_front()
    assert [known.text for known in session.messages] == [turn.words for turn in await user.turns()]

    await environment.restart_server()
    for each, own in ((user, invariants), (other, others)):
        await each.page.bring_to_front()
        await each.state("connected")
        own.check_page(await each.turns())
    known = [{message.text for message in session.messages} for session in upstream.records.sessions[2:]]
    assert sorted(map(len, known)) == [2, 2]
    assert not known[0] & known[1]


async def test_the_service_forgets_a_cleared_conversation(
    environment: Environment, invariants: Invariants
) -> None:
    user, upstream = environment.user, environment.upstream
    await connect(user, upstream)
    await invariants.converse("Do you remember?")
    upstream.proxy.cut()
    await upstream.wait_for_session(2)
    await user.state("connected")
    await invariants.check_restored()
    await invariants.ask(f"Answer {LONG}")
    await user.press("Clear")
    await user.state("connected")
    await eventually(lambda: upstream.session.messages == [], "the upstream remembers")
    assert await user.turns() == []
    forgetful = Invariants(user, upstream)
    await forgetful.converse("What do you remember?")
    upstream.proxy.cut()
    await upstream.wait_for_session(3)
    await user.state("connected")
    await forgetful.check_restored()
