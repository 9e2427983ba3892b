"""What can be read off a text without understanding it: words, names, numbers, dates, and what it asks to be said. Pure.

A text is read as `plain` returns it.
"""

import re
from collections.abc import Iterable, Iterator

READ_CHARACTERS = 4000  # of a text; what is longer is cut, so that reading stays quick
LONGEST_PHRASE = 300
MOST_PHRASES = 3

WORD = re.compile(r"[^\W_]+")
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
ASCII = str.maketrans(
    {
        **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2018\u2019", "'"),
        **dict.fromkeys("\u2212\u2013\u2014", "-"),
        "\u00d7": "*",
        "\u00f7": "/",
    }
)
"""Typographic quotation marks and signs, as they are typed on a keyboard."""


def listed(text: str) -> frozenset[str]:
    return frozenset(WORD.findall(text))


STOP_WORDS = listed(
    """a about after all also always am an and any api are as ask at be been before but by call can could current data did
    do does done each every fetch for from function get give given go had has have he hello help her here hey hi him his
    how i if in info information into is it its just know let like make may me might more most much must my need no not
    now of ok okay on one only or our out over please provide return say see set shall she should so some something such
    sure tell thank that the their them then there these they thing this those to tool too up us use user using value
    very want was way we well were what when where whether which while who whom whose why will with would yes yet you
    your"""
)
STARTERS = listed(
    """add answer ask book buy calculate call cancel change check close compute create delete describe explain find get
    give go list look make move open order pause play put read remind remove repeat reply reserve run save schedule
    search send set show start stop switch take tell tomorrow today translate turn update use wake weather write"""
)
"""Words that begin a request and are no name, though a capital begins the sentence."""
PREPOSITIONS = ("in", "at", "near", "for", "from", "to", "of", "about", "on", "with", "named", "called")
WEEKDAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
MONTHS = (
    "january|february|march|april|may|june|july|august|september|october|november|december"  # as in "may 5"
)
NUMBER_WORDS = {
    word: float(number)
    for number, word in enumerate(
        WORD.findall("zero one two three four five six seven eight nine ten eleven twelve")
    )
}

QUOTED = re.compile(r"\"([^\"]{1,300})\"|(?<!\w)'([^']{1,300})'(?!\w)")
CAPITALISED = re.compile(
    r"[^\W\d_a-z\xdf-\xff][\w'-]*(?: (?:(?:of|de|la|le|du|van|von) )?[^\W\d_a-z\xdf-\xff][\w'-]*){0,4}"
)
DATE = re.compile(
    r"\b\d{4}-\d\d-\d\d\b|\b(?:today|tonight|tomorrow|yesterday)\b"
    rf"|\b(?:(?:next|this) )?(?:{WEEKDAYS})\b"
    rf"|\b(?:{MONTHS}) \d{{1,2}}(?:st|nd|rd|th)?\b(?:,? \d{{4}}\b)?"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th|\.)? (?:{MONTHS})\b(?: \d{{4}}\b)?",
    re.IGNORECASE,
)
TIME = re.compile(
    r"\b\d{1,2}:\d\d(?::\d\d)?(?: ?[ap]\.?m\b\.?)?|\b\d{1,2} ?[ap]\.?m\b\.?|\b(?:noon|midnight)\b",
    re.IGNORECASE,
)
EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
URL = re.compile(r"\bhttps?://[^\s\"'<>]{1,300}[^\s\"'<>.,;:!?)]")
CODE = re.compile(r"\b(?=[\w-]{2,40}\b)[A-Za-z]{0,20}[-_]?\d[\w-]*\b")
NUMBER = re.compile(r"(?<![\w.,:/-])[$#]?(-?\d{1,15}(?:\.\d{1,9})?)(?![\w:/]|[.,-]\d)")
SUM = re.compile(
    r"(?<![\w.])(-?\d{1,9}(?:\.\d{1,6})?)( - | x | ?[+*/] ?| (?:plus|minus|times|multiplied by|divided by) )(-?\d{1,9}(?:\.\d{1,6})?)",
    re.IGNORECASE,
)

SAYING = re.compile(
    r"\b(?:say|repeat|echo|speak|respond|reply|answer|return|output|write|print|include|mention|reference|use|start|begin|end"
    r"|finish|greet)\b[^\".!?\n]{0,80}?\"([^\"]{1,300})\"",
    re.IGNORECASE,
)
"""Something in quotation marks that is to be said."""
SAYING_PLAIN = re.compile(
    r"\b(?P<verb>say|repeat|echo|respond|reply|answer|return|output|write|print)\b"
    r"(?P<how>(?: (?:back|with|exactly|only|just|verbatim|simply|after|me|to|the|this|these|following|exact|single|one"
    r"|words?|phrase|sentence|text|message|and|nothing|else|in|full))*)"
    r"(?P<colon>:)? +(?P<rest>[^\s\"].*)",
    re.IGNORECASE,
)
"""Something without quotation marks that is to be said: what follows "say", "reply with the word", "repeat exactly:"."""
EXACTLY = re.compile(
    r"\b(?:exactly|only|just|verbatim|simply|following|words?|phrase|sentence)\b", re.IGNORECASE
)
VERBATIM = re.compile(r"\b(?:exactly|verbatim|words?|phrase|following)\b", re.IGNORECASE)
SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
QUESTION = re.compile(
    r"\?|^(?:what|which|who|whom|whose|when|where|why|how|do|does|did|is|are|can|could)\b", re.IGNORECASE
)


