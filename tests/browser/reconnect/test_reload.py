"""A page that is loaded anew, or beside another one, and a conversation that is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from environment import Service, Visit
from invariants import Ledger
from noting_session import LONG
from playwright.async_api import expect
from waiting import eventually

if TYPE_CHECKING:
    from environment import World
    from noting_session import NotingSession


async def connect(visit: Visit, service: Service) -> NotingSession:
    """Connect, and return the page's session."""
    opened = len(service.notes.sessions)
    await visit.press("Connect")
    await visit.state("connected")
    assert len(service.notes.sessions) == opened + 1
    return service.session


async def test_a_talk_goes_on_after_a_reload_amid_an_answer(world: World, ledger: Ledger) -> None:
    visit, service = world.visit, world.service
    await connect(visit, service)
    await ledger.talk("Do you remember?")
    await ledger.ask(f"Answer {LONG}")
    await visit.heard(1000)
    await visit.page.reload()
    await eventually(lambda: service.simulator.live == 0, "the session outlives its page")
    await expect(visit.log.locator("article")).to_have_count(4)
    cut = (await visit.turns())[-1]
    assert (cut.role, cut.status) == ("assistant", "interrupted")
    assert 0 < cut.words.count("word") < 100
    await connect(visit, service)
    await ledger.check_restored()
    await ledger.talk("And now?")


async def test_two_tabs_have_two_conversations(world: World, ledger: Ledger) -> None:
    visit, service = world.visit, world.service
    session = await connect(visit, service)
    await ledger.talk("Who is there?")

    other = Visit(await world.context.new_page())
    await other.page.goto(world.url)
    await expect(other.log.locator("article")).to_have_count(0)
    await connect(other, service)
    others = Ledger(other, service)
    await others.talk("Somebody else?")
    await visit.page.bring_to_front()
    assert [known.text for known in session.knows] == [turn.words for turn in await visit.turns()]

    await world.start_anew()
    for each, own in ((visit, ledger), (other, others)):
        await each.page.bring_to_front()
        await each.state("connected")
        own.check_page(await each.turns())
    known = [{message.text for message in session.knows} for session in service.notes.sessions[2:]]
    assert sorted(map(len, known)) == [2, 2]
    assert not known[0] & known[1]


async def test_what_is_cleared_is_forgotten_by_the_service_too(world: World, ledger: Ledger) -> None:
    visit, service = world.visit, world.service
    await connect(visit, service)
    await ledger.talk("Do you remember?")
    service.back.cut()
    await service.reach(2)
    await visit.state("connected")
    await ledger.check_restored()
    await ledger.ask(f"Answer {LONG}")
    await visit.press("Clear")
    await visit.state("connected")
    await eventually(lambda: service.session.knows == [], "the service remembers")
    assert await visit.turns() == []
    forgetful = Ledger(visit, service)
    await forgetful.talk("What do you remember?")
    service.back.cut()
    await service.reach(3)
    await visit.state("connected")
    await forgetful.check_restored()
