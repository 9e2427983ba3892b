"""What must hold in a conversation whatever happened to it: the page, the user and the upstream agree on what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recording_session import GO_ON, WORD_MS, KnownMessage, answer_to

if TYPE_CHECKING:
    from environment import Turn, Upstream, User

MAX_RESTORED = 20
SPOKEN = "[", "of speech; the simulator does not transcribe]"
RACES = {
    "response_cancel_not_active",
    "conversation_already_has_active_response",  # the page asks again once that one is over
}
SLACK_WORDS = 3
"""How many words of an interrupted answer the page may show beyond those played: text runs ahead of its sound."""


def is_race(error: dict[str, Any]) -> bool:
    """Return whether an error only says that the page and the upstream acted at the same time."""
    return error["code"] in RACES or "already shorter than" in error["message"]


def is_spoken(words: str) -> bool:
    return words.startswith(SPOKEN[0]) and words.endswith(SPOKEN[1])


def without_number(answer: str) -> str:
    return answer.partition(". ")[2]


class Invariants:
    """Check one conversation at quiet moments. `asked` lists what was typed so far, in order."""

    def __init__(self, user: User, upstream: Upstream) -> None:
        self.user, self.upstream = user, upstream
        self.asked: list[str] = []
        self._seen: list[Turn] = []

    async def check(self) -> None:
        """Check everything that must hold while the page is live and nothing is in progress."""
        turns = await self.user.turns()
        self.check_page(turns)
        self.check_first_messages(turns)
        self.check_knowledge(turns)
        assert await self.user.tapped("violations") == []
        await self.check_heard(turns)
        assert self.user.errors == []
        assert [error for error in self.upstream.session.errors if not is_race(error)] == []
        self._seen = turns

    async def check_restored(self) -> None:
        """Check that the current session was given every message to restore, as soon as the page is live; then check everything."""
        worded = [turn for turn in await self.user.turns() if turn.has_words]
        restored = self.upstream.session.restored
        assert len(restored) == min(MAX_RESTORED, len(worded)), f"{restored}\ninstead of\n{worded}"
        await self.check()
        await self.upstream.check_only_session()

    async def ask(self, question: str) -> None:
        """Write a message, and wait until its answer begins to play."""
        self.asked.append(question)
        await self.user.write(question)
        await self.user.state("speaking")

    async def converse(self, question: str) -> None:
        """Write a message, wait until its whole answer was played and no banner is shown, and check everything."""
        self.asked.append(question)
        await self.user.write(question)
        await self.user.read(answer_to(question))
        await self.user.state("listening", "connected")
        turns = await self.user.turns()
        asked, answered = (turn.words for turn in turns[-2:])
        assert (asked, without_number(answered)) == (question, answer_to(question))
        await self.check_no_banner()
        await self.check()

    async def check_no_banner(self) -> None:
        """Check that the page shows no problem."""
        shown = await self.user.banner.all_text_contents()
        assert not await self.user.banner.is_visible(), f"a banner is shown: {shown}"

    def check_page(self, turns: list[Turn]) -> None:
        """Check that each question is shown once, in order, followed by its own answers; and that no earlier turn is gone."""
        assert turns[: len(self._seen)] == self._seen, f"{turns}\nno longer begins with\n{self._seen}"
        typed = [
            turn.words
            for turn in turns
            if turn.role == "user" and turn.has_words and not is_spoken(turn.words)
        ]
        assert typed == self.asked
        open_answers = [answer_to(GO_ON)] * len(turns)  # the user may ask for the rest at any time
        for turn in turns:
            assert turn.status in ("complete", "interrupted", "failed"), f"{turn} has not ended"
            if turn.role == "user":
                open_answers.append(answer_to(turn.words))
                continue
            said = without_number(self.whole(turn))
            assert said in open_answers, f"{turn} answers no question before it, or is shown twice"
            if turn.status == "complete":
                open_answers.remove(said)

    def whole(self, answer: Turn) -> str:
        """Return the whole text of an answer, of which the page shows only the beginning if it was interrupted."""
        number = f"{answer.words.partition('.')[0]}."
        [whole] = [each for each in self.upstream.records.answers.values() if each.startswith(number)]
        assert whole == answer.words or (answer.status == "interrupted" and whole.startswith(answer.words)), (
            answer
        )
        return whole

    async def check_answered(self) -> None:
        """Check that the last turn has an answer, or is one whose words the page says were lost."""
        for last in (await self.user.turns())[-1:]:
            assert last.role == "assistant" or not last.has_words, (
                f"{last} has no answer, and the page does not offer one"
            )

    def check_first_messages(self, turns: list[Turn]) -> None:
        """Check that the current session was given the last 20 messages before it, in order and without a gap.

        There may be one more: a message that the user wrote as soon as the session was open.
        """
        first = [(each.role, each.text) for each in self.upstream.session.restored]
        shown = [(turn.role, turn.words) for turn in turns if turn.has_words]
        if not first:
            return
        assert first[-1] in shown, f"{first[-1]} is not on the page"
        end = len(shown) - shown[::-1].index(first[-1])
        assert shown[end - len(first) : end] == first, f"{first}\ninstead of\n{shown[:end]}"
        written = len(first) - min(MAX_RESTORED, end)
        assert written == 0 or (written == 1 and first[-1][0] == "user"), f"{len(first)} of {end}"

    def check_knowledge(self, turns: list[Turn]) -> None:
        """Check that the current session knows what the page shows: the same roles and words, in order.

        An answer that was cut in this session is left out: the simulator keeps its own cut of the text.
        """
        known = self.upstream.session.messages
        cut = [self.upstream.records.answers[each.id] for each in known if each.is_cut]
        shown = [
            (turn.role, turn.words)
            for turn in turns
            if turn.has_words and not (turn.role == "assistant" and self.whole(turn) in cut)
        ]
        session_has = [(each.role, each.text) for each in known if not each.is_cut]
        assert session_has == shown[-len(session_has) :] if session_has else not shown, (
            f"{session_has}\ninstead of\n{shown}"
        )
        assert len(session_has) >= min(MAX_RESTORED, len(shown)) - len(cut)
        self.check_ids(known)

    def check_ids(self, known: list[KnownMessage]) -> None:
        """Check that each restored answer has the id that it had before."""
        own = self.upstream.session.answers
        for each in known:
            if each.role == "assistant" and each.id not in own:
                whole = self.upstream.records.answers[each.id]
                assert whole.startswith(each.text), f"{each} has the id of another answer"

    async def check_heard(self, turns: list[Turn]) -> None:
        """Check that the page keeps no more of an interrupted answer than was played."""
        heard_ms = await self.user.tapped("heardMs")
        ids = {whole: item_id for item_id, whole in self.upstream.records.answers.items()}
        for turn in turns[len(self._seen) :]:
            ms = heard_ms.get(ids[self.whole(turn)]) if turn.status == "interrupted" else None
            if ms is not None:
                assert len(turn.words.split()) <= ms / WORD_MS + SLACK_WORDS, f"{turn} in {ms:.0f} ms"
