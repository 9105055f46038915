"""What the renderer promises: pictures follow the rig, channel by channel, and the same everywhere."""

from dataclasses import replace

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from openlpm.core.rig import NUM_RIG, Rig
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.landmarks import LANDMARKS
from openlpm.synth.look.layout import NUM_PARAMETERS
from openlpm.synth.look.render import Cast, render_frames

MOUTH = (Rig.WIDTH, Rig.ROUNDING, Rig.PRESS, Rig.TEETH, Rig.TONGUE)
EYES = (Rig.BLINK_LEFT, Rig.BLINK_RIGHT, Rig.WIDEN, Rig.GAZE_X, Rig.GAZE_Y, Rig.BROW_LEFT, Rig.BROW_RIGHT)


ARMS = tuple(Rig[f"{name}_{side}"] for name in ("ARM", "REACH", "SWING", "HAND") for side in ("LEFT", "RIGHT"))
PERSON = replace(
    Identity.from_seed(800_013), style="soft", species="human", hair="crop", headwear="none", glasses="none",
    beard="none", shot="portrait", framing=(0.0, -0.1, 0.5), setting="snow", moving=True,
)  # fmt: skip
KINDS = {
    "soft": PERSON,
    "anime": replace(PERSON, style="anime"),
    "ink": replace(PERSON, style="ink"),
    "cat": replace(PERSON, species="cat", coat="ginger"),
    "robot": replace(PERSON, species="robot", coat="white", glow="cyan"),
}


@pytest.fixture(scope="module")
def performer() -> Cast:
    return Cast([PERSON])


@pytest.fixture(scope="module")
def moved(performer: Cast) -> torch.Tensor:
    """Rest, then every channel alone at its largest value."""
    return performer.render(_channel_by_channel()[None])[0]


def _channel_by_channel() -> torch.Tensor:
    rig = torch.zeros(1 + NUM_RIG, NUM_RIG)
    for channel in Rig:
        rig[1 + channel, channel] = {Rig.YAW: 0.6, Rig.PITCH: 0.4, Rig.ROLL: 0.35}.get(channel, 1.0)
    return rig


