"""Which references a step may give where clips do not have the same ones."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, final

from openlpm.dit.condition import ReferenceKind, ReferenceSlot
from openlpm.training.traits import Traits

_MOST_SETS: Final = 4
"""Of each kind. A step is recorded once for every combination, so there must not be hundreds."""


@final
class ReferenceSets:
    """The commonest sets of views and of expressions that the clips of a bank have."""

    def __init__(self, slots: Sequence[ReferenceSlot], traits: Traits) -> None:
        self._shown_NJ = traits.shown_NJ
        self._of_kind = {kind: [j for j, slot in enumerate(slots) if slot.kind is kind] for kind in ReferenceKind}
        self._common = {kind: self._commonest(kind) for kind in ReferenceKind}

    def whole(self) -> tuple[int, ...]:
        """The picture that every clip has."""
        return tuple(self._of_kind[ReferenceKind.GLOBAL][:1])

    def of(self, clip: int, kind: ReferenceKind) -> tuple[int, ...]:
        """The largest common set that a clip has all of; perhaps none."""
        there = set(self._set_of(clip, kind))
        return max((each for each in self._common[kind] if there.issuperset(each)), key=len, default=())

    def _commonest(self, kind: ReferenceKind) -> list[tuple[int, ...]]:
        """The commonest first; of equally common ones the larger, then the earlier."""
        counts = Counter(self._set_of(clip, kind) for clip in range(len(self._shown_NJ)))
        ordered = sorted(counts, key=lambda each: (-counts[each], -len(each), each))
        return [each for each in ordered if each][:_MOST_SETS]

    def _set_of(self, clip: int, kind: ReferenceKind) -> tuple[int, ...]:
        return tuple(j for j in self._of_kind[kind] if self._shown_NJ[clip, j])