def plain(text: str) -> str:
    """Return the beginning of a text with keyboard's quotation marks and signs."""
    return text[:READ_CHARACTERS].translate(ASCII)


def words(text: str) -> set[str]:
    """Return the stems of a text's words, those left out that say nothing of its subject."""
    found = (word.lower() for word in WORD.findall(CAMEL.sub(" ", text[:READ_CHARACTERS])))
    return {stem(word) for word in found if word not in STOP_WORDS}


def stem(word: str) -> str:
    """Return a lower-case word without its ending, so that "booking" and "books" meet "book"."""
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) >= len(ending) + 3:
            word = word[: -len(ending)]
            break
    least = 3  # letters that are left
    if word.endswith("s") and not word.endswith("ss") and len(word) > least:
        word = word[:-1]
    if word.endswith("e") and len(word) > least:
        word = word[:-1]
    return word[:-1] + "i" if word.endswith("y") else word


def quotations(text: str) -> list[str]:
    return [double or single for double, single in QUOTED.findall(text)]


def dates(text: str) -> list[str]:
    return DATE.findall(text)


def times(text: str) -> list[str]:
    return TIME.findall(text)


def numbers(text: str) -> list[float]:
    """Return the numbers in order, in digits or as words up to twelve, but for those of dates and times."""
    rest = TIME.sub(" ", DATE.sub(" ", text))
    found = [(match.start(), float(match[1])) for match in NUMBER.finditer(rest)]
    found += [
        (match.start(), NUMBER_WORDS[match[0].lower()])
        for match in WORD.finditer(rest)
        if match[0].lower() in NUMBER_WORDS
    ]
    return [number for _, number in sorted(found)]


def names(text: str) -> list[str]:
    """Return what is written with capitals inside of sentences, then what begins one and is no common word."""
    inside: list[str] = []
    first: list[str] = []
    without_dates = DATE.sub(lambda match: " " * len(match[0]), text)
    for match in CAPITALISED.finditer(without_dates):
        name, before = match[0], without_dates[max(0, match.start() - 8) : match.start()]
        head, _, tail = name.partition(" ")
        is_common = head.lower().partition("'")[0] in STOP_WORDS | STARTERS
        if is_common and tail:
            inside.append(tail)
        elif not is_common:
            is_inside = re.search(r"[\w,;)][\s\"'(]*$", before)
            (inside if is_inside else first).append(name)
    return inside + first


def after(text: str, *prepositions: str) -> Iterator[str]:
    """Yield up to three words after each of these prepositions: "the weather in new york today" has "new york"."""
    pattern = rf"\b(?:{'|'.join(prepositions)}) +(?:(?:the|a|an|my|our|your) +)?([^\W_][^\n]{{0,80}})"
    for match in re.finditer(pattern, text, re.IGNORECASE):
        taken: list[str] = []
        for word in re.split(r"[.,;:!?\"()]", match[1])[0].split()[:3]:
            if word.lower() in STOP_WORDS or DATE.fullmatch(word):
                break
            taken.append(word)
        if taken:
            yield " ".join(taken)


def sums(text: str) -> list[str]:
    """Return the results of the sums in a text, such as "2 + 2" and "3 times 4"."""
    results = []
    for left, operator, right in SUM.findall(plain(text)):
        a, b = float(left), float(right)
        match operator.strip().lower():
            case "+" | "plus":
                results.append(a + b)
            case "-" | "minus":
                results.append(a - b)
            case "*" | "x" | "times" | "multiplied by":
                results.append(a * b)
            case _ if b:
                results.append(a / b)
    return [f"{result:.6g}" for result in results]


def to_be_said(request: str, *, always: bool = False) -> list[str]:
    """Return what a request asks to be said, in quotation marks or not: 'Say "hello"', "say exactly: pineapple".

    Args:
        always: the request is for every answer, so that without quotation marks it must say "exactly" or "the word".
    """
    request = plain(request)
    found = list(dict.fromkeys(SAYING.findall(request)))[:MOST_PHRASES]
    match = None if found else find_saying(request, always=always)
    if match and (match["colon"] or ": " in match["rest"]):
        found = [match["rest"] if match["colon"] else match["rest"].partition(": ")[2]]
    elif match:
        found = [SENTENCE_END.split(match["rest"])[0]]
    return [phrase.strip("\"' ")[:LONGEST_PHRASE] for phrase in found if phrase.strip("\"' ")]


def find_saying(request: str, *, always: bool) -> re.Match[str] | None:
    """Return the first place where a request, without quotation marks, wants something said word by word."""
    match = SAYING_PLAIN.search(request)
    while match:
        how = match["how"]
        is_meant = match["verb"].lower() == "say" or match["colon"] or EXACTLY.search(how)
        if VERBATIM.search(how) if always else is_meant:
            return match
        match = SAYING_PLAIN.search(request, match.end("verb"))
    return None


def recall(question: str, earlier: Iterable[str]) -> str | None:
    """Return what was said earlier of a question's subject: the text with most of its words, the latest of several."""
    if not QUESTION.search(question.strip()):
        return None
    subject = words(question)
    best, most = None, 1
    for text in earlier:
        common = len(subject & words(text))
        if common >= most and text != question:
            best, most = text, common
    return best
