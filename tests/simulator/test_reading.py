"""Phrases that a text asks for, and earlier messages about its subject."""

from __future__ import annotations

import pytest

from simulator.reading import names, numbers, recall, sums, to_be_said


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ("Say exactly: pineapple", "pineapple"),
        ('Say "hello" to the user.', "hello"),
        ("Please say “Grüezi” and nothing else.", "Grüezi"),
        ("Respond with the word banana.", "banana"),
        ("Reply with exactly 42.5 and stop.", "42.5 and stop"),
        ("Repeat exactly the following sentence: Hello, world!", "Hello, world!"),
        ("Say the number 0", "number 0"),
        ("Please repeat: one, two, three.", "one, two, three."),
        ("Say hello and ask how you can help.", "hello and ask how you can help"),
    ],
)
def test_phrases_to_be_said_are_found(request_: str, said: str) -> None:
    assert to_be_said(request_) == [said]


@pytest.mark.parametrize(
    "request_",
    ["", "Answer in one sentence.", "Write a long essay about computing.", "What did you say?", "Be brief."],
)
def test_texts_that_ask_for_no_phrase_have_none(request_: str) -> None:
    assert to_be_said(request_) == []


@pytest.mark.parametrize(
    ("instructions", "said"),
    [
        (
            'You are "Ada". Include the phrase "San Francisco". End with "Goodbye".',
            ["San Francisco", "Goodbye"],
        ),
        ("Always respond with exactly: OK", ["OK"]),
        ("Answer every question with one word. Reply with the word banana.", ["banana"]),
        ("You are a helpful assistant. Respond only in English. Say hello first.", []),
        ("Answer in one sentence about the weather.", []),
    ],
)
def test_instructions_for_every_answer_must_be_explicit(instructions: str, said: list[str]) -> None:
    assert to_be_said(instructions, always=True) == said


@pytest.mark.parametrize(
    ("text", "results"),
    [
        ("What is 2 + 2?", ["4"]),
        ("12 times 3, and 7 - 10", ["36", "-3"]),
        ("10 \u00f7 4 or 2 \u00d7 3", ["2.5", "6"]),
        ("1 / 0", []),
        ("2026-03-04 from 9-11", []),
    ],
)
def test_sums_are_worked_out(text: str, results: list[str]) -> None:
    assert sums(text) == results


def test_a_question_recalls_what_was_said_of_its_subject() -> None:
    earlier = ["My favorite color is red", "My favorite number is seven", "I live in Bern"]

    assert recall("What is the user's favorite number? Reply with just the number.", earlier) == earlier[1]
    assert recall("Where do I live?", earlier) == earlier[2]
    assert recall("What is the weather?", earlier) is None
    assert recall("My favorite number changed.", earlier) is None


def test_later_words_count_more_than_earlier_ones() -> None:
    assert recall("Which color?", ["color is red", "color is blue"]) == "color is blue"


def test_names_are_distinguished_from_words_that_begin_a_sentence() -> None:
    assert names("What is new in Paris? Show New York City to Ada, and Bern.") == [
        "Paris",
        "New York City",
        "Ada",
        "Bern",
    ]


def test_numbers_are_read_without_those_of_dates_and_times() -> None:
    assert numbers("On 2026-03-04 at 15:30, two of 7 cost $20.50, A-12 none.") == [2, 7, 20.5]
