"""Who a performer is: named attributes drawn from a seed, one random stream a part."""

from dataclasses import dataclass
from typing import final

import numpy as np

from openlpm.core.errors import ConfigError
from openlpm.core.seeds import generator
from openlpm.synth.look.hairstyles import FEMININE, HAIR_SHAPES, MASCULINE
from openlpm.synth.look.outfits import CLOTHES, SHOTS, draw_clothes, draw_framing, draw_shot, draw_spots
from openlpm.synth.look.palette import BACKDROPS, CLOTH_COLOURS, EYE_COLOURS, HAIR_COLOURS, pick
from openlpm.synth.look.scenes import SCENES, SETTINGS, draw_setting
from openlpm.synth.look.species import SPECIES, draw_species

AGES = ("child", "young", "adult", "middle-aged", "elderly")
BEARDS = ("none", "stubble", "moustache", "goatee", "short beard", "full beard")
GLASSES = ("none", "round", "rectangular", "oval", "cat-eye", "large square")
HEADWEAR = ("none", "beanie", "bobble hat", "cap", "sun hat", "headband", "headscarf")
STYLES = ("soft", "anime", "ink", "watercolour")


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Everything that makes one performer look unlike another.

    Names index the tables of ``palette``, ``hairstyles`` and ``casting``; traits in ``shape`` numbers are standard
    deviations from the mean face, about -2 to 2, and need no further meaning.
    """

    seed: int
    style: str
    """How it is drawn: ``STYLES``."""
    species: str
    coat: str
    """Name of an animal's fur or a robot's shell."""
    glow: str
    """Colour of a robot's lights."""
    shot: str
    """How much of the performer is in the picture."""
    moving: bool
    """The background moves."""
    feminine: bool
    age: str
    skin_tone: float
    """0 fair, 1 deep."""
    skin_warmth: float
    hair: str
    hair_colour: str
    hair_side: float
    """-1 or 1: which way an asymmetric hair shape falls."""
    hair_volume: float
    beard: str
    eye_colour: str
    glasses: str
    glasses_colour: str
    headwear: str
    headwear_colour: str
    earrings: str
    makeup: float
    clothes: str
    clothes_colour: str
    second_colour: str
    backdrop: str
    setting: str
    light: float
    """-1 from picture left, 1 from picture right."""
    warmth: float
    head_shape: tuple[float, ...]
    eye_shape: tuple[float, ...]
    brow_shape: tuple[float, ...]
    nose_shape: tuple[float, ...]
    mouth_shape: tuple[float, ...]
    ear_shape: tuple[float, ...]
    framing: tuple[float, float, float]
    """Head centre x and y, and head half height, in units of half a picture."""
    spots: tuple[tuple[float, float, float, float, float], ...]
    """Lights of the background: x, y, radius, softness, opacity."""

    def __post_init__(self) -> None:
        for field, value, names in (
            ("style", self.style, STYLES), ("species", self.species, SPECIES), ("shot", self.shot, SHOTS),
            ("age", self.age, AGES), ("hair", self.hair, HAIR_SHAPES), ("hair_colour", self.hair_colour, HAIR_COLOURS),
            ("beard", self.beard, BEARDS), ("eye_colour", self.eye_colour, EYE_COLOURS), ("glasses", self.glasses, GLASSES),
            ("headwear", self.headwear, HEADWEAR), ("clothes", self.clothes, CLOTHES), ("backdrop", self.backdrop, BACKDROPS),
            ("clothes_colour", self.clothes_colour, CLOTH_COLOURS), ("setting", self.setting, SETTINGS),
        ):  # fmt: skip
            if value not in names:
                raise ConfigError(f"{field}={value!r}: choose one of {', '.join(names)}")

    @staticmethod
    def from_seed(seed: int) -> "Identity":
        """The performer of a seed (0 to 999 999), the same on every machine."""
        who = generator(seed, "who")
        feminine = bool(who.random() < 0.5)
        age = pick(who, AGES, (0.1, 0.36, 0.28, 0.14, 0.12))
        tone = float(np.clip(who.beta(1.0, 1.25), 0.0, 1.0))
        clothes, second, worn_colour = draw_clothes(seed)
        hair, hair_colour = _draw_hair(seed, age, tone, feminine=feminine)
        things = generator(seed, "things")
        headwear = pick(things, HEADWEAR, (0.8, 0.045, 0.03, 0.035, 0.025, 0.035, 0.03 if feminine else 0.0))
        if headwear in ("beanie", "bobble hat", "cap", "sun hat") and hair in (
            "afro",
            "mohawk",
            "spiky",
            "quiff",
            "space buns",
            "bun",
        ):
            headwear = "none"
        light = generator(seed, "light")
        species, coat, glow = draw_species(seed)
        shot, (setting, moving) = draw_shot(seed), draw_setting(seed)
        if species != "human" and headwear not in ("none", "headband"):
            headwear = "none"
        glasses = pick(generator(seed, "glasses"), GLASSES, (0.72, 0.08, 0.06, 0.04, 0.05 if feminine else 0.0, 0.05))
        return Identity(
            seed=seed, style=pick(generator(seed, "style"), STYLES, (0.36, 0.32, 0.14, 0.18)), species=species, coat=coat, glow=glow, shot=shot, moving=moving, feminine=feminine, age=age, skin_tone=tone, skin_warmth=float(who.uniform(-1.0, 1.0)),
            hair=hair, hair_colour=hair_colour, hair_side=float(generator(seed, "side").choice((-1.0, 1.0))),
            hair_volume=float(generator(seed, "volume").normal()), beard=_draw_beard(seed, age, feminine=feminine),
            eye_colour=_draw_eye_colour(seed, tone),
            glasses="none" if species == "robot" else glasses,
            glasses_colour=pick(generator(seed, "glasses colour"), ("charcoal", "brown", "burgundy", "navy", "teal", "mustard"), (5, 3, 1, 2, 1, 1)),
            headwear=headwear, headwear_colour=pick(things, tuple(CLOTH_COLOURS)),
            earrings=pick(generator(seed, "earrings"), ("none", "studs", "hoops", "drops"), (0.45, 0.25, 0.15, 0.15) if feminine else (0.93, 0.07, 0, 0)),
            makeup=float(generator(seed, "makeup").uniform(0.2, 1.0)) if feminine and age != "child" else 0.0,
            clothes=clothes, clothes_colour=worn_colour, second_colour=second,
            backdrop=pick(generator(seed, "backdrop"), tuple(BACKDROPS)), setting=setting,
            light=float(light.choice((-1.0, 1.0)) * light.uniform(0.55, 1.0)), warmth=float(light.uniform(-1.0, 1.0)),
            head_shape=_traits(seed, "head", 6), eye_shape=_traits(seed, "eyes", 7), brow_shape=_traits(seed, "brows", 5),
            nose_shape=_traits(seed, "nose", 4), mouth_shape=_traits(seed, "mouth", 6), ear_shape=_traits(seed, "ears", 2),
            framing=draw_framing(seed, shot), spots=draw_spots(seed),
        )  # fmt: skip


