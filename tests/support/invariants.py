"""What was said in a talk by those who said it, held against what the page shows and what the service knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from noting_session import GO_ON, WORD_MS, Known, answer_to

if TYPE_CHECKING:
    from environment import Service, Turn, Visit

MAX_RESTORED = 20
SPOKEN = "[", "of speech; the simulator does not transcribe]"
RACES = {
    "response_cancel_not_active",
    "conversation_already_has_active_response",  # the page asks again once that one is over
}
SLACK_WORDS = 3
"""Of an interrupted answer: its text runs a little ahead of its sound, and is cut at the end of a word."""


def is_race(error: dict[str, Any]) -> bool:
    """Tell whether an error only says that page and service acted at the same time."""
    return error["code"] in RACES or "already shorter than" in error["message"]


def is_spoken(words: str) -> bool:
    return words.startswith(SPOKEN[0]) and words.endswith(SPOKEN[1])


def without_number(answer: str) -> str:
    return answer.partition(". ")[2]


class Ledger:
    """Check one talk at quiet moments. `asked` is what was typed so far, in order."""

    def __init__(self, visit: Visit, service: Service) -> None:
        self.visit, self.service = visit, service
        self.asked: list[str] = []
        self._seen: list[Turn] = []

    async def check(self) -> None:
        """Check all that must hold whenever the page is live and nothing is under way."""
        turns = await self.visit.turns()
        self.check_page(turns)
        self.check_first_messages(turns)
        self.check_knowledge(turns)
        assert await self.visit.tapped("violations") == []
        await self.check_heard(turns)
        assert self.visit.errors == []
        assert [error for error in self.service.session.errors if not is_race(error)] == []
        self._seen = turns

    async def check_restored(self) -> None:
        """Check that the session in use was given all it had to be, right when the page is live again; then all else."""
        worded = [turn for turn in await self.visit.turns() if turn.has_words]
        restored = self.service.session.restored
        assert len(restored) == min(MAX_RESTORED, len(worded)), f"{restored}\ninstead of\n{worded}"
        await self.check()
        await self.service.check_alone()

    async def ask(self, question: str) -> None:
        """Write a message, and wait until its answer begins to be heard."""
        self.asked.append(question)
        await self.visit.write(question)
        await self.visit.state("speaking")

    async def talk(self, question: str) -> None:
        """Write a message, hear the whole answer, which may be over in an instant, and check."""
        self.asked.append(question)
        await self.visit.write(question)
        await self.visit.read(answer_to(question))
        await self.visit.state("listening", "connected")
        turns = await self.visit.turns()
        asked, answered = (turn.words for turn in turns[-2:])
        assert (asked, without_number(answered)) == (question, answer_to(question))
        await self.check()

    def check_page(self, turns: list[Turn]) -> None:
        """Check that each question is there once, in order, with its own answers behind it; and that nothing seen is gone."""
        assert turns[: len(self._seen)] == self._seen, f"{turns}\nno longer begins with\n{self._seen}"
        typed = [
            turn.words
            for turn in turns
            if turn.role == "user" and turn.has_words and not is_spoken(turn.words)
        ]
        assert typed == self.asked
        open_answers = [answer_to(GO_ON)] * len(turns)  # it may be asked for at any time
        for turn in turns:
            assert turn.status in ("complete", "interrupted", "failed"), f"{turn} is not over"
            if turn.role == "user":
                open_answers.append(answer_to(turn.words))
                continue
            said = without_number(self.whole(turn))
            assert said in open_answers, f"{turn} answers nothing before it, or is there twice"
            if turn.status == "complete":
                open_answers.remove(said)

    def whole(self, answer: Turn) -> str:
        """Return what an answer on the page was to say; the page may have less of one that was interrupted."""
        number = f"{answer.words.partition('.')[0]}."
        [whole] = [each for each in self.service.notes.answers.values() if each.startswith(number)]
        assert whole == answer.words or (answer.status == "interrupted" and whole.startswith(answer.words)), (
            answer
        )
        return whole

    async def check_answered(self) -> None:
        """Check that nothing is left that the user waits for: of words that were lost the page says so."""
        for last in (await self.visit.turns())[-1:]:
            assert last.role == "assistant" or not last.has_words, (
                f"{last} is not answered, nor is that offered"
            )

    def check_first_messages(self, turns: list[Turn]) -> None:
        """Check that the session in use was given the messages before it, the last 20, and that nothing was between them.

        One more is what was written there first.
        """
        first = [(each.role, each.text) for each in self.service.session.restored]
        shown = [(turn.role, turn.words) for turn in turns if turn.has_words]
        if not first:
            return
        assert first[-1] in shown, f"{first[-1]} is not on the page"
        end = len(shown) - shown[::-1].index(first[-1])
        assert shown[end - len(first) : end] == first, f"{first}\ninstead of\n{shown[:end]}"
        written = len(first) - min(MAX_RESTORED, end)
        assert written == 0 or (written == 1 and first[-1][0] == "user"), f"{len(first)} of {end}"

    def check_knowledge(self, turns: list[Turn]) -> None:
        """Check that the session in use knows what the page shows: role by role, word by word.

        An answer cut in this very session is left out: the service itself knows how much of it was heard.
        """
        known = self.service.session.knows
        cut = [self.service.notes.answers[each.id] for each in known if each.is_cut]
        shown = [
            (turn.role, turn.words)
            for turn in turns
            if turn.has_words and not (turn.role == "assistant" and self.whole(turn) in cut)
        ]
        knows = [(each.role, each.text) for each in known if not each.is_cut]
        assert knows == shown[-len(knows) :] if knows else not shown, f"{knows}\ninstead of\n{shown}"
        assert len(knows) >= min(MAX_RESTORED, len(shown)) - len(cut)
        self.check_ids(known)

    def check_ids(self, known: list[Known]) -> None:
        """Check that what was restored bears the id it had before."""
        own = self.service.session.answers
        for each in known:
            if each.role == "assistant" and each.id not in own:
                whole = self.service.notes.answers[each.id]
                assert whole.startswith(each.text), f"{each} is not what was said"

    async def check_heard(self, turns: list[Turn]) -> None:
        """Check that of an interrupted answer no more is kept than was heard."""
        heard_ms = await self.visit.tapped("heardMs")
        ids = {whole: item_id for item_id, whole in self.service.notes.answers.items()}
        for turn in turns[len(self._seen) :]:
            ms = heard_ms.get(ids[self.whole(turn)]) if turn.status == "interrupted" else None
            if ms is not None:
                assert len(turn.words.split()) <= ms / WORD_MS + SLACK_WORDS, f"{turn} in {ms:.0f} ms"
