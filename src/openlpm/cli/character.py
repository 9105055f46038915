"""Characters as the commands name them: ``seed:900007`` of the cast, or a picture and perhaps references."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import NDArray

from openlpm.core.errors import InputError
from openlpm.core.seeds import Split, seeds_of

if TYPE_CHECKING:
    from openlpm.dit.condition import ReferenceKind
    from openlpm.rollout.request import Reference
    from openlpm.synth.look.references import ReferenceKey

SEED_PREFIX = "seed:"
PICTURE_SIZE = 256
_PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
_LAST_SEED = seeds_of(Split.TEST).stop - 1


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Character:
    """A portrait and where it came from."""

    name: str
    portrait_HWC: NDArray[np.uint8]
    seed: int | None = None
    """The cast member this is; None for a picture."""


def parse_seed(name: str) -> int | None:
    """The N of ``seed:N``; None for anything else, which then is the name of a picture.

    Raises:
        InputError: no seed of the cast.
    """
    if not name.startswith(SEED_PREFIX):
        return None
    digits = name.removeprefix(SEED_PREFIX)
    if not re.fullmatch(r"\d{1,9}", digits, re.ASCII) or int(digits) > _LAST_SEED:
        raise InputError(f"{name} is no member of the cast: give seed:0 to seed:{_LAST_SEED}")
    return int(digits)


def load_character(name: str) -> Character:
    """The cast member or the picture that ``--character`` names.

    Raises:
        InputError: no such seed or file, or no picture.
    """
    seed = parse_seed(name)
    if seed is not None:
        return cast_member(seed)
    return Character(name=name, portrait_HWC=_squared(Path(name)))


def cast_member(seed: int) -> Character:
    """The portrait of a cast member: frontal, neutral, looking at the viewer."""
    from openlpm.synth.look.identity import Identity
    from openlpm.synth.look.references import reference_pictures

    portrait_JCHW = reference_pictures(Identity.from_seed(seed), kinds=("global",))
    return Character(name=f"{SEED_PREFIX}{seed}", portrait_HWC=as_pictures(portrait_JCHW.numpy())[0], seed=seed)


def drawn_references(seed: int) -> "dict[ReferenceKey, NDArray[np.uint8]]":
    """All reference pictures (256, 256, 3) of a cast member, by what they show."""
    from openlpm.synth.look.identity import Identity
    from openlpm.synth.look.references import reference_pictures, reference_rigs

    pictures_JCHW = reference_pictures(Identity.from_seed(seed))
    return dict(zip(reference_rigs(), as_pictures(pictures_JCHW.numpy()), strict=True))


def as_pictures(frames_FCHW: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Frames in [0, 1] as 8-bit pictures ``frames_FHWC``."""
    levels_FCHW = (frames_FCHW.clip(0.0, 1.0) * 255.0).round().astype(np.uint8)
    return np.ascontiguousarray(levels_FCHW.transpose(0, 2, 3, 1))


def reference_file(key: "ReferenceKey") -> str:
    """The file name of a reference picture: ``global``, ``view_left``, ``expression_smile`` ... with ``.png``."""
    name = key.kind if key.kind == "global" else f"{key.kind}_{key.name}"
    return f"{name.replace(' ', '_')}.png"


def references_of(
    character: Character, folder: Path | None = None, first_frame: Path | None = None
) -> "tuple[Reference, ...]":
    """What the model is shown: of a cast member every reference, of a picture itself and the pictures of ``--refs``.

    A first frame is given only where one is named: the portrait's pose is not what every performance begins with.

    Raises:
        InputError: the folder is missing, has no reference picture, or has a picture of an unknown name; the first
            frame is no picture.
    """
    from openlpm.dit.condition import ReferenceKind
    from openlpm.rollout.request import Reference

    if folder is not None:
        pictures = _read_references(folder)
    elif character.seed is not None:
        drawn = drawn_references(character.seed)
        pictures = {(ReferenceKind(key.kind), key.subtype): image_HWC for key, image_HWC in drawn.items()}
    else:
        pictures = {}
    # The portrait is the whole, also where the folder has a picture of that name.
    pictures.pop((ReferenceKind.GLOBAL, 0), None)
    references = [
        Reference(kind=ReferenceKind.GLOBAL, picture_HWC=character.portrait_HWC),
        *(Reference(kind=kind, subtype=subtype, picture_HWC=image) for (kind, subtype), image in pictures.items()),
    ]
    if first_frame is not None:
        references.append(Reference(kind=ReferenceKind.FIRST, picture_HWC=_squared(first_frame)))
    return tuple(references)


def _squared(path: Path) -> NDArray[np.uint8]:
    from openlpm.media.picture import read_picture, square

    return square(read_picture(path), PICTURE_SIZE)


def _read_references(folder: Path) -> "dict[tuple[ReferenceKind, int], NDArray[np.uint8]]":
    from openlpm.dit.condition import ReferenceKind
    from openlpm.synth.look.references import reference_rigs

    if not folder.is_dir():
        raise InputError(
            f"there is no folder {folder} with reference pictures; openlpm characters new --refs makes one"
        )
    known = {Path(reference_file(key)).stem: key for key in reference_rigs()}
    pictures: dict[tuple[ReferenceKind, int], NDArray[np.uint8]] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in _PICTURE_SUFFIXES:
            continue
        key = known.get(path.stem)
        if key is None:
            raise InputError(f"{path} is no reference that the model knows; name it one of {', '.join(known)}")
        slot = (ReferenceKind(key.kind), key.subtype)
        if slot in pictures:
            raise InputError(f"{path}: there are two pictures named {path.stem} in {folder}; keep one of them")
        pictures[slot] = _squared(path)
    if not pictures:
        raise InputError(f"{folder} holds no reference pictures; name them {', '.join(known)} (.png)")
    order = [(ReferenceKind(key.kind), key.subtype) for key in known.values()]
    return {slot: pictures[slot] for slot in order if slot in pictures}
