"""Whom one can talk to: a gallery of the cast, members made on the spot, and pictures that users sent."""

import asyncio
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.seeds import Split, seeds_of
from openlpm.serving.drawing import Drawn, any_seed, key_before, look_at, portrait_of, references_of
from openlpm.serving.matte import Key
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
_LAST_SEED = seeds_of(Split.TEST).stop - 1
_Value = TypeVar("_Value")
_NO_KEY = (
    "What is behind this character cannot be made transparent: "
    "send a picture of it before one plain colour that it does not wear."
)
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
class Characters:
    """Knows them by id. Drawing takes most of a second, so it is done aside, one at a time, and kept."""

    def __init__(self) -> None:
        self._made: OrderedDict[str, Character] = OrderedDict()
        self._uploads: OrderedDict[str, tuple[Character, Drawn]] = OrderedDict()
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
            seed = await asyncio.to_thread(any_seed, style) or GALLERY[STYLES.index(style)][1]
        character = await self._of_seed(seed)
        if character.id not in {each.id for each in await self.listed()}:
            _remember(self._made, character.id, character, _MOST_MADE)
        return character

    async def add(self, picture_HWC: NDArray[np.uint8]) -> Character:
        """Somebody who is known by one square picture; the oldest of too many is forgotten."""
        about, drawn = await asyncio.to_thread(look_at, picture_HWC)
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
            return await asyncio.to_thread(portrait_of, int(key.removeprefix(_SEED)))

    async def key(self, character: Character) -> Key:
        """Before what a character is drawn if its background is to be transparent.

        Raises:
            Refusal: that background cannot be told from it, or it was an upload that has been forgotten.
        """
        if character.id.startswith(_UPLOAD):
            key = self._upload(character).key
            if key is None:
                raise Refusal(Code.UNSUPPORTED, _NO_KEY)
            return key
        async with self._drawing:
            key = await asyncio.to_thread(key_before, character.seed)
        if key is None:
            raise Refusal(Code.UNSUPPORTED, "This character wears every colour that could be drawn behind it.")
        return key

    async def references(self, character: Character, key: Key | None = None) -> "tuple[Reference, ...]":
        """What the model is shown: the character as it is, or before the colour of its ``key``.

        Raises:
            Refusal: it was an upload that has been forgotten.
        """
        if character.id.startswith(_UPLOAD):
            return self._upload(character).references
        async with self._drawing:
            return await asyncio.to_thread(references_of, character.seed, key)

    def _upload(self, character: Character) -> Drawn:
        if character.id not in self._uploads:
            raise Refusal(Code.NOT_FOUND, "That picture has been forgotten; send it again.")
        return self._uploads[character.id][1]

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
