"""Whom one can talk to: a gallery of the cast, members made on the spot, and pictures that users sent."""

import asyncio
import io
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar, final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from openlpm.core.seeds import Split, seeds_of
from openlpm.serving.refusals import Code, Refusal

if TYPE_CHECKING:
    from openlpm.rollout.request import Reference

GALLERY = (
    ("Nell", 900_024), ("Mira", 900_012), ("Ruth", 900_053), ("Abena", 900_030),
    ("Lupo", 900_043), ("Bolt", 900_018), ("Pan", 900_033), ("Pip", 900_026),
    ("Theo", 900_005), ("Iris", 900_052), ("June", 900_054), ("Clara", 900_044),
)  # fmt: skip
"""Of the test split, so that none was trained on; three of each style, a style a column."""
_SEED, _UPLOAD = "seed:", "upload:"
_MOST_UPLOADS = 64
_MOST_MADE = 64
_MOST_DRAWN = 32
_LAST_SEED = seeds_of(Split.TEST).stop - 1
_TRIES = 200
_Value = TypeVar("_Value")
STYLES = ("soft", "anime", "ink", "watercolour")
"""As ``synth.look.identity`` has them, which is not imported before somebody is drawn."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Character:
    """Somebody to talk to."""

    id: str
    name: str
    style: str
    about: str
    seed: int
    """Of its voice; of a member of the cast its own."""
    feminine: bool | None = None

    def as_json(self) -> dict[str, str]:
        """As the protocol tells it."""
        picture = f"/api/characters/{self.id}.webp"
        return {"id": self.id, "name": self.name, "style": self.style, "about": self.about, "picture": picture}


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    references: "tuple[Reference, ...]"
    picture: bytes


@final
class Characters:
    """Knows them by id. Drawing takes most of a second, so it is done aside, one at a time, and kept."""

    def __init__(self) -> None:
        self._made: OrderedDict[str, Character] = OrderedDict()
        self._uploads: OrderedDict[str, tuple[Character, _Drawn]] = OrderedDict()
        self._gallery: dict[str, Character] | None = None
        self._drawing = asyncio.Lock()

    async def listed(self) -> list[Character]:
        """The gallery and whom somebody made by seed or style; uploads are known to their sender alone."""
        if self._gallery is None:
            found = await asyncio.to_thread(lambda: [_member(seed, name) for name, seed in GALLERY])
            self._gallery = {character.id: character for character in found}
        return [*self._gallery.values(), *self._made.values()]

    async def make(self, *, seed: int | None, style: str | None) -> Character:
        """A member of the cast: the one of a seed, or anybody in a style.

        Raises:
            Refusal: there is no such seed or style.
        """
        if seed is None:
            if style not in STYLES:
                raise Refusal(Code.BAD_REQUEST, f"style: give one of {', '.join(STYLES)}.")
            seed = await asyncio.to_thread(_any_seed, style)
        character = await self._of_seed(seed)
        if character.id not in {each.id for each in await self.listed()}:
            _remember(self._made, character.id, character, _MOST_MADE)
        return character

    async def add(self, picture_HWC: NDArray[np.uint8]) -> Character:
        """Somebody who is known by one square picture; the oldest of too many is forgotten."""
        about, drawn = await asyncio.to_thread(_look_at, picture_HWC)
        key = _UPLOAD + secrets.token_urlsafe(16)
        character = Character(id=key, name="Your picture", style="picture", about=about, seed=secrets.randbelow(2**31))
        _remember(self._uploads, key, (character, drawn), _MOST_UPLOADS)
        return character

    async def find(self, key: str) -> Character:
        """Whoever has this id: listed, any ``seed:N``, or an upload.

        Raises:
            Refusal: nobody has.
        """
        for character in await self.listed():
            if character.id == key:
                return character
        if key in self._uploads:
            self._uploads.move_to_end(key)
            return self._uploads[key][0]
        digits = key.removeprefix(_SEED)
        if key.startswith(_SEED) and digits.isascii() and digits.isdigit() and len(digits) <= 6:
            return await self._of_seed(int(digits))
        raise Refusal(Code.NOT_FOUND, "There is no such character.")

    async def picture(self, key: str) -> bytes:
        """A portrait as WebP, of somebody who is listed or was uploaded: strangers cannot have others drawn.

        Raises:
            Refusal: nobody has this id.
        """
        if key not in self._uploads and key not in {each.id for each in await self.listed()}:
            raise Refusal(Code.NOT_FOUND, "There is no such character.")
        if key in self._uploads:
            return self._uploads[key][1].picture
        async with self._drawing:
            return await asyncio.to_thread(_portrait, int(key.removeprefix(_SEED)))

    async def references(self, character: Character) -> "tuple[Reference, ...]":
        """What the model is shown.

        Raises:
            Refusal: it was an upload that has been forgotten.
        """
        key = character.id
        if key.startswith(_UPLOAD):
            if key not in self._uploads:
                raise Refusal(Code.NOT_FOUND, "That picture has been forgotten; send it again.")
            return self._uploads[key][1].references
        async with self._drawing:
            return await asyncio.to_thread(_references, int(key.removeprefix(_SEED)))

    async def _of_seed(self, seed: int) -> Character:
        if not 0 <= seed <= _LAST_SEED:
            raise Refusal(Code.BAD_REQUEST, f"seed: give 0 to {_LAST_SEED}.")
        for character in await self.listed():
            if character.id == f"{_SEED}{seed}":
                return character
        return await asyncio.to_thread(_member, seed, f"No. {seed}")


def _remember(kept: OrderedDict[str, _Value], key: str, value: _Value, most: int) -> None:
    kept[key] = value
    while len(kept) > most:
        kept.popitem(last=False)


@lru_cache(maxsize=_MOST_MADE)
def _member(seed: int, name: str) -> Character:
    from openlpm.synth.look.identity import Identity, describe

    identity = Identity.from_seed(seed)
    about = describe(identity)
    return Character(
        id=f"{_SEED}{seed}",
        name=name,
        style=identity.style,
        about=f"{about[:1].upper()}{about[1:]}.",
        seed=seed,
        feminine=identity.feminine,
    )


def _any_seed(style: str) -> int:
    from openlpm.synth.look.identity import Identity

    pool = seeds_of(Split.TEST)
    for _ in range(_TRIES):
        seed = pool.start + secrets.randbelow(len(pool))
        if Identity.from_seed(seed).style == style:
            return seed
    return GALLERY[STYLES.index(style)][1]


@lru_cache(maxsize=_MOST_DRAWN)
def _portrait(seed: int) -> bytes:
    """The picture of a gallery: a tenth of what a conversation needs."""
    return _webp(_pictures(seed, portrait=True)[0])


@lru_cache(maxsize=_MOST_DRAWN)
def _references(seed: int) -> "tuple[Reference, ...]":
    from openlpm.dit.condition import ReferenceKind
    from openlpm.rollout.request import Reference
    from openlpm.synth.look.references import reference_rigs

    return tuple(
        Reference(kind=ReferenceKind(key.kind), subtype=key.subtype, picture_HWC=picture_HWC)
        for key, picture_HWC in zip(reference_rigs(), _pictures(seed, portrait=False), strict=True)
    )


def _pictures(seed: int, *, portrait: bool) -> NDArray[np.uint8]:
    from openlpm.synth.look.identity import Identity
    from openlpm.synth.look.references import SUBTYPES, reference_pictures

    kinds = tuple(SUBTYPES)[: 1 if portrait else None]  # the first kind is the portrait
    levels_JCHW = reference_pictures(Identity.from_seed(seed), kinds=kinds).numpy().clip(0, 1) * 255
    return np.ascontiguousarray(levels_JCHW.round().astype(np.uint8).transpose(0, 2, 3, 1))


def _look_at(picture_HWC: NDArray[np.uint8]) -> tuple[str, _Drawn]:
    from openlpm.dit.condition import ReferenceKind
    from openlpm.rollout.request import Reference
    from openlpm.synth.look.nearest import nearest_members

    match = nearest_members(picture_HWC, count=1)
    closest = match.members[0].description
    about = f"Unlike all that the model knows ({match.reason})." if match.outside else f"Closest to {closest}."
    return about, _Drawn((Reference(kind=ReferenceKind.GLOBAL, picture_HWC=picture_HWC),), _webp(picture_HWC))


def _webp(picture_HWC: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture_HWC).save(file, format="WEBP", quality=90)
    return file.getvalue()
