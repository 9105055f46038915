"""The moments that a performance may be taken back to."""

from typing import Generic, TypeVar, final

State = TypeVar("State")


@final
class Moments(Generic[State]):
    """What a stream was like before its last two chunks: the one that is being shown, and the one after it."""

    def __init__(self) -> None:
        self._kept: dict[int, State] = {}

    def keep(self, ticket: int, state: State | None) -> None:
        """A chunk is about to be made; without a ``state`` nobody will return to the moment before it."""
        self._kept = {each: kept for each, kept in self._kept.items() if each >= ticket - 1}
        if state is not None:
            self._kept[ticket] = state

    def before(self, ticket: int) -> State | None:
        """The moment before a chunk, which stays; None where it was not kept."""
        return self._kept.get(ticket)

    def back_to(self, ticket: int) -> State | None:
        """The moment before a chunk, and forget those from there on; None where it was not kept."""
        found = self._kept.get(ticket)
        self._kept = {each: kept for each, kept in self._kept.items() if each < ticket}
        return found