def _traits(seed: int, part: str, count: int) -> tuple[float, ...]:
    return tuple(float(x) for x in np.clip(generator(seed, part).normal(size=count), -1.9, 1.9))


def _draw_hair(seed: int, age: str, tone: float, *, feminine: bool) -> tuple[str, str]:
    rng = generator(seed, "hair")
    styles = FEMININE if feminine else MASCULINE
    weights = [1.0] * len(styles)
    for index, style in enumerate(styles):
        if style in ("bald", "fringe of hair"):
            weights[index] = {"child": 0.0, "young": 0.25, "adult": 0.7}.get(age, 1.8)
        elif style == "buzz":
            weights[index] = 0.25 if feminine else 0.8
        elif style in ("space buns", "pigtails", "mohawk", "spiky"):
            weights[index] = {"child": 1.6, "young": 1.1, "adult": 0.5}.get(age, 0.08)
        elif style == "afro":
            weights[index] = 0.25 + 2.2 * tone
        elif style in ("long straight", "bun", "curtains") and not feminine:
            weights[index] = 0.4
    style = pick(rng, styles, tuple(weights))
    if age == "elderly":
        return style, pick(rng, ("white", "grey", "platinum"), (0.5, 0.4, 0.1))
    if age == "middle-aged" and rng.random() < 0.35:
        return style, "grey"
    if age in ("young", "adult") and rng.random() < 0.1:
        return style, pick(rng, ("pink", "teal", "blue", "lavender"))
    natural = (
        "black",
        "dark brown",
        "brown",
        "chestnut",
        "auburn",
        "red",
        "strawberry blonde",
        "blonde",
        "platinum",
        "dark blonde",
    )
    fair = (1.0, 1.5, 1.6, 1.2, 1.0, 1.2, 0.8, 1.5, 0.6, 1.0)
    deep = (4.0, 2.5, 1.0, 0.5, 0.3, 0.08, 0.03, 0.08, 0.1, 0.1)
    return style, pick(rng, natural, tuple(f + (d - f) * min(1.0, tone * 1.6) for f, d in zip(fair, deep, strict=True)))


