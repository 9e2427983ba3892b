"""The conversation: its items in order, and how many tokens they are. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from simulator.checks import RequestError
from simulator.pictures import Picture
from simulator.shapes import CONTEXT_TOKENS
from simulator.turns import Heard

USER_AUDIO_TOKENS_PER_S = 10
ASSISTANT_AUDIO_TOKENS_PER_S = 20
MAX_ITEMS = 400


def to_text_tokens(text: str) -> int:
    """Return a plausible number of tokens: four characters each."""
    return (len(text) + 3) // 4


@dataclass
class Item:
    """An item: `shown` is what the protocol shows of it, the other fields are not shown.

    `heard` is the user's audio, kept only in the latest item with any, and only until it is answered.
    """

    shown: dict[str, Any]
    audio_ms: int = 0
    pictures: tuple[Picture, ...] = ()
    heard: Heard | None = field(default=None, repr=False)

    @property
    def id(self) -> str:
        return str(self.shown["id"])

    @property
    def role(self) -> str | None:
        return self.shown.get("role")

    @property
    def text(self) -> str:
        """What is written in the item, transcripts included."""
        parts = self.shown.get("content", ())
        return " ".join(part.get("text") or part.get("transcript") or "" for part in parts)

    @property
    def _read(self) -> str:
        """The text that a model reads of the item. It hears the user's audio itself, so the transcript is left out."""
        parts = [part for part in self.shown.get("content", ()) if part["type"] != "input_audio"]
        return " ".join(part.get("text") or part.get("transcript") or "" for part in parts)

    @property
    def text_tokens(self) -> int:
        function = (self.shown.get(name) or "" for name in ("name", "arguments", "output"))
        return sum(map(to_text_tokens, (self._read, *function)))

    @property
    def audio_tokens(self) -> int:
        per_s = ASSISTANT_AUDIO_TOKENS_PER_S if self.role == "assistant" else USER_AUDIO_TOKENS_PER_S
        return self.audio_ms * per_s // 1000

    @property
    def image_tokens(self) -> int:
        return sum(picture.tokens for picture in self.pictures)

    @property
    def tokens(self) -> int:
        return self.text_tokens + self.audio_tokens + self.image_tokens

    def snapshot(self) -> dict[str, Any]:
        """Return the item as it is now, for an event."""
        if "content" not in self.shown:
            return dict(self.shown)
        return {**self.shown, "content": [dict(part) for part in self.shown["content"]]}


class Conversation:
    """Items in order, by id."""

    def __init__(self) -> None:
        self._items: list[Item] = []
        self._most_tokens: int | None = CONTEXT_TOKENS
        self._retained = CONTEXT_TOKENS

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(self._items)

    def find(self, item_id: str) -> Item | None:
        return next((item for item in self._items if item.id == item_id), None)

    def get(self, item_id: str, doing: str) -> Item:
        """Return an item. If there is none, raise RequestError with a code that names what the client was `doing`."""
        item = self.find(item_id)
        if item is None:
            raise RequestError(
                f"item_{doing}_invalid_item_id",
                f"Error: cannot {doing} item: the item with id '{item_id}' does not exist.",
                "item_id",
            )
        return item

    def insert(self, item: Item, previous_item_id: str | None = None) -> str | None:
        """Add an item after another one, "root" being the beginning, or else at the end.

        Returns:
            The id of the item before it.
        """
        if self.find(item.id):
            raise RequestError(
                "item_create_duplicate_item_id",
                f"Error adding item: the item with id '{item.id}' already exists.",
                "item.id",
            )
        index = len(self._items)
        if previous_item_id == "root":
            index = 0
        elif previous_item_id is not None:
            ids = [other.id for other in self._items]
            if previous_item_id not in ids:
                raise RequestError(
                    "item_create_invalid_previous_item_id",
                    f"Error adding item: the previous item with id '{previous_item_id}' does not exist.",
                    "previous_item_id",
                )
            index = ids.index(previous_item_id) + 1
        previous_id = self._items[index - 1].id if index else None
        if item.heard:
            for other in self._items:
                other.heard = None
        self._items.insert(index, item)
        self._forget_oldest()
        return previous_id

    def previous_id(self, item: Item) -> str | None:
        """Return the id of the item before this one, if it is still there."""
        ids = [other.id for other in self._items]
        index = ids.index(item.id) if item.id in ids else 0
        return ids[index - 1] if index else None

    def remove(self, item: Item) -> None:
        self._items.remove(item)

    def truncate_as(self, setting: Any) -> None:
        """Follow a session's `truncation`: "auto", "disabled", or the part of the context that is retained."""
        if isinstance(setting, dict):
            limits = setting.get("token_limits") or {}
            self._most_tokens = limits.get("post_instructions", CONTEXT_TOKENS)
            self._retained = int(self._most_tokens * setting["retention_ratio"])
        else:
            self._most_tokens = None if setting == "disabled" else CONTEXT_TOKENS
            self._retained = CONTEXT_TOKENS

    def _forget_oldest(self) -> None:
        """Drop the oldest items when there are more tokens than a model's context holds; the last item always stays."""
        sizes = [item.tokens for item in self._items]
        if self._most_tokens is not None and sum(sizes) > self._most_tokens:
            while len(sizes) > 1 and sum(sizes) > self._retained:
                del sizes[0], self._items[0]
        del self._items[:-MAX_ITEMS]


def has_call(call_id: str, items: Sequence[Item]) -> bool:
    return any(
        item.shown["type"] == "function_call" and item.shown.get("call_id") == call_id for item in items
    )
