"""Identities: the same from the same seed, varied, and described by what is drawn."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from openlpm.core.errors import ConfigError
from openlpm.core.seeds import Split, seeds_of
from openlpm.synth.look.casting import parameters_of
from openlpm.synth.look.hairstyles import HAIR_SHAPES
from openlpm.synth.look.identity import STYLES, Identity, describe
from openlpm.synth.look.layout import NUM_PARAMETERS
from openlpm.synth.look.outfits import SHOTS
from openlpm.synth.look.scenes import SETTINGS
from openlpm.synth.look.species import ANIMALS, SPECIES

pytestmark = pytest.mark.unit


def test_the_same_seed_gives_the_same_performer() -> None:
    assert Identity.from_seed(7) == Identity.from_seed(7)
    assert np.array_equal(parameters_of(Identity.from_seed(7)), parameters_of(Identity.from_seed(7)))


def test_different_seeds_give_different_looks() -> None:
    looks = np.stack([parameters_of(Identity.from_seed(seed)) for seed in range(20)])
    assert np.unique(looks, axis=0).shape[0] == 20


def test_every_split_has_performers() -> None:
    for split in Split:
        seeds = seeds_of(split)
        for seed in (seeds[0], seeds[-1]):
            assert parameters_of(Identity.from_seed(seed)).shape == (NUM_PARAMETERS,)


def test_the_cast_shows_at_least_twelve_hair_shapes_and_a_wide_range_of_skin() -> None:
    people = [Identity.from_seed(seed) for seed in range(300)]
    assert len({person.hair for person in people}) >= 20
    assert min(p.skin_tone for p in people) < 0.05
    assert max(p.skin_tone for p in people) > 0.9
    ages = Counter(p.age for p in people)
    assert min(ages.values()) >= 10


def test_every_look_is_finite() -> None:
    for seed in range(0, 1_000_000, 25_000):
        assert np.isfinite(parameters_of(Identity.from_seed(seed))).all()


@pytest.mark.parametrize("hair", HAIR_SHAPES)
def test_every_hair_shape_can_be_worn(hair: str) -> None:
    for side in (-1.0, 1.0):
        assert np.isfinite(parameters_of(replace(Identity.from_seed(1), hair=hair, hair_side=side))).all()


def test_the_caption_mentions_what_is_drawn() -> None:
    person = replace(
        Identity.from_seed(1), feminine=True, age="young", hair="curly", hair_colour="red", beard="none",
        glasses="round", headwear="none", clothes="sweater", clothes_colour="green", style="anime", species="human",
        shot="half body", setting="forest",
    )  # fmt: skip
    assert describe(person) == (
        "a young woman with curly red hair and round glasses, wearing a green sweater, "
        "in an anime-style half-body picture before a forest"
    )
    bearded = replace(person, feminine=False, age="elderly", beard="full beard", glasses="none", headwear="beanie")
    assert describe(bearded).startswith("an elderly man with curly red hair and a full beard, wearing")
    assert "beanie" in describe(bearded)
    fox = replace(person, species="fox", coat="red", style="ink", shot="close-up", setting="plain")
    assert describe(fox) == (
        "a red-furred fox with round glasses, wearing a green sweater, "
        "in an ink drawing, a close-up before a plain backdrop"
    )
    robot = replace(person, species="robot", coat="copper", glow="amber", style="soft", shot="portrait")
    assert describe(robot).startswith("a copper robot with amber lights, wearing a green sweater, in a softly shaded")


def test_the_cast_has_every_style_species_shot_and_scene() -> None:
    people = [Identity.from_seed(seed) for seed in range(900_000, 900_500)]
    for attribute, names in (("style", STYLES), ("species", SPECIES), ("shot", SHOTS), ("setting", SETTINGS)):
        assert {getattr(person, attribute) for person in people} == set(names)
    assert 0.5 < sum(person.species == "human" for person in people) / 500 < 0.8
    assert sum(person.moving for person in people) > 50


@pytest.mark.parametrize("species", ANIMALS)
def test_every_coat_of_every_animal_can_be_worn(species: str) -> None:
    for coat in ANIMALS[species].coats:
        look = parameters_of(replace(Identity.from_seed(1), species=species, coat=coat.name))
        assert np.isfinite(look).all()


def test_a_part_drawn_from_its_own_stream_does_not_depend_on_the_others() -> None:
    person = Identity.from_seed(11)
    assert person.mouth_shape == Identity.from_seed(11).mouth_shape
    assert person.mouth_shape != person.eye_shape[: len(person.mouth_shape)]


def test_an_unknown_name_is_refused_with_the_choices() -> None:
    with pytest.raises(ConfigError, match="hair='feathers': choose one of"):
        replace(Identity.from_seed(1), hair="feathers")
