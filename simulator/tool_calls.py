"""Function calls without a model: which tools fit a text, and arguments made from their schemas and the text. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from simulator.reading import (
    CAMEL,
    CODE,
    EMAIL,
    PREPOSITIONS,
    READ_CHARACTERS,
    SUM,
    URL,
    WORD,
    after,
    dates,
    listed,
    names,
    numbers,
    plain,
    quotations,
    times,
    words,
)

# What an occurrence counts: of the whole name, of a word in it, of another word.
NAMED, NAME_WORD, OTHER_WORD = 10, 3, 1
FITS = 2
MOST_CALLS = 4  # in one response
DEEPEST, MOST_VALUES, MOST_LOOKS = 12, 300, 300  # a schema that refers to itself has no end
MISSING: Final = object()
Make = Callable[[dict[str, Any], str, int], Any]  # of a schema, a property's name and the levels left
CALL_A_TOOL = re.compile(
    r"\b(?:use|using|call|invoke|run)\b[^.!?\n]{0,40}\b(?:tool|function)\b", re.IGNORECASE
)
NEGATION = re.compile(r"\b(?:no|not|off|without|disable|don't|never|false|stop)\b", re.IGNORECASE)
SAMPLES = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
"""Valid strings of the formats that JSON Schema names."""
FORMATS = {
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)"),
    "time": re.compile(r"\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)"),
    "email": EMAIL,
    "uri": URL,
    "url": URL,
}
HINTS: Mapping[str, Callable[[str], Iterable[str]]] = {
    **dict.fromkeys(("date", "day", "when", "deadline"), dates),
    **dict.fromkeys(("time", "hour"), times),
    **dict.fromkeys(("email", "mail"), EMAIL.findall),
    **dict.fromkeys(("url", "uri", "link"), URL.findall),
    **dict.fromkeys(("id", "code", "number", "order", "reference", "phone"), CODE.findall),
    **dict.fromkeys(("origin", "from", "source", "departure"), lambda text: after(text, "from")),
    **dict.fromkeys(("destination", "to", "target", "arrival"), lambda text: after(text, "to", "into")),
    "expression": lambda text: [match[0] for match in SUM.finditer(text)],
}
"""Where the value of a string property stands in a text, by a word in the property's name."""
OF_ONE_KIND = (dates, times, EMAIL.findall, URL.findall, CODE.findall)
WHOLE_TEXT = listed(
    "body content input instruction message note prompt query question reason request search summary task text title topic"
)
"""Words in the name of a string property that takes what was said as a whole."""


def words_of(name: str) -> set[str]:
    """Return the words in a property's name, however it is written."""
    return {word.lower() for word in WORD.findall(CAMEL.sub(" ", name))}


def fitting(tools: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """Return the function tools that a text is about, those that fit best first."""
    text = plain(text)
    if not text.strip():
        return []
    scored = [(score(tool, text), -index, tool) for index, tool in enumerate(tools)]
    if len(tools) == 1 and CALL_A_TOOL.search(text):
        return tools
    return [
        tool for points, _, tool in sorted(scored, key=lambda each: each[:2], reverse=True) if points >= FITS
    ]


def score(tool: dict[str, Any], text: str) -> int:
    """Return how well a text fits a tool, by the words they have in common."""
    said, name = words(text), str(tool["name"])
    in_name = words(name)
    parameters = tool.get("parameters")
    properties = parameters.get("properties") if isinstance(parameters, dict) else None
    described = str(tool.get("description") or "")
    if isinstance(properties, dict):
        described += " ".join([*map(str, properties), *map(described_in, properties.values())])
    points = (
        NAMED
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) and (in_name - {name} or "_" in name)
        else 0
    )
    return points + NAME_WORD * len(in_name & said) + OTHER_WORD * len((words(described) - in_name) & said)


def described_in(schema: Any) -> str:
    """Return the words a property's schema has: its description and the strings it may be."""
    if not isinstance(schema, dict):
        return ""
    members = schema.get("enum")
    strings = [each for each in members if isinstance(each, str)] if isinstance(members, list) else []
    return " ".join([str(schema.get("description") or ""), *strings])


