"""Pictures of characters: portraits for a gallery, and what a model is shown of them."""

import io
import secrets
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from openlpm.core.seeds import Split, seeds_of
from openlpm.serving.matte import COLOURS, Colour, Key, key_of

if TYPE_CHECKING:
    from openlpm.rollout.request import Reference

_MOST_DRAWN = 32
_TRIES = 200


@final
@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Somebody who is known by one picture."""

    references: "tuple[Reference, ...]"
    picture: bytes
    """As WebP."""
    key: Key | None
    """How to tell what is behind, if that can be."""


def any_seed(style: str) -> int | None:
    """A member of the test split in a style; None where none was found soon."""
    from openlpm.synth.look.identity import Identity

    pool = seeds_of(Split.TEST)
    for _ in range(_TRIES):
        seed = pool.start + secrets.randbelow(len(pool))
        if Identity.from_seed(seed).style == style:
            return seed
    return None


@lru_cache(maxsize=_MOST_DRAWN)
def portrait_of(seed: int) -> bytes:
    """The picture of a gallery: a tenth of what a conversation needs."""
    return _webp(_pictures(seed, portrait=True)[0])


@lru_cache(maxsize=_MOST_DRAWN)
def references_of(seed: int, key: Key | None = None) -> "tuple[Reference, ...]":
    """What a model is shown of a member of the cast: as it is, or before the colour of a key."""
    from openlpm.dit.condition import ReferenceKind
    from openlpm.rollout.request import Reference
    from openlpm.synth.look.references import reference_rigs

    pictures_JHWC = _pictures(seed, portrait=False) if key is None else _before(seed, (key.colour,), portrait=False)[0]
    return tuple(
        Reference(kind=ReferenceKind(key.kind), subtype=key.subtype, picture_HWC=picture_HWC)
        for key, picture_HWC in zip(reference_rigs(), pictures_JHWC, strict=True)
    )


@lru_cache(maxsize=_MOST_DRAWN)
def key_before(seed: int) -> Key | None:
    """Before which colour a member of the cast can be told from it best; None: it wears all of them."""
    keys = [key_of(pictures_JHWC[0]) for pictures_JHWC in _before(seed, COLOURS, portrait=True)]
    return max((key for key in keys if key is not None), key=lambda key: key.like, default=None)


def _before(seed: int, colours: tuple[Colour, ...], *, portrait: bool) -> NDArray[np.uint8]:
    from openlpm.synth.look.identity import Identity
    from openlpm.synth.look.references import pictures_before

    return _levels(pictures_before(Identity.from_seed(seed), colours, portrait=portrait).numpy())


def _pictures(seed: int, *, portrait: bool) -> NDArray[np.uint8]:
    from openlpm.synth.look.identity import Identity
    from openlpm.synth.look.references import SUBTYPES, reference_pictures

    kinds = tuple(SUBTYPES)[: 1 if portrait else None]  # the first kind is the portrait
    return _levels(reference_pictures(Identity.from_seed(seed), kinds=kinds).numpy())


def _levels(pictures: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Pictures in [0, 1], channels before rows, as levels with channels last."""
    return np.ascontiguousarray(np.moveaxis((pictures.clip(0, 1) * 255).round().astype(np.uint8), -3, -1))


def look_at(picture_HWC: NDArray[np.uint8]) -> tuple[str, Drawn]:
    """Words about somebody in a picture, and what is drawn of them."""
    from openlpm.dit.condition import ReferenceKind
    from openlpm.rollout.request import Reference
    from openlpm.synth.look.nearest import nearest_members

    match = nearest_members(picture_HWC, count=1)
    closest = match.members[0].description
    about = f"Unlike all that the model knows ({match.reason})." if match.outside else f"Closest to {closest}."
    return about, Drawn(
        (Reference(kind=ReferenceKind.GLOBAL, picture_HWC=picture_HWC),), _webp(picture_HWC), key_of(picture_HWC)
    )


def _webp(picture_HWC: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture_HWC).save(file, format="WEBP", quality=90)
    return file.getvalue()
