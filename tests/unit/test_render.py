"""Shapes, pose and sheets that pictures of the cast are made of."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from openlpm.core.errors import ConfigError
from openlpm.core.rig import NUM_RIG, Rig
from openlpm.synth.look.arms import arms_of
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.landmarks import LANDMARKS
from openlpm.synth.look.layout import FIELDS, NUM_PARAMETERS, Look, pack
from openlpm.synth.look.pose import Controls, pose_of
from openlpm.synth.look.references import SUBTYPES, ReferenceKey, reference_rigs
from openlpm.synth.look.render import Cast
from openlpm.synth.look.shapes import coverage, ellipse, leaves, pixel_grid
from openlpm.synth.look.sheet import contact_sheet

pytestmark = pytest.mark.unit


def test_the_distance_to_an_ellipse_is_exact_on_its_edge_and_about_right_beside_it() -> None:
    angle = torch.linspace(0, 6.28, 50)
    for grow in (-0.02, 0.0, 0.02):
        distance = ellipse((0.5 + grow) * angle.cos(), (0.5 + grow) * angle.sin(), 0.5, 0.5)
        assert torch.allclose(distance, torch.full_like(distance, grow), atol=2e-3)


def test_an_upright_leaf_without_bend_and_taper_is_an_ellipse() -> None:
    x, y = pixel_grid(32, torch.device("cpu"))
    row = torch.tensor([[[0.1, -0.2, 1.0, 0.0, 0.5, 0.3, 0.0, 0.0, 0.0]]])
    assert torch.allclose(leaves(x, y, row), ellipse(x - 0.1, y + 0.2, 0.5, 0.3), atol=2e-3)


def test_a_mirrored_leaf_is_the_same_on_both_sides() -> None:
    x, y = pixel_grid(32, torch.device("cpu"))
    row = torch.tensor([[[0.4, -0.2, 0.8, 0.6, 0.3, 0.1, 0.05, 0.2, 1.0]]])
    distance = leaves(x, y, row)
    assert torch.allclose(distance, distance.flip(-1), atol=1e-6)


def test_coverage_is_half_on_the_edge() -> None:
    assert coverage(torch.tensor([-1.0, 0.0, 1.0]), 0.1).tolist() == [1.0, 0.5, 0.0]


def test_the_face_turns_there_and_back() -> None:
    cast = Cast([Identity.from_seed(2)])
    rig = torch.zeros(1, NUM_RIG)
    rig[0, Rig.YAW], rig[0, Rig.PITCH], rig[0, Rig.ROLL] = 0.4, -0.3, 0.2
    pose = pose_of(Look(cast.parameters_BV), Controls(rig))
    u, v = torch.tensor([[[[0.1, -0.3, 0.2]]]]), torch.tensor([[[[0.3, 0.0, 0.6]]]])
    qx, qy = pose.unface(u, v)
    px, py = pose.plane(*pose.picture(qx, qy))
    back_u, back_v = pose.face(px, py)
    assert torch.allclose(torch.cat((back_u, back_v)), torch.cat((u, v)), atol=1e-5)


def test_packing_names_what_is_missing_or_too_long() -> None:
    with pytest.raises(ConfigError, match="missing"):
        pack({})
    values: dict[str, object] = {name: np.zeros(size) for name, size in FIELDS.items()}
    with pytest.raises(ConfigError, match="skin has 4 numbers, not 3"):
        pack({**values, "skin": np.zeros(4)})
    assert pack(values).shape == (NUM_PARAMETERS,)


def test_a_cast_can_be_cut_and_put_together_again() -> None:
    cast = Cast([Identity.from_seed(seed) for seed in range(3)])
    chosen = cast.select([2, 0])
    assert torch.equal(chosen.parameters_BV, cast.parameters_BV[[2, 0]])
    assert len(Cast.from_parameters(cast.parameters_BV[:1])) == 1
    with pytest.raises(ConfigError, match="columns"):
        Cast.from_parameters(cast.parameters_BV[:, :5])
    with pytest.raises(ConfigError, match="this cast needs"):
        cast.render(torch.zeros(2, 1, NUM_RIG))


def test_landmarks_have_one_name_each() -> None:
    assert len(set(LANDMARKS)) == len(LANDMARKS)
    assert Cast([Identity.from_seed(0)]).landmarks(torch.zeros(1, 2, NUM_RIG)).shape == (1, 2, len(LANDMARKS), 2)


def test_references_come_in_a_fixed_order_and_stay_inside_the_rig() -> None:
    rigs = reference_rigs()
    assert list(rigs) == [ReferenceKey(kind, i) for kind, names in SUBTYPES.items() for i in range(len(names))]
    assert not rigs[ReferenceKey("global", 0)].any()
    assert ReferenceKey("view", 1).name == "right"
    assert all(rig.shape == (NUM_RIG,) and np.abs(rig).max() <= 1.0 for rig in rigs.values())


def test_a_contact_sheet_fills_rows_and_leaves_the_rest_white() -> None:
    frames = torch.stack([torch.full((3, 2, 2), value) for value in (0.1, 0.2, 0.3)])
    sheet = contact_sheet(frames, 2)
    assert sheet.shape == (3, 4, 4)
    assert sheet[0, 0].tolist() == pytest.approx([0.1, 0.1, 0.2, 0.2])
    assert sheet[0, 3].tolist() == pytest.approx([0.3, 0.3, 1.0, 1.0])


def test_a_headband_is_as_wide_as_what_it_goes_around() -> None:
    afro = replace(Identity.from_seed(0), species="human", hair="afro", hair_volume=0.0, headwear="headband")
    bald, panda = replace(afro, hair="bald"), replace(afro, species="panda", coat="black and white")
    widths = [float(Look(Cast([who]).parameters_BV)["hat_w"]) for who in (afro, bald, panda)]
    assert widths[0] > widths[1] + 0.1
    assert widths[2] == widths[1]


def test_a_short_sleeve_ends_below_the_elbow_in_every_pose() -> None:
    who = replace(Identity.from_seed(0), species="human", style="soft", clothes_colour="navy", framing=(0.0, -0.4, 0.3))
    cast = Cast([replace(who, clothes=name) for name in ("tank top", "t-shirt", "sweater")])
    rig = torch.zeros(3, 1, NUM_RIG)
    for raised in (0.0, 0.5, 1.0):
        rig[..., Rig.ARM_LEFT] = raised
        look, controls = Look(cast.parameters_BV), Controls(rig[:, 0])
        arms = arms_of(look, controls, pose_of(look, controls), *pixel_grid(256, torch.device("cpu")))
        bare, short, long = cast.render(rig)[:, 0].movedim(1, -1)
        elbow = (arms.elbow < -0.12)[1, 0] & (arms.hand > 0.2)[1, 0]
        forearm = (arms.fore < -0.03)[1, 0] & (arms.elbow > 0.15)[1, 0] & (arms.upper > 0.15)[1, 0]
        assert (short - long)[elbow].abs().mean() < 0.03
        assert (short - bare)[elbow].abs().mean() > 0.2
        assert (short - bare)[forearm].abs().mean() < 0.03
        assert (short - long)[forearm].abs().mean() > 0.2
