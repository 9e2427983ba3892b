"""Give the page a long answer, or a long conversation, and measure its longest task: how long a user waits for it at most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.async_api import expect
from script import tone

if TYPE_CHECKING:
    from playwright.async_api import Page
    from script import Script

WATCH = """
    globalThis.longTasks = [];
    new PerformanceObserver((list) => longTasks.push(...list.getEntries().map((entry) => entry.duration)))
        .observe({ type: 'longtask', buffered: true });
"""
"""Init script. The browser reports tasks from 50 ms on."""
STRETCH_S = 20


async def longest_task_ms(page: Page) -> float:
    """Return the longest task since the last call, or 0 where none took 50 ms."""
    return float(await page.evaluate("Math.max(0, ...longTasks.splice(0))"))


async def receive_long_answer(script: Script, seconds: int, stretches: int) -> list[float]:
    """Receive an answer faster than any service sends; return the longest task of each of its last stretches of 20 s."""
    await script.connect()
    script.begin_answer("a1", "It begins. ", 500)
    await script.state("speaking")
    place = {"response_id": "r-a1", "item_id": "a1", "output_index": 0, "content_index": 0}
    second = [
        {"type": "response.audio_transcript.delta", "delta": "and goes on ", **place},
        {"type": "response.audio.delta", "delta": tone(200), **place},
    ] * 5
    longest_ms = []
    for second_number in range(1, seconds + 1):
        script.say(*second)
        await script.page.wait_for_timeout(20)
        if second_number % STRETCH_S == 0:
            await expect(script.words).to_contain_text("and goes on " * 5 * second_number)
            longest_ms.append(await longest_task_ms(script.page))
    return longest_ms[-stretches:]


async def use_long_conversation(script: Script, questions: int, rounds: int) -> list[float]:
    """Receive that many questions and answers; return the longest task of each round of typing and scrolling."""
    await script.connect()
    for turn in range(questions):
        script.commit(f"u{turn}", f"a{turn - 1}" if turn else None)
        script.transcribed(f"u{turn}", f"Question {turn}, which is about as long as questions are.")
        item = {
            "id": f"a{turn}",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "text", "text": f"Answer {turn}. " + "It has a few sentences. " * 6}],
        }
        script.say({"type": "conversation.item.created", "previous_item_id": f"u{turn}", "item": item})
        script.say({"type": "conversation.item.done", "item": item})
    await expect(script.words).to_have_count(2 * questions)
    await expect(script.words.last).to_contain_text(f"Answer {questions - 1}")
    box = script.page.get_by_role("textbox", name="Message")
    longest_ms = []
    await longest_task_ms(script.page)
    for _ in range(rounds):
        await box.press_sequentially("typing goes on", delay=10)
        await script.log.evaluate(
            """async (log) => {
                for (let at = 0; at < 5; at++) {
                    log.scrollTop = log.scrollHeight * at / 5;
                    await new Promise(requestAnimationFrame);
                }
            }"""
        )
        longest_ms.append(await longest_task_ms(script.page))
    return longest_ms