def _draw_beard(seed: int, age: str, *, feminine: bool) -> str:
    rng = generator(seed, "beard")
    if feminine or age == "child":
        return "none"
    return pick(rng, BEARDS, (0.5, 0.14, 0.08, 0.07, 0.11, 0.1))


def _draw_eye_colour(seed: int, tone: float) -> str:
    light = max(0.04, 1.0 - 1.7 * tone)
    return pick(
        generator(seed, "eye colour"),
        tuple(EYE_COLOURS),
        (1.0, 1.6, 0.5, 0.8 * light, 1.0 * light, 1.4 * light, 0.7 * light),
    )


_PEOPLE = {
    "child": ("girl", "boy"), "young": ("young woman", "young man"), "adult": ("woman", "man"),
    "middle-aged": ("middle-aged woman", "middle-aged man"), "elderly": ("elderly woman", "elderly man"),
}  # fmt: skip


_DRAWN = {
    "soft": "a softly shaded {shot}", "anime": "an anime-style {shot}", "ink": "an ink drawing, {shot}",
    "watercolour": "a watercolour {shot}",
}  # fmt: skip
_FRAMED = {"close-up": "close-up", "portrait": "portrait", "half body": "half-body picture"}


def describe(identity: Identity) -> str:
    """A short English caption of what is drawn: who, how, how near and where."""
    shot = _FRAMED[identity.shot]
    drawn = _DRAWN[identity.style].format(shot=shot if identity.style != "ink" else f"{_article(shot)} {shot}")
    place = SCENES[identity.setting].caption
    return f"{_who(identity)}, in {drawn} before {place}"


def _who(identity: Identity) -> str:
    worn: list[str] = []
    if identity.headwear not in ("none", "headscarf"):
        worn.append(f"{_article(identity.headwear_colour)} {identity.headwear_colour} {identity.headwear}")
    worn.append(f"{_article(identity.clothes_colour)} {identity.clothes_colour} {identity.clothes}")
    if identity.species == "robot":
        return f"{_article(identity.coat)} {identity.coat} robot with {identity.glow} lights, wearing {_list(worn)}"
    glasses = f"{identity.glasses} glasses"
    if identity.species != "human":
        fur = identity.coat if identity.coat in ("polar", "ginger", "grey tabby") else f"{identity.coat}-furred"
        seen = f" with {glasses}" if identity.glasses != "none" else ""
        return f"{_article(fur)} {fur} {identity.species}{seen}, wearing {_list(worn)}"
    person = _PEOPLE[identity.age][0 if identity.feminine else 1]
    features: list[str] = []
    if identity.headwear == "headscarf":
        features.append(f"a {identity.headwear_colour} headscarf")
    else:
        features.append(HAIR_SHAPES[identity.hair].caption.format(c=identity.hair_colour))
    if identity.beard != "none":
        features.append("stubble" if identity.beard == "stubble" else f"a {identity.beard}")
    if identity.glasses != "none":
        features.append(glasses)
    return f"{_article(person)} {person} with {_list(features)}, wearing {_list(worn)}"


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def _list(items: list[str]) -> str:
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]
