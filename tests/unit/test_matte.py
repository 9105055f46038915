"""Backgrounds that become transparent, against figures whose outlines are known."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from openlpm.serving.drawing import key_before
from openlpm.serving.matte import COLOURS, Key, cut_out, key_of
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.references import pictures_before, reference_rigs
from openlpm.synth.look.render import Cast, render_frames

pytestmark = pytest.mark.unit

PEOPLE = (900_024, 900_043, 900_030)
"""A woman, a cat, and somebody whose hair touches the edge of the picture."""


def figure_of(seed: int) -> NDArray[np.float32]:
    """How much of every pixel is the performer, (256, 256)."""
    rigs_R = torch.from_numpy(next(iter(reference_rigs().values())))
    return render_frames(Cast([Identity.from_seed(seed)]).parameters_BV, rigs_R[None], matte=True)[0, 3].numpy()


def before(seed: int, colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    levels_CHW = pictures_before(Identity.from_seed(seed), [colour], portrait=True)[0, 0] * 255
    return levels_CHW.round().byte().permute(1, 2, 0).numpy()


def rough(picture_HWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """As a model draws: a shade off, and blotched."""
    rng = np.random.default_rng(1)
    blots = Image.fromarray(rng.integers(0, 29, (32, 32, 3), np.uint8)).resize((256, 256))
    return (picture_HWC.astype(np.int16) + np.asarray(blots) - 8).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("seed", PEOPLE)
def test_the_figure_stays_and_what_is_behind_it_goes(seed: int) -> None:
    key, figure_HW = key_before(seed), figure_of(seed)
    assert key is not None
    assert key.colour in COLOURS
    for picture_HWC in (before(seed, key.colour), rough(before(seed, key.colour))):
        alpha_HW = cut_out(picture_HWC, key)[..., 3] / 255
        assert np.abs(alpha_HW - figure_HW).mean() < 0.01
        assert (1 - alpha_HW[figure_HW > 0.99]).mean() < 0.005, "it has no holes"
        assert alpha_HW[figure_HW < 0.01].mean() < 0.002


def test_edges_are_soft_and_nothing_of_the_key_is_left_in_them() -> None:
    large = Image.new("L", (2_048, 2_048))
    ImageDraw.Draw(large).ellipse((500, 400, 1_500, 2_500), fill=255)
    figure_HW1 = np.asarray(large.reduce(8).filter(ImageFilter.GaussianBlur(1.0)))[..., None] / np.float32(255)
    own_C, behind_C = np.array((90, 40, 160)), np.array(COLOURS[0])
    picture_HWC = (own_C * figure_HW1 + behind_C * (1 - figure_HW1)).round().astype(np.uint8)
    key = key_of(picture_HWC)
    assert key == Key(colour=COLOURS[0], like=52)
    cut_HW4 = cut_out(picture_HWC, key).astype(np.float32)
    assert np.abs(cut_HW4[..., 3] / 255 - figure_HW1[..., 0]).max() < 0.2
    edge_HW = (cut_HW4[..., 3] > 60) & (cut_HW4[..., 3] < 250)
    assert edge_HW.sum() > 300
    assert np.abs(cut_HW4[edge_HW][:, :3] - own_C).max() < 45, "the colour itself is 145 away"
    assert np.abs(picture_HWC[edge_HW] - own_C).max() > 60


def test_what_is_inside_stays_whatever_its_colour_is() -> None:
    picture = Image.new("RGB", (256, 256), (250, 250, 250))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((60, 40, 200, 256), fill=(90, 40, 30))
    pen.ellipse((110, 120, 150, 140), fill=(250, 250, 250))  # teeth
    picture_HWC = np.asarray(picture)
    key = key_of(picture_HWC)
    assert key is not None
    alpha_HW = cut_out(picture_HWC, key)[..., 3]
    assert alpha_HW[130, 130] == 255
    assert alpha_HW[10, 10] == 0


def test_blots_beside_a_figure_go_and_somebody_who_floats_stays() -> None:
    picture = Image.new("RGB", (256, 256), COLOURS[0])
    pen = ImageDraw.Draw(picture)
    pen.ellipse((90, 60, 170, 170), fill=(90, 40, 30))
    key = key_of(np.asarray(picture))
    assert key is not None
    pen.rectangle((10, 20, 30, 40), fill=(240, 240, 240))
    assert cut_out(np.asarray(picture), key)[30, 20, 3] == 255, "which of them it is cannot be told"
    pen.rectangle((110, 150, 150, 256), fill=(90, 40, 30))
    cut_HW4 = cut_out(np.asarray(picture), key)
    assert cut_HW4[30, 20, 3] == 0
    assert cut_HW4[100, 130, 3] == 255
    assert cut_HW4[240, 130, 3] == 255


def test_what_cannot_be_keyed_well_is_not() -> None:
    flat_HWC = np.full((256, 256, 3), 200, np.uint8)
    assert key_of(flat_HWC) is None, "nobody is there"
    gradient_HWC = np.repeat(np.linspace(80, 200, 256).astype(np.uint8)[:, None, None], 256, 1).repeat(3, 2)
    gradient_HWC[80:, 60:200] = (200, 20, 20)
    assert key_of(gradient_HWC) is None, "behind there is more than one colour"
    worn_HWC = flat_HWC.copy()
    worn_HWC[80:, 60:200] = 218
    assert key_of(worn_HWC) is None, "it wears nearly the colour that is behind it"
    worn_HWC[80:, 60:200] = (200, 20, 20)
    assert key_of(worn_HWC) == Key(colour=(200, 200, 200), like=52)
