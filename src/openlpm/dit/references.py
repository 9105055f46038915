"""References of a stream: read once, kept in its memories."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from openlpm.core.errors import ConfigError
from openlpm.dit.condition import Condition, ReferenceSlot
from openlpm.dit.model import CharacterTransformer
from openlpm.nn.streaming import Referring


def remember_references(
    model: CharacterTransformer,
    references_BJCHW: Float[Tensor, "B J C H W"],
    slots: Sequence[ReferenceSlot],
    text_BLD: Float[Tensor, "B text text_width"],
    attend: Referring,
) -> None:
    """Put keys and values of the references into ``attend.memories`` (of this transformer), and show those given.

    Causally, references see references alone, at time 0 and with the text; so they change with these only, and no step
    of a stream computes them again. They are a sequence of their own, at the places of their slots.

    Raises:
        ConfigError: there are not as many slots as references.
    """
    if len(slots) != references_BJCHW.shape[1]:
        raise ConfigError(f"slots={len(slots)}: {references_BJCHW.shape[1]} references need as many slots")
    for memory in attend.memories:
        memory.show_references(attend.given_BJ, rows_R=attend.rows_B)
    if not slots:
        return
    model(
        references_BJCHW.transpose(1, 2),
        references_BJCHW.new_zeros(references_BJCHW.shape[:2]),
        Condition(text_BLD=text_BLD),
        attend=attend,
        positions_T=model.reference_positions(slots, references_BJCHW.device),
    )
