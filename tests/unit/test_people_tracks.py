"""Tracks stay with one person, and crops stay in the picture."""

import numpy as np
import pytest

from openlpm.core.errors import ConfigError
from openlpm.data.people.crops import CropConfig, crop_squares
from openlpm.data.people.cut_out import cut_out, letterbox
from openlpm.data.people.faces import MIRRORED, NUM_POINTS, POINT, POINTS, Face, box_of, overlap
from openlpm.data.people.tracking import Track, TrackingConfig, follow

pytestmark = pytest.mark.unit

RED, BLUE = (200, 30, 30), (30, 30, 200)


def face(x: float, y: float, *, size: float = 40, score: float = 0.9) -> Face:
    points_P2 = np.zeros((NUM_POINTS, 2), np.float32) + np.float32([x, y])
    points_P2[POINT["cheek_left"], 0] -= size / 2
    points_P2[POINT["cheek_right"], 0] += size / 2
    points_P2[POINT["chin"], 1] += size / 2
    points_P2[POINT["brow_left_outer"], 1] -= size / 2
    return Face(box_4=box_of(points_P2), score=score, points_P2=points_P2, turn_3=np.zeros(3, np.float32))


def film(people: list[list[tuple[float, tuple[int, int, int]]]]) -> tuple[np.ndarray, list[list[Face]]]:
    """Frames of coloured squares, one for each (x, colour), and their faces."""
    frames = np.full((len(people), 120, 320, 3), 90, np.uint8)
    faces: list[list[Face]] = []
    for picture_HWC, seen in zip(frames, people, strict=True):
        for x, colour in seen:
            picture_HWC[25:95, max(int(x) - 35, 0) : int(x) + 35] = colour
        faces.append([face(x, 60) for x, _ in seen])
    return frames, faces


def test_two_people_who_change_places_stay_two_tracks_though_one_hides_the_other() -> None:
    steps = np.linspace(60, 260, 40)
    hidden = np.abs(2 * steps - 320) < 80
    frames, faces = film(
        [[(x, RED)] if hides else [(320 - x, BLUE), (x, RED)] for x, hides in zip(steps, hidden, strict=True)]
    )
    tracks = follow(frames, faces)
    assert sorted(len(track.frames) for track in tracks) == [40 - int(hidden.sum()), 40]
    for track in tracks:
        x = [each.points_P2[POINT["nose_tip"], 0] for each in track.faces]
        assert len(set(np.sign(np.diff(x)))) == 1  # nobody turns back, as one would who took the other's place


def test_somebody_else_in_the_same_place_after_a_cut_is_another_track() -> None:
    frames, faces = film([[(100, RED)]] * 10 + [[(101, BLUE)]] * 10)
    assert [track.frames for track in follow(frames, faces)] == [tuple(range(10)), tuple(range(10, 20))]


def test_a_face_that_is_missed_for_a_moment_is_the_same_person_and_for_longer_is_not() -> None:
    config = TrackingConfig(patience_frames=5)
    frames, faces = film([[(100, RED)]] * 10 + [[]] * 4 + [[(104, RED)]] * 10)
    assert [len(track.frames) for track in follow(frames, faces, config)] == [20]
    frames, faces = film([[(100, RED)]] * 10 + [[]] * 6 + [[(104, RED)]] * 10)
    assert [len(track.frames) for track in follow(frames, faces, config)] == [10, 10]


def test_a_flash_and_an_unsure_face_are_nobody() -> None:
    frames, faces = film([[(100, RED)]] * 3 + [[]] * 10)
    assert follow(frames, faces) == []
    unsure = [[face(100, 60, score=0.1)] for _ in range(13)]
    assert follow(frames, unsure) == []


def test_tracks_tell_nothing_where_the_face_was_not_found() -> None:
    frames, faces = film([[(100, RED)]] * 10 + [[]] * 2 + [[(100, RED)]] * 10)
    (track,) = follow(frames, faces)
    missing_F = np.isnan(track.points(25)).all(axis=(1, 2))
    assert np.flatnonzero(missing_F).tolist() == [10, 11, 22, 23, 24]
    assert np.isnan(track.boxes(25)[10]).all()
    assert np.isnan(track.turns(25)[11]).all()


def track_at(places: list[tuple[float, float]], *, size: float = 40) -> Track:
    faces = tuple(face(x, y, size=size) for x, y in places)
    return Track(frames=tuple(range(len(places))), faces=faces, appearance_X=np.zeros(75, np.float32))


@pytest.mark.parametrize(("x", "y", "size"), [(20, 20, 40), (300, 110, 40), (160, 60, 200), (160, 60, 8)])
def test_a_crop_never_leaves_the_picture_wherever_the_face_is(x: float, y: float, size: float) -> None:
    squares = crop_squares(track_at([(x, y)] * 30, size=size), (120, 320))
    assert (squares[:, :2] >= 0).all()
    assert (squares[:, 0] + squares[:, 2] <= 320 + 1e-3).all()
    assert (squares[:, 1] + squares[:, 2] <= 120 + 1e-3).all()


def test_a_crop_follows_calmly_and_does_not_zoom() -> None:
    shaking = [(160 + 6 * (-1) ** k + 0.5 * k, 200.0) for k in range(60)]
    squares = crop_squares(track_at(shaking), (400, 640))
    assert np.ptp(squares[:, 2]) == 0
    assert np.abs(np.diff(squares[:, 0])).max() < 1.0


def test_somebody_near_is_kept_out_of_the_crop() -> None:
    one, other = track_at([(120, 200)] * 30), track_at([(175, 200)] * 30)
    alone, apart = crop_squares(one, (400, 640))[0], crop_squares(one, (400, 640), others=[one, other])[0]
    assert alone[0] + alone[2] > other.faces[0].box_4[0]
    assert apart[0] + apart[2] <= other.faces[0].box_4[0] + 1e-3
    assert apart[2] >= 1.5 * 40


def test_boxes_overlap_by_what_they_share() -> None:
    boxes = np.float32([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]])
    np.testing.assert_allclose(overlap(boxes[:1], boxes)[0], [1.0, 1 / 3, 0.0], rtol=1e-6)


def test_mirroring_twice_is_nothing_and_swaps_sides() -> None:
    assert [MIRRORED[MIRRORED[k]] for k in range(NUM_POINTS)] == list(range(NUM_POINTS))
    assert POINTS[MIRRORED[POINT["brow_left_inner"]]] == "brow_right_inner"
    assert MIRRORED[POINT["chin"]] == POINT["chin"]


def test_a_cut_out_beyond_the_picture_goes_on_with_its_border() -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:, :, 0] = np.linspace(0, 236, 60).astype(np.uint8)
    middle = cut_out(picture, (30.0, 20.0, 20.0), 20)
    np.testing.assert_array_equal(middle, picture[10:30, 20:40])
    outside = cut_out(picture, (60.0, 20.0, 20.0), 20)
    assert (outside[:, 10:, 0] == 236).all()
    assert not cut_out(picture, (500.0, 500.0, 10.0), 8).any()


def test_a_letterbox_keeps_the_shape_and_tells_its_scale() -> None:
    square, scale = letterbox(np.full((100, 200, 3), 255, np.uint8), 50)
    assert scale == 4
    assert square[:25].min() == 255
    assert square[25:].max() == 0


def test_configurations_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="most_difference"):
        TrackingConfig(most_difference=1.5)
    with pytest.raises(ConfigError, match="least_margin"):
        CropConfig(margin=1.2, least_margin=1.5)
