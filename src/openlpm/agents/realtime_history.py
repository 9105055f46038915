"""What was said in a realtime conversation, for the connection that comes after a lost one."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import final

from openlpm.agents.agent import Who
from openlpm.agents.realtime_messages import Dialect, Event, answered, typed

_MOST_ITEMS = 40


@final
@dataclass(frozen=True, slots=True)
class _Item:
    who: Who
    text: str


@final
class History:
    """Utterances in the order in which they began; of more than 40 the first are forgotten."""

    def __init__(self) -> None:
        self._items: OrderedDict[str, _Item] = OrderedDict()

    def put(self, key: str, who: Who, text: str) -> None:
        """The words of an utterance; those of one that is there already take the place of what it said.

        Without words it keeps its place for those that come later: what a user says is written down only after the
        answer has begun.
        """
        self._items[key] = _Item(who, text)
        while len(self._items) > _MOST_ITEMS:
            self._items.popitem(last=False)

    def events(self, dialect: Dialect) -> list[Event]:
        """What a server is to be told that knows nothing of it."""
        return [
            typed(item.text) if item.who is Who.USER else answered(item.text, dialect)
            for item in self._items.values()
            if item.text
        ]