def subjects(tool: dict[str, Any], text: str) -> list[str]:
    """Return the text once for each of the things it names with "and", when the tool takes one of them at a time."""
    parameters = tool.get("parameters")
    required = parameters.get("required") if isinstance(parameters, dict) else None
    text = plain(text)
    named = names(text)
    joined = [name for name in named if re.search(rf"(?:\band|,)[ ]+{re.escape(name)}\b", text)]
    if not (isinstance(required, list) and len(required) == 1 and joined):
        return [text]
    return [without(text, [other for other in named if other != name]) for name in named[:MOST_CALLS]]


def without(text: str, others: list[str]) -> str:
    for other in others:
        text = text.replace(other, "")
    return text


def arguments(schema: Any, text: str = "", *, everything: bool = False) -> Any:
    """Return a value that a JSON schema allows, of what the text says and, where it says nothing, made up.

    Types, enumerations, limits, formats and references are obeyed; `pattern` is not looked at.

    Args:
        everything: make up the optional properties too.
    """
    root = schema if isinstance(schema, dict) else {}
    return Maker(root, plain(text), everything=everything).value()


class Maker:
    """Make one value; what was taken from the text is not taken again."""

    def __init__(self, root: dict[str, Any], text: str, *, everything: bool) -> None:
        self._root, self._text, self._everything = root, text, everything
        self._taken: set[str] = set()
        self._numbers = numbers(text)
        self._made = 0  # values so far
        self._looked = 0  # times a part of the schema was looked at, for the value that is being made
        self._finders: dict[str, Make] = {
            "object": self._find_object,
            "array": self._find_array,
            "integer": self._find_number,
            "number": self._find_number,
            "boolean": self._find_boolean,
            "string": self._find_string,
        }
        self._makers: dict[str, Make] = {
            "string": self._make_string,
            "object": self._make_object,
            "array": self._make_array,
            "integer": self._make_number,
            "number": self._make_number,
            "boolean": self._make_true,
            "null": self._make_null,
        }

    def value(self) -> Any:
        return self._make(self._root, "", DEEPEST)

    def _resolve(self, schema: Any) -> dict[str, Any]:
        """Return a schema with its references followed and the parts of an allOf joined."""
        for _ in range(DEEPEST):
            reference = schema.get("$ref") if isinstance(schema, dict) else None
            if not isinstance(reference, str):
                break
            target: Any = self._root
            for part in reference.removeprefix("#").strip("/").split("/"):
                name = part.replace("~1", "/").replace("~0", "~")
                target = target.get(name, {}) if isinstance(target, dict) and part else target
            rest = {key: value for key, value in schema.items() if key != "$ref"}
            schema = {**target, **rest} if isinstance(target, dict) else rest
        whole: dict[str, Any] = schema if isinstance(schema, dict) else {}
        parts = whole.get("allOf")
        if isinstance(parts, list):
            whole = {key: value for key, value in whole.items() if key != "allOf"}
            for part in parts[:DEEPEST]:
                whole = joined(whole, self._resolve(part))
        return whole

    def _options(self, schema: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the schemas one of which a value must fit, null last."""
        for key in ("anyOf", "oneOf"):
            given = schema.get(key)
            if isinstance(given, list) and given:
                rest = {name: value for name, value in schema.items() if name not in (key, "default")}
                options = [{**rest, **self._resolve(each)} for each in given]
                return sorted(options, key=lambda each: each.get("type") == "null")
        kinds = schema.get("type")
        if isinstance(kinds, list) and kinds:
            options = [{**schema, "type": kind} for kind in kinds]
            return sorted(options, key=lambda each: each["type"] == "null")
        return [schema]

    def _find(self, schema: Any, name: str, depth: int) -> Any:
        """Return a value that the text has for a property, MISSING when it has none."""
        schema = self._resolve(schema)
        self._looked += 1
        if depth == 0 or "const" in schema or self._looked > MOST_LOOKS:
            return MISSING
        options = self._options(schema)
        if options != [schema]:
            found = (self._find(option, name, depth - 1) for option in options)
            return next((value for value in found if value is not MISSING), MISSING)
        members = schema.get("enum")
        if isinstance(members, list):
            return next((member for member in members if self._occurs(member)), MISSING)
        find = self._finders.get(kind_of(schema))
        return find(schema, name, depth) if find else MISSING

    def _make(self, schema: Any, name: str, depth: int) -> Any:
        """Return a valid value: the text's, else one that the schema gives, else one that is made up."""
        schema = self._resolve(schema)
        self._made, self._looked = self._made + 1, 0
        value = self._find(schema, name, depth)
        if value is MISSING:
            value = given_by(schema)
        if value is not MISSING:
            return value
        options = self._options(schema)
        if depth == 0 or self._made > MOST_VALUES:
            return None
        if options != [schema]:
            return self._make(options[0], name, depth - 1)
        make = self._makers.get(kind_of(schema), self._makers["string"])
        return make(schema, name, depth)

    def _properties(self, schema: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        properties, required = schema.get("properties"), schema.get("required")
        known = properties if isinstance(properties, dict) else {}
        wanted = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
        return known, wanted

    def _find_object(self, schema: dict[str, Any], _name: str, depth: int) -> Any:
        properties, required = self._properties(schema)
        before = set(self._taken), list(self._numbers)
        if any(
            self._find(properties.get(name), name, depth - 1) is not MISSING
            for name in [*required, *properties]
        ):
            self._taken, self._numbers = before
            return self._make_object(schema, "", depth)
        return MISSING

    def _make_object(self, schema: dict[str, Any], _name: str, depth: int) -> dict[str, Any]:
        """Return an object with its required properties first, since what they take from the text is theirs."""
        properties, required = self._properties(schema)
        made = {name: self._make(properties.get(name), name, depth - 1) for name in required}
        for name in properties:
            if name not in made:
                make = self._make if self._everything else self._find
                value = make(properties[name], name, depth - 1)
                if value is not MISSING:
                    made[name] = value
        ordered = [*properties, *(name for name in required if name not in properties)]
        return {name: made[name] for name in ordered if name in made}

    def _make_array(self, schema: dict[str, Any], name: str, depth: int) -> list[Any]:
        return self._fill_up([], schema, name, depth)

    def _make_number(self, schema: dict[str, Any], _name: str, _depth: int) -> float:
        return made_number(schema, whole=schema.get("type") == "integer")

    def _make_true(self, _schema: dict[str, Any], _name: str, _depth: int) -> bool:
        return True

    def _make_null(self, _schema: dict[str, Any], _name: str, _depth: int) -> None:
        return None

    def _find_array(self, schema: dict[str, Any], name: str, depth: int) -> Any:
        found: list[Any] = []
        most = schema.get("maxItems")
        while len(found) < (most if isinstance(most, int) else MOST_CALLS * 2):
            value = self._find(schema.get("items"), name, depth - 1)
            if value is MISSING or value in found:
                break
            found.append(value)
            if isinstance(value, str):
                self._taken.add(value)
        return self._fill_up(found, schema, name, depth) if found else MISSING

    def _fill_up(self, items: list[Any], schema: dict[str, Any], name: str, depth: int) -> list[Any]:
        """Return the items with as many made up as the schema wants, one at least unless it allows none."""
        least, most = schema.get("minItems"), schema.get("maxItems")
        wanted = max(least if isinstance(least, int) else 0, 1 if depth > 1 else 0)
        wanted = min(wanted, most if isinstance(most, int) else wanted, 100)
        while len(items) < wanted:
            items.append(self._make(schema.get("items"), name, depth - 1))
        return items

    def _occurs(self, member: Any) -> bool:
        """Return whether a member of an enumeration stands in the text, by itself or by all of its words."""
        if not isinstance(member, str) or not member or member in self._taken:
            return False
        if re.search(rf"(?<!\w){re.escape(member)}(?!\w)", self._text, re.IGNORECASE):
            return True
        return bool(words(member)) and words(member) <= words(self._text)

    def _find_number(self, schema: dict[str, Any], _name: str, _depth: int) -> Any:
        for index, number in enumerate(self._numbers):
            whole = schema.get("type") == "integer"
            if number.is_integer() or not whole:
                value = int(number) if number.is_integer() else number
                if in_range(value, schema):
                    del self._numbers[index]
                    return value
        return MISSING

    def _find_boolean(self, _schema: dict[str, Any], name: str, _depth: int) -> Any:
        return not NEGATION.search(self._text) if words(name) & words(self._text) else MISSING

    def _find_string(self, schema: dict[str, Any], name: str, _depth: int) -> Any:
        for value in self._candidates(schema, name):
            if self._is_free(value, schema):
                self._taken.add(value)
                return value
        return MISSING

    def _is_free(self, value: str, schema: dict[str, Any]) -> bool:
        form = schema.get("format")
        known = FORMATS.get(form) if isinstance(form, str) else None
        right = known.fullmatch(value) if known else form not in SAMPLES
        return bool(right) and value not in self._taken and is_long_enough(value, schema)

    def _candidates(self, schema: dict[str, Any], name: str) -> Iterable[str]:
        """Yield what a string property may be, the likeliest first."""
        text, hints = self._text, words_of(name)
        form = schema.get("format")
        if isinstance(form, str) and form in FORMATS:
            yield from (match[0] for match in FORMATS[form].finditer(text))
            return
        yield from quotations(text)
        if hints & WHOLE_TEXT:
            if text.strip():
                yield text.strip()
            return
        hinted = [HINTS[hint] for hint in sorted(hints) if hint in HINTS]
        for find in hinted:
            yield from find(text)
        if any(find in OF_ONE_KIND for find in hinted):
            return
        found = names(text)
        placed = list(after(text, *PREPOSITIONS))
        yield from sorted(found, key=lambda each: each not in placed)
        yield from (phrase for phrase in placed if not words(phrase) & words(name))

    def _make_string(self, schema: dict[str, Any], _name: str, _depth: int) -> str:
        """Return a string of the wanted format and length: what was said as a whole, else an example."""
        form = schema.get("format")
        if isinstance(form, str) and form in SAMPLES:
            return SAMPLES[form]
        least, most = schema.get("minLength"), schema.get("maxLength")
        text = self._text.strip() or "example"
        if isinstance(least, int):
            text = text.ljust(min(least, READ_CHARACTERS), ".")
        return text[:most] if isinstance(most, int) else text


def joined(schema: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that asks for what both do."""
    both = {**other, **schema}
    first, second = other.get("properties"), schema.get("properties")
    if isinstance(first, dict) and isinstance(second, dict):
        both["properties"] = {**first, **second}
    required, more = other.get("required"), schema.get("required")
    if isinstance(required, list) and isinstance(more, list):
        both["required"] = [*required, *more]
    return both


def kind_of(schema: dict[str, Any]) -> str:
    """Return the type that a schema without alternatives describes; a schema that says nothing allows "anything"."""
    kind = schema.get("type")
    if isinstance(kind, str):
        return kind
    return "object" if isinstance(schema.get("properties"), dict) else "anything"


def given_by(schema: dict[str, Any]) -> Any:
    """Return a value that a schema itself names, MISSING when it names none."""
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    for name in ("enum", "examples"):
        values = schema.get(name)
        if isinstance(values, list) and values:
            return values[0]
    return MISSING


def is_long_enough(value: str, schema: dict[str, Any]) -> bool:
    """Return whether a string is neither shorter nor longer than its schema allows."""
    least, most = schema.get("minLength"), schema.get("maxLength")
    return len(value) >= (least if isinstance(least, int) else 0) and (
        not isinstance(most, int) or len(value) <= most
    )


def limit(schema: dict[str, Any], name: str) -> float | None:
    value = schema.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def in_range(value: float, schema: dict[str, Any]) -> bool:
    """Return whether a number is one that its schema allows."""
    least, most = limit(schema, "minimum"), limit(schema, "maximum")
    above, below, step = (
        limit(schema, "exclusiveMinimum"),
        limit(schema, "exclusiveMaximum"),
        limit(schema, "multipleOf"),
    )
    return (
        (least is None or value >= least)
        and (most is None or value <= most)
        and (above is None or value > above)
        and (below is None or value < below)
        and (not step or (value / step).is_integer())
    )


def made_number(schema: dict[str, Any], *, whole: bool) -> float:
    """Return a number that its schema allows: 1, or the nearest to it."""
    step = limit(schema, "multipleOf") or (1 if whole else 0)
    least, most = limit(schema, "minimum"), limit(schema, "maximum")
    above, below = limit(schema, "exclusiveMinimum"), limit(schema, "exclusiveMaximum")
    bounds = [bound for bound in (least, most, above, below) if bound is not None]
    for start in (1, *bounds):
        for shift in (0, step or 0.5, -(step or 0.5)):
            value: float = start + shift
            if step:
                value = round(value / step) * step
            value = int(value) if whole or float(value).is_integer() else value
            if in_range(value, schema):
                return value
    return 1


def function_tools(tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [tool for tool in tools if tool["type"] == "function"]