@pytest.mark.contract
def test_the_same_seed_is_the_same_picture() -> None:
    rig = torch.full((1, 1, NUM_RIG), 0.2)
    first, second = (Cast([Identity.from_seed(5)]).render(rig) for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.contract
def test_rows_are_independent_of_their_batch() -> None:
    cast = Cast([Identity.from_seed(seed) for seed in (3, 4)])
    rig = torch.linspace(-0.3, 0.3, 2 * NUM_RIG).view(2, 1, NUM_RIG)
    alone = torch.cat([cast.select([i]).render(rig[i : i + 1]) for i in range(2)])
    # Vectorised loops may round differently at other lengths: a thousandth of a grey level of a byte is 4e-6.
    assert torch.allclose(cast.render(rig), alone, atol=1e-4)


@pytest.mark.contract
@pytest.mark.parametrize("extreme", [-3.0, 3.0])
def test_pictures_stay_in_range_even_for_impossible_rigs(extreme: float) -> None:
    rig = torch.full((1, 1, NUM_RIG), extreme)
    frames = Cast([Identity.from_seed(900_001)]).render(rig)
    assert frames.shape == (1, 1, 3, 256, 256)
    assert frames.dtype == torch.float32
    assert bool(torch.isfinite(frames).all())
    assert float(frames.min()) >= 0.0
    assert float(frames.max()) <= 1.0


@pytest.mark.contract
@pytest.mark.parametrize("kind", KINDS)
def test_every_channel_is_seen_in_every_style_and_the_mouth_where_its_region_is(kind: str) -> None:
    cast, rig = Cast([KINDS[kind]]), torch.cat((_channel_by_channel(), torch.zeros(1, NUM_RIG)))
    needs_raised = [1 + channel for channel in ARMS[2:]]
    rig[[*needs_raised, -1], Rig.ARM_LEFT] = rig[[*needs_raised, -1], Rig.ARM_RIGHT] = 0.8
    frames, boxes = cast.render(rig[None])[0], cast.regions(rig[None]).mouth_BF4[0]
    for channel in Rig:
        before = frames[-1 if 1 + channel in needs_raised else 0]
        changed = (frames[1 + channel] - before).abs().amax(0) > 16 / 255
        if channel in (Rig.JAW, *MOUTH):
            x0, y0 = torch.minimum(boxes[0], boxes[1 + channel])[:2].floor().long().tolist()
            x1, y1 = torch.maximum(boxes[0], boxes[1 + channel])[2:].ceil().long().tolist()
            changed = changed[y0:y1, x0:x1]
        assert int(changed.sum()) > 25, channel.name


@pytest.mark.contract
def test_a_raised_hand_comes_up_to_the_chin_on_its_own_side() -> None:
    rig = torch.zeros(1, 2, NUM_RIG)
    rig[0, 1, Rig.ARM_RIGHT] = 1.0
    for shot, framing in (("close-up", (0.0, 0.0, 0.66)), ("half body", (0.0, -0.33, 0.37))):
        cast = Cast([replace(PERSON, shot=shot, framing=framing, setting="plain")])
        frames = cast.render(rig)[0]
        chin = float(cast.landmarks(rig)[0, 0, LANDMARKS.index("chin"), 1])
        changed = (frames[1] - frames[0]).abs().amax(0) > 16 / 255
        rows, columns = changed.nonzero().unbind(1)
        assert int(rows.min()) < chin + 6.0, shot
        assert float(columns.float().mean()) > 140.0, shot


@pytest.mark.contract
def test_time_moves_only_backgrounds_that_move() -> None:
    rig = torch.zeros(1, 2, NUM_RIG)
    rig[0, 1, Rig.TIME] = 2.0
    for moving in (True, False):
        frames = Cast([replace(PERSON, setting="snow", moving=moving)]).render(rig)[0]
        assert bool(torch.equal(frames[0], frames[1])) is not moving


@pytest.mark.contract
@pytest.mark.parametrize("channel", [*MOUTH, *EYES])
def test_a_channel_of_mouth_or_eyes_changes_its_own_region(performer: Cast, moved: torch.Tensor, channel: Rig) -> None:
    rest, change = torch.zeros(1, 1, NUM_RIG), torch.zeros(1, 1, NUM_RIG)
    change[..., channel] = 1.0
    name = "mouth_BF4" if channel in MOUTH else "eyes_BF4"
    first, second = (getattr(performer.regions(rig), name)[0, 0] for rig in (rest, change))
    x0, y0 = torch.minimum(first, second)[:2].floor().long().tolist()
    x1, y1 = torch.maximum(first, second)[2:].ceil().long().tolist()
    difference = (moved[1 + channel] - moved[0]).square().sum(0)
    assert float(difference[y0:y1, x0:x1].sum()) > 0.85 * float(difference.sum())


@pytest.mark.contract
def test_a_blink_on_the_left_leaves_the_right_eye_alone(performer: Cast, moved: torch.Tensor) -> None:
    points = performer.landmarks(torch.zeros(1, 1, NUM_RIG))[0, 0]
    middle = int(points[LANDMARKS.index("nose_bridge"), 0])
    difference = (moved[1 + Rig.BLINK_LEFT] - moved[0]).abs()
    assert float(difference[..., :middle].max()) > 0.3
    assert float(difference[..., middle + 1 :].max()) < 1e-4


@pytest.mark.contract
def test_landmarks_and_regions_follow_the_head(performer: Cast) -> None:
    rig = torch.zeros(1, 4, NUM_RIG)
    rig[0, 1, Rig.SHIFT_X] = 0.5
    rig[0, 2, Rig.SHIFT_Y] = 0.5
    rig[0, 3, Rig.YAW] = 0.4
    points = performer.landmarks(rig)[0]
    moved = points - points[0]
    assert torch.allclose(moved[1, :, 0], torch.tensor(12.8), atol=1e-3)
    assert torch.allclose(moved[2, :, 1], torch.tensor(-12.8), atol=1e-3)
    nose, eye, brow = (LANDMARKS.index(n) for n in ("nose_tip", "eye_right_outer", "forehead"))
    assert moved[3, nose, 0] > moved[3, eye, 0] > moved[3, brow, 0]
    mouth = performer.regions(rig).mouth_BF4[0]
    assert torch.allclose(mouth[1] - mouth[0], torch.tensor([12.8, 0.0, 12.8, 0.0]), atol=1e-3)


@pytest.mark.contract
def test_pupils_are_dark_where_the_landmarks_say(performer: Cast) -> None:
    rig = torch.zeros(1, 3, NUM_RIG)
    rig[0, 1, Rig.GAZE_X] = 0.8
    rig[0, 2, Rig.YAW], rig[0, 2, Rig.ROLL] = 0.3, 0.2
    frames, points = performer.render(rig)[0], performer.landmarks(rig)[0]
    for frame, xy_P2 in zip(frames, points, strict=True):
        for side in ("left", "right"):
            x, y = xy_P2[LANDMARKS.index(f"pupil_{side}")].floor().long().tolist()
            assert float(frame[:, y, x].mean()) < 0.3


@pytest.mark.contract
def test_an_open_mouth_is_dark_between_its_gap_landmarks(performer: Cast) -> None:
    rig = torch.zeros(1, 1, NUM_RIG)
    rig[..., Rig.JAW] = 1.0
    frame, points = performer.render(rig)[0, 0], performer.landmarks(rig)[0, 0]
    top, bottom = (points[LANDMARKS.index(name)] for name in ("gap_top", "gap_bottom"))
    x, y = (top + 0.6 * (bottom - top)).long().tolist()
    assert bottom[1] - top[1] > 12.0
    assert float(frame[:, y, x].mean()) < 0.35


@pytest.mark.contract
def test_the_matte_is_full_on_the_face_and_empty_in_the_corner(performer: Cast) -> None:
    rig = torch.zeros(1, NUM_RIG)
    frames = render_frames(performer.parameters_BV, rig, matte=True)
    x, y = performer.landmarks(rig[None])[0, 0, LANDMARKS.index("nose_bridge")].long().tolist()
    assert frames.shape[1] == 4
    assert float(frames[0, 3, y, x]) == 1.0
    assert float(frames[0, 3, 2, 2]) == 0.0
    assert torch.equal(frames[:, :3], render_frames(performer.parameters_BV, rig))


@pytest.mark.contract
def test_drawing_is_one_graph_that_serves_every_performer() -> None:
    # Fake tensors have no values, so a branch on data cannot be traced.
    graph = make_fx(_draw, tracing_mode="fake")(torch.zeros(2, NUM_PARAMETERS), torch.zeros(2, NUM_RIG))
    cast = Cast([Identity.from_seed(seed) for seed in (8, 900_008)])
    rig = torch.linspace(-0.5, 0.5, 2 * NUM_RIG).view(2, NUM_RIG)
    assert torch.allclose(graph(cast.parameters_BV, rig), _draw(cast.parameters_BV, rig), atol=1e-6)


def _draw(parameters_NV: torch.Tensor, rig_NR: torch.Tensor) -> torch.Tensor:
    return render_frames(parameters_NV, rig_NR)


@pytest.mark.contract
@pytest.mark.gpu
def test_the_picture_is_the_same_on_cpu_and_gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    people = [Identity.from_seed(seed) for seed in range(16)]
    rig = (torch.rand(16, 1, NUM_RIG, generator=torch.Generator().manual_seed(0)) - 0.5) * 0.8
    on_cpu = Cast(people).render(rig)
    on_gpu = Cast(people, device="cuda").render(rig.cuda()).cpu()
    assert float((on_cpu - on_gpu).abs().max()) <= 2 / 255


@pytest.mark.contract
def test_width_spreads_the_corners_of_the_mouth_apart() -> None:
    cast = Cast([Identity.from_seed(seed) for seed in (900_000, 900_003, 900_007, 900_021)])
    rig = torch.zeros(len(cast), 5, NUM_RIG)
    rig[..., Rig.WIDTH] = torch.linspace(-1.0, 1.0, 5)
    points = cast.landmarks(rig)
    left, right = (points[:, :, LANDMARKS.index(f"mouth_{side}"), 0] for side in ("left", "right"))
    assert bool((left.diff(dim=1) < -1.0).all())
    assert bool((right.diff(dim=1) > 1.0).all())

    # Pixels agree: what differs from the narrowest mouth reaches from corner to corner of the wider one.
    frames = cast.render(rig)
    changed = ((frames[:, 1:] - frames[:, :1]).abs().amax(2) > 12 / 255).any(2)
    for row in range(len(cast)):
        ends = [columns.nonzero()[[0, -1], 0].tolist() for columns in changed[row]]
        assert [first for first, _ in ends] == sorted({first for first, _ in ends}, reverse=True)
        assert [last for _, last in ends] == sorted({last for _, last in ends})
        grown = (ends[-1][1] - ends[-1][0]) - (ends[0][1] - ends[0][0])
        widths = right[row] - left[row]
        assert abs(grown - float(widths[-1] - widths[1])) <= 3  # a pixel a corner, and the shade around the lips
